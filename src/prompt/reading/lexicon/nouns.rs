//! Nouns that are more, or less, than a thing in the picture.

use super::WordList;

/// Words for the picture itself; "a photo of a cat" shows a cat.
pub(in super::super) static PICTURES: WordList = WordList::new(
    "photo photos photograph photographs picture pictures image images painting drawing portrait
    illustration render rendering sketch watercolor watercolour artwork art cartoon closeup
    close-up shot view scene snapshot selfie screenshot engraving depiction composition collage
    poster animation comic still life still-life frame wallpaper print photography diorama pic mockup mosaic",
);

/// Those of [`PICTURES`] that "on the left of" may mean when they are definite.
pub(in super::super) static WHOLE_PICTURE: WordList = WordList::new(
    "photo photograph picture image frame scene shot canvas screen view composition
    illustration render artwork page viewer pic painting drawing",
);

/// Those of [`WHOLE_PICTURE`] that have nothing beside them: "to the left of the image".
pub(in super::super) static WITHOUT_OUTSIDE: WordList =
    WordList::new("image frame scene shot composition view center centre middle");

/// What shows "of" which the picture is.
pub(in super::super) static SHOWING: WordList = WordList::new(
    "of showing depicting featuring with displaying containing where shows depicts features
    displays that which in portraying",
);

/// A painting that is a thing in the picture.
pub(in super::super) static HANGING: WordList = WordList::new("hanging hangs hung framed mounted");

/// Parts of the scene or of the making, which are no objects when nothing
/// else stands before them.
pub(in super::super) static NO_OBJECT_ALONE: WordList = WordList::new(
    "side middle left right background foreground corner edge other others one ones half upper
    lower bit touch tad distance way rest part lefthand righthand inside outside midst vicinity
    rear",
);

/// What the picture is made like, which is no object in it.
pub(in super::super) static NO_OBJECT: WordList = WordList::new(
    "style quality masterpiece resolution focus background foreground detail details lighting
    bokeh aesthetic artstation unreal 8k 4k uhd hdr hd",
);

/// Stand for what they are of: a pair of shoes is shoes.
pub(in super::super) static COLLECTIVES: WordList = WordList::new(
    "pair pairs couple group groups bunch bunches herd herds flock flocks pack packs pile piles
    stack stacks row rows line lines set sets crowd crowds cluster clusters collection array
    series bundle bundles heap heaps swarm swarms school schools fleet team gang litter colony
    pride troop trio duo dozen dozens hundreds thousands number lot lots plenty handful batch
    assortment variety family families class kind kinds type types sort sorts breed species range
    mound heap mass multitude army band bevy clutch brood pod murder cluster clump grove string
    load loads tons quartet majority couple selection arrangement lineup queue host plethora",
);

/// Distances that stand before a relation: "two meters left of".
pub(in super::super) static MEASURES: WordList = WordList::new(
    "meter meters metre metres foot feet inch inches cm centimeter centimeters centimetre
    centimetres step steps pace paces pixel pixels yard yards mile miles km m bit tad little
    touch distance way ways short",
);

/// What fills the picture: to be above or below it says nothing.
pub(in super::super) static SCENERY: WordList = WordList::new(
    "sky skies sunlight moonlight starlight light lights lighting night sunset sunrise rain snow
    snowfall clouds stars weather horizon conditions sunshine daylight fog mist haze heavens
    galaxy aurora storm thunderstorm dawn dusk twilight water waters sea ocean waves ground
    earth surface",
);

/// Those of [`SCENERY`] that are lamps where an article stands before them.
pub(in super::super) static LAMPS: WordList = WordList::new("light lights");

/// Scenery even where it is said of one: "under a starry sky".
pub(in super::super) static ALWAYS_SCENERY: WordList = WordList::new(
    "sky skies sunlight moonlight starlight lighting night sunset sunrise rain snowfall weather
    horizon conditions sunshine daylight fog mist haze heavens dawn dusk twilight water waters",
);

/// Who looks at the picture: "close to the camera".
pub(in super::super) static ONLOOKERS: WordList =
    WordList::new("camera viewer viewers lens photographer");

/// No thing in the picture: sayings.
pub(in super::super) static NO_PLACE: WordList =
    WordList::new("center centre middle average construction attack spell control pressure time");

/// What something on it is not above of.
pub(in super::super) static NO_SUPPORT: WordList = WordList::new(
    "wall walls ceiling street streets road roads highway sidewalk pavement path trail beach shore
    coast grass floor ground field lawn meadow sand snow ice water lake river sea ocean pond pool
    island planet moon mars earth background fire day night morning evening afternoon way leash
    display screen page paper canvas stage court track side edge corner horizon farm balcony
    porch patio terrace head face forehead cheek nose neck wrist ear ears shoulder shoulders arm
    arms hand hands finger leg legs foot feet lap back chest belly body skin tail tummy fur door
    window left right top bottom knees paws paw surface vacation holiday duty fours mission
    street-corner runway tv television internet map rope line string hook hanger hook legs
    artstation pinterest deviantart instagram",
);

/// Clothes and parts of a body, which belong to the noun before them.
pub(in super::super) static WORN: WordList = WordList::new(
    "hat hats cap coat coats jacket shirt t-shirt tshirt dress suit tie scarf gloves glasses
    sunglasses boots shoes socks pants jeans trousers skirt shorts sweater hoodie uniform armor
    armour helmet crown mask cape cloak robe gown veil apron belt necklace earrings ring watch
    backpack bag hair eyes ears tail wings fur beard mustache moustache horns legs arms smile
    face skin collar bow ribbon costume outfit clothes clothing beak feathers spots stripes
    kimono tuxedo blouse vest bandana beanie headband hijab turban",
);

/// Where a whole scene is, of which nothing is left or right.
pub(in super::super) static AREAS: WordList = WordList::new(
    "beach park field room kitchen street forest garden city landscape scene background bedroom
    bathroom office desert meadow town village road countryside jungle studio stage picture image
    photo world place area house-interior classroom restaurant cafe market valley view",
);

/// Persons and animals, who do what their verbs say.
pub(in super::super) static ANIMATE: WordList = WordList::new(
    "man woman boy girl child kid baby person guy lady gentleman toddler teenager adult king queen
    prince princess knight wizard witch robot astronaut soldier police policeman officer doctor
    nurse teacher student chef cook farmer dancer singer musician artist painter player athlete
    couple worker clown pirate ninja samurai monk priest nun cowboy tourist hiker cyclist driver
    rider runner skier surfer skater swimmer fisherman sailor pilot mother father mom dad brother
    sister grandma grandpa grandmother grandfather friend somebody someone bride groom wife
    husband elf dwarf fairy mermaid dragon unicorn zombie vampire monster alien ghost angel
    cat dog bird horse sheep cow elephant bear zebra giraffe lion tiger leopard cheetah wolf fox
    rabbit bunny hare squirrel mouse rat hamster monkey gorilla chimpanzee ape panda koala
    kangaroo deer moose elk goat pig boar donkey mule camel llama alpaca duck goose swan chicken
    rooster hen turkey parrot owl eagle hawk pigeon crow raven penguin seagull flamingo peacock
    fish shark whale dolphin octopus crab lobster turtle tortoise frog toad snake lizard crocodile
    alligator dinosaur bee butterfly ant spider puppy kitten kitty hedgehog raccoon badger otter
    gardener blacksmith mechanic plumber electrician carpenter lumberjack hunter archer sorcerer
    jester acrobat juggler magician detective spy thief cop guard lifeguard waiter waitress barista
    bartender butler maid janitor librarian scientist engineer architect dentist surgeon patient
    tailor potter weaver sculptor photographer writer poet violinist pianist guitarist drummer
    ballerina cheerleader gymnast wrestler boxer golfer cowgirl shepherd miner diver captain
    gladiator viking barbarian paladin goblin orc troll ogre giant gnome cyborg android scarecrow
    skeleton mummy werewolf demon merchant vendor customer shopper villager peasant beggar hiker
    climber camper jogger swimmer lawyer judge president mayor pope bishop postman mailman
    beaver seal walrus rhino hippo buffalo bull calf lamb pony",
);

/// Things that move by themselves, and do what their verbs say.
pub(in super::super) static MOVING: WordList = WordList::new(
    "plane airplane aeroplane jet helicopter balloon drone kite rocket spaceship ufo ship boat
    car bus train truck van motorcycle bike bicycle taxi tram cloud leaf flag comet satellite
    moon sun star hero superhero character figure",
);

/// Things of one in spite of their -s.
static SINGULAR_IN_S: WordList = WordList::new(
    "lens canvas atlas gas christmas bias series species scissors pants jeans shorts trousers
    glasses sunglasses goggles binoculars headphones tweezers pliers stairs pajamas pyjamas tights
    leggings overalls tongs shears clippers earphones headquarters crossroads barracks gallows
    tennis bus cactus octopus walrus iris chess dress glass cross grass compass mess skis sports
    texas kansas paris mars venus skis molasses news physics downstairs upstairs as is us this
    his its yes always perhaps besides mercedes adidas barrios rhinoceros asparagus hibiscus
    narcissus lotus crocus abacus virus corpus campus citrus genius pancreas swiss",
);

/// Things of several without -s.
static PLURAL_WITHOUT_S: WordList = WordList::new(
    "men women children people sheep fish deer geese mice feet teeth oxen cattle police firemen
    policemen fishermen snowmen gentlemen salmon trout moose elk bison aircraft wolves leaves
    knives shelves calves loaves lice cacti octopi dice fungi",
);

/// Whether a noun speaks of several things.
pub(in super::super) fn is_plural(noun: &str) -> bool {
    PLURAL_WITHOUT_S.has(noun) || looks_plural(noun)
}

/// Whether a word has the plural's -s.
pub(in super::super) fn looks_plural(word: &str) -> bool {
    let no_plural = ["ss", "us", "is", "'s"];
    word.len() > 2
        && word.ends_with('s')
        && !no_plural.iter().any(|ending| word.ends_with(ending))
        && !SINGULAR_IN_S.has(word)
}

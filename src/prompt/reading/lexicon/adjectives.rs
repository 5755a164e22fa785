//! Words that describe an object.

use super::WordList;

/// Colours, materials and shapes that are things too: "an orange", "a glass".
static NOUN_LIKE: WordList = WordList::new(
    "orange violet pink gold silver bronze copper lavender lilac olive lime mint cream ivory amber
    coral rose peach rainbow wood metal steel iron stone marble glass crystal plastic leather
    paper cardboard ceramic porcelain brick concrete silk cotton velvet rubber straw wicker
    bamboo light square oval cold blonde blond ginger steampunk clay denim lace linen wool fur
    chrome brass tin aluminium aluminum granite quartz jade ruby emerald sapphire diamond pearl
    turquoise teal crimson navy salmon mustard charcoal chocolate plaid pastel neon male female
    adult giant miniature antique classic empty-glass oak pine mahogany walnut felt foam ice
    rock sandstone terracotta titanium toy wax alien junior senior veteran whole native amateur
    professional military marine magic blind",
);

/// Describe and never name: colours, sizes, shapes, looks, moods.
static PURE: WordList = WordList::new(
    "red green blue yellow purple brown black white gray grey cyan magenta beige golden scarlet
    maroon indigo tan azure colorful colourful multicolored multicoloured dark bright pale vivid
    wooden metallic woolen woollen silvery reddish bluish greenish yellowish brownish pinkish
    purplish blackish whitish greyish grayish
    shiny glossy matte rusty transparent translucent opaque clear plain smooth rough furry fuzzy
    fluffy hairy silky shaggy bushy scruffy frozen wet dry muddy dusty dirty filthy greasy messy
    tidy neat wavy curly spiky thorny bumpy sandy rocky snowy icy misty foggy cloudy sunny rainy
    stormy windy leafy mossy grassy woody oily slimy sticky crispy crunchy creamy juicy spicy
    tasty yummy delicious sweet salty sour bitter fresh ripe unripe rotten raw
    big small large tiny huge little enormous massive gigantic colossal immense medium tall
    short long wide narrow thick thin fat slim skinny chubby plump slender lean bulky tiny
    mini mega deep shallow high low tall average full-size life-size oversized
    round rectangular triangular circular cylindrical hexagonal octagonal spherical cubic conical
    flat curved curvy straight bent crooked twisted pointy pointed sharp blunt hollow solid steep
    old new young ancient vintage retro modern futuristic rustic contemporary medieval gothic
    baroque victorian edwardian traditional historic prehistoric elderly aged newborn teenage
    beautiful pretty cute adorable ugly elegant fancy simple ornate lovely gorgeous handsome
    stunning charming glamorous stylish chic sleek happy sad angry grumpy funny silly goofy
    sleepy scary spooky creepy eerie cheerful joyful gloomy moody lonely friendly fierce brave
    proud shy curious playful lazy hungry thirsty tired bored excited nervous scared serious
    calm peaceful gentle kind evil wicked noble royal majestic magical mystical magic enchanted
    mysterious legendary mythical surreal dreamy whimsical wild tame feral domestic stray free
    alive dead sick healthy strong weak muscular athletic fast slow quick quiet silent loud noisy
    busy lively empty full open closed shut broken cracked clean hot warm cool soft hard heavy
    lightweight realistic photorealistic hyperrealistic abstract cartoonish animated detailed
    intricate minimalist minimalistic expensive cheap luxurious luxury rich poor famous popular
    common rare unique special strange weird odd bizarre unusual normal ordinary regular perfect
    imperfect good bad great best nice fine superb excellent amazing awesome wonderful fantastic
    magnificent spectacular epic dramatic cinematic breathtaking cozy cosy comfy comfortable
    homemade handmade hand-made manmade man-made native local foreign american african asian
    european french italian german english british spanish japanese chinese korean indian mexican
    greek roman egyptian persian turkish russian dutch swiss swedish norwegian danish polish
    siamese dalmatian arctic tropical alpine urban rural coastal nordic industrial electric
    electronic digital mechanical robotic cybernetic cyber organic natural artificial synthetic
    fake real true false single double triple dual whole half main primary secondary other same
    different similar identical opposite matching various left right upper lower inner outer
    front rear nearby distant close far early late recent final last first second third next
    previous upcoming pregnant bald deaf naked nude barefoot topless veteran senior junior
    divine sacred holy haunted cursed deadly dangerous harmless poisonous toxic venomous
    carnivorous ripe crunchy polar fluorescent luminous radiant glittery sparkly reflective
    iridescent holographic pearlescent shimmering woolly wooly lush barren bare dense sparse
    crowded deserted abandoned lone solo visible invisible hidden tight loose baggy formal casual
    striped spotted checkered chequered dotted
    feathered rugged ragged wretched jagged naked sacred kneeling smart clever stupid wise dumb
    crazy mad insane gleeful smug feisty sassy fiery nerdy preppy trendy tacky
    skeletal spectral ghostly ghoulish demonic angelic heavenly celestial cosmic lunar solar
    stellar galactic extraterrestrial underwater aerial aquatic marine naval military
    civilian professional amateur academic scientific medical surgical musical theatrical
    dainty delicate fragile sturdy robust stout stocky burly lanky petite bearded
    hooded masked winged horned antlered tusked maned bespectacled armored armoured cloaked",
);

/// Whether a word describes an object where it stands before a noun.
pub(in super::super) fn is_adjective(word: &str) -> bool {
    is_pure_adjective(word) || NOUN_LIKE.has(word)
}

/// Whether a word describes and is never itself the noun.
pub(in super::super) fn is_pure_adjective(word: &str) -> bool {
    if PURE.has(word) || is_compared(word) {
        return true;
    }
    if let Some((first, last)) = word.split_once('-') {
        let last = last.rsplit('-').next().unwrap_or(last);
        return PURE.has(first) && is_adjective(last)
            || [
                "ed", "ing", "style", "like", "free", "sized", "colored", "coloured",
            ]
            .iter()
            .any(|ending| last.ends_with(ending) && !super::NOUNS_IN_ING.has(last));
    }
    let endings = ["ful", "ous", "ish", "less", "esque", "shaped", "ible"];
    let stem = |ending: &str| word.strip_suffix(ending).map_or(0, str::len);
    endings.iter().any(|ending| stem(ending) >= 3) && !NOUNS_LIKE_ADJECTIVES.has(word)
        || word.starts_with("un") && word.ends_with("ed") && word.len() > 5
}

/// "taller", "biggest", "happier"
fn is_compared(word: &str) -> bool {
    let stem = word.strip_suffix("er").or(word.strip_suffix("est"));
    let Some(stem) = stem.filter(|_| !NOUNS_LIKE_COMPARATIVES.has(word)) else {
        return false;
    };
    let short = stem
        .char_indices()
        .next_back()
        .map(|(last, _)| &stem[..last]);
    let undoubled = short.filter(|short| short.chars().next_back() == stem.chars().next_back());
    PURE.has(stem)
        || PURE.has(&format!("{stem}e"))
        || stem
            .strip_suffix('i')
            .is_some_and(|stem| PURE.has(&format!("{stem}y")))
        || undoubled.is_some_and(|stem| PURE.has(stem))
}

/// Things that do what the adjective says.
static NOUNS_LIKE_COMPARATIVES: WordList = WordList::new(
    "cooler dryer drier cleaner warmer thinner closer opener dimmer freshener sweeter forest",
);

/// Things, in spite of their ending.
static NOUNS_LIKE_ADJECTIVES: WordList = WordList::new(
    "fish goldfish catfish swordfish starfish jellyfish dogfish radish dish polish brush
    handful mouthful spoonful cupful armful bible crucible thesaurus",
);

/// Adjectives that make another thing together with their noun, so that they
/// are no attribute of it.
pub(in super::super) const FIXED_COMPOUNDS: &[(&str, &str)] = &[
    ("hot", "dog"),
    ("hot", "dogs"),
    ("top", "hat"),
    ("tank", "top"),
    ("polar", "bear"),
    ("polar", "bears"),
    ("high", "chair"),
    ("hard", "drive"),
    ("french", "fries"),
    ("double", "bass"),
    ("grand", "piano"),
    ("ice", "cream"),
    ("light", "bulb"),
    ("light", "switch"),
    ("paper", "clip"),
    ("rubber", "band"),
    ("stone", "age"),
    ("orange", "juice"),
    ("olive", "oil"),
    ("rose", "bush"),
    ("lime", "juice"),
    ("cream", "cheese"),
    ("square", "meter"),
    ("cold", "brew"),
];

/// Whether an unlisted word before a noun describes it by its ending.
pub(in super::super) fn ends_like_adjective(word: &str) -> bool {
    let long = |ending: &str| word.len() > ending.len() + 2 && word.ends_with(ending);
    let doubled = word.strip_suffix('y').is_some_and(|stem| {
        let mut letters = stem.chars().rev();
        matches!((letters.next(), letters.next()), (Some(a), Some(b)) if a == b)
    });
    (doubled
        || ["ic", "ical", "ial", "ive", "ian", "ese", "able", "esque"]
            .iter()
            .any(|end| long(end)))
        && !NOUNS_LIKE_ENDINGS.has(word)
}

/// Things, in spite of such an ending.
static NOUNS_LIKE_ENDINGS: WordList = WordList::new(
    "puppy bunny kitty jelly belly lorry berry cherry ferry penny teddy buddy daddy lobby hobby
    lilly poppy nanny granny mummy tummy curry strawberry blueberry raspberry cranberry cargo
    music traffic comic picnic fabric garlic clinic topic tunic relic mechanic attic mosaic
    olive hive dive drive detective locomotive table cable vegetable stable turntable timetable
    librarian guardian musician magician pedestrian comedian physician politician technician
    electrician mediterranean cheese geese chinese trial burial memorial tutorial aerial material
    beehive archive syllable constable public logic critic medic cleric historian vegetarian
    valley alley trolley volley holly dolly jolly bully gully",
);

/// Things, not manners, in spite of their ending.
pub(in super::super) static NOUNS_IN_LY: WordList = WordList::new(
    "lily family jelly belly holly dolly bully gully assembly monopoly anomaly doily folly tally
    rally ally supply reply italy melancholy trolly brolly",
);

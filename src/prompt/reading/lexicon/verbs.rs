//! Verbs by their base form, and how to know the forms that prompts use.

use super::WordList;

/// What things and animals do where they are; hardly ever nouns.
static PLAIN_VERBS: WordList = WordList::new(
    "sit stand lie lay sleep hover kneel crouch crawl gaze wait eat roam bloom remain stay live
    cling dangle loom protrude emerge lurk sniff chew grab sell serve pour bathe pray meditate
    contain depict include appear exist belong come go have get see enjoy admire hang grow carry
    hold wear bring keep occupy overlook surround await examine greet follow protect defend pretend bake sew weep snore slither flutter swoop waddle recline sing approach
    inspect observe ignore prepare teach learn fall rise sneeze giggle mourn sunbathe purr meow
    speak graze howl nap",
);

/// Nouns as often as verbs: verbs only after what moves by itself.
static NOUN_LIKE_VERBS: WordList = WordList::new(
    "slide fish paint model race point wave show cut drive swing sail row skate ski dance turn
    cross pass face land drop roll work bow draw hunt surf spin bounce nest fight kick hit talk
    shout yell cry roar use touch reach balance skateboard snowboard cycle travel move gesture
    juggle bite scratch dig clean dress open close farm garden camp train shop party phone
    photograph film sketch float rest lift push pull start guess help love like taste smell smoke exercise
    box fly run walk jump swim climb look watch play perch lean dive stare read drink ride chase
    hide wander bark growl glow shine smile laugh scream cook soar glide leap hop march stroll
    squat doze yawn stretch relax stick peek peer lick throw catch wrestle hug kiss buy wash pose
    tower burn cover lounge snooze gallop trot flap jog sprint slouch guard attack blink cough
    deliver repair measure chop stir water squeeze toss hammer polish sweep mop shovel rake
    sprinkle pick collect drag unload load fix slice peel mix whip fold iron stack count blow kick
    dribble shoot knit write study type drool launch cast twirl hoot march pour steal lead feed sip stir whisper
    sneak trudge tiptoe stalk tumble collapse orbit shelter shiver stagger stumble strut wiggle",
);

/// Past forms and participles without -ed that are hardly ever nouns.
static IRREGULAR: WordList = WordList::new(
    "sat stood lain slept flew flown ran swam hung held wore worn rode ridden drove
    ate drank drunk grew grown shone woke spoke sang sung lit laid put made built seen shown
    driven written eaten bitten beaten stolen chosen shaken fallen risen sewn
    blown torn led fed lost sold bought brought fought taught sent bent burnt swept struck sunk
    drawn thrown caught kept taken given hidden woven bound stuck gathered wrapped knelt leant
    lept leapt crept clung swung flung spun spread surrounded dressed filled covered made seated
    situated located placed positioned parked perched mounted stacked inhabited carved
    wants needs says said tells",
);

/// Before a noun these say how it is called, not how it looks.
pub(in super::super) static NAMED: WordList =
    WordList::new("named called titled labeled labelled dubbed nicknamed");

/// What follows them in quotation marks is text in the picture.
pub(in super::super) static SAYING: WordList = WordList::new(
    "says say saying said reads read reading text words word written titled labeled labelled
    captioned caption spelling spells letters writing inscription slogan sign",
);

/// Take an object: "wearing hat" is no hat that wears.
static TRANSITIVE: WordList = WordList::new(
    "wearing holding carrying eating chasing riding playing reading drinking watching using
    driving having pulling pushing lifting throwing catching hugging kissing feeding walking
    pointing showing displaying depicting featuring containing including covering surrounding
    overlooking holding selling serving cooking making painting-on building-on touching biting
    licking chewing smelling washing cleaning following hunting grabbing",
);

/// Turn the eyes or the body somewhere: a side after them is no place.
static DIRECTIONAL: WordList = WordList::new(
    "look stare gaze glance peer face turn point head move walk run fly drive lean tilt travel
    go swim march sail roll slide bend aim aim veer rotate shift peek lunge charge jump leap
    scroll swipe fall drift sprint gallop reach throw kick wave gesture blow flow stream",
);

/// Perceive what may have a place of its own: "watching a bird flying over a house".
static PERCEIVING: WordList = WordList::new("look stare gaze watch see observe admire photograph");

/// Say where something rests, so that "on" after them is above.
static RESTING: WordList = WordList::new(
    "sit stand lie lay sleep perch rest seat put place locate situate position balance lounge nap
    curl set stack recline kneel crouch squat laze snooze doze stretch relax ride land mount be",
);

/// Passive forms after which "by" tells a place: "parked by a tree".
static PLACED: WordList = WordList::new(
    "seated placed positioned located situated parked perched mounted gathered stationed planted
    anchored docked moored set put laid stood sat stacked curled crouched huddled tied nestled
    camped stopped",
);

/// Things, not actions, in spite of their ending.
pub(in super::super) static NOUNS_IN_ING: WordList = WordList::new(
    "building ring earring king string wing swing ceiling painting drawing railing clothing
    pudding dumpling duckling spring thing viking sibling dwelling awning icing lightning sling
    wedding something anything everything nothing bling darling duckling hatchling gosling
    fledgling yearling herring sterling starling inning outing greeting evening morning bedding
    landing crossing stuffing frosting topping filling dressing flooring roofing siding scaffolding
    housing plumbing wiring lettering stocking shilling farthing offspring ping-pong boxing-ring
    bowling bearing coating wrapping covering-cloth sapling seedling ding pingpong
    handwriting clearing opening carving etching engraving dining parking swimming fishing
    rocking sleeping-bag filing meeting cutting viewing lining paving binding casting rigging
    edging tubing matting piping fencing-wall shopping training",
);

/// Those of [`NOUNS_IN_ING`] that persons do as well: "a kid building a castle".
pub(in super::super) static GERUNDS: WordList = WordList::new(
    "building painting drawing landing crossing bowling dining parking swimming fishing rocking
    filing meeting cutting viewing carving etching engraving shopping training casting binding
    wrapping covering dressing filling stuffing greeting paving stocking bearing",
);

/// Things, not states, in spite of their ending.
static NOUNS_IN_ED: WordList = WordList::new(
    "bed shed sled seed weed reed steed breed feed need speed seabed sunbed daybed waterbed
    flowerbed riverbed bobsled dogsled seaweed birdseed hundred kindred moped biped quadruped
    toolshed woodshed cowshed watershed ned fred bloodshed centipede red infrared",
);

/// Nouns before "stand" or "rest" that make one thing with it.
static STANDING_THINGS: WordList = WordList::new(
    "music plant cake bike news umbrella fruit lemonade coat hat guitar taxi night wash tv television display food ice-cream cream market hot-dog phone laptop monitor candle
    arm foot head back wrist card ink pen punching kick tripod keyboard
    microphone mic jewelry cosmetics shoe towel toilet paper egg cup popcorn flag
    tea drum amplifier speaker book magazine wine vegetable valet ski sheet",
);

/// The form in which a word may be a verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum VerbForm {
    /// "sits"
    Third,
    /// "sit"
    Base,
    /// "sitting"
    Ing,
    /// "seated", "sat"
    Past,
}

/// Verb forms that a word may have by its spelling; `noun_like` tells of words
/// that are nouns as often.
pub(in super::super) fn verb_form(word: &str) -> Option<(VerbForm, bool)> {
    if IRREGULAR.has(word) {
        return Some((VerbForm::Past, false));
    }
    if is_ing(word) {
        return Some((VerbForm::Ing, false));
    }
    if is_past(word) {
        return Some((VerbForm::Past, false));
    }
    for (list, noun_like) in [(&PLAIN_VERBS, false), (&NOUN_LIKE_VERBS, true)] {
        if list.has(word) {
            return Some((VerbForm::Base, noun_like));
        }
        if third_person_bases(word).any(|base| list.has(&base)) {
            return Some((VerbForm::Third, noun_like));
        }
    }
    None
}

/// Whether "stand" and the like name a thing after this noun: "music stand".
pub(in super::super) fn makes_a_thing(noun: &str, word: &str) -> bool {
    ["stand", "stands", "rest", "rests", "rack"].contains(&word) && STANDING_THINGS.has(noun)
}

/// "sitting", not "ceiling".
pub(in super::super) fn is_ing(word: &str) -> bool {
    word.len() > 4 && word.ends_with("ing") && !NOUNS_IN_ING.has(word)
}

/// "painted", not "bed".
pub(in super::super) fn is_past(word: &str) -> bool {
    word.len() > 3 && word.ends_with("ed") && !word.ends_with("eed") && !NOUNS_IN_ED.has(word)
        || IRREGULAR.has(word)
}

pub(in super::super) fn is_transitive(word: &str) -> bool {
    TRANSITIVE.has(word)
}

pub(in super::super) fn is_directional(word: &str) -> bool {
    is_form_of(word, &DIRECTIONAL)
}

pub(in super::super) fn is_perceiving(word: &str) -> bool {
    is_form_of(word, &PERCEIVING)
}

pub(in super::super) fn is_resting(word: &str) -> bool {
    is_form_of(word, &RESTING) || PLACED.has(word)
}

/// "by" after this past form tells a place: "seated by", not "held by".
pub(in super::super) fn is_placed(word: &str) -> bool {
    PLACED.has(word)
}

/// Whether a word is an inflection of a listed base form.
fn is_form_of(word: &str, list: &WordList) -> bool {
    let irregular = match word {
        "sat" | "seated" => "sit",
        "stood" => "stand",
        "lying" | "lain" => "lie",
        "laid" => "lay",
        "slept" => "sleep",
        "ran" => "run",
        "flew" => "fly",
        _ => word,
    };
    list.has(irregular)
        || third_person_bases(word).any(|base| list.has(&base))
        || ["ing", "ed"].iter().any(|ending| {
            let Some(stem) = word.strip_suffix(ending) else {
                return false;
            };
            let doubled = stem.len() > 2 && stem.is_char_boundary(stem.len() - 1) && {
                let (short, last) = stem.split_at(stem.len() - 1);
                short.ends_with(last) && list.has(short)
            };
            doubled || list.has(stem) || list.has(&format!("{stem}e"))
        })
}

/// What a word may be the third person of: "flies" of "fly".
fn third_person_bases(word: &str) -> impl Iterator<Item = String> {
    let endings = [("ies", "y"), ("es", ""), ("s", "")];
    let bases = endings.into_iter().filter_map(|(ending, base)| {
        let stem = word.strip_suffix(ending)?;
        Some(format!("{stem}{base}"))
    });
    bases.collect::<Vec<_>>().into_iter()
}

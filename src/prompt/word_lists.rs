//! The words by which objects, attributes and relations are recognised in an
//! English prompt. All lower case; lists of single words are one text, with
//! white space between the words.

use crate::storm::relation::RelationKind::{self, Above, Below, LeftOf, NextTo, RightOf};

/// Phrases that stand between a subject and its object.
pub(super) const RELATIONS: &[(&str, RelationKind)] = &[
    ("to the left of", LeftOf),
    ("to the left side of", LeftOf),
    ("on the left of", LeftOf),
    ("on the left side of", LeftOf),
    ("on the left hand side of", LeftOf),
    ("on the left-hand side of", LeftOf),
    ("at the left of", LeftOf),
    ("at the left side of", LeftOf),
    ("in the left of", LeftOf),
    ("left of", LeftOf),
    ("left side of", LeftOf),
    ("to the right of", RightOf),
    ("to the right side of", RightOf),
    ("on the right of", RightOf),
    ("on the right side of", RightOf),
    ("on the right hand side of", RightOf),
    ("on the right-hand side of", RightOf),
    ("at the right of", RightOf),
    ("at the right side of", RightOf),
    ("in the right of", RightOf),
    ("right of", RightOf),
    ("right side of", RightOf),
    ("above", Above),
    ("over", Above),
    ("atop", Above),
    ("on top of", Above),
    ("on the top of", Above),
    ("at the top of", Above),
    ("below", Below),
    ("under", Below),
    ("beneath", Below),
    ("underneath", Below),
    ("at the bottom of", Below),
    ("next to", NextTo),
    ("beside", NextTo),
    ("besides", NextTo),
    ("near", NextTo),
    ("near to", NextTo),
    ("close to", NextTo),
    ("adjacent to", NextTo),
    ("alongside", NextTo),
    ("by the side of", NextTo),
    ("at the side of", NextTo),
    ("side by side with", NextTo),
];

/// Phrases that give one object a side of the picture.
pub(super) const SIDES: &[(&str, RelationKind)] = &[
    ("on the left", LeftOf),
    ("on the left side", LeftOf),
    ("to the left", LeftOf),
    ("at the left", LeftOf),
    ("on the right", RightOf),
    ("on the right side", RightOf),
    ("to the right", RightOf),
    ("at the right", RightOf),
    ("at the top", Above),
    ("on the top", Above),
    ("at the bottom", Below),
    ("on the bottom", Below),
];

/// Phrases by which two objects just named are said to be together.
pub(super) const TOGETHER: &[&str] = &["side by side"];

/// What refers back to two objects just named.
pub(super) const RECIPROCAL: &[&str] = &["each other", "one another"];

/// Begin a noun phrase that may be new to the reader.
pub(super) const INDEFINITE: &str = "\
    a an another one two three four five six seven eight nine ten some several many few any
    every each both all no single";

/// Begin a noun phrase that the reader may know already.
pub(super) const DEFINITE: &str = "\
    the this these those its his her their my your our";

/// Put two noun phrases beside each other.
pub(super) const CONJUNCTIONS: &str = "\
    and or & + plus but then while";

/// Hang a noun phrase on the one before, or end a noun phrase.
pub(super) const PREPOSITIONS: &str = "\
    in on of at by from to into onto inside outside behind through across around between among
    against along towards toward within without during before after for as like about off down
    up out upon via past beyond facing featuring";

/// Stand within or after a noun phrase without changing what it names.
pub(super) const ADVERBS: &str = "\
    very directly just slightly immediately far right quite really exactly somewhat clearly
    extremely highly also there only";

/// Link a noun phrase with what is said of it.
pub(super) const LINKS: &str = "\
    that which who is are was were it's";

/// Stand for a thing named elsewhere, which the lists can't tell.
pub(super) const PRONOUNS: &str = "\
    it itself them they he she him something nothing everything";

/// Verbs of place and motion that end a noun phrase; words in -ing do so anyway.
pub(super) const VERBS: &str = "\
    placed positioned located situated seated perched parked put set hung laid stacked mounted
    sits sit stands stand lies lie sleeps sleep flies fly runs run walks walk jumps jump hovers
    hover floats float hangs hang rests rest has have holds wears rides looks plays eats dressed
    surrounded covered made filled lit";

/// Things, not actions, in spite of their ending.
pub(super) const NOUNS_IN_ING: &str = "\
    building ring earring king string wing swing ceiling painting drawing railing clothing
    pudding dumpling duckling spring thing viking sibling dwelling awning icing lightning sling
    wedding";

/// Words for the picture itself or its making, which are no objects in it.
pub(super) const PICTURE: &str = "\
    photo photos photograph picture image painting drawing portrait frame illustration render
    rendering sketch watercolor watercolour artwork art cartoon closeup close-up shot view scene
    canvas screen snapshot selfie poster screenshot composition engraving depiction style";

/// Words for a part of the scene or an amount; what counts is what follows "of".
pub(super) const NO_OBJECT: &str = "\
    side front middle center centre top bottom left right back background foreground corner edge
    pair couple group bunch herd flock pack pile piece slice lot kind type set number row close
    detail details quality masterpiece resolution focus";

/// What everything is under or over; a relation to it says nothing.
pub(super) const SCENERY: &str = "\
    sky skies sunlight moonlight starlight light lights lighting night sunset sunrise rain
    snow snowfall clouds stars weather spotlight horizon conditions";

/// Whether a list of single words holds a word.
pub(super) fn contains(list: &str, word: &str) -> bool {
    list.split_whitespace().any(|listed| listed == word)
}

/// Nouns of two words whose parts alone name something else, with commas between
/// them: the classes of COCO, which spatial benchmarks use, and a few more.
pub(super) const COMPOUNDS: &str = "\
    traffic light, fire hydrant, stop sign, parking meter, sports ball, baseball bat, baseball \
    glove, tennis racket, wine glass, hot dog, potted plant, dining table, cell phone, teddy \
    bear, hair drier, hair dryer, polar bear, ice cream, coffee cup, tennis ball, street lamp, \
    guinea pig, sea lion, palm tree, christmas tree, fire truck, light bulb, rubber duck";

/// Words that describe an object: colours, materials, sizes, shapes, looks.
pub(super) const ADJECTIVES: &str = "\
    red green blue yellow orange purple violet pink brown black white gray grey cyan magenta
    turquoise teal beige golden gold silver bronze copper crimson scarlet maroon navy indigo
    lavender lilac olive lime mint cream ivory tan amber azure coral colorful colourful rainbow
    dark light bright pale neon pastel vivid ginger blonde blond wooden wood metal metallic
    steel iron stone marble glass crystal plastic leather paper cardboard ceramic porcelain
    brick concrete woolen woollen knitted silk cotton velvet rubber straw wicker bamboo shiny
    glossy matte rusty transparent translucent striped spotted checkered dotted plaid smooth
    rough glowing fluffy furry fuzzy hairy feathered frozen wet dry muddy dusty big small large
    tiny huge giant little miniature enormous massive gigantic tall short long wide narrow thick
    thin fat slim chubby round square rectangular triangular oval flat curved spherical old new
    young ancient antique vintage retro modern futuristic rustic beautiful pretty cute adorable
    ugly elegant happy sad angry funny sleepy scary majestic magical mystical wild fresh ripe
    rotten empty full open closed broken clean dirty hot cold soft hard heavy fancy simple
    realistic photorealistic abstract left male female";

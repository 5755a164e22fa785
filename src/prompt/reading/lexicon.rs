//! The words that the reading knows, in lists by what they do in a sentence:
//! the closed classes here, open ones in files of their own. Spelled as
//! [`spelling`](super::super::spelling) normalises.

mod adjectives;
mod nouns;
mod phrases;
mod verbs;

use std::collections::HashSet;
use std::sync::OnceLock;

pub(super) use adjectives::*;
pub(super) use nouns::*;
pub(super) use phrases::*;
pub(super) use verbs::*;

/// A set of single words, written as one text with white space between them.
pub(super) struct WordList {
    text: &'static str,
    set: OnceLock<HashSet<&'static str>>,
}

impl WordList {
    const fn new(text: &'static str) -> Self {
        Self {
            text,
            set: OnceLock::new(),
        }
    }

    pub fn has(&self, word: &str) -> bool {
        let set = self
            .set
            .get_or_init(|| self.text.split_whitespace().collect());
        set.contains(word)
    }
}

/// Begin a noun phrase of one thing that may be new to the reader.
pub(super) static ONE_INDEFINITE: WordList = WordList::new("a an another one single each every");

/// Begin a noun phrase of several things that may be new to the reader.
pub(super) static SEVERAL_INDEFINITE: WordList = WordList::new(
    "two three four five six seven eight nine ten eleven twelve twenty fifty hundred thousand
    dozen some several many few multiple numerous various countless any all more most",
);

/// Begin a noun phrase that the reader may know already.
pub(super) static DEFINITE: WordList =
    WordList::new("the this these those its his her their my your our");

/// Those of [`DEFINITE`] that name several things.
pub(super) static SEVERAL_DEFINITE: WordList = WordList::new("these those");

/// Belong to what was named before; in "to its left" they are the object.
pub(super) static OWNERS: WordList = WordList::new("its his her their");

/// Put two noun phrases beside each other.
pub(super) static AND: WordList = WordList::new("and & + plus n");

/// Begin another clause.
pub(super) static CLAUSE: WordList =
    WordList::new("but then while whereas where when so because although though");

/// Hang a noun phrase on the one before, or end a noun phrase.
pub(super) static PREPOSITIONS: WordList = WordList::new(
    "of at from to into onto through across along towards toward within without during before
    after for as like about off down up out via past beyond among amongst amid against per
    than despite except concerning",
);

/// Stand within or after a noun phrase without changing what it names.
pub(super) static ADVERBS: WordList = WordList::new(
    "very further farther directly just slightly immediately far right quite really exactly somewhat clearly
    extremely highly also there only too almost nearly barely partly partially mostly somewhere
    diagonally please simply here now still already again always both alone together asleep
    awake upright outdoors indoors apart away precisely horizontally vertically positioned-wise
    perhaps maybe even currently once twice well high low way straight either ahead
    should would could shall do does did",
);

/// Adverbs before "be", nouns elsewhere: "a can".
pub(super) static MODALS: WordList = WordList::new("can will may might must");

/// Link a noun phrase with what is said of it.
pub(super) static COPULAS_OF_ONE: WordList = WordList::new("is was");
/// The same for several things or any number.
pub(super) static COPULAS: WordList = WordList::new("are were be been being");

/// Begin a clause about the noun before.
pub(super) static RELATIVES: WordList = WordList::new("which who whom");

/// Stand for one thing named elsewhere.
pub(super) static PRONOUNS_OF_ONE: WordList = WordList::new("it him he she her");
/// Stand for several things named elsewhere.
pub(super) static PRONOUNS_OF_SEVERAL: WordList = WordList::new("them they");

/// Name the person who speaks or listens, or nothing in particular.
pub(super) static SPEAKERS: WordList = WordList::new(
    "i you we me us myself itself himself herself themselves everything something anything
    what how why",
);

/// Deny what follows.
pub(super) static NEGATIONS: WordList =
    WordList::new("not never neither nor nothing isn't aren't cannot");

/// What a person asks the program to do, at the beginning of a sentence.
pub(super) static REQUESTS: WordList = WordList::new(
    "draw paint create generate make show imagine render depict put place add position give
    want need see wish compose visualize visualise design produce picture",
);

/// The bare names of sides.
pub(super) fn is_side(word: &str) -> bool {
    ["left", "right", "top", "bottom"].contains(&word)
}

/// Whether a word begins a noun phrase.
pub(super) fn is_determiner(word: &str) -> bool {
    ONE_INDEFINITE.has(word)
        || SEVERAL_INDEFINITE.has(word)
        || DEFINITE.has(word)
        || word == "no"
        || !word.is_empty() && word.chars().all(|letter| letter.is_ascii_digit())
}

pub(super) fn is_copula(word: &str) -> bool {
    COPULAS_OF_ONE.has(word) || COPULAS.has(word)
}

/// Whether a word belongs to the grammar and names nothing.
pub(super) fn is_closed(word: &str) -> bool {
    let others = [
        "with",
        "without",
        "on",
        "upon",
        "in",
        "by",
        "or",
        "has",
        "have",
        "had",
        "that",
        "above",
        "below",
        "under",
        "over",
        "beneath",
        "underneath",
        "beside",
        "near",
        "behind",
        "between",
        "next",
        "around",
        "inside",
        "outside",
        "opposite",
    ];
    is_determiner(word)
        || is_copula(word)
        || others.contains(&word)
        || [
            &AND,
            &CLAUSE,
            &PREPOSITIONS,
            &ADVERBS,
            &RELATIVES,
            &PRONOUNS_OF_ONE,
            &PRONOUNS_OF_SEVERAL,
            &SPEAKERS,
            &NEGATIONS,
        ]
        .iter()
        .any(|list| list.has(word))
}

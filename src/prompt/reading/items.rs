//! What a prompt consists of, on the surface: noun phrases and what stands
//! between them.

use crate::storm::relation::RelationKind;

/// A noun with what describes it. Words are indices into the prompt's words.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct NounPhrase {
    /// The head of the phrase: "light" of "a red traffic light".
    pub noun: usize,
    /// The noun, normalised.
    pub name: String,
    /// Adjectives and participles, in the order of the prompt.
    pub attributes: Vec<usize>,
    pub article: Article,
    pub is_plural: bool,
    /// "no cat"
    pub is_denied: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Article {
    #[default]
    None,
    Indefinite,
    Definite,
}

/// A side of the picture, or of what was named before. −1 is left and top,
/// 0 the middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Side {
    pub horizontal: Option<i8>,
    pub vertical: Option<i8>,
}

impl Side {
    /// What something on this side of a thing is to the thing.
    pub fn kinds(self) -> Vec<RelationKind> {
        let horizontal = match self.horizontal {
            Some(-1) => Some(RelationKind::LeftOf),
            Some(1) => Some(RelationKind::RightOf),
            _ => None,
        };
        let vertical = match self.vertical {
            Some(-1) => Some(RelationKind::Above),
            Some(1) => Some(RelationKind::Below),
            _ => None,
        };
        horizontal.into_iter().chain(vertical).collect()
    }
}

/// How a noun hangs on the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    Of,
    In,
    /// "with", "has"
    With,
    /// "on", which is above where nothing else says a place
    On,
    Verb {
        /// "sits", not "sitting"
        is_finite: bool,
        /// "watching"
        perceives: bool,
        /// "looking": a side after it is no place
        is_directional: bool,
        /// "sits", "is placed"
        rests: bool,
    },
    /// Another preposition.
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Comma,
    Colon,
    Stop,
}

/// One step of a prompt's surface structure.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Item {
    Noun(NounPhrase),
    /// The picture itself: "a photo of".
    Picture,
    /// "left of", "next to": between two noun phrases.
    Place(Vec<RelationKind>),
    /// "on the left"
    Side(Side),
    /// What says a place that can't be steered: "behind".
    Unsupported,
    /// "to the left or right of"
    Alternatives,
    /// "side by side", said of the nouns before.
    Together,
    /// "each other", in place of a noun phrase.
    Reciprocal,
    /// "it", "them"
    Pronoun {
        is_plural: bool,
    },
    /// "that", "which"
    Relative,
    And,
    Or,
    Not,
    /// "is", "are"; whether it is said of one thing, where that is known.
    Copula {
        is_of_one: bool,
    },
    /// Adjectives that stand apart from their noun: "that is black".
    Adjectives(Vec<usize>),
    Attach(Link),
    Break(Mark),
}

/// An item with the prompt's words that it is made of.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Located {
    pub item: Item,
    /// First and last word.
    pub words: (usize, usize),
}

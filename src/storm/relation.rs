//! What the person asks for: objects of the prompt and where they should be.
//!
//! Objects are named by token positions; a [`Layout`] holds all that is asked of
//! one picture and is checked, in words, before it is started.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use super::layout::{Layout, LayoutError};

/// Where the subject should be, seen from the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RelationKind {
    /// The subject is left of the object.
    LeftOf,
    /// The subject is right of the object.
    RightOf,
    /// The subject is above the object.
    Above,
    /// The subject is below the object.
    Below,
    /// Subject and object are close together without covering each other.
    NextTo,
}

/// A direction of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Axis {
    /// x, growing to the right.
    Horizontal,
    /// y, growing downwards.
    Vertical,
}

impl Axis {
    /// Both axes, in the order x, y.
    pub const BOTH: [Axis; 2] = [Axis::Horizontal, Axis::Vertical];

    /// 0 for x, 1 for y.
    pub fn index(self) -> usize {
        self as usize
    }
}

impl RelationKind {
    /// Every relation, in the order in which menus show them.
    pub const ALL: [RelationKind; 5] = [
        RelationKind::LeftOf,
        RelationKind::RightOf,
        RelationKind::Above,
        RelationKind::Below,
        RelationKind::NextTo,
    ];

    /// The relation with subject and object exchanged.
    pub fn inverse(self) -> Self {
        match self {
            Self::LeftOf => Self::RightOf,
            Self::RightOf => Self::LeftOf,
            Self::Above => Self::Below,
            Self::Below => Self::Above,
            Self::NextTo => Self::NextTo,
        }
    }

    /// The axis the relation speaks of; none for [`RelationKind::NextTo`],
    /// which speaks of the distance.
    pub fn axis(self) -> Option<Axis> {
        match self {
            Self::LeftOf | Self::RightOf => Some(Axis::Horizontal),
            Self::Above | Self::Below => Some(Axis::Vertical),
            Self::NextTo => None,
        }
    }

    /// Whether the object has the larger coordinate along the axis.
    pub fn object_comes_later(self) -> bool {
        matches!(self, Self::LeftOf | Self::Above)
    }

    /// VISOR's rule (Gokhale et al. 2022): whether the centres (x, y) are in this
    /// order along the axis, however little they differ; `None` for
    /// [`RelationKind::NextTo`].
    pub fn is_true_of(self, subject: [f64; 2], object: [f64; 2]) -> Option<bool> {
        let index = self.axis()?.index();
        Some(if self.object_comes_later() {
            subject[index] < object[index]
        } else {
            subject[index] > object[index]
        })
    }

    /// The identifier used in files and on the command line: `left-of`.
    pub fn identifier(self) -> &'static str {
        match self {
            Self::LeftOf => "left-of",
            Self::RightOf => "right-of",
            Self::Above => "above",
            Self::Below => "below",
            Self::NextTo => "next-to",
        }
    }

    /// The words used on the screen: `left of`.
    pub fn phrase(self) -> &'static str {
        match self {
            Self::LeftOf => "left of",
            Self::RightOf => "right of",
            Self::Above => "above",
            Self::Below => "below",
            Self::NextTo => "next to",
        }
    }
}

impl fmt::Display for RelationKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.identifier())
    }
}

/// The text names no relation.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("“{0}” is no relation; use left-of, right-of, above, below or next-to")]
pub struct UnknownRelation(pub String);

impl FromStr for RelationKind {
    type Err = UnknownRelation;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.identifier() == text || kind.phrase() == text)
            .ok_or_else(|| UnknownRelation(text.to_owned()))
    }
}

/// One object of the prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectTokens {
    /// Token positions of the noun; several if its word has several tokens.
    pub tokens: Vec<usize>,
    /// Token positions of each attribute, one entry a word.
    #[serde(default)]
    pub attributes: Vec<Vec<usize>>,
    /// The word, for messages and plots.
    pub label: String,
}

/// `subject` stands in relation `kind` to `object`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relation {
    /// Index into [`Layout::objects`].
    pub subject: usize,
    /// Where the subject should be.
    pub kind: RelationKind,
    /// Index into [`Layout::objects`].
    pub object: usize,
}

/// A place the person gave an object.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FreeTarget {
    /// Index into [`Layout::objects`].
    pub object: usize,
    /// Fraction 0..=1 of the width, from the left.
    pub x: f64,
    /// Fraction 0..=1 of the height, from the top.
    pub y: f64,
}

#[cfg(test)]
mod tests {
    use super::RelationKind::*;
    use super::*;

    #[test]
    fn identifiers_and_phrases_are_read_back() {
        for kind in RelationKind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
            assert_eq!(kind.phrase().parse(), Ok(kind));
            let in_files = serde_json::to_string(&kind).unwrap();
            assert_eq!(in_files, format!("\"{}\"", kind.identifier()));
            assert_eq!(kind.inverse().inverse(), kind);
            assert_eq!(kind.inverse().axis(), kind.axis());
        }
        assert!("leftof".parse::<RelationKind>().is_err());
    }

    #[test]
    fn the_inverse_of_every_direction_is_its_opposite() {
        assert_eq!(LeftOf.inverse(), RightOf);
        assert_eq!(Above.inverse(), Below);
        assert_eq!(NextTo.inverse(), NextTo);
        assert!(LeftOf.object_comes_later() && Above.object_comes_later());
        assert!(!RightOf.object_comes_later() && !Below.object_comes_later());
    }
}

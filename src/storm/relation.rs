//! What the person asks for: objects of the prompt and where they should be.
//!
//! Objects are named by token positions; a [`Layout`] holds all that is asked of
//! one picture and is checked, in words, before it is started.

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, VariantArray};
use thiserror::Error;

use super::geometry::Geometry;
pub use super::layout::{Layout, LayoutError};
pub use super::object_target::{ObjectTarget, Targets};
use crate::choices;

/// Where the subject should be, seen from the object.
///
/// As text it is its identifier in files and on the command line, `left-of`; the
/// words of [`RelationKind::phrase`] are understood as well.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    Display,
    EnumString,
    VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(parse_err_ty = UnknownRelation, parse_err_fn = UnknownRelation::of)]
pub enum RelationKind {
    /// The subject is left of the object.
    #[strum(to_string = "left-of", serialize = "left of")]
    LeftOf,
    /// The subject is right of the object.
    #[strum(to_string = "right-of", serialize = "right of")]
    RightOf,
    /// The subject is above the object.
    #[strum(to_string = "above")]
    Above,
    /// The subject is below the object.
    #[strum(to_string = "below")]
    Below,
    /// Subject and object are close together without covering each other.
    #[strum(to_string = "next-to", serialize = "next to")]
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
    pub const ALL: &'static [RelationKind] = RelationKind::VARIANTS;

    /// What it asks of the places of its objects.
    pub fn geometry(self) -> Geometry {
        let along = |axis, subject_first| Geometry::Along {
            axis,
            subject_first,
        };
        match self {
            Self::LeftOf => along(Axis::Horizontal, true),
            Self::RightOf => along(Axis::Horizontal, false),
            Self::Above => along(Axis::Vertical, true),
            Self::Below => along(Axis::Vertical, false),
            Self::NextTo => Geometry::Ring,
        }
    }

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

    /// That it is true, between subject and object: `is left of`, or `are left of`
    /// of several subjects, as `verb` says.
    pub fn statement(self, verb: &str) -> String {
        format!("{verb} {}", self.phrase())
    }

    /// That it is not: what is the case instead, or else `is not next to`.
    pub fn denial(self, verb: &str) -> String {
        if self.inverse() == self {
            format!("{verb} not {}", self.phrase())
        } else {
            self.inverse().statement(verb)
        }
    }
}

/// The text names no relation.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("“{0}” is no relation; use {known}", known = choices::all::<RelationKind>())]
pub struct UnknownRelation(pub String);

impl UnknownRelation {
    fn of(text: &str) -> Self {
        Self(text.to_owned())
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

#[cfg(test)]
mod tests {
    use super::RelationKind::*;
    use super::*;

    #[test]
    fn identifiers_and_phrases_are_read_back() {
        for &kind in RelationKind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
            assert_eq!(kind.phrase().parse(), Ok(kind));
            let in_files = serde_json::to_string(&kind).unwrap();
            assert_eq!(in_files, format!("\"{kind}\""));
            assert_eq!(kind.inverse().inverse(), kind);
        }
        let error = "leftof".parse::<RelationKind>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "“leftof” is no relation; use left-of, right-of, above, below or next-to"
        );
    }

    #[test]
    fn the_inverse_of_every_direction_is_its_opposite() {
        assert_eq!(LeftOf.inverse(), RightOf);
        assert_eq!(Above.inverse(), Below);
        assert_eq!(NextTo.inverse(), NextTo);
        for &kind in RelationKind::ALL {
            let order = |kind: RelationKind, axis| kind.geometry().subject_first_along(axis);
            for axis in Axis::BOTH {
                let exchanged = order(kind.inverse(), axis).map(|first| !first);
                assert_eq!(order(kind, axis), exchanged, "{kind}");
            }
        }
        assert_eq!(LeftOf.denial("is"), "is right of");
        assert_eq!(NextTo.denial("are"), "are not next to");
    }
}

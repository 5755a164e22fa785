//! What a prompt says of places that can't be steered, and why.

use std::fmt;

/// Something that the prompt says and the program does not place.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Note {
    /// A place that no objective knows: "behind".
    Unsupported {
        /// As the prompt says it.
        phrase: String,
    },
    /// A place that is denied: "not left of", "no cat left of".
    Denied {
        /// As the prompt says it.
        phrase: String,
    },
    /// Two places of which one holds: "left or right of".
    Alternatives {
        /// As the prompt says it.
        phrase: String,
    },
    /// A place without what is there, or without what it is seen from.
    Incomplete {
        /// As the prompt says it.
        phrase: String,
    },
    /// A word that stands for something else, and it isn't clear for what.
    Unclear {
        /// "it"
        pronoun: String,
    },
    /// A relation to what is everywhere in the picture.
    Everywhere {
        /// "sky"
        noun: String,
    },
    /// A side of the picture with nothing on the other side.
    OneSide {
        /// As the prompt says it.
        phrase: String,
    },
    /// A relation that can't hold together with those before it.
    Contradiction {
        /// As "dog left of cat".
        relation: String,
    },
    /// A relation to a word that the text encoder doesn't read.
    CutOff {
        /// The word.
        noun: String,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported { phrase } => write!(
                formatter,
                "“{phrase}” can't be steered; left of, right of, above, below and next to can"
            ),
            Self::Denied { phrase } => write!(
                formatter,
                "“{phrase}” can't be steered: only where something is, not where it isn't"
            ),
            Self::Alternatives { phrase } => {
                write!(formatter, "“{phrase}” can't be steered: name one side")
            }
            Self::Incomplete { phrase } => write!(
                formatter,
                "“{phrase}” needs two objects, one that is there and one that it is seen from"
            ),
            Self::Unclear { pronoun } => write!(
                formatter,
                "it isn't clear what “{pronoun}” stands for; name the object instead"
            ),
            Self::Everywhere { noun } => write!(
                formatter,
                "“{noun}” is no single object; nothing can be placed by it"
            ),
            Self::OneSide { phrase } => write!(
                formatter,
                "“{phrase}” alone can't be steered; say what is on the other side too"
            ),
            Self::Contradiction { relation } => write!(
                formatter,
                "“{relation}” contradicts what the prompt says before"
            ),
            Self::CutOff { noun } => write!(
                formatter,
                "“{noun}” lies beyond what the text encoder reads; shorten the prompt to place it"
            ),
        }
    }
}

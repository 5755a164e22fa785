//! What of a prompt's syntax is read otherwise than it may be meant.

use std::fmt;

use serde::Serialize;

/// A sentence when it is shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum SyntaxNote {
    /// Brackets that have no partner.
    Unbalanced {
        /// The first of them.
        bracket: char,
        count: usize,
    },
    /// A weight beyond the largest.
    Clamped { largest: f64 },
    /// A1111's words that change on the way: `[cat:dog:0.5]`, `[cat|dog]`.
    Scheduled,
}

impl fmt::Display for SyntaxNote {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unbalanced { bracket, count } => {
                let others = match count {
                    1 => String::new(),
                    count => format!(" (and {} more brackets)", count - 1),
                };
                write!(
                    formatter,
                    "the bracket “{bracket}”{others} has no partner; write \\{bracket} for the \
                     sign itself"
                )
            }
            Self::Clamped { largest } => write!(
                formatter,
                "weights are kept between −{largest} and {largest}"
            ),
            Self::Scheduled => formatter.write_str(
                "words that change while the picture is made, as [cat:dog:0.5] or [cat|dog], are \
                 not known here; all of them are read from the beginning",
            ),
        }
    }
}

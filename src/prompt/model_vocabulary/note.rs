//! What a prompt asks of a small model that it was never taught, and what to write instead.

use std::fmt;

use super::count_of;

/// Words that a sentence offers or names.
const OFFERED: usize = 5;
const NAMED: usize = 5;

/// A sentence without a full stop when it is shown; it begins with the model's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VocabularyNote {
    /// Words that mean nothing to the model.
    NeverSeen {
        model: String,
        /// In the order of the prompt, each once, in small letters.
        words: Vec<String>,
        /// What may be written instead.
        offered: Vec<String>,
        /// Whether those are colours; otherwise they are objects.
        are_colours: bool,
    },
    /// More objects than its pictures have.
    TooMany {
        model: String,
        most: usize,
        /// As many as the prompt asks for at least.
        asked: usize,
    },
}

impl fmt::Display for VocabularyNote {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeverSeen {
                model,
                words,
                offered,
                are_colours,
            } => {
                let kind = if *are_colours { "the colours " } else { "" };
                let quoted = words.iter().map(|word| format!("“{word}”"));
                let quoted: Vec<String> = quoted.collect();
                write!(
                    formatter,
                    "{model} knows {kind}{}; it has never seen {}",
                    first_of(offered, OFFERED),
                    first_of(&quoted, NAMED)
                )
            }
            Self::TooMany { model, most, asked } => write!(
                formatter,
                "{model} paints {} at most; {asked} are asked for",
                count_of(*most, "object")
            ),
        }
    }
}

/// “a, b and 3 more”, “a and b”.
fn first_of(words: &[String], most: usize) -> String {
    let (shown, last) = match words.len() {
        // One more is as short as saying that there is one more.
        length if length <= most + 1 => match words.split_last() {
            Some((last, others)) => (others, last.clone()),
            None => return String::new(),
        },
        length => (&words[..most], format!("{} more", length - most)),
    };
    match shown {
        [] => last,
        shown => format!("{} and {last}", shown.join(", ")),
    }
}

//! What is worth saying of a checkpoint that opens all the same.

use std::fmt;

/// Something that a person would expect otherwise; a sentence when it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckpointNotice {
    /// A weight file cannot be used, and another one of the same network is.
    WeightsInstead {
        file: String,
        /// What the file is or has, as the ending of a sentence.
        reason: String,
        taken: String,
    },
    /// A part of its pipeline that this program has no use for.
    UnusedPart(String),
    /// What the model knows can't be read.
    NoVocabulary {
        /// What is wrong with the file, a sentence without a full stop.
        reason: String,
    },
}

impl fmt::Display for CheckpointNotice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WeightsInstead {
                file,
                reason,
                taken,
            } => write!(
                formatter,
                "the file {file} cannot be used ({reason}); {taken} is taken instead"
            ),
            Self::UnusedPart(part) => write!(
                formatter,
                "the {part} beside the model is not used; pictures follow the prompt alone"
            ),
            Self::NoVocabulary { reason } => write!(
                formatter,
                "which words the model knows is not told: {reason}"
            ),
        }
    }
}

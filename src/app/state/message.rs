//! What the window tells the person: what happened, and a button that helps.

use crate::checkpoint::CheckpointError;
use crate::engine::{EngineError, RequestError};
use crate::storm::objective::ObjectiveError;

/// A line for the person: what happened and what to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    pub text: String,
    pub is_error: bool,
    /// A button that does what the text suggests.
    pub remedy: Option<Remedy>,
}

/// What a message's button does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    OpenModel,
    /// For a model in one file that lacks it.
    ChooseAutoencoder,
    StandardOnly,
    ResetSettings,
    DiscardRelations,
    Restart,
    /// After one request was stopped and others wait.
    DropWaiting,
}

impl Remedy {
    /// The button's text.
    pub fn label(self) -> &'static str {
        match self {
            Self::OpenModel => "Open another model…",
            Self::ChooseAutoencoder => "Choose an autoencoder…",
            Self::StandardOnly => "Run the standard method only",
            Self::ResetSettings => "Reset the settings",
            Self::DiscardRelations => "Start the relations over",
            Self::Restart => "Restart",
            Self::DropWaiting => "Drop them too",
        }
    }
}

/// The button that helps with an error, where there is one.
pub fn remedy(error: &EngineError) -> Option<Remedy> {
    match error {
        EngineError::Checkpoint(CheckpointError::NoAutoencoder { .. }) => {
            Some(Remedy::ChooseAutoencoder)
        }
        EngineError::Checkpoint(_) | EngineError::NoModel => Some(Remedy::OpenModel),
        EngineError::DeviceLost(_) => Some(Remedy::Restart),
        EngineError::Request(RequestError::Missing(_)) => Some(Remedy::StandardOnly),
        EngineError::Request(RequestError::Objective(ObjectiveError::Parameter(_))) => {
            Some(Remedy::ResetSettings)
        }
        EngineError::Request(RequestError::Objective(_)) => Some(Remedy::DiscardRelations),
        EngineError::Request(RequestError::Parameter(_) | RequestError::Scheduler(_)) => {
            Some(Remedy::ResetSettings)
        }
        _ => None,
    }
}

/// An error's text as a sentence: a capital first and a full stop last.
pub fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let Some(first) = letters.next() else {
        return String::new();
    };
    let mut sentence: String = first.to_uppercase().collect();
    sentence.push_str(letters.as_str());
    if !sentence.ends_with(['.', '!', '?', '…']) {
        sentence.push('.');
    }
    sentence
}

//! What the prompt says of places and can't be steered, as a line below the
//! relations that can.

use egui::Ui;

use crate::app::look::theme::small;
use crate::app::state::State;
use crate::app::state::message::sentence;
use crate::prompt::{PromptWeights, propose};

/// The notes of the prompt that was read last.
#[derive(Debug, Default)]
pub struct PromptNotes {
    prompt: String,
    weighting: PromptWeights,
    notes: Vec<String>,
    /// Of its brackets.
    syntax: Vec<String>,
}

impl PromptNotes {
    /// Shows the first note, and the others under the pointer; those of places as
    /// long as the relations are the prompt's own.
    pub fn ui(&mut self, ui: &mut Ui, state: &State) {
        let Some(tokens) = state.draft.tokens() else {
            return;
        };
        if self.prompt != tokens.text || self.weighting != tokens.weighting {
            self.weighting = tokens.weighting;
            self.prompt.clone_from(&tokens.text);
            let notes = propose(&tokens.words).notes.into_iter();
            self.notes = notes.map(|note| sentence(&note.to_string())).collect();
            let syntax = tokens.notes.iter();
            self.syntax = syntax.map(|note| sentence(&note.to_string())).collect();
        }
        let places: &[String] = match state.draft.is_proposed {
            true => &self.notes,
            false => &[],
        };
        let notes: Vec<&str> = self
            .syntax
            .iter()
            .chain(places)
            .map(String::as_str)
            .collect();
        let Some((first, others)) = notes.split_first() else {
            return;
        };
        let text = match others.len() {
            0 => (*first).to_string(),
            more => format!("{first} (and {more} more)"),
        };
        let label = ui.label(small(text).weak());
        if !others.is_empty() {
            label.on_hover_text(others.join("\n"));
        }
    }
}

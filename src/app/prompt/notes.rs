//! What the prompt says of places and can't be steered, and what it asks of the model that
//! it was never taught, as lines below the relations that can.

use std::sync::Arc;

use egui::Ui;

use crate::app::look::theme::small;
use crate::app::state::State;
use crate::app::state::message::sentence;
use crate::prompt::{Assignment, ModelVocabulary, TokenizedPrompt, propose};

/// The notes of the prompt that was read last.
#[derive(Debug, Default)]
pub struct PromptNotes {
    read: Option<Read>,
    places: Vec<String>,
    /// Of its brackets.
    syntax: Vec<String>,
    /// Of what the model was never taught.
    vocabulary: Vec<String>,
}

/// What notes follow from; the same as long as it is the same in memory.
#[derive(Debug)]
struct Read {
    prompt: Arc<TokenizedPrompt>,
    vocabulary: Option<(String, Arc<ModelVocabulary>)>,
    assignment: Assignment,
}

impl PromptNotes {
    /// Shows the first note, and the others under the pointer; those of places as
    /// long as the relations are the prompt's own. Behind it stands what the model was
    /// never taught, and under the pointer all that it was.
    pub fn ui(&mut self, ui: &mut Ui, state: &State) {
        let Some(tokens) = state.draft.tokens() else {
            return;
        };
        self.follow(state, tokens);
        let places: &[String] = match state.draft.is_proposed {
            true => &self.places,
            false => &[],
        };
        let notes: Vec<&String> = self.syntax.iter().chain(places).collect();
        if notes.is_empty() && self.vocabulary.is_empty() {
            return;
        }
        ui.horizontal_wrapped(|ui| {
            if let Some((first, others)) = notes.split_first() {
                let text = match others.len() {
                    0 => (*first).clone(),
                    more => format!("{first} (and {more} more)"),
                };
                let label = ui.label(small(text).weak());
                if !others.is_empty() {
                    let others: Vec<&str> = others.iter().map(|note| note.as_str()).collect();
                    label.on_hover_text(others.join("\n"));
                }
            }
            if !self.vocabulary.is_empty() {
                let label = ui.label(small(self.vocabulary.join(" ")).weak());
                if let Some((model, vocabulary)) = self.read.as_ref().and_then(Read::known) {
                    let lines = vocabulary.lines().join("\n");
                    label.on_hover_text(format!("What {model} knows\n{lines}"));
                }
            }
        });
    }

    /// Finds the notes again where prompt or model are others.
    fn follow(&mut self, state: &State, tokens: &Arc<TokenizedPrompt>) {
        let model = state.session.model();
        let vocabulary = model.and_then(|model| model.vocabulary.as_ref());
        let assignment = &state.draft.assignment;
        let is_same = self.read.as_ref().is_some_and(|read| {
            let known = read.known().map(|(_, vocabulary)| vocabulary);
            Arc::ptr_eq(&read.prompt, tokens)
                && known.map(Arc::as_ptr) == vocabulary.map(Arc::as_ptr)
                && read.assignment == *assignment
        });
        if is_same {
            return;
        }
        let places = propose(&tokens.words).notes.into_iter();
        self.places = places.map(|note| sentence(&note.to_string())).collect();
        let syntax = tokens.notes.iter();
        self.syntax = syntax.map(|note| sentence(&note.to_string())).collect();
        let known = model.and_then(|model| Some((model.name.clone(), model.vocabulary.clone()?)));
        // Without words that are all there nothing is asked for beside them.
        let layout = assignment.layout(tokens).unwrap_or_default();
        let notes = known.as_ref();
        let notes = notes.map_or_else(Vec::new, |(model, it)| it.notes(model, tokens, &layout));
        // It begins with a name, which keeps its small letters.
        self.vocabulary = notes.iter().map(|note| format!("{note}.")).collect();
        self.read = Some(Read {
            prompt: Arc::clone(tokens),
            vocabulary: known,
            assignment: assignment.clone(),
        });
    }
}

impl Read {
    /// The model's name, and what it knows.
    fn known(&self) -> Option<(&str, &Arc<ModelVocabulary>)> {
        let (model, vocabulary) = self.vocabulary.as_ref()?;
        Some((model, vocabulary))
    }
}

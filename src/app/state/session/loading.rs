//! Which model there is, and what is said while another one comes.

use std::sync::Arc;

use super::Session;
use crate::app::state::message::{Message, remedy, sentence};
use crate::checkpoint::{CheckpointError, CheckpointSource};
use crate::engine::{EngineError, ModelInfo, ModelNeeds};

/// A model with fewer bytes of weights is there before its needs are read.
pub const WORTH_A_SENTENCE: u64 = 256 << 20;

/// Whether there is a model to work with.
#[derive(Debug, Clone)]
pub enum ModelState {
    Loading {
        name: String,
        source: CheckpointSource,
        /// Of its weights, from 0 to 1.
        fraction: f32,
    },
    Ready(Arc<ModelInfo>),
    Failed {
        name: String,
        error: Arc<EngineError>,
    },
}

impl Session {
    pub(super) fn model_loading(&mut self, name: String, source: CheckpointSource) {
        let loading = ModelState::Loading {
            name,
            source,
            fraction: 0.0,
        };
        if let ModelState::Ready(info) = std::mem::replace(&mut self.model, loading) {
            self.old_model = Some(info);
        }
    }

    /// The old model is gone; what the new one needs is said while it loads.
    pub(super) fn model_opened(&mut self, needs: &ModelNeeds) {
        self.old_model = None;
        if needs.weights < WORTH_A_SENTENCE {
            return;
        }
        self.message = Some(Message {
            text: format!("The model {needs}."),
            is_error: false,
            remedy: None,
        });
    }

    pub(super) fn model_progress(&mut self, done: f32) {
        if let ModelState::Loading { fraction, .. } = &mut self.model {
            *fraction = done;
        }
    }

    pub(super) fn model_ready(&mut self, info: Arc<ModelInfo>) {
        self.old_model = None;
        // What was said about the waiting is over.
        self.message = self.message.take().filter(|message| message.is_error);
        if !info.notices.is_empty() {
            let sentences: Vec<String> = info.notices.iter().map(|it| sentence(it)).collect();
            self.message = Some(Message {
                text: sentences.join(" "),
                is_error: false,
                remedy: None,
            });
        }
        self.model = ModelState::Ready(info);
    }

    /// The old model goes on if it is still there.
    pub(super) fn model_failed(&mut self, name: String, error: Arc<EngineError>) {
        let is_cancelled = matches!(*error, EngineError::Checkpoint(CheckpointError::Cancelled));
        self.message = (!is_cancelled).then(|| Message {
            text: format!("{name} did not load. {}", sentence(&error.to_string())),
            is_error: true,
            remedy: remedy(&error),
        });
        self.model = match self.old_model.take() {
            Some(info) => ModelState::Ready(info),
            None => ModelState::Failed { name, error },
        };
    }
}

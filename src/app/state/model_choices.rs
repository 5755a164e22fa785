//! The models that can be chosen: which are being opened, were opened before, lie in a folder.
//!
//! The engine answers every model that it is asked for, in order, so that what
//! is asked and not answered yet is known here.

use std::collections::VecDeque;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::checkpoint::{CheckpointSource, FoundModels};

/// Longest list of models opened before.
const MOST_RECENT: usize = 8;

/// What is remembered from one session to the next.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RememberedModels {
    /// Opened before, the newest first.
    pub recent: Vec<CheckpointSource>,
    /// Whose models are listed.
    pub folder: Option<PathBuf>,
}

impl RememberedModels {
    fn opened(&mut self, source: CheckpointSource) {
        self.recent.retain(|known| *known != source);
        self.recent.insert(0, source);
        self.recent.truncate(MOST_RECENT);
    }
}

/// The models that the window knows of.
#[derive(Debug, Default)]
pub struct ModelChoices {
    remembered: RememberedModels,
    /// Asked for and not answered yet, in order.
    asked: VecDeque<CheckpointSource>,
    /// The one that did not load last.
    failed: Option<CheckpointSource>,
    /// What the folder holds, once it was looked at.
    found: Option<FoundModels>,
}

impl ModelChoices {
    /// The state of an engine that was started with the embedded model.
    pub fn new(remembered: RememberedModels) -> Self {
        Self {
            remembered,
            asked: VecDeque::from([CheckpointSource::Embedded]),
            ..Self::default()
        }
    }

    pub fn remembered(&self) -> &RememberedModels {
        &self.remembered
    }

    /// What the chosen folder holds.
    pub fn found(&self) -> Option<&FoundModels> {
        self.found.as_ref()
    }

    pub fn set_found(&mut self, found: FoundModels) {
        self.found = Some(found);
    }

    pub fn set_folder(&mut self, folder: PathBuf) {
        self.remembered.folder = Some(folder);
        self.found = None;
    }

    /// The engine is asked for `source`.
    pub fn ask(&mut self, source: CheckpointSource) {
        self.asked.push_back(source);
    }

    /// Whether the engine still has to answer for a model.
    pub fn is_waiting(&self) -> bool {
        !self.asked.is_empty()
    }

    /// Whether it is asked for a model that was opened, which takes its time.
    pub fn is_opening(&self) -> bool {
        let mut asked = self.asked.iter();
        asked.any(|source| *source != CheckpointSource::Embedded)
    }

    /// The oldest one asked for is there.
    pub fn loaded(&mut self) {
        self.failed = None;
        if let Some(source) = self.asked.pop_front()
            && source != CheckpointSource::Embedded
        {
            self.remembered.opened(source);
        }
    }

    /// The oldest one asked for did not load.
    pub fn not_loaded(&mut self) {
        self.failed = self.asked.pop_front();
    }

    /// Whether the embedded model should take the place of one that failed.
    pub fn needs_embedded(&self) -> bool {
        let failed = self.failed.as_ref();
        !self.is_waiting() && failed.is_some_and(|failed| *failed != CheckpointSource::Embedded)
    }

    /// The file that did not load last, with this autoencoder.
    pub fn failed_with(&self, autoencoder: PathBuf) -> Option<CheckpointSource> {
        match self.failed.clone()? {
            CheckpointSource::File(mut file) => {
                file.vae = Some(autoencoder);
                Some(CheckpointSource::File(file))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> CheckpointSource {
        CheckpointSource::Folder(PathBuf::from(name))
    }

    fn opened(models: &mut ModelChoices, name: &str) {
        models.ask(folder(name));
        models.loaded();
    }

    #[test]
    fn models_opened_before_are_listed_once_with_the_newest_first() {
        let mut models = ModelChoices::new(RememberedModels::default());
        models.loaded();
        for number in 0..MOST_RECENT + 2 {
            opened(&mut models, &number.to_string());
        }
        opened(&mut models, "5");
        let recent = &models.remembered().recent;
        assert_eq!(recent.len(), MOST_RECENT);
        assert_eq!(recent[..3], [folder("5"), folder("9"), folder("8")]);
        // The embedded model is always there and never listed.
        assert!(!recent.contains(&CheckpointSource::Embedded));
        models.ask(folder("6"));
        models.not_loaded();
        assert_eq!(models.remembered().recent[0], folder("5"));
    }

    #[test]
    fn the_embedded_model_steps_in_when_nothing_else_is_coming() {
        let mut models = ModelChoices::new(RememberedModels::default());
        models.loaded();
        models.ask(folder("bad"));
        models.ask(folder("good"));
        models.not_loaded();
        assert!(!models.needs_embedded(), "another is coming");
        models.not_loaded();
        assert!(models.needs_embedded());
        models.ask(CheckpointSource::Embedded);
        models.not_loaded();
        assert!(!models.needs_embedded(), "it would fail for ever");
    }
}

//! Opening models: what is asked of the engine, and what follows from its answers.

use std::path::PathBuf;
use std::sync::Arc;

use super::StudioApp;
use crate::checkpoint::CheckpointSource;
use crate::engine::{Event, LoraChoice, NetworkFile, Settings};

impl StudioApp {
    /// Asks the engine for a model; one that is still loading is given up for it.
    pub fn load(&mut self, source: CheckpointSource) {
        if self.state.models.is_opening() {
            self.engine.cancel_loading();
        }
        if self.state.session.is_busy() {
            let name = source.name();
            let text = format!("{name} opens as soon as the pictures in work are done.");
            self.say(&text, false);
        }
        self.state.models.ask(source.clone());
        self.engine.load(source);
    }

    /// Says why there is nothing to open where the person said.
    pub fn refuse_model(&mut self, reason: &str) {
        self.say(&crate::app::state::message::sentence(reason), true);
    }

    /// Asks again for the file that lacked an autoencoder, or for the one that is open,
    /// with another autoencoder.
    pub(super) fn load_with(&mut self, autoencoder: PathBuf) {
        let failed = self.state.models.failed_with(autoencoder.clone());
        match failed {
            Some(source) => self.load(source),
            None => self.change_autoencoder(Some(autoencoder)),
        }
    }

    /// Loads the open file anew, with an autoencoder from elsewhere or its own.
    pub(super) fn change_autoencoder(&mut self, autoencoder: Option<PathBuf>) {
        let open = self.state.session.model().map(|model| model.source.clone());
        if let Some(CheckpointSource::File(mut file)) = open {
            file.vae = autoencoder;
            self.load(CheckpointSource::File(file));
        }
    }

    /// Lists another folder's models.
    pub(super) fn list_models(&mut self, folder: PathBuf) {
        self.state.models.set_folder(folder);
        self.find_models();
    }

    pub(super) fn find_models(&mut self) {
        if let Some(folder) = self.state.models.remembered().folder.clone() {
            self.state.files.find_models(folder);
        }
    }

    /// Looks again at the folder of LoRAs and at those opened one by one.
    pub(super) fn find_loras(&mut self) {
        let known = self.state.networks.remembered().clone();
        self.state.files.find_networks(known);
    }

    /// Words of textual inversions that fit the model are words of the prompt.
    pub(super) fn follow_known_words(&mut self) {
        if let Some(width) = self.state.session.model().map(|model| model.text_width) {
            let known = self.state.networks.library().known_words(width);
            self.state.draft.set_known_words(known);
        }
    }

    /// Adds a LoRA that was opened by itself, or says why it cannot be.
    pub(super) fn take_lora(&mut self, file: NetworkFile) {
        if let Some(problem) = &file.problem {
            let text = crate::app::state::message::sentence(problem);
            return self.say(&text, true);
        }
        let name = file.name.clone();
        self.state.networks.add(file);
        let loras = &mut self.state.draft.settings_mut().loras;
        if !loras.iter().any(|lora| lora.name == name) {
            loras.push(LoraChoice::new(name, 1.0));
        }
    }

    /// Before the session takes the event in.
    pub(super) fn model_event(&mut self, event: &Event) {
        match event {
            Event::ModelReady(info) => {
                let known = self.state.networks.library().known_words(info.text_width);
                self.state.draft.set_known_words(known);
                self.state.draft.set_tokenizer(Arc::clone(&info.tokenizer));
                let old = self.state.defaults();
                let objective = old.optimisation.objective;
                let new = Settings::for_new_pictures(&info.own_walk, objective);
                let settings = self.state.draft.settings_mut();
                settings.change_defaults(&old, &new, Some(&info.own_walk));
                self.state.models.loaded();
            }
            Event::ModelFailed { .. } => {
                self.state.models.not_loaded();
                // It was meant for the model that did not come.
                self.generates_when_ready = false;
            }
            _ => {}
        }
    }

    /// After the events: the embedded model takes the place of one that failed
    /// and left none, and what waited for a model begins.
    pub(super) fn go_on_with_model(&mut self) {
        let is_ready = self.state.session.model().is_some();
        if !is_ready && self.state.models.needs_embedded() {
            let embedded = CheckpointSource::Embedded;
            self.state.models.ask(embedded.clone());
            self.engine.load(embedded);
        }
        self.take_restored();
        if self.generates_when_ready && is_ready && !self.state.models.is_waiting() {
            self.generates_when_ready = false;
            self.generate();
        }
    }

    pub(super) fn generate_when_ready(&mut self) {
        self.generates_when_ready = true;
        self.say(
            "The model is still loading; the picture comes as soon as it is ready.",
            false,
        );
    }
}

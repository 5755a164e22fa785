//! The window's program: engine events in, panels out, actions done.
//!
//! It knows nothing of the operating system's window, so that tests drive it
//! with egui_kittest and a real engine.

mod acting;
pub mod exporting;
pub mod keeping;
pub mod opening;
pub mod rescue;
pub mod restoring;
mod sweeping;

use std::path::PathBuf;
use std::sync::Arc;

use egui::util::undoer::Undoer;
use egui::{CentralPanel, Frame, Margin, Panel, Ui};

use crate::app::draft::{Draft, DraftContent};
use crate::app::files::{Files, Outcome};
use crate::app::look::fonts::{self, MissingGlyphs};
use crate::app::look::theme::{self, Palette};
use crate::app::paint::device_drawing::DeviceDrawing;
use crate::app::paint::textures::Textures;
use crate::app::prompt::prompt_panel::PromptPanel;
use crate::app::shell::drop_hint;
use crate::app::shell::frame_meter::FrameMeter;
use crate::app::shell::message_bar;
use crate::app::shell::panes::Panes;
use crate::app::shell::path_entry::PathEntry;
use crate::app::shell::preferences::Preferences;
use crate::app::shell::shortcuts;
use crate::app::shell::status_bar::StatusBar;
use crate::app::state::State;
use crate::app::state::action::Action;
use crate::app::state::kept::Kept;
use crate::app::state::message::Message;
use crate::app::state::model_choices::ModelChoices;
use crate::app::state::networks::{Networks, RememberedNetworks};
use crate::app::state::session::{RunKey, Session};
use crate::app::state::sweeps::Sweeps;
use crate::checkpoint::CheckpointSource;
use crate::engine::{Engine, Event};
use crate::export::OutputFolder;
use crate::restore::RestoredSettings;
use exporting::Recording;
use rescue::Rescue;
use restoring::{missing_loras, restore_request};

/// Longest wait before the window looks after its jobs again, in seconds.
const JOB_INTERVAL: f32 = 0.1;

/// Everything behind the window.
pub struct StudioApp {
    engine: Engine,
    state: State,
    textures: Textures,
    panes: Panes,
    prompt: PromptPanel,
    status: StatusBar,
    path_entry: PathEntry,
    undoer: Undoer<DraftContent>,
    missing_glyphs: MissingGlyphs,
    /// Generate was pressed before the model was ready.
    generates_when_ready: bool,
    /// Read out of a picture before there was a tokenizer.
    restored: Option<Box<RestoredSettings>>,
    meter: FrameMeter,
    rescue: Rescue,
    recordings: Vec<Recording>,
}

impl StudioApp {
    /// Takes over an engine that was just started with the embedded model.
    pub fn new(
        ctx: &egui::Context,
        engine: Engine,
        output: OutputFolder,
        preferences: Preferences,
    ) -> Self {
        theme::install(ctx);
        let missing_glyphs = fonts::install(ctx);
        let mut files = Files::new(output);
        if let Some(folder) = &preferences.models.folder {
            files.find_models(folder.clone());
        }
        let networks = Networks::new(preferences.networks);
        if *networks.remembered() != RememberedNetworks::default() {
            files.find_networks(networks.remembered().clone());
        }
        let state = State {
            session: Session::new(CheckpointSource::Embedded),
            draft: Draft::new(preferences.draft),
            view: preferences.view,
            files,
            models: ModelChoices::new(preferences.models),
            networks,
            kept: Kept::new(preferences.gallery),
            sweeps: Sweeps::default(),
            store: Arc::clone(engine.store()),
            actions: Vec::new(),
            dragged_object: None,
            drawing: None,
        };
        Self {
            engine,
            state,
            textures: Textures::default(),
            panes: Panes::new(preferences.panes),
            prompt: PromptPanel::default(),
            status: StatusBar::default(),
            path_entry: PathEntry::default(),
            undoer: Undoer::default(),
            missing_glyphs,
            generates_when_ready: false,
            restored: None,
            meter: FrameMeter::default(),
            rescue: Rescue::default(),
            recordings: Vec::new(),
        }
    }

    /// What was saved, and whether there is a device to go on with.
    pub fn rescue(&self) -> &Rescue {
        &self.rescue
    }

    /// Writes every finished picture that is in no file yet.
    pub fn save_all(&mut self) {
        let output = self.state.files.output().clone();
        self.rescue.save_all(&mut self.state.session, &output);
    }

    /// Previews and maps are drawn by the window's device, if it can, instead of
    /// as textures computed on the CPU.
    pub fn draw_on_device(&mut self, drawing: Option<DeviceDrawing>) {
        self.textures.draw_on_device(drawing);
    }

    /// What the panels show, for tests.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The same, to be changed by a test as a person could.
    pub fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }

    /// Opens whatever lies at `path`, as if it had been dropped on the window: a
    /// model, or the settings of a picture.
    pub fn open(&mut self, path: PathBuf) {
        self.state.actions.push(Action::Open(path));
    }

    /// How long frames took.
    pub fn meter(&self) -> &FrameMeter {
        &self.meter
    }

    /// What to remember for the next session.
    pub fn preferences(&self) -> Preferences {
        Preferences {
            draft: self.state.draft.content().clone(),
            view: self.state.view.clone(),
            panes: self.panes.sizes(),
            models: self.state.models.remembered().clone(),
            networks: self.state.networks.remembered().clone(),
            gallery: self.state.kept.preferences().clone(),
        }
    }

    /// Takes in what the engine and the jobs brought; runs also while hidden.
    pub fn logic(&mut self, ctx: &egui::Context) {
        while let Some(event) = self.engine.try_event() {
            let is_loss = self.rescue.learns_of_loss(&event);
            self.model_event(&event);
            let finished = match &event {
                Event::Picture(picture) => Some((picture.request, picture.seed, picture.method)),
                _ => None,
            };
            if let Event::Trajectory(trajectory) = &event {
                self.recorded(Arc::clone(trajectory));
            }
            self.state.session.apply(event);
            let is_recording = |id| self.recordings.iter().any(|it| it.id == id);
            if let Some((request, seed, method)) = finished.filter(|it| !is_recording(it.0)) {
                self.keep_picture(RunKey { request, seed }, method);
            }
            if is_loss {
                self.save_all();
            }
        }
        self.go_on_with_model();
        self.take_gallery_news();
        let has_focus = ctx.input(|input| input.focused);
        for outcome in self.state.files.poll(has_focus) {
            self.take_outcome(outcome);
        }
        self.meter.done("drawing, events");
        if self.state.files.is_busy() {
            ctx.request_repaint_after_secs(JOB_INTERVAL);
        }
        let dropped = ctx.input(|input| {
            let files = input.raw.dropped_files.iter();
            let paths = files.map(|file| Action::Open(file.path().to_path_buf()));
            paths.collect::<Vec<_>>()
        });
        self.state.actions.extend(dropped);
    }

    /// Lays out one frame and does what was asked in it.
    pub fn ui(&mut self, ui: &mut Ui) {
        self.meter.begin(self.state.session.running.is_some());
        shortcuts::read(ui, &mut self.state);
        let palette = Palette::of(ui);
        let panel = |fill| Frame::new().fill(fill).inner_margin(Margin::same(12));
        Panel::top("prompt panel")
            .frame(panel(palette.surface))
            .show_separator_line(false)
            .show(ui, |ui| self.prompt.ui(ui, &mut self.state));
        self.meter.done("prompt");
        Panel::bottom("status")
            .frame(panel(palette.ground).inner_margin(Margin::symmetric(12, 2)))
            .show_separator_line(false)
            .exact_size(24.0)
            .show(ui, |ui| {
                let panes = self.panes.sizes_mut();
                self.status.ui(ui, &mut self.state, &self.meter, panes);
            });
        CentralPanel::no_frame()
            .frame(
                Frame::new()
                    .fill(palette.ground)
                    .inner_margin(Margin::symmetric(0, 4)),
            )
            .show(ui, |ui| {
                self.panes.ui(ui, &mut self.state, &mut self.textures);
                message_bar::ui(ui, &mut self.state);
                self.path_entry.ui(ui, &mut self.state);
            });
        self.meter.done("panes");
        drop_hint::ui(ui);
        if let Some(news) = self.missing_glyphs.news() {
            self.say(&news, false);
        }
        self.state.draft.follow_settings();
        let time = ui.input(|input| input.time);
        self.undoer.feed_state(time, self.state.draft.content());
        for action in std::mem::take(&mut self.state.actions) {
            self.act(ui.ctx(), action);
        }
        self.meter.done("actions");
        let lit = self.state.view.lit_word.turn();
        let pointed = self.state.view.pointed.turn();
        if lit || pointed {
            ui.ctx().request_repaint();
        }
    }

    fn take_outcome(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::PathChosen(path) => self.state.files.look_at(path),
            Outcome::ModelFound(source) => self.load(source),
            Outcome::AutoencoderChosen(path) => self.load_with(path),
            Outcome::ModelsFolderChosen(path) => self.list_models(path),
            Outcome::ModelsFound(Ok(found)) => self.state.models.set_found(found),
            Outcome::LoraFolderChosen(path) => {
                self.state.networks.set_folder(path);
                self.find_loras();
            }
            Outcome::EmbeddingFolderChosen(path) => {
                self.state.networks.set_embedding_folder(path);
                self.find_loras();
            }
            Outcome::LoraChosen(path) => self.state.files.look_at_lora(path),
            Outcome::LorasFound(Ok(library)) => {
                self.state.networks.set_library(library);
                self.follow_known_words();
            }
            Outcome::LoraLookedAt(file) => self.take_lora(file),
            Outcome::OutputChosen(path) => {
                self.state.files.set_output(path);
                let preferences = self.state.kept.preferences().clone();
                let output = self.state.files.output().clone();
                self.state.kept.change(preferences, &output);
            }
            Outcome::PictureChosen(path) => {
                let library = Arc::clone(self.state.networks.library());
                let open = self.state.session.model().cloned();
                self.state.files.read(path, library, open);
            }
            Outcome::PlaceChosen(export, path) => self.export(export, path),
            Outcome::Saved(Ok(paths)) => {
                // What kept it from being saved before no longer does.
                let message = self.state.session.message.take();
                self.state.session.message = message.filter(|message| message.is_error);
                if let Some(path) = paths.into_iter().next_back() {
                    self.state.files.saved(path);
                }
            }
            Outcome::SettingsRead(Ok(restored)) => {
                self.restored = Some(restored);
                self.take_restored();
            }
            Outcome::Saved(Err(problem))
            | Outcome::SettingsRead(Err(problem))
            | Outcome::ModelsFound(Err(problem))
            | Outcome::LorasFound(Err(problem))
            | Outcome::NothingThere(problem) => self.say(&problem, true),
        }
    }

    /// Takes what was read out of a picture, once there is a tokenizer: it tells
    /// which words the picture's relations are about.
    pub(super) fn take_restored(&mut self) {
        if self.state.draft.tokens().is_none() {
            return;
        }
        if let Some(restored) = self.restored.take() {
            let request = &restored.taken;
            restore_request(&mut self.state.draft, request, request.seeds.clone());
            let model = self.state.session.model();
            let mut text = restored.message(model.map(|model| model.name.as_str()));
            text.push_str(&missing_loras(&self.state));
            if let Some(missing) = restored.missing_inversions(self.state.networks.library()) {
                text.push_str(&format!(" {missing}"));
            }
            self.say(&text, false);
        }
    }

    pub(super) fn say(&mut self, text: &str, is_error: bool) {
        self.state.session.message = Some(Message {
            text: text.to_string(),
            is_error,
            remedy: None,
        });
    }
}

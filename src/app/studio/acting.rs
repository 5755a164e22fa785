//! What the panels ask for is done here.

use std::sync::Arc;

use egui::Theme;

use super::StudioApp;
use super::restoring::restore_request;
use crate::app::draft::DraftError;
use crate::app::files::Outcome;
use crate::app::state::action::{Action, ModelPlace, Wanted};
use crate::app::state::message::{Message, Remedy, sentence};
use crate::app::state::session::RunKey;
use crate::diffusion::Methods;

impl StudioApp {
    pub(super) fn act(&mut self, ctx: &egui::Context, action: Action) {
        match action {
            Action::Generate => self.generate(),
            Action::Cancel => self.cancel(),
            Action::CancelAll => {
                self.engine.cancel_all();
                self.state.session.is_cancelling = self.state.session.is_busy();
            }
            Action::FinishThenStop => {
                self.engine.finish_then_stop();
                self.state.session.is_finishing = self.state.session.is_busy();
            }
            Action::OpenModelDialog(place) => self.state.files.ask(Wanted::Model(place)),
            Action::TakePath(wanted, path) => self.take_outcome(Outcome::of(wanted, path)),
            Action::Open(path) => self.state.files.look_at(path),
            Action::LoadModel(source) => self.load(source),
            Action::ChooseAutoencoderDialog => self.state.files.ask(Wanted::Autoencoder),
            Action::OwnAutoencoder => self.change_autoencoder(None),
            Action::CancelLoading => self.engine.cancel_loading(),
            Action::ChooseModelsFolderDialog => self.state.files.ask(Wanted::ModelsFolder),
            Action::FindModels => self.find_models(),
            Action::ChooseLoraFolderDialog => self.state.files.ask(Wanted::LoraFolder),
            Action::ChooseEmbeddingFolderDialog => self.state.files.ask(Wanted::EmbeddingFolder),
            Action::OpenLoraDialog => self.state.files.ask(Wanted::Lora),
            Action::FindLoras => self.find_loras(),
            Action::Restore(key) => self.restore(key),
            Action::Kept(action) => self.act_on_kept(action),
            Action::Sweep => self.make_sweep(),
            Action::Save => self.save(),
            Action::SaveAsDialog(export) => self.ask_for_place(export),
            Action::Copy => self.copy(ctx),
            Action::ShowInFolder(path) => self.show_in_folder(&path),
            Action::ChooseOutputDialog => self.state.files.ask(Wanted::Output),
            Action::OpenPictureDialog => self.state.files.ask(Wanted::Picture),
            Action::Remedy(Remedy::Restart) => {
                self.rescue.wants_restart = true;
                ctx.send_viewport_cmd(egui::ViewportCommand::Close);
            }
            Action::Remedy(remedy) => self.help(remedy),
            Action::Undo => {
                let content = self.undoer.undo(self.state.draft.content()).cloned();
                content
                    .map(|content| self.state.draft.replace(content))
                    .unwrap_or_default();
            }
            Action::Redo => {
                let content = self.undoer.redo(self.state.draft.content()).cloned();
                content
                    .map(|content| self.state.draft.replace(content))
                    .unwrap_or_default();
            }
            Action::Quit => ctx.send_viewport_cmd(egui::ViewportCommand::Close),
            Action::ToggleTheme => ctx.set_theme(match ctx.theme() {
                Theme::Dark => Theme::Light,
                Theme::Light => Theme::Dark,
            }),
        }
    }

    pub(super) fn generate(&mut self) {
        // What is asked for now is meant for the model that is coming.
        if self.state.models.is_waiting() {
            return self.generate_when_ready();
        }
        let draft = &mut self.state.draft;
        let has_run = !self.state.session.runs.is_empty() || self.state.session.is_busy();
        if !draft.seeds.locked && has_run {
            draft.seeds_mut().draw();
        }
        draft.seeds_mut().settle();
        match draft.request() {
            Ok(mut request) => {
                request.networks = Arc::clone(self.state.networks.library());
                let id = self.engine.submit(request.clone());
                self.state.session.submitted(id, Arc::new(request));
                // What was looked at gives way to what is being made.
                self.state.view.run = None;
                self.state.view.step = None;
            }
            Err(DraftError::NoModel) => self.generate_when_ready(),
            Err(error) => self.say(&sentence(&error.to_string()), true),
        }
    }

    /// Ends the request in work; what waits is begun next, and that is said.
    fn cancel(&mut self) {
        let session = &mut self.state.session;
        let Some(id) = session.next_to_end() else {
            return;
        };
        self.engine.cancel_up_to(id);
        session.is_cancelling = true;
        let waiting = session
            .queue
            .iter()
            .filter(|queued| queued.id != id)
            .count();
        if waiting > 0 {
            let text = match waiting {
                1 => "Stopped; the request that waits goes on.".to_string(),
                _ => format!("Stopped; the {waiting} requests that wait go on."),
            };
            session.message = Some(Message {
                text,
                is_error: false,
                remedy: Some(Remedy::DropWaiting),
            });
        }
    }

    /// The settings of a run become the draft, with its seed alone.
    fn restore(&mut self, key: RunKey) {
        if let Some(run) = self.state.session.run(key) {
            let request = Arc::clone(&run.request);
            restore_request(&mut self.state.draft, &request, vec![key.seed]);
        }
    }

    fn help(&mut self, remedy: Remedy) {
        self.state.session.message = None;
        match remedy {
            Remedy::OpenModel => self.state.files.ask(Wanted::Model(ModelPlace::Folder)),
            Remedy::ChooseAutoencoder => self.state.files.ask(Wanted::Autoencoder),
            Remedy::StandardOnly => {
                self.state.draft.settings_mut().methods = Methods::Standard;
                self.generate();
            }
            Remedy::ResetSettings => *self.state.draft.settings_mut() = self.state.defaults(),
            Remedy::DiscardRelations => self.state.draft.propose_again(),
            Remedy::DropWaiting => self.state.actions.push(Action::CancelAll),
            // The window's own affair.
            Remedy::Restart => {}
        }
    }
}

//! What the person takes out of the window: pictures saved, exported, copied and
//! shown in the file manager.

use std::path::{Path, PathBuf};

use super::StudioApp;
use crate::app::files;
use crate::app::files::saving::{self, Writing};
use crate::app::look::names::method_name;
use crate::app::paint::images;
use crate::app::state::action::{Export, Wanted};
use crate::diffusion::Method;

impl StudioApp {
    /// Saves what the shown run has so far, without asking.
    pub(super) fn save(&mut self) {
        let output = self.state.files.output();
        let Some(run) = self.state.shown_run() else {
            return self.say(
                "There is no picture to save yet; generate one first.",
                false,
            );
        };
        let key = run.key;
        let (methods, writings): (Vec<Method>, Vec<Writing>) =
            saving::pictures(run, output).into_iter().unzip();
        if writings.is_empty() {
            return self.say("The picture is not finished yet; save it then.", false);
        }
        self.rescue.saved(key, methods);
        self.write(writings);
    }

    /// Asks where an export should go.
    pub(super) fn ask_for_place(&mut self, export: Export) {
        let output = self.state.files.output();
        let method = self.state.attention_method();
        let Some(run) = self.state.shown_run() else {
            return;
        };
        let (prompt, seed) = (&run.request.prompt, run.key.seed);
        let proposed = match export {
            Export::Picture => output.picture(prompt, seed, method),
            Export::Comparison => output.comparison(prompt, seed),
            Export::Grid => output.grid(prompt),
        };
        self.state.files.ask(Wanted::Place(export, proposed));
    }

    /// Writes an export to a place that was chosen.
    pub(super) fn export(&mut self, export: Export, path: PathBuf) {
        let method = self.state.attention_method();
        let Some(run) = self.state.shown_run() else {
            return;
        };
        let writing = match export {
            Export::Picture => saving::picture(run, method, path),
            Export::Comparison => saving::comparison(run, path),
            Export::Grid => saving::seeds_grid(&self.state.session, run.key.request, path),
        };
        match writing {
            Some(writing) => self.write(vec![writing]),
            None => self.say("That needs a finished picture of both methods.", false),
        }
    }

    pub(super) fn copy(&mut self, ctx: &egui::Context) {
        let method = self.state.attention_method();
        let Some(run) = self.state.shown_run() else {
            return;
        };
        if let Some(picture) = &run.trace(method).picture {
            ctx.copy_image(images::exact_picture(&picture.image));
            let name = method_name(method);
            self.say(&format!("The {name} picture is on the clipboard."), false);
        }
    }

    pub(super) fn show_in_folder(&mut self, path: &Path) {
        if let Err(error) = files::show_in_folder(path) {
            self.say(&format!("The file manager did not open ({error})."), true);
        }
    }

    /// Writes files, without the settings if the person wants none in them.
    fn write(&mut self, mut writings: Vec<Writing>) {
        if !self.state.view.saves_settings {
            writings.iter_mut().for_each(Writing::leave_out_settings);
        }
        self.state.files.save(writings);
    }
}

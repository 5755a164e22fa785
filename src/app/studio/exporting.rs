//! What the person takes out of the window: pictures saved, exported, copied and
//! shown in the file manager.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::StudioApp;
use crate::app::files;
use crate::app::files::saving::{self, Writing};
use crate::app::look::names::method_name;
use crate::app::paint::images;
use crate::app::state::action::{Export, Wanted};
use crate::app::state::kept::Keeping;
use crate::diffusion::Method;
use crate::engine::{ModelInfo, Request, RequestId, Trajectory};

/// A run that is made again to record it, and where its numbers go.
pub(super) struct Recording {
    pub(super) id: RequestId,
    path: PathBuf,
    request: Arc<Request>,
    /// What the request was meant for.
    model: Arc<ModelInfo>,
}

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
        let is_kept_there = self.state.kept.preferences().keeping == Keeping::Output;
        if is_kept_there && self.rescue.has_saved(key, &methods) {
            let text = format!("The pictures are in {output} already.");
            return self.say(&text, false);
        }
        self.rescue.saved(key, methods);
        self.state.kept.saved(key);
        self.write(writings);
    }

    /// Asks where an export should go.
    pub(super) fn ask_for_place(&mut self, export: Export) {
        let output = self.state.files.output();
        let Some(run) = self.state.shown_run() else {
            return;
        };
        let (prompt, seed) = (&run.request.prompt, run.key.seed);
        let proposed = match export {
            Export::Picture(method) => output.picture(prompt, seed, method),
            Export::Comparison => output.comparison(prompt, seed),
            Export::Grid => output.grid(prompt),
            Export::Sweep => output.sweep(prompt, seed),
            Export::Strip => output.strip(prompt, seed),
            Export::Animation => output.animation(prompt, seed),
            Export::Trajectory => output.trajectory(prompt, seed),
        };
        self.state.files.ask(Wanted::Place(export, proposed));
    }

    /// Writes an export to a place that was chosen.
    pub(super) fn export(&mut self, export: Export, path: PathBuf) {
        let Some(run) = self.state.shown_run() else {
            return;
        };
        let writing =
            match export {
                Export::Picture(method) => saving::picture(run, method, path),
                Export::Comparison => saving::comparison(run, path),
                Export::Grid => saving::seeds_grid(&self.state.session, run.key.request, path),
                Export::Sweep => self.state.sweeps.of(run.key.request).and_then(|made| {
                    saving::sweep_grid(&self.state.session, made, run.key.seed, path)
                }),
                Export::Strip => {
                    let colours = self.state.view.colour_map;
                    saving::heatmaps(run, &self.state.store, colours, path)
                }
                Export::Animation => {
                    let overlays = self.state.view.overlays_in_animations;
                    saving::steps(run, &self.state.store, overlays, path)
                }
                Export::Trajectory => return self.record(path),
            };
        let key = run.key;
        match writing {
            Some(mut writing) => {
                if matches!(export, Export::Picture(_) | Export::Comparison) {
                    self.state.kept.saved(key);
                }
                writing.quality = self.state.view.jpeg_quality;
                self.write(vec![writing]);
            }
            None if matches!(export, Export::Strip | Export::Animation) => {
                self.say(
                    "The steps of this picture are not kept any more; make it again.",
                    true,
                );
            }
            None => self.say("That needs a finished picture of both methods.", false),
        }
    }

    /// Makes the shown run again, and writes what it computes to `path`.
    fn record(&mut self, path: PathBuf) {
        let method = self.state.attention_method();
        let (Some(run), Some(model)) = (self.state.shown_run(), self.state.session.model()) else {
            return self.say("The model is still loading; try again in a moment.", true);
        };
        let request = Arc::new(Request {
            seeds: vec![run.key.seed],
            trajectory: Some(method),
            ..(*run.request).clone()
        });
        let model = Arc::clone(model);
        let id = self.engine.submit((*request).clone());
        self.state.session.submitted(id, Arc::clone(&request));
        self.recordings.push(Recording {
            id,
            path,
            request,
            model,
        });
        self.state.view.run = None;
        self.state.view.step = None;
        let name = method_name(method);
        self.say(
            &format!("The {name} picture is made again to record it; the file comes at its end."),
            false,
        );
    }

    /// Writes a recording that was waited for.
    pub(super) fn recorded(&mut self, trajectory: Arc<Trajectory>) {
        let mut recordings = self.recordings.iter();
        let place = recordings.position(|it| it.id == trajectory.request);
        if let Some(place) = place {
            let Recording {
                path,
                request,
                model,
                ..
            } = self.recordings.swap_remove(place);
            let writing = saving::trajectory(trajectory, request, model, path);
            self.state.files.save(vec![writing]);
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

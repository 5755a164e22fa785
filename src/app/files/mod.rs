//! Files, off the window's thread: dialogs, saving, reading settings back.
//! Nothing here blocks a frame; results are picked up in a later one.

pub mod saving;

use std::path::{Path, PathBuf};
use std::process::Command;

use poll_promise::Promise;

use crate::app::state::action::{Export, ModelPlace};
use crate::app::state::message::sentence;
use crate::checkpoint::{CheckpointSource, FoundModels};
use crate::export::OutputFolder;
use crate::restore::{PictureKind, RestoredSettings, read_picture};
use saving::Writing;

/// What a job brought.
#[derive(Debug)]
pub enum Outcome {
    /// The person closed the dialog.
    Nothing,
    /// A path whose contents are not known yet.
    PathChosen(PathBuf),
    ModelFound(CheckpointSource),
    AutoencoderChosen(PathBuf),
    ModelsFolderChosen(PathBuf),
    ModelsFound(Result<FoundModels, String>),
    /// There is nothing to open at a path.
    NothingThere(String),
    OutputChosen(PathBuf),
    PictureChosen(PathBuf),
    PlaceChosen(Export, PathBuf),
    Saved(Result<Vec<PathBuf>, String>),
    SettingsRead(Result<Box<RestoredSettings>, String>),
}

/// Jobs under way and what came of them.
#[derive(Default)]
pub struct Files {
    output: OutputFolder,
    dialog: Option<Promise<Outcome>>,
    jobs: Vec<Promise<Outcome>>,
    last_saved: Option<PathBuf>,
}

impl Files {
    pub fn new(output: OutputFolder) -> Self {
        Self {
            output,
            ..Self::default()
        }
    }

    /// The folder that pictures are saved into without asking.
    pub fn output(&self) -> &OutputFolder {
        &self.output
    }

    pub fn set_output(&mut self, folder: PathBuf) {
        self.output = folder.into();
    }

    /// The file that was saved last.
    pub fn last_saved(&self) -> Option<&Path> {
        self.last_saved.as_deref()
    }

    pub fn is_dialog_open(&self) -> bool {
        self.dialog.is_some()
    }

    /// Asks for a model's folder or file.
    pub fn ask_for_model(&mut self, place: ModelPlace) {
        let dialog = rfd::AsyncFileDialog::new().set_title("Open a Stable Diffusion model");
        match place {
            ModelPlace::Folder => self.ask(dialog.pick_folder(), Outcome::PathChosen),
            ModelPlace::File => {
                let dialog = weight_files(dialog);
                self.ask(dialog.pick_file(), Outcome::PathChosen);
            }
        }
    }

    /// Asks for the autoencoder of a model that lacks it.
    pub fn ask_for_autoencoder(&mut self) {
        let dialog = rfd::AsyncFileDialog::new().set_title("Choose an autoencoder (VAE)");
        let dialog = weight_files(dialog);
        self.ask(dialog.pick_file(), Outcome::AutoencoderChosen);
    }

    /// Asks for the folder whose models are listed.
    pub fn ask_for_models_folder(&mut self) {
        let dialog = rfd::AsyncFileDialog::new().set_title("Choose a folder of models");
        self.ask(dialog.pick_folder(), Outcome::ModelsFolderChosen);
    }

    /// Finds out what lies at `path`.
    pub fn look_at(&mut self, path: PathBuf) {
        self.jobs
            .push(Promise::spawn_thread("looking", move || look_at(path)));
    }

    /// Looks for models in `folder`.
    pub fn find_models(&mut self, folder: PathBuf) {
        self.jobs.push(Promise::spawn_thread("models", move || {
            let found = FoundModels::in_folder(&folder);
            Outcome::ModelsFound(found.map_err(|error| sentence(&error.to_string())))
        }));
    }

    /// Asks for the output folder.
    pub fn ask_for_output(&mut self) {
        let dialog = rfd::AsyncFileDialog::new()
            .set_title("Choose the output folder")
            .set_directory(self.output.path());
        self.ask(dialog.pick_folder(), Outcome::OutputChosen);
    }

    /// Asks for a picture whose settings are to come back.
    pub fn ask_for_picture(&mut self) {
        let dialog = rfd::AsyncFileDialog::new()
            .set_title("Open a picture's settings")
            .set_directory(self.output.path())
            .add_filter("Pictures", &["png"]);
        self.ask(dialog.pick_file(), Outcome::PictureChosen);
    }

    /// Asks where to save an export; `proposed` is where it would go by itself.
    pub fn ask_for_place(&mut self, export: Export, proposed: &Path) {
        let name = proposed.file_name().unwrap_or_default().to_string_lossy();
        let dialog = rfd::AsyncFileDialog::new()
            .set_title("Save the picture")
            .set_directory(self.output.path())
            .set_file_name(name)
            .add_filter("PNG", &["png"]);
        self.ask(dialog.save_file(), move |path| {
            Outcome::PlaceChosen(export, path)
        });
    }

    /// One dialog at a time. The future is made on the window's thread, as
    /// macOS demands, and awaited on another one.
    fn ask(
        &mut self,
        dialog: impl Future<Output = Option<rfd::FileHandle>> + Send + 'static,
        outcome: impl FnOnce(PathBuf) -> Outcome + Send + 'static,
    ) {
        if self.dialog.is_some() {
            return;
        }
        self.dialog = Some(Promise::spawn_thread(
            "dialog",
            move || match pollster::block_on(dialog) {
                Some(file) => outcome(file.path().to_path_buf()),
                None => Outcome::Nothing,
            },
        ));
    }

    /// Writes files, one after the other.
    pub fn save(&mut self, writings: Vec<Writing>) {
        self.jobs.push(Promise::spawn_thread("saving", move || {
            Outcome::Saved(writings.into_iter().map(Writing::run).collect())
        }));
    }

    /// Reads the settings in a picture.
    pub fn read(&mut self, path: PathBuf) {
        self.jobs.push(Promise::spawn_thread("reading", move || {
            let restored = read_picture(&path);
            // It begins with the file's name, which keeps its small letter.
            Outcome::SettingsRead(restored.map_err(|error| format!("{error}.")))
        }));
    }

    /// What has become ready since the last frame.
    pub fn poll(&mut self) -> Vec<Outcome> {
        let mut ready = Vec::new();
        self.dialog = self
            .dialog
            .take()
            .and_then(|dialog| still_pending(dialog, &mut ready));
        let jobs = std::mem::take(&mut self.jobs).into_iter();
        self.jobs = jobs
            .filter_map(|job| still_pending(job, &mut ready))
            .collect();
        ready
    }

    /// Remembers a file for “show in folder”.
    pub fn saved(&mut self, path: PathBuf) {
        self.last_saved = Some(path);
    }

    /// Whether a job is under way, so that the window has to look again soon.
    pub fn is_busy(&self) -> bool {
        self.dialog.is_some() || !self.jobs.is_empty()
    }
}

fn weight_files(dialog: rfd::AsyncFileDialog) -> rfd::AsyncFileDialog {
    // Files are told by their contents; the second filter is for other names.
    dialog
        .add_filter("safetensors", &["safetensors"])
        .add_filter("All files", &["*"])
}

/// A picture is told by its first bytes; whatever else it is, it is opened as a
/// model, which says what it is instead.
fn look_at(path: PathBuf) -> Outcome {
    if PictureKind::of_file(&path).is_some() {
        return Outcome::PictureChosen(path);
    }
    match CheckpointSource::from_path(&path) {
        Ok(source) => Outcome::ModelFound(source),
        Err(error) => Outcome::NothingThere(sentence(&error.to_string())),
    }
}

/// The job if it isn't done; otherwise its outcome joins `ready`.
fn still_pending(job: Promise<Outcome>, ready: &mut Vec<Outcome>) -> Option<Promise<Outcome>> {
    match job.try_take() {
        Ok(outcome) => {
            ready.push(outcome);
            None
        }
        Err(job) => Some(job),
    }
}

/// Opens the system's file manager at a file.
///
/// # Errors
/// If the file is gone or there is no file manager to start.
pub fn show_in_folder(path: &Path) -> std::io::Result<()> {
    let path = path.canonicalize()?;
    let mut command = if cfg!(target_os = "macos") {
        let mut command = Command::new("open");
        command.arg("-R").arg(&path);
        command
    } else if cfg!(target_os = "windows") {
        let mut command = Command::new("explorer");
        command.arg("/select,").arg(&path);
        command
    } else {
        let mut command = Command::new("xdg-open");
        command.arg(path.parent().unwrap_or(&path));
        command
    };
    command.spawn().map(|_| ())
}

//! Files, off the window's thread: dialogs, saving, reading settings back.
//! Nothing here blocks a frame; results are picked up in a later one.

pub mod dialogs;
pub mod saving;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use poll_promise::Promise;

use crate::app::state::action::{Export, Wanted};
use crate::app::state::message::sentence;
use crate::app::state::networks::RememberedNetworks;
use crate::checkpoint::{CheckpointSource, FoundModels, LoraFile};
use crate::engine::{ModelInfo, NetworkFile, NetworkLibrary};
use crate::export::OutputFolder;
use crate::restore::{PictureKind, RestoredSettings, read_picture};
use dialogs::{Dialogs, SystemDialogs};
use saving::Writing;

/// No person closes a dialog within this time; one that is gone by then never came.
const QUICK: Duration = Duration::from_millis(500);
/// A dialog that takes longer may never come.
const SLOW: Duration = Duration::from_secs(3);

/// What a job brought.
#[derive(Debug)]
pub enum Outcome {
    /// A path whose contents are not known yet.
    PathChosen(PathBuf),
    ModelFound(CheckpointSource),
    AutoencoderChosen(PathBuf),
    ModelsFolderChosen(PathBuf),
    ModelsFound(Result<FoundModels, String>),
    LoraFolderChosen(PathBuf),
    EmbeddingFolderChosen(PathBuf),
    LoraChosen(PathBuf),
    LorasFound(Result<NetworkLibrary, String>),
    LoraLookedAt(NetworkFile),
    /// There is nothing to open at a path.
    NothingThere(String),
    OutputChosen(PathBuf),
    PictureChosen(PathBuf),
    PlaceChosen(Export, PathBuf),
    Saved(Result<Vec<PathBuf>, String>),
    SettingsRead(Result<Box<RestoredSettings>, String>),
}

/// Why there is no path yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoAnswer {
    /// The dialog was gone at once.
    NotOpened,
    /// It is long in coming, and the window still has the keyboard.
    Silent,
}

/// A dialog under way, or one that failed.
struct Asked {
    wanted: Wanted,
    since: Instant,
    /// Gone once it has failed.
    answer: Option<Promise<Option<PathBuf>>>,
    no_answer: Option<NoAnswer>,
}

/// Jobs under way and what came of them.
pub struct Files {
    output: OutputFolder,
    dialogs: Box<dyn Dialogs>,
    asked: Option<Asked>,
    jobs: Vec<Promise<Outcome>>,
    last_saved: Option<PathBuf>,
}

impl Files {
    pub fn new(output: OutputFolder) -> Self {
        Self {
            output,
            dialogs: Box::new(SystemDialogs),
            asked: None,
            jobs: Vec::new(),
            last_saved: None,
        }
    }

    /// Asks in another way than by the system's dialogs.
    pub fn set_dialogs(&mut self, dialogs: Box<dyn Dialogs>) {
        self.dialogs = dialogs;
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

    /// Whether a dialog is waited for; one that fails to come does not count.
    pub fn is_dialog_open(&self) -> bool {
        let asked = self.asked.as_ref();
        asked.is_some_and(|asked| asked.no_answer.is_none())
    }

    /// What is asked for in vain, and why.
    pub fn no_answer(&self) -> Option<(Wanted, NoAnswer)> {
        let asked = self.asked.as_ref()?;
        Some((asked.wanted.clone(), asked.no_answer?))
    }

    /// Whatever the dialog answers later is not wanted any more.
    pub fn give_up_asking(&mut self) {
        self.asked = None;
    }

    /// Asks for a path by a dialog, one at a time; one that fails to come gives way.
    pub fn ask(&mut self, wanted: Wanted) {
        if self.is_dialog_open() {
            return;
        }
        let answer = self.dialogs.ask(&wanted, self.output.path());
        let answer = Promise::spawn_thread("dialog", move || pollster::block_on(answer));
        self.asked = Some(Asked {
            wanted,
            since: Instant::now(),
            answer: Some(answer),
            no_answer: None,
        });
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

    /// Looks for networks in the folders and at the files that are remembered.
    pub fn find_networks(&mut self, known: RememberedNetworks) {
        let RememberedNetworks {
            lora_folder: folder,
            embedding_folder,
            lora_files: files,
        } = known;
        self.jobs.push(Promise::spawn_thread("LoRAs", move || {
            let found = folder.map(|folder| {
                let found = NetworkLibrary::in_folder(&folder);
                let shown = folder.display().to_string();
                found.map_err(|error| format!("{shown} can't be looked into ({error})."))
            });
            let mut library = match found.transpose() {
                Ok(library) => library.unwrap_or_default(),
                Err(problem) => return Outcome::LorasFound(Err(problem)),
            };
            if let Some(folder) = embedding_folder
                && let Err(error) = library.find_inversions(&folder)
            {
                let shown = folder.display();
                let problem = format!("{shown} can't be looked into ({error}).");
                return Outcome::LorasFound(Err(problem));
            }
            let files = files.iter().filter(|path| path.is_file());
            files.for_each(|path| library.add(NetworkFile::look_at(path)));
            Outcome::LorasFound(Ok(library))
        }));
    }

    /// Looks at one LoRA.
    pub fn look_at_lora(&mut self, path: PathBuf) {
        self.jobs.push(Promise::spawn_thread("LoRA", move || {
            Outcome::LoraLookedAt(NetworkFile::look_at(&path))
        }));
    }

    /// Writes files, one after the other.
    pub fn save(&mut self, writings: Vec<Writing>) {
        self.jobs.push(Promise::spawn_thread("saving", move || {
            Outcome::Saved(writings.into_iter().map(Writing::run).collect())
        }));
    }

    /// Reads the settings in a picture, and compares the files that it names with those
    /// in `library`, and its model with the `open` one.
    pub fn read(
        &mut self,
        path: PathBuf,
        library: Arc<NetworkLibrary>,
        open: Option<Arc<ModelInfo>>,
    ) {
        self.jobs.push(Promise::spawn_thread("reading", move || {
            let mut restored = read_picture(&path);
            if let Ok(restored) = &mut restored {
                restored.compare(&library);
                if let Some(open) = open {
                    restored.compare_model(&open);
                }
            }
            // It begins with the file's name, which keeps its small letter.
            Outcome::SettingsRead(restored.map_err(|error| format!("{error}.")))
        }));
    }

    /// What has become ready since the last frame. A window that `has_focus` has
    /// no dialog before it.
    pub fn poll(&mut self, has_focus: bool) -> Vec<Outcome> {
        let mut ready = Vec::new();
        if let Some(asked) = self.asked.take() {
            self.asked = asked.poll(has_focus, &mut ready);
        }
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
        let asked = self.asked.as_ref();
        asked.is_some_and(|asked| asked.answer.is_some()) || !self.jobs.is_empty()
    }
}

impl Asked {
    /// Itself, as long as the person may still answer.
    fn poll(mut self, has_focus: bool, ready: &mut Vec<Outcome>) -> Option<Self> {
        let Some(answer) = self.answer.take() else {
            return Some(self);
        };
        let waited = self.since.elapsed();
        match answer.try_take() {
            Ok(Some(path)) => {
                ready.push(Outcome::of(self.wanted, path));
                None
            }
            Ok(None) if waited < QUICK && !cfg!(any(windows, target_os = "macos")) => {
                self.no_answer = Some(NoAnswer::NotOpened);
                Some(self)
            }
            Ok(None) => None,
            Err(pending) => {
                self.answer = Some(pending);
                if waited > SLOW && has_focus {
                    self.no_answer = Some(NoAnswer::Silent);
                }
                Some(self)
            }
        }
    }
}

impl Outcome {
    /// That `path` was chosen for what was wanted.
    pub fn of(wanted: Wanted, path: PathBuf) -> Self {
        match wanted {
            Wanted::Model(_) => Self::PathChosen(path),
            Wanted::Autoencoder => Self::AutoencoderChosen(path),
            Wanted::ModelsFolder => Self::ModelsFolderChosen(path),
            Wanted::LoraFolder => Self::LoraFolderChosen(path),
            Wanted::EmbeddingFolder => Self::EmbeddingFolderChosen(path),
            Wanted::Lora => Self::LoraChosen(path),
            Wanted::Output => Self::OutputChosen(path),
            Wanted::Picture => Self::PictureChosen(path),
            Wanted::Place(export, _) => Self::PlaceChosen(export, path),
        }
    }
}

/// A picture is told by its first bytes; whatever else it is, it is opened as a
/// model, which says what it is instead.
fn look_at(path: PathBuf) -> Outcome {
    if PictureKind::of_file(&path).is_some() {
        return Outcome::PictureChosen(path);
    }
    if path.is_file() && LoraFile::open(&path).is_ok() {
        return Outcome::LoraChosen(path);
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

/// Whether the system tells the window of files that are dropped on it; Wayland's
/// windows are not told by winit.
pub fn can_drop() -> bool {
    let is_wayland = ["WAYLAND_DISPLAY", "WAYLAND_SOCKET"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    cfg!(any(windows, target_os = "macos")) || !is_wayland
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

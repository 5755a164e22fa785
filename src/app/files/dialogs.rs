//! The system's file dialogs, and what a path is asked for.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use crate::app::state::action::{ModelPlace, Wanted};

/// The path that was chosen; `None` if the dialog was closed, or could not open.
pub type Answer = Pin<Box<dyn Future<Output = Option<PathBuf>> + Send>>;

/// Asks for paths; tests put their own in the place of the system's.
pub trait Dialogs {
    /// Opens a dialog; `output` is where pictures go. Called on the window's
    /// thread, as macOS demands; the answer is awaited on another one.
    fn ask(&self, wanted: &Wanted, output: &Path) -> Answer;
}

/// The operating system's own; on Linux a desktop portal's, or zenity's.
#[derive(Debug, Default)]
pub struct SystemDialogs;

impl Dialogs for SystemDialogs {
    fn ask(&self, wanted: &Wanted, output: &Path) -> Answer {
        let dialog = rfd::AsyncFileDialog::new().set_title(wanted.title());
        match wanted {
            Wanted::Model(ModelPlace::Folder)
            | Wanted::ModelsFolder
            | Wanted::LoraFolder
            | Wanted::EmbeddingFolder => path(dialog.pick_folder()),
            Wanted::Model(ModelPlace::File) | Wanted::Autoencoder | Wanted::Lora => {
                // Files are told by their contents; the second filter is for other names.
                let dialog = dialog
                    .add_filter("safetensors", &["safetensors"])
                    .add_filter("All files", &["*"]);
                path(dialog.pick_file())
            }
            Wanted::Output => path(dialog.set_directory(output).pick_folder()),
            Wanted::Picture => {
                let dialog = dialog.set_directory(output);
                path(
                    dialog
                        .add_filter("Pictures", &["png", "jpg", "jpeg", "webp"])
                        .pick_file(),
                )
            }
            Wanted::Place(export, proposed) => {
                let name = proposed.file_name().unwrap_or_default().to_string_lossy();
                let dialog = dialog.set_directory(output).set_file_name(name);
                let kinds = export.kinds().iter();
                let dialog = kinds.fold(dialog, |dialog, (name, endings)| {
                    dialog.add_filter(*name, endings)
                });
                path(dialog.save_file())
            }
        }
    }
}

fn path(dialog: impl Future<Output = Option<rfd::FileHandle>> + Send + 'static) -> Answer {
    Box::pin(async move { dialog.await.map(|file| file.path().to_path_buf()) })
}

//! What a panel asks the program to do; done after the frame is laid out, so
//! that panels stay free of the engine and of each other.

use std::path::{Path, PathBuf};

use super::message::Remedy;
use super::session::RunKey;
use crate::checkpoint::CheckpointSource;

/// One thing to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Queue a request made from the draft.
    Generate,
    /// End the request in work within one denoising step, without a last decode;
    /// those that wait go on.
    Cancel,
    /// The same, and drop those that wait.
    CancelAll,
    /// Let the seed in work finish, then end everything.
    FinishThenStop,
    OpenModelDialog(ModelPlace),
    /// Use a path that was written where no dialog answers.
    TakePath(Wanted, PathBuf),
    /// Find out what lies at a path, and open it: a model, or a picture's settings.
    Open(PathBuf),
    LoadModel(CheckpointSource),
    /// Ask for an autoencoder for the model that is open, one file.
    ChooseAutoencoderDialog,
    /// Take the file's own autoencoder again.
    OwnAutoencoder,
    CancelLoading,
    ChooseModelsFolderDialog,
    /// List the models in the chosen folder again.
    FindModels,
    ChooseLoraFolderDialog,
    OpenLoraDialog,
    /// List the LoRAs in the chosen folder again.
    FindLoras,
    /// Take the settings of a run back into the draft.
    Restore(RunKey),
    /// Write the pictures of the shown run into the output folder.
    Save,
    /// Ask where to save the picture, or the comparison of both.
    SaveAsDialog(Export),
    /// Put the shown picture on the clipboard.
    Copy,
    /// Show a saved file in the system's file manager.
    ShowInFolder(PathBuf),
    ChooseOutputDialog,
    /// Ask for a picture whose settings are to come back.
    OpenPictureDialog,
    Remedy(Remedy),
    Undo,
    Redo,
    ToggleTheme,
    Quit,
}

/// What a model is opened from; system dialogs choose either folders or files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelPlace {
    Folder,
    File,
}

/// What of a run is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Export {
    Picture,
    Comparison,
    Grid,
}

/// What a path is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    Model(ModelPlace),
    /// Of a model that lacks it.
    Autoencoder,
    /// Whose models are listed.
    ModelsFolder,
    /// Whose LoRAs are listed.
    LoraFolder,
    /// One LoRA.
    Lora,
    /// Where pictures are saved.
    Output,
    /// Whose settings are to come back.
    Picture,
    /// Where an export goes, and where it would go by itself.
    Place(Export, PathBuf),
}

impl Wanted {
    /// The dialog's title.
    pub fn title(&self) -> &'static str {
        match self {
            Self::Model(_) => "Open a Stable Diffusion model",
            Self::Autoencoder => "Choose an autoencoder (VAE)",
            Self::ModelsFolder => "Choose a folder of models",
            Self::LoraFolder => "Choose a folder of LoRAs",
            Self::Lora => "Choose a LoRA",
            Self::Output => "Choose the output folder",
            Self::Picture => "Open a picture's settings",
            Self::Place(..) => "Save the picture",
        }
    }

    /// Where the person can begin.
    pub fn proposed(&self) -> &Path {
        match self {
            Self::Place(_, proposed) => proposed,
            _ => Path::new(""),
        }
    }
}

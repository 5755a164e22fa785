//! What a panel asks the program to do; done after the frame is laid out, so
//! that panels stay free of the engine and of each other.

use std::path::{Path, PathBuf};

use super::kept::{GalleryPreferences, Then};
use super::message::Remedy;
use super::session::RunKey;
use crate::checkpoint::CheckpointSource;
use crate::diffusion::Method;
use crate::gallery::EntryId;

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
    ChooseEmbeddingFolderDialog,
    /// List the LoRAs in the chosen folder again.
    FindLoras,
    /// Take the settings of a run back into the draft.
    Restore(RunKey),
    /// Something about kept pictures.
    Kept(KeptAction),
    /// Queue a request for each cell of the sweep that the settings describe.
    Sweep,
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

/// What is done with kept pictures.
#[derive(Debug, Clone, PartialEq)]
pub enum KeptAction {
    Open(EntryId, Then),
    /// Set the star, or take it away.
    Star(EntryId, bool),
    /// Move the files to the system's trash.
    Trash(EntryId),
    /// Keep them elsewhere, or more or less of them.
    Prefer(GalleryPreferences),
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
    Picture(Method),
    Comparison,
    Grid,
    /// A sweep's pictures under their labels.
    Sweep,
    /// Heatmaps over the steps.
    Strip,
    Animation,
    /// Made again, to record what it computes.
    Trajectory,
}

impl Export {
    /// Every export with its name in the menu.
    pub const ALL: [(Self, &str); 8] = [
        (Self::Picture(Method::Standard), "Standard picture…"),
        (Self::Picture(Method::Storm), "STORM picture…"),
        (Self::Comparison, "Both side by side…"),
        (Self::Grid, "All seeds as a grid…"),
        (Self::Sweep, "The sweep as a labelled grid…"),
        (Self::Strip, "Heatmaps over the steps…"),
        (Self::Animation, "Animation of the steps…"),
        (Self::Trajectory, "Trajectory…"),
    ];

    /// Kinds of files that it can be written to: their name and their endings.
    pub fn kinds(self) -> &'static [(&'static str, &'static [&'static str])] {
        match self {
            Self::Animation => &[("GIF", &["gif"]), ("APNG", &["apng", "png"])],
            Self::Trajectory => &[("safetensors", &["safetensors"])],
            _ => &[
                ("PNG", &["png"]),
                ("WebP", &["webp"]),
                ("JPEG", &["jpg", "jpeg"]),
            ],
        }
    }
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
    /// Whose textual inversions are words of prompts.
    EmbeddingFolder,
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
            Self::EmbeddingFolder => "Choose a folder of embeddings",
            Self::Lora => "Choose a LoRA",
            Self::Output => "Choose the output folder",
            Self::Picture => "Open a picture's settings",
            Self::Place(Export::Animation, _) => "Save the animation",
            Self::Place(Export::Trajectory, _) => "Save the trajectory",
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

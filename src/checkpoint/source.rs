//! Where a checkpoint comes from: the program itself, a folder or one file.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::CheckpointError;
use super::embedded;
use super::folder::ModelFolder;
use super::notice::CheckpointNotice;
use super::parts::vocabulary_of;
use crate::prompt::ModelVocabulary;

/// A checkpoint to load.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckpointSource {
    /// The model compiled into the program.
    Embedded,
    /// A folder in diffusers' layout.
    Folder(PathBuf),
    /// One .safetensors file with the names of the original code.
    File(SingleFile),
}

/// A model in one file, and what the file may leave out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SingleFile {
    pub path: PathBuf,
    /// A diffusers folder whose configs and tokenizer describe the model, where
    /// it is built otherwise than its family.
    pub configs: Option<PathBuf>,
    /// An autoencoder to take instead of the file's own: a .safetensors file or
    /// the vae folder of a diffusers checkpoint.
    pub vae: Option<PathBuf>,
}

impl CheckpointSource {
    /// The source that a person's path names; the model_index.json of a folder
    /// stands for the folder.
    ///
    /// # Errors
    /// If nothing is there, it cannot be looked at, or it is neither a folder
    /// nor a file.
    pub fn from_path(path: &Path) -> Result<Self, CheckpointError> {
        let path = path.to_path_buf();
        match std::fs::metadata(&path) {
            Ok(found) if found.is_dir() => Ok(Self::Folder(path)),
            Ok(found) if found.is_file() && path.ends_with("model_index.json") => {
                let folder = path
                    .parent()
                    .filter(|parent| !parent.as_os_str().is_empty());
                Ok(Self::Folder(folder.unwrap_or(Path::new(".")).to_path_buf()))
            }
            Ok(found) if found.is_file() => Ok(Self::File(SingleFile {
                path,
                configs: None,
                vae: None,
            })),
            Ok(_) => Err(CheckpointError::NotAModel { path }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(CheckpointError::NotFound { path })
            }
            Err(source) => Err(CheckpointError::Read {
                file: path.display().to_string(),
                source,
            }),
        }
    }

    /// What the model knows, where its folder says so, with nothing else of it read.
    ///
    /// # Errors
    /// If the file is there and no vocabulary.
    pub fn vocabulary(&self) -> Result<Option<ModelVocabulary>, CheckpointNotice> {
        match self {
            Self::Embedded => vocabulary_of(&ModelFolder::Embedded),
            Self::Folder(path) => vocabulary_of(&ModelFolder::Path(path.clone())),
            Self::File(file) => match &file.configs {
                Some(folder) => vocabulary_of(&ModelFolder::Path(folder.clone())),
                None => Ok(None),
            },
        }
    }

    /// Where it lies; `None` for the embedded model.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Embedded => None,
            Self::Folder(path) => Some(path),
            Self::File(file) => Some(&file.path),
        }
    }

    /// The name shown to people: the folder's or file's own, or that of the
    /// embedded model.
    pub fn name(&self) -> String {
        let Some(path) = self.path() else {
            return embedded::NAME.to_string();
        };
        let absolute = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        let name = match self {
            Self::File(_) => absolute.file_stem(),
            _ => absolute.file_name(),
        };
        let name = name.unwrap_or(absolute.as_os_str());
        name.to_string_lossy().into_owned()
    }
}

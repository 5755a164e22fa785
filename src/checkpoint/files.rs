//! Where a checkpoint's files come from: a folder, or the program itself.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use super::CheckpointError;
use super::embedded;

/// Config and tokenizer files are small; anything above this is damage or an attack.
const LARGEST_TEXT_FILE: u64 = 64 * 1024 * 1024;

/// A checkpoint to load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckpointSource {
    /// The model compiled into the program.
    Embedded,
    /// A folder in diffusers' layout.
    Folder(PathBuf),
}

/// The bytes of a weight file, or where they are.
pub(super) enum WeightFile {
    Bytes(&'static [u8]),
    Path(PathBuf),
}

impl CheckpointSource {
    /// The source that a person's path names.
    ///
    /// # Errors
    /// If nothing is there, or it is not a folder.
    pub fn from_path(path: &Path) -> Result<Self, CheckpointError> {
        let path = path.to_path_buf();
        if !path.exists() {
            return Err(CheckpointError::NotFound { path });
        }
        if !path.is_dir() {
            return Err(CheckpointError::NotAFolder { path });
        }
        Ok(Self::Folder(path))
    }

    /// The name shown to people: the folder's own, or that of the embedded model.
    pub fn name(&self) -> String {
        match self {
            Self::Embedded => embedded::NAME.to_string(),
            Self::Folder(path) => {
                let absolute = path.canonicalize().unwrap_or_else(|_| path.clone());
                let name = absolute.file_name().unwrap_or(absolute.as_os_str());
                name.to_string_lossy().into_owned()
            }
        }
    }

    /// Whether the checkpoint has `file` (a path with `/` inside the layout).
    pub(super) fn has(&self, file: &str) -> bool {
        match self {
            Self::Embedded => embedded::file(file).is_some(),
            Self::Folder(path) => path.join(file).is_file(),
        }
    }

    /// The bytes of a config or tokenizer file.
    pub(super) fn read(&self, file: &str) -> Result<Cow<'static, [u8]>, CheckpointError> {
        match self {
            Self::Embedded => embedded::file(file)
                .map(Cow::Borrowed)
                .ok_or_else(|| self.missing(file)),
            Self::Folder(path) => {
                if !self.has(file) {
                    return Err(self.missing(file));
                }
                read_text_file(&path.join(file)).map(Cow::Owned)
            }
        }
    }

    /// The first of `names` that exists in `folder`.
    pub(super) fn weights(
        &self,
        folder: &str,
        names: &[&str],
    ) -> Result<(String, WeightFile), CheckpointError> {
        let candidates = names.iter().map(|name| format!("{folder}/{name}"));
        let Some(file) = candidates.into_iter().find(|file| self.has(file)) else {
            return Err(self.missing(&format!("{folder}/{}", names[0])));
        };
        let weights = match self {
            Self::Embedded => {
                WeightFile::Bytes(embedded::file(&file).ok_or_else(|| self.missing(&file))?)
            }
            Self::Folder(path) => WeightFile::Path(path.join(&file)),
        };
        Ok((file, weights))
    }

    fn missing(&self, file: &str) -> CheckpointError {
        let path = match self {
            Self::Embedded => PathBuf::from(embedded::NAME),
            Self::Folder(path) => path.clone(),
        };
        CheckpointError::MissingFile {
            path,
            file: file.to_string(),
        }
    }
}

fn read_text_file(path: &Path) -> Result<Vec<u8>, CheckpointError> {
    let file = path.display().to_string();
    let read = |source| CheckpointError::Read {
        file: path.display().to_string(),
        source,
    };
    let bytes = std::fs::metadata(path).map_err(read)?.len();
    if bytes > LARGEST_TEXT_FILE {
        return Err(CheckpointError::TooLarge { file, bytes });
    }
    std::fs::read(path).map_err(read)
}

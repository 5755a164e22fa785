//! A checkpoint in diffusers' folder layout, on disk or compiled into the program.
//!
//! Weights of a component are one file, several listed by an index, or a
//! variant such as fp16; whole precision is preferred.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::CheckpointError;
use super::embedded;
use super::file_kind::{FileKind, other_than_text};
use super::notice::CheckpointNotice;
use super::weight_file::WeightFile;

/// Config and tokenizer files are small; anything above this is damage or an attack.
const LARGEST_TEXT_FILE: u64 = 64 << 20;
/// More shards than any checkpoint of these families is cut into.
const MOST_SHARDS: usize = 1000;
/// UTF-8's.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// Endings of variants in circulation, the preferred ones first; `non_ema` are
/// the weights to train on.
const VARIANTS: &[&str] = &["fp32", "ema", "fp16", "bf16", "non_ema"];

/// The files of one checkpoint; paths inside it are written with `/`.
#[derive(Debug, Clone)]
pub(super) enum ModelFolder {
    Embedded,
    Path(PathBuf),
}

impl ModelFolder {
    /// Whether there is such a file.
    ///
    /// # Errors
    /// If the folder may not be looked into.
    pub(super) fn has(&self, file: &str) -> Result<bool, CheckpointError> {
        match self {
            Self::Embedded => Ok(embedded::file(file).is_some()),
            Self::Path(path) => match std::fs::metadata(path.join(file)) {
                Ok(found) => Ok(found.is_file()),
                // NotADirectory: a file lies where the folder should be.
                Err(error) => match error.kind() {
                    std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => Ok(false),
                    _ => Err(self.unreadable(file, error)),
                },
            },
        }
    }

    /// The bytes of a config or tokenizer file.
    ///
    /// # Errors
    /// If it is missing, unreadable, too large or of another kind.
    pub(super) fn read(&self, file: &str) -> Result<Cow<'static, [u8]>, CheckpointError> {
        let text = self.read_optional(file)?;
        text.ok_or_else(|| self.missing(file))
    }

    /// As [`Self::read`], of a file that may be absent.
    pub(super) fn read_optional(
        &self,
        file: &str,
    ) -> Result<Option<Cow<'static, [u8]>>, CheckpointError> {
        if !self.has(file)? {
            return Ok(None);
        }
        match self {
            Self::Embedded => Ok(embedded::file(file).map(Cow::Borrowed)),
            Self::Path(path) => {
                let path = path.join(file);
                let read = |error| self.unreadable(file, error);
                let bytes = std::fs::metadata(&path).map_err(read)?.len();
                if bytes > LARGEST_TEXT_FILE {
                    let file = file.to_string();
                    return Err(CheckpointError::TooLarge { file, bytes });
                }
                let contents = std::fs::read(&path).map_err(read)?;
                Ok(Some(Cow::Owned(text_of(contents, file)?)))
            }
        }
    }

    /// The weight files of `component`, whose file is called `stem` without its
    /// endings, and what is to be said if the preferred ones cannot be used.
    ///
    /// # Errors
    /// If there are none, or none that can be read.
    pub(super) fn weights(
        &self,
        component: &str,
        stem: &str,
    ) -> Result<(Vec<WeightFile>, Option<CheckpointNotice>), CheckpointError> {
        let mut failed: Option<(String, CheckpointError)> = None;
        for stored in stored_forms(component, stem) {
            if !self.has(stored.file())? {
                continue;
            }
            let opened = match &stored {
                StoredForm::Single(file) => self.open(file).map(|file| vec![file]),
                StoredForm::Shards { index } => self.open_shards(component, index),
            };
            match opened {
                Ok(files) => {
                    let notice = failed.map(|(file, error)| CheckpointNotice::WeightsInstead {
                        file,
                        reason: reason_of(&error),
                        taken: stored.file().to_string(),
                    });
                    return Ok((files, notice));
                }
                Err(error) => {
                    failed.get_or_insert((stored.file().to_string(), error));
                }
            }
        }
        if let Some((_, error)) = failed {
            return Err(error);
        }
        if let Some(file) = self.pickled(component, stem)? {
            return Err(CheckpointError::Pickle { file });
        }
        Err(self.missing(&format!("{component}/{stem}.safetensors")))
    }

    /// The pickle that holds a component's weights, where nothing better is there.
    fn pickled(&self, component: &str, stem: &str) -> Result<Option<String>, CheckpointError> {
        let variants = VARIANTS.iter().map(|variant| format!(".{variant}"));
        for dotted in std::iter::once(String::new()).chain(variants) {
            for stem in [stem, "pytorch_model"] {
                for file in [
                    format!("{component}/{stem}{dotted}.bin"),
                    format!("{component}/{stem}.bin.index{dotted}.json"),
                ] {
                    if self.has(&file)? {
                        return Ok(Some(file));
                    }
                }
            }
        }
        Ok(None)
    }

    fn open(&self, file: &str) -> Result<WeightFile, CheckpointError> {
        match self {
            Self::Embedded => {
                let bytes = embedded::file(file).ok_or_else(|| self.missing(file))?;
                WeightFile::from_static(bytes, file)
            }
            Self::Path(path) => WeightFile::open(&path.join(file), file),
        }
    }

    /// The shards that `index` lists, with every tensor where it says.
    fn open_shards(
        &self,
        component: &str,
        index: &str,
    ) -> Result<Vec<WeightFile>, CheckpointError> {
        let wrong = |reason: String| CheckpointError::ShardIndex {
            file: index.to_string(),
            reason,
        };
        let text = self.read(index)?;
        let ShardIndex { weight_map } =
            serde_json::from_slice(&text).map_err(|source| CheckpointError::Json {
                file: index.to_string(),
                source,
            })?;
        let names: BTreeSet<&String> = weight_map.values().collect();
        if names.is_empty() || names.len() > MOST_SHARDS {
            return Err(wrong(format!("it names {} files", names.len())));
        }
        let mut shards = Vec::new();
        for name in names {
            if !is_plain_name(name) {
                return Err(wrong(format!(
                    "{name:?} is not the name of a file beside it"
                )));
            }
            shards.push(self.open(&format!("{component}/{name}"))?);
        }
        for (tensor, shard) in &weight_map {
            let file = format!("{component}/{shard}");
            let holds =
                |shard: &WeightFile| shard.name == file && shard.tensors.contains_key(tensor);
            if !shards.iter().any(holds) {
                return Err(CheckpointError::MissingTensor {
                    file,
                    tensor: tensor.clone(),
                    count: 1,
                });
            }
        }
        Ok(shards)
    }

    fn missing(&self, file: &str) -> CheckpointError {
        CheckpointError::MissingFile {
            path: match self {
                Self::Embedded => PathBuf::from(embedded::NAME),
                Self::Path(path) => path.clone(),
            },
            file: file.to_string(),
        }
    }

    fn unreadable(&self, file: &str, source: std::io::Error) -> CheckpointError {
        let file = match self {
            Self::Embedded => file.to_string(),
            Self::Path(path) => path.join(file).display().to_string(),
        };
        CheckpointError::Read { file, source }
    }
}

/// How the weights of one network may be stored.
enum StoredForm {
    Single(String),
    /// Several files, listed in this one.
    Shards {
        index: String,
    },
}

impl StoredForm {
    fn file(&self) -> &str {
        match self {
            Self::Single(file) | Self::Shards { index: file } => file,
        }
    }
}

/// All the ways in which `component` may be stored, the preferred ones first.
fn stored_forms(component: &str, stem: &str) -> impl Iterator<Item = StoredForm> {
    let variants = VARIANTS.iter().map(|variant| format!(".{variant}"));
    let variants = std::iter::once(String::new()).chain(variants);
    variants.flat_map(move |dotted| {
        let path = format!("{component}/{stem}");
        let shards = |index: String| StoredForm::Shards { index };
        [
            StoredForm::Single(format!("{path}{dotted}.safetensors")),
            shards(format!("{path}.safetensors.index{dotted}.json")),
            // How diffusers before 0.27 wrote it.
            shards(format!("{path}.safetensors{dotted}.index.json")),
        ]
    })
}

/// Why a file cannot be used, without its name.
fn reason_of(error: &CheckpointError) -> String {
    match error {
        CheckpointError::OtherFile { what, .. } => format!("it is {what}"),
        CheckpointError::Damaged { reason, .. } => reason.clone(),
        CheckpointError::Pickle { .. } => "it is a pickle".to_string(),
        other => other.to_string(),
    }
}

/// The text of a config or tokenizer file, without the mark that Windows' editors
/// put in front of it.
///
/// # Errors
/// If it is another kind of file altogether.
fn text_of(contents: Vec<u8>, file: &str) -> Result<Vec<u8>, CheckpointError> {
    let head = &contents[..contents.len().min(64)];
    if let Some(FileKind::Other(what)) = other_than_text(head) {
        let file = file.to_string();
        return Err(CheckpointError::OtherFile { file, what });
    }
    match contents.strip_prefix(BYTE_ORDER_MARK) {
        Some(text) => Ok(text.to_vec()),
        None => Ok(contents),
    }
}

/// `diffusion_pytorch_model.safetensors.index.json`.
#[derive(Deserialize)]
struct ShardIndex {
    /// The shard of each tensor.
    weight_map: BTreeMap<String, String>,
}

/// Whether `name` names a file in the same folder: no separators of any system,
/// no way up, no drive.
fn is_plain_name(name: &str) -> bool {
    !name.contains(['/', '\\', ':', '\0']) && Path::new(name).file_name() == Some(name.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_lie_beside_their_index() {
        assert!(is_plain_name("model-00001-of-00002.safetensors"));
        for name in [
            "", ".", "..", "../x", "/etc/x", "a/b", "a\\b", "C:x", "a\0b",
        ] {
            assert!(!is_plain_name(name), "{name:?}");
        }
    }
}

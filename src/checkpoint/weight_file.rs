//! One .safetensors file: its header read and checked, its numbers mapped.
//!
//! The header is the only part that is parsed. Everything it claims is checked
//! against the file's length before anything is looked at or allocated.

use std::collections::BTreeMap;
use std::fs::File;
use std::ops::Range;
use std::path::Path;

use memmap2::Mmap;
use safetensors::Dtype;

use super::CheckpointError;
use super::file_kind::{FileKind, file_kind};
use super::header::{LENGTH_BYTES, read_header};
use super::model_hash::Origin;

/// A tensor as its file describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoredTensor {
    pub(super) dtype: Dtype,
    pub(super) shape: Vec<usize>,
    /// In the file, in bytes.
    range: Range<usize>,
}

/// An open weight file.
#[derive(Debug)]
pub(super) struct WeightFile {
    /// Used in messages.
    pub(super) name: String,
    pub(super) tensors: BTreeMap<String, StoredTensor>,
    /// The texts of the header's `__metadata__`.
    pub(super) metadata: BTreeMap<String, String>,
    /// Of a file on disk.
    pub(super) origin: Option<Origin>,
    /// Where its numbers begin, in bytes.
    payload: usize,
    contents: Contents,
}

#[derive(Debug)]
enum Contents {
    Static(&'static [u8]),
    Mapped(Mmap),
}

impl WeightFile {
    /// Opens the file at `path`, called `name` in messages.
    ///
    /// # Errors
    /// If it cannot be read, is of another kind, or its header does not
    /// describe exactly its contents.
    pub(super) fn open(path: &Path, name: &str) -> Result<Self, CheckpointError> {
        let read = |source| CheckpointError::Read {
            file: name.to_string(),
            source,
        };
        // Before it is opened: opening a pipe would wait for a writer.
        let found = std::fs::metadata(path).map_err(read)?;
        if !found.is_file() {
            return Err(CheckpointError::NotAModel {
                path: path.to_path_buf(),
            });
        }
        let file = File::open(path).map_err(read)?;
        // SAFETY: the mapping is read-only and private to this value, which lives as
        // long as a model may be read anew from it. Another process that rewrites
        // the file meanwhile could change what is read, which the checks of each
        // number bear; one that cuts it short ends this process, as it would with
        // any reader that maps.
        #[allow(unsafe_code)]
        let mapped = unsafe { Mmap::map(&file) }.map_err(read)?;
        let origin = (path.to_path_buf(), found.modified().ok(), found.len());
        Ok(Self {
            origin: Some(origin),
            ..Self::new(name, Contents::Mapped(mapped))?
        })
    }

    /// A file that is part of the program.
    pub(super) fn from_static(bytes: &'static [u8], name: &str) -> Result<Self, CheckpointError> {
        Self::new(name, Contents::Static(bytes))
    }

    fn new(name: &str, contents: Contents) -> Result<Self, CheckpointError> {
        let bytes = contents.bytes();
        match file_kind(&bytes[..bytes.len().min(64)]) {
            Some(FileKind::Pickle) => {
                return Err(CheckpointError::Pickle {
                    file: name.to_string(),
                });
            }
            Some(FileKind::Other(what)) => {
                return Err(CheckpointError::OtherFile {
                    file: name.to_string(),
                    what,
                });
            }
            None => {}
        }
        let header = read_header(bytes);
        let (length, metadata) = header.map_err(|reason| CheckpointError::Damaged {
            file: name.to_string(),
            reason,
        })?;
        let start = LENGTH_BYTES + length;
        let tensors = metadata.tensors().into_iter().map(|(name, info)| {
            let (first, end) = info.data_offsets;
            let tensor = StoredTensor {
                dtype: info.dtype,
                shape: info.shape.clone(),
                range: start + first..start + end,
            };
            (name, tensor)
        });
        let tensors = tensors.collect();
        let metadata = metadata.metadata().clone().unwrap_or_default();
        Ok(Self {
            name: name.to_string(),
            tensors,
            metadata: metadata.into_iter().collect(),
            origin: None,
            payload: start,
            contents,
        })
    }

    /// The whole file.
    pub(super) fn all_bytes(&self) -> &[u8] {
        self.contents.bytes()
    }

    /// Everything behind the header.
    pub(super) fn payload(&self) -> &[u8] {
        &self.contents.bytes()[self.payload..]
    }

    /// The bytes of one of this file's own tensors.
    pub(super) fn bytes(&self, tensor: &StoredTensor) -> &[u8] {
        &self.contents.bytes()[tensor.range.clone()]
    }
}

impl Contents {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Static(bytes) => bytes,
            Self::Mapped(mapped) => mapped,
        }
    }
}

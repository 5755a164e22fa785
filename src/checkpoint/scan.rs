//! The models in a folder: everything below it that this program can open.
//!
//! Only configs and headers are read. Links may lead in circles, so depth and
//! numbers are bounded instead of remembering where one has been.

use std::path::{Path, PathBuf};

use burn::tensor::Device;

use super::CheckpointError;
use super::family::Family;
use super::opened::Checkpoint;
use super::source::CheckpointSource;

/// Deep enough for the cache of Hugging Face's hub, models--…/snapshots/… .
const DEEPEST: usize = 4;
/// Most files and folders looked at.
const MOST_ENTRIES: usize = 20_000;
/// Most candidates opened.
const MOST_CANDIDATES: usize = 500;

/// What a folder holds.
#[derive(Debug, Clone, Default)]
pub struct FoundModels {
    /// In the order of their paths.
    pub models: Vec<FoundModel>,
    /// What looks like a model and cannot be opened, with the reason in words.
    pub others: Vec<(PathBuf, String)>,
    /// There was more than is looked at.
    pub is_cut_short: bool,
}

/// A model that can be opened.
#[derive(Debug, Clone)]
pub struct FoundModel {
    pub source: CheckpointSource,
    /// Name shown to people.
    pub name: String,
    pub family: Family,
}

impl FoundModels {
    /// Looks through `folder` and what is below it.
    ///
    /// # Errors
    /// If `folder` itself cannot be looked into.
    pub fn in_folder(folder: &Path) -> Result<Self, CheckpointError> {
        let mut search = Search::default();
        search
            .folder(folder, 0)
            .map_err(|source| CheckpointError::Read {
                file: folder.display().to_string(),
                source,
            })?;
        search.candidates.sort();
        let mut found = Self {
            is_cut_short: search.is_cut_short,
            ..Self::default()
        };
        for path in search.candidates {
            match describe(&path) {
                Ok(model) => found.models.push(model),
                Err(error) => found.others.push((path, error.to_string())),
            }
        }
        Ok(found)
    }
}

fn describe(path: &Path) -> Result<FoundModel, CheckpointError> {
    let source = CheckpointSource::from_path(path)?;
    let checkpoint = Checkpoint::open(&source, &Device::flex())?;
    Ok(FoundModel {
        family: checkpoint.description.family,
        name: checkpoint.description.name,
        source,
    })
}

#[derive(Default)]
struct Search {
    candidates: Vec<PathBuf>,
    entries: usize,
    is_cut_short: bool,
}

impl Search {
    /// Collects the candidates in `folder`; folders below it that may not be
    /// looked into are passed over.
    fn folder(&mut self, folder: &Path, depth: usize) -> std::io::Result<()> {
        if folder.join("model_index.json").is_file() {
            self.candidate(folder.to_path_buf());
            return Ok(());
        }
        for entry in std::fs::read_dir(folder)? {
            self.entries += 1;
            if self.entries > MOST_ENTRIES {
                self.is_cut_short = true;
                return Ok(());
            }
            let path = entry?.path();
            // What macOS keeps beside each file on foreign disks.
            let name = path.file_name().unwrap_or_default();
            if name.as_encoded_bytes().starts_with(b"._") {
                continue;
            }
            let Ok(found) = std::fs::metadata(&path) else {
                continue;
            };
            if found.is_dir() {
                if depth == DEEPEST {
                    self.is_cut_short = true;
                } else if let Err(error) = self.folder(&path, depth + 1) {
                    tracing::debug!("{} is passed over: {error}", path.display());
                }
            } else if found.is_file()
                && path
                    .extension()
                    .is_some_and(|end| end.eq_ignore_ascii_case("safetensors"))
            {
                self.candidate(path);
            }
        }
        Ok(())
    }

    fn candidate(&mut self, path: PathBuf) {
        if self.candidates.len() < MOST_CANDIDATES {
            self.candidates.push(path);
        } else {
            self.is_cut_short = true;
        }
    }
}

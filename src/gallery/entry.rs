//! One entry of the gallery: the pictures of one seed, of one method or both.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::marks::Marks;
use crate::diffusion::Method;

/// Ends the names of standard pictures, as [`crate::export::OutputFolder`] gives them.
const STANDARD: &str = "-standard";

/// Names an entry: its place in the folder without ending and method.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryId(Arc<str>);

impl EntryId {
    /// The entry and the method of the file at `path` inside `folder`.
    pub(super) fn of_file(folder: &Path, path: &Path) -> (Self, Method) {
        let place = path.strip_prefix(folder).unwrap_or(path).with_extension("");
        // The same on every system, since marks are kept under it.
        let place = place.to_string_lossy().replace('\\', "/");
        let (stem, method) = match place.rsplit_once(STANDARD) {
            // A copy's number stands behind the method.
            Some((stem, copy)) if !copy.contains('/') => {
                (format!("{stem}{copy}"), Method::Standard)
            }
            _ => (place, Method::Storm),
        };
        (Self(stem.into()), method)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for EntryId {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for EntryId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, formatter)
    }
}

/// The pictures of one seed.
#[derive(Debug, Clone)]
pub struct Entry {
    pub id: EntryId,
    /// One file a method, standard first.
    pub files: Vec<(Method, PathBuf)>,
    /// Of all its files.
    pub bytes: u64,
    /// When the newest of them was written.
    pub modified: SystemTime,
    pub brief: Brief,
    pub marks: Marks,
}

impl Entry {
    /// The file of `method`.
    pub fn file(&self, method: Method) -> Option<&Path> {
        let mut files = self.files.iter();
        files
            .find(|(of, _)| *of == method)
            .map(|(_, path)| path.as_path())
    }

    /// Takes in another file of the same seed.
    pub(super) fn add(&mut self, method: Method, path: PathBuf, bytes: u64, modified: SystemTime) {
        self.files.retain(|(of, _)| *of != method);
        self.files.push((method, path));
        self.files.sort_by_key(|(method, _)| *method);
        self.bytes += bytes;
        self.modified = self.modified.max(modified);
    }
}

/// What is known of an entry's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Brief {
    /// The file was not looked into yet.
    Unread,
    Known(Arc<Facts>),
    /// Why it can't be read, in words.
    Unreadable(Arc<str>),
}

/// What is shown and searched without opening an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    pub prompt: String,
    /// The prompt as it is searched.
    pub(super) lowercase: String,
    pub seed: Option<u64>,
    /// Steps, scale and sampler in words.
    pub settings: String,
}

impl Brief {
    pub fn facts(&self) -> Option<&Facts> {
        match self {
            Self::Known(facts) => Some(facts),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_methods_of_a_seed_are_one_entry_and_copies_another() {
        let id = |path: &str| {
            let (id, method) = EntryId::of_file(Path::new("/out"), Path::new(path));
            (id.as_str().to_owned(), method)
        };
        let (standard, storm) = (Method::Standard, Method::Storm);
        assert_eq!(id("/out/a cat/7.png"), ("a cat/7".to_owned(), storm));
        assert_eq!(
            id("/out/a cat/7-standard.png"),
            ("a cat/7".to_owned(), standard)
        );
        assert_eq!(id("/out/7-standard-2.png"), ("7-2".to_owned(), standard));
        assert_eq!(id("/out/7-2.png"), ("7-2".to_owned(), storm));
        // A prompt may hold the word as well.
        assert_eq!(
            id("/out/non-standard cat/7.png"),
            ("non-standard cat/7".to_owned(), storm)
        );
    }
}

//! Which entries the person starred or saved; they are never removed to make room.
//!
//! A small file in the gallery's folder, written whole. If it can't be read, nothing
//! is removed, because anything may have been marked.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::EntryId;

const FILE: &str = ".storm-studio-marks.json";

/// One mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// The person likes it.
    Starred,
    /// It was written to a place of the person's too.
    Saved,
}

/// The marks of one entry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Marks {
    #[serde(skip_serializing_if = "is_not")]
    pub starred: bool,
    #[serde(skip_serializing_if = "is_not")]
    pub saved: bool,
}

fn is_not(mark: &bool) -> bool {
    !mark
}

impl Marks {
    /// Whether the entry stays whatever the bound.
    pub fn protects(self) -> bool {
        self.starred || self.saved
    }

    fn set(&mut self, mark: Mark, is_set: bool) {
        match mark {
            Mark::Starred => self.starred = is_set,
            Mark::Saved => self.saved = is_set,
        }
    }
}

/// The marks of a folder.
#[derive(Debug, Default)]
pub(super) struct MarkFile {
    marks: BTreeMap<String, Marks>,
    /// The file is there and can't be read.
    pub(super) is_unknown: bool,
}

impl MarkFile {
    pub(super) fn read(folder: &Path) -> Self {
        let text = match fs::read_to_string(place(folder)) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Self::default(),
            Err(error) => return Self::unknown(&error),
        };
        match serde_json::from_str(&text) {
            Ok(marks) => Self {
                marks,
                is_unknown: false,
            },
            Err(error) => Self::unknown(&error),
        }
    }

    fn unknown(error: &dyn std::fmt::Display) -> Self {
        tracing::warn!("{FILE}: {error}; no kept picture is removed");
        Self {
            marks: BTreeMap::new(),
            is_unknown: true,
        }
    }

    pub(super) fn of(&self, id: &EntryId) -> Marks {
        self.marks.get(id.as_str()).copied().unwrap_or_default()
    }

    /// Sets or takes away a mark of an entry, as the file has them by now: another
    /// window may have marked others.
    ///
    /// # Errors
    /// What the system said; nothing has changed then.
    pub(super) fn change(
        &mut self,
        folder: &Path,
        id: &EntryId,
        mark: Mark,
        is_set: bool,
    ) -> io::Result<Marks> {
        let mut newest = Self::read(folder);
        if newest.is_unknown {
            let message = format!("{} is damaged; remove it", place(folder).display());
            return Err(io::Error::new(ErrorKind::InvalidData, message));
        }
        let marks = newest.marks.entry(id.as_str().to_owned()).or_default();
        marks.set(mark, is_set);
        let marks = *marks;
        newest.marks.retain(|_, marks| marks.protects());
        newest.write(folder)?;
        *self = newest;
        Ok(marks)
    }

    /// Forgets entries that are gone.
    pub(super) fn forget(&mut self, folder: &Path, ids: &[EntryId]) -> io::Result<()> {
        if ids.iter().all(|id| !self.marks.contains_key(id.as_str())) {
            return Ok(());
        }
        let mut newest = Self::read(folder);
        if newest.is_unknown {
            return Ok(());
        }
        for id in ids {
            newest.marks.remove(id.as_str());
        }
        newest.write(folder)?;
        *self = newest;
        Ok(())
    }

    fn write(&self, folder: &Path) -> io::Result<()> {
        let text = serde_json::to_string_pretty(&self.marks)?;
        fs::create_dir_all(folder)?;
        let part = folder.join(format!("{FILE}.{}.part", std::process::id()));
        fs::write(&part, text)?;
        fs::rename(part, place(folder))
    }
}

fn place(folder: &Path) -> PathBuf {
    folder.join(FILE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_kept_and_those_of_another_window_too() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (EntryId::from("a/1"), EntryId::from("2"));
        let mut ours = MarkFile::read(folder.path());
        let mut theirs = MarkFile::read(folder.path());
        ours.change(folder.path(), &first, Mark::Starred, true)
            .unwrap();
        theirs
            .change(folder.path(), &second, Mark::Saved, true)
            .unwrap();
        let read = MarkFile::read(folder.path());
        assert!(read.of(&first).starred && !read.of(&first).saved);
        assert!(read.of(&second).protects());
        ours.change(folder.path(), &first, Mark::Starred, false)
            .unwrap();
        theirs
            .forget(folder.path(), std::slice::from_ref(&second))
            .unwrap();
        let read = MarkFile::read(folder.path());
        assert!(!read.of(&first).protects() && !read.of(&second).protects());
    }

    #[test]
    fn a_damaged_file_is_said_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(place(folder.path()), "{").unwrap();
        let mut marks = MarkFile::read(folder.path());
        assert!(marks.is_unknown);
        let error = marks.change(folder.path(), &EntryId::from("1"), Mark::Starred, true);
        assert!(error.unwrap_err().to_string().contains("is damaged"));
        assert_eq!(fs::read_to_string(place(folder.path())).unwrap(), "{");
    }
}

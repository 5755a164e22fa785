//! The files of a gallery's folder, as entries; and names for new ones.

use std::collections::HashMap;
use std::fs::{self, DirEntry};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Local};

use super::marks::MarkFile;
use super::{Brief, Entry, EntryId};

/// What a picture's name ends in.
const ENDINGS: [&str; 4] = ["png", "webp", "jpg", "jpeg"];
/// Half-written files of a program that is gone are removed once they are this old.
const LEFT_BEHIND: Duration = Duration::from_secs(3600);

/// All entries of `folder` and of the folders in it, the newest first. A folder that
/// is not there yet has none.
///
/// # Errors
/// What the system said of the folder itself; what is wrong with a file in it is
/// found out when it is read.
pub(super) fn list(folder: &Path, marks: &MarkFile) -> io::Result<Vec<Entry>> {
    let mut entries: HashMap<EntryId, Entry> = HashMap::new();
    let read = match fs::read_dir(folder) {
        Ok(read) => read,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    for found in read {
        let found = found?;
        let is_hidden = found.file_name().to_string_lossy().starts_with('.');
        match found.file_type() {
            Ok(kind) if kind.is_dir() && !is_hidden => {
                // Pictures of one prompt; a folder that can't be read has none to show.
                let inside = fs::read_dir(found.path()).into_iter().flatten().flatten();
                inside.for_each(|found| take(folder, &found, marks, &mut entries));
            }
            _ => take(folder, &found, marks, &mut entries),
        }
    }
    let mut entries: Vec<Entry> = entries.into_values().collect();
    sort(&mut entries);
    Ok(entries)
}

/// The newest first; those of one moment by their names.
pub(super) fn sort(entries: &mut [Entry]) {
    entries.sort_by(|a, b| (b.modified, &b.id).cmp(&(a.modified, &a.id)));
}

/// Takes in a file if it is a picture.
fn take(folder: &Path, found: &DirEntry, marks: &MarkFile, entries: &mut HashMap<EntryId, Entry>) {
    let path = found.path();
    let name = found.file_name();
    let name = name.to_string_lossy();
    if name.starts_with('.') {
        return remove_left_behind(&path, &name);
    }
    let ending = path.extension().and_then(|ending| ending.to_str());
    let is_picture = ending.is_some_and(|ending| ENDINGS.contains(&ending));
    let is_of_several = name.starts_with("grid.") || name.contains("-comparison");
    let Ok(metadata) = found.metadata() else {
        return;
    };
    if !is_picture || is_of_several || !metadata.is_file() {
        return;
    }
    let modified = metadata.modified().unwrap_or(UNIX_EPOCH);
    let (id, method) = EntryId::of_file(folder, &path);
    let entry = entries.entry(id.clone()).or_insert_with(|| Entry {
        marks: marks.of(&id),
        id,
        files: Vec::new(),
        bytes: 0,
        modified,
        brief: Brief::Unread,
    });
    entry.add(method, path, metadata.len(), modified);
}

fn remove_left_behind(path: &Path, name: &str) {
    let is_ours = name.starts_with(".storm-studio-") && name.ends_with(".part");
    let age = fs::metadata(path).and_then(|metadata| metadata.modified());
    let age = age.ok().and_then(|modified| modified.elapsed().ok());
    if is_ours && age.is_some_and(|age| age > LEFT_BEHIND) {
        let _ = fs::remove_file(path);
    }
}

/// Where a picture goes that is finished now: by the moment, since prompts repeat.
pub(super) fn new_stem(folder: &Path, seed: u64, now: SystemTime) -> PathBuf {
    folder.join(format!("{}-{seed}", stamp(now)))
}

/// A moment as `20261126-031502-123` in local time, as people look for it.
fn stamp(moment: SystemTime) -> String {
    let moment = DateTime::<Local>::from(moment);
    moment.format("%Y%m%d-%H%M%S-%3f").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diffusion::Method;

    #[test]
    fn names_sort_by_age() {
        let at = |milliseconds| {
            let moment = UNIX_EPOCH + Duration::from_millis(milliseconds);
            let stem = new_stem(Path::new("kept"), 7, moment);
            stem.file_name().unwrap().to_str().unwrap().to_owned()
        };
        let names = [at(1_000), at(1_007), at(61_000), at(1_795_662_902_123)];
        assert!(names.is_sorted(), "{names:?}");
        assert!(names[1].ends_with("01-007-7"), "{names:?}");
        assert_eq!(names[3].len(), "20261126-031502-123-7".len());
    }

    #[test]
    fn pictures_of_both_levels_are_entries_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("a cat");
        fs::create_dir(&inside).unwrap();
        for name in [
            "a cat/7.png",
            "a cat/7-standard.png",
            "a cat/7-comparison.png",
            "a cat/grid.png",
            "8.webp",
            ".storm-studio-1-1.part",
            "notes.txt",
        ] {
            fs::write(folder.path().join(name), name).unwrap();
        }
        let marks = MarkFile::default();
        let mut found = list(folder.path(), &marks).unwrap();
        found.sort_by(|a, b| a.id.cmp(&b.id));
        let ids: Vec<&str> = found.iter().map(|entry| entry.id.as_str()).collect();
        assert_eq!(ids, ["8", "a cat/7"]);
        assert_eq!(
            found[1].bytes,
            "a cat/7.pnga cat/7-standard.png".len() as u64
        );
        let methods: Vec<Method> = found[1].files.iter().map(|(method, _)| *method).collect();
        assert_eq!(methods, [Method::Standard, Method::Storm]);
        // A new half-written file is somebody's.
        assert!(folder.path().join(".storm-studio-1-1.part").exists());
        assert!(
            list(&folder.path().join("none"), &marks)
                .unwrap()
                .is_empty()
        );
        assert!(list(&folder.path().join("notes.txt"), &marks).is_err());
    }
}

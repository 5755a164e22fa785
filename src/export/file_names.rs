//! File names from prompts that every system accepts, and saving that never
//! overwrites: a name that exists gets `-2`, `-3`, and a file appears whole or
//! not at all.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use thiserror::Error;

/// Longest name made of a prompt, in bytes: file systems allow 255, and Windows
/// 260 characters for the whole path.
const MAX_STEM_BYTES: usize = 100;

/// Tries before giving up: then the folder is at fault, not the name.
const MAX_COPIES: u32 = 100_000;

/// Why a file could not be saved.
#[derive(Debug, Error)]
#[error("{} can't be saved ({source}); choose another folder or free some space", .path.display())]
pub struct SaveError {
    /// Where it should have gone.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// A name for a file or folder made of a prompt, without an extension: no
/// characters, endings or device names that a system reserves, at most 100
/// bytes, `untitled` if nothing is left.
pub fn file_stem(prompt: &str) -> String {
    let mut stem = String::new();
    for character in prompt.chars() {
        let replaced = match character {
            c if is_invisible(c) => continue,
            c if c.is_whitespace() => ' ',
            '<' | '>' | ':' | '"' | '/' | '\\' | '|' | '?' | '*' => '_',
            c => c,
        };
        // Runs of spaces and of replacements say nothing.
        if !(matches!(replaced, ' ' | '_') && stem.ends_with(replaced)) {
            stem.push(replaced);
        }
    }
    // A leading dot hides a file, a leading dash looks like an option, and
    // Windows drops dots and spaces at the end.
    let stem = stem.trim_start_matches([' ', '.', '-', '~']);
    let stem = shortened(stem).trim_end_matches([' ', '.']);
    if stem.is_empty() {
        "untitled".to_owned()
    } else if is_device_name(stem) {
        format!("_{stem}")
    } else {
        stem.to_owned()
    }
}

/// Control characters and marks that change direction or have no width, with
/// which one name can look like another.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}'
    ) || character.is_control() && !character.is_whitespace()
}

/// Cut to the allowed length, between words if that costs little.
fn shortened(stem: &str) -> &str {
    if stem.len() <= MAX_STEM_BYTES {
        return stem;
    }
    let cut = &stem[..stem.floor_char_boundary(MAX_STEM_BYTES)];
    match cut.rfind(' ') {
        Some(space) if space >= MAX_STEM_BYTES * 2 / 3 => &cut[..space],
        _ => cut,
    }
}

/// Names of devices that Windows finds in every folder, with any extension
/// (Microsoft, "Naming Files, Paths, and Namespaces").
fn is_device_name(stem: &str) -> bool {
    let base = stem.split('.').next().unwrap_or(stem);
    let base = base.trim_end().to_uppercase();
    let numbered = |prefix: &str| {
        base.strip_prefix(prefix)
            .is_some_and(|rest| matches!(rest, "¹" | "²" | "³") || is_one_digit(rest))
    };
    matches!(
        base.as_str(),
        "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$" | "CLOCK$"
    ) || numbered("COM")
        || numbered("LPT")
}

fn is_one_digit(text: &str) -> bool {
    text.len() == 1 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Saves a file under `path`, or under `path` with `-2`, `-3`, … before the
/// extension if that exists, and returns where. Missing folders are made.
///
/// The content goes to a hidden file in the same folder first, so that nobody
/// ever sees half a file; two programs that save at once get two names.
///
/// # Errors
/// [`SaveError`] with what the system or `write` said; nothing is left behind.
pub fn save_new(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<PathBuf, SaveError> {
    let save = || {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let (temporary, file) = TemporaryFile::create_beside(path)?;
        let mut writer = BufWriter::new(file);
        write(&mut writer)?;
        let file = writer
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        // Windows can't rename an open file.
        drop(file);
        temporary.publish(path)
    };
    save().map_err(|source| SaveError {
        path: path.to_owned(),
        source,
    })
}

/// Finds out whether a file could be saved under `path`, without leaving
/// anything there: whoever makes something for hours wants to know before.
///
/// # Errors
/// [`SaveError`] with what the system said.
pub fn check_writable(path: &Path) -> Result<(), SaveError> {
    let check = || {
        if path.file_name().is_none() || path.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        // Missing folders are made when the file is saved: what counts is where
        // the first of them would go.
        let exists = |folder: &&Path| folder.as_os_str().is_empty() || folder.exists();
        let folder = path.ancestors().skip(1).find(exists).unwrap_or(path);
        let (temporary, file) = TemporaryFile::create_beside(&folder.join("new"))?;
        // Windows can't remove an open file.
        drop(file);
        drop(temporary);
        Ok(())
    };
    check().map_err(|source| SaveError {
        path: path.to_owned(),
        source,
    })
}

/// `path` itself for copy 1, `name-2.extension` for copy 2.
fn numbered(path: &Path, copy: u32) -> PathBuf {
    if copy == 1 {
        return path.to_owned();
    }
    let mut name = OsString::from(path.file_stem().unwrap_or_default());
    name.push(format!("-{copy}"));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

/// A hidden file that is removed when dropped.
struct TemporaryFile {
    path: PathBuf,
}

impl TemporaryFile {
    fn create_beside(path: &Path) -> io::Result<(Self, File)> {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        loop {
            let number = COUNTER.fetch_add(1, Ordering::Relaxed);
            let name = format!(".storm-studio-{}-{number}.part", std::process::id());
            let path = path.with_file_name(name);
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok((Self { path }, file)),
                // Left by a program that crashed with our process number.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Gives the file the first free name.
    fn publish(self, path: &Path) -> io::Result<PathBuf> {
        for copy in 1..=MAX_COPIES {
            let target = numbered(path, copy);
            match self.publish_as(&target) {
                Ok(()) => return Ok(target),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::from(io::ErrorKind::AlreadyExists))
    }

    /// A hard link fails if the name exists, on every system. File systems
    /// without links (FAT) get an empty file that reserves the name first.
    fn publish_as(&self, target: &Path) -> io::Result<()> {
        match fs::hard_link(&self.path, target) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => self.reserve(target),
            done => done,
        }
    }

    fn reserve(&self, target: &Path) -> io::Result<()> {
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(target)?;
        fs::rename(&self.path, target).inspect_err(|_| {
            // The reservation is ours and empty; the rename's error is what counts.
            let _ = fs::remove_file(target);
        })
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        // Gone already after a rename.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn prompts_become_names() {
        let long = "a red cat and a blue dog ".repeat(10);
        for (prompt, stem) in [
            ("a cat left of a dog", "a cat left of a dog"),
            ("a cat: red/blue?", "a cat_ red_blue_"),
            ("  two\n\n lines\t", "two lines"),
            ("C:\\Windows\\..\\x", "C_Windows_.._x"),
            ("../../etc/passwd", "_.._etc_passwd"),
            ("...", "untitled"),
            ("", "untitled"),
            ("\u{0}\u{7}\u{202E}", "untitled"),
            ("-rf ~", "rf ~"),
            ("cat...", "cat"),
            ("CON", "_CON"),
            ("con.jpg", "_con.jpg"),
            ("Lpt9 .x", "_Lpt9 .x"),
            ("com¹", "_com¹"),
            ("console", "console"),
            ("com10", "com10"),
            ("猫と犬 🐱", "猫と犬 🐱"),
            (
                &long,
                "a red cat and a blue dog a red cat and a blue dog a red cat and a blue dog a red cat and a blue dog",
            ),
        ] {
            assert_eq!(file_stem(prompt), stem, "{prompt:?}");
        }
        assert_eq!(file_stem(&"猫".repeat(100)), "猫".repeat(33));
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a prompt/0.png");
        for (content, name) in [("one", "0.png"), ("two", "0-2.png"), ("three", "0-3.png")] {
            let saved = save_new(&path, |file| file.write_all(content.as_bytes())).unwrap();
            assert_eq!(saved, path.with_file_name(name));
            assert_eq!(fs::read_to_string(&saved).unwrap(), content);
        }
        assert_eq!(
            names(&folder.path().join("a prompt")),
            ["0-2.png", "0-3.png", "0.png"]
        );
        let bare = folder.path().join("grid");
        save_new(&bare, |_| Ok(())).unwrap();
        assert_eq!(
            save_new(&bare, |_| Ok(())).unwrap(),
            folder.path().join("grid-2")
        );
    }

    #[test]
    fn a_failed_save_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0.png");
        let error = save_new(&path, |file| {
            file.write_all(b"half")?;
            Err(io::Error::other("the encoder failed"))
        });
        assert!(
            error
                .unwrap_err()
                .to_string()
                .contains("the encoder failed")
        );
        assert!(names(folder.path()).is_empty());
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(save_new(&file.join("0.png"), |_| Ok(())).is_err());
    }

    #[test]
    fn where_a_file_could_go_is_known_beforehand() {
        let folder = tempfile::tempdir().unwrap();
        check_writable(&folder.path().join("a/b/c.png")).unwrap();
        assert!(names(folder.path()).is_empty());
        let file = folder.path().join("file");
        fs::write(&file, "content").unwrap();
        // It gets another name when it is saved.
        check_writable(&file).unwrap();
        for path in [&file.join("c.png"), folder.path(), Path::new("..")] {
            assert!(check_writable(path).is_err(), "{}", path.display());
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), "content");
    }

    #[test]
    fn file_systems_without_links_are_served() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("0.png");
        let (temporary, mut file) = TemporaryFile::create_beside(&target).unwrap();
        file.write_all(b"content").unwrap();
        drop(file);
        temporary.reserve(&target).unwrap();
        let (second, _) = TemporaryFile::create_beside(&target).unwrap();
        let error = second.reserve(&target).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        drop((temporary, second));
        assert_eq!(names(folder.path()), ["0.png"]);
        assert_eq!(fs::read(&target).unwrap(), b"content");
    }

    #[test]
    fn many_at_once_get_different_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0.png");
        std::thread::scope(|scope| {
            for number in 0..8u8 {
                let path = &path;
                scope.spawn(move || {
                    for _ in 0..4 {
                        save_new(path, |file| file.write_all(&[number; 8])).unwrap();
                    }
                });
            }
        });
        assert_eq!(names(folder.path()).len(), 32);
    }

    proptest! {
        #[test]
        fn every_name_is_accepted_everywhere(prompt in any::<String>()) {
            let stem = file_stem(&prompt);
            prop_assert!(!stem.is_empty() && stem.len() <= MAX_STEM_BYTES + 1);
            prop_assert!(!stem.contains(['<', '>', ':', '"', '/', '\\', '|', '?', '*']));
            prop_assert!(!stem.chars().any(char::is_control));
            prop_assert!(!stem.starts_with(['.', ' ']) && !stem.ends_with(['.', ' ']));
            prop_assert!(!is_device_name(&stem));
            prop_assert_eq!(&file_stem(&stem), &stem);
        }
    }
}

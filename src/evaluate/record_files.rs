//! The files of a results folder, whatever its records are: settings, pictures, lines of JSON.
//!
//! A picture's line is written after the picture, so whatever has a line is
//! whole, and a run that was interrupted goes on where it stopped. Shards may
//! share a folder: each writes to a file of its own.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use image::RgbImage;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::plan::Shard;
use super::results::ResultsError;
use super::settings::Settings;
use crate::export::png::{TextChunk, write_png};

pub(super) const SETTINGS: &str = "settings.json";

/// How everything in `folder` is made.
///
/// # Errors
/// If it is no results folder, or its settings are damaged.
pub(super) fn read_settings(folder: &Path) -> Result<Settings, ResultsError> {
    let path = folder.join(SETTINGS);
    if !path.exists() {
        return Err(ResultsError::NotResults {
            path: folder.to_path_buf(),
        });
    }
    let text = fs::read_to_string(&path).map_err(|source| file_error(&path, source))?;
    serde_json::from_str(&text).map_err(|source| ResultsError::Damaged {
        path,
        line: source.line(),
        source,
    })
}

/// Makes `folder` for pictures of `settings`, or joins what it was made for before.
///
/// # Errors
/// If it holds pictures made with other settings, or is damaged.
pub(super) fn join_folder(folder: &Path, settings: &Settings) -> Result<Settings, ResultsError> {
    fs::create_dir_all(folder).map_err(|source| file_error(folder, source))?;
    let mut joined = settings.clone();
    if folder.join(SETTINGS).exists() {
        join(folder, &mut joined, &read_settings(folder)?)?;
    }
    let text = serde_json::to_string_pretty(&joined)
        .expect("settings have no map keys that JSON could not hold");
    write_whole(&folder.join(SETTINGS), format!("{text}\n").as_bytes())?;
    Ok(joined)
}

/// Adds the methods of `other` to `settings`.
///
/// # Errors
/// If they differ in anything else.
pub(super) fn join(
    folder: &Path,
    settings: &mut Settings,
    other: &Settings,
) -> Result<(), ResultsError> {
    let joined = settings.join(other);
    joined.map_err(|conflict| ResultsError::Conflict {
        path: folder.to_path_buf(),
        conflict,
    })
}

/// The records of all shards of `folder`, in the order of their files' names.
///
/// # Errors
/// If a line is damaged; the half line that an interrupted write left is none.
pub(super) fn read_records<T: DeserializeOwned>(folder: &Path) -> Result<Vec<T>, ResultsError> {
    let entries = fs::read_dir(folder).map_err(|source| file_error(folder, source))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|source| file_error(folder, source))?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "jsonl")
        {
            files.push(path);
        }
    }
    // Folders list their files in any order.
    files.sort();
    let mut records = Vec::new();
    for file in files {
        records.extend(read_lines(&file)?);
    }
    Ok(records)
}

fn read_lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, ResultsError> {
    let text = fs::read_to_string(path).map_err(|source| file_error(path, source))?;
    let mut records = Vec::new();
    for (number, line) in text.split_inclusive('\n').enumerate() {
        if !line.ends_with('\n') {
            // The last write was interrupted; its picture is made again.
            break;
        }
        let record = serde_json::from_str(line).map_err(|source| ResultsError::Damaged {
            path: path.to_path_buf(),
            line: number + 1,
            source,
        })?;
        records.push(record);
    }
    Ok(records)
}

/// The lines of one shard, to be added to.
#[derive(Debug)]
pub(super) struct Lines {
    path: PathBuf,
    file: File,
}

impl Lines {
    /// Opens them, without the half line that an interrupted write may have left.
    pub(super) fn open(folder: &Path, shard: Shard) -> Result<Self, ResultsError> {
        let path = folder.join(match shard {
            Shard::WHOLE => "pictures.jsonl".to_string(),
            shard => format!("pictures-{}.jsonl", shard.to_string().replace('/', "-of-")),
        });
        let open = || -> io::Result<File> {
            let file = OpenOptions::new().create(true).append(true).open(&path)?;
            let text = fs::read(&path)?;
            let whole = text.iter().rposition(|&byte| byte == b'\n');
            let length = whole.map_or(0, |last| last + 1);
            if length < text.len() {
                file.set_len(length as u64)?;
            }
            Ok(file)
        };
        let file = open().map_err(|source| file_error(&path, source))?;
        Ok(Self { path, file })
    }

    /// Adds a record.
    pub(super) fn add(&mut self, record: &impl Serialize) -> Result<(), ResultsError> {
        let mut line = serde_json::to_string(record)
            .expect("a record has no map keys that JSON could not hold");
        line.push('\n');
        // In one call, so that an interruption leaves no half line but the last.
        let written = self.file.write_all(line.as_bytes());
        written.map_err(|source| file_error(&self.path, source))
    }
}

/// Writes a picture with its settings as texts.
pub(super) fn write_picture(
    path: &Path,
    image: &RgbImage,
    texts: &[TextChunk],
) -> Result<(), ResultsError> {
    let mut png = Vec::new();
    write_png(&mut png, image, texts).map_err(|source| file_error(path, source))?;
    write_whole(path, &png)
}

/// A picture that is there already, if its file can still be read.
pub(super) fn read_picture(path: &Path) -> Option<RgbImage> {
    match image::open(path) {
        Ok(image) => Some(image.to_rgb8()),
        Err(error) => {
            tracing::warn!("{}: {error}", path.display());
            None
        }
    }
}

/// Writes beside the file and renames, so that nobody ever reads half of it.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), ResultsError> {
    let write = || -> io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let mut name = path.file_name().unwrap_or_default().to_os_string();
        name.push(format!(".{}.part", std::process::id()));
        let part = folder.join(name);
        fs::write(&part, bytes)?;
        fs::rename(part, path)
    };
    write().map_err(|source| file_error(path, source))
}

fn file_error(path: &Path, source: io::Error) -> ResultsError {
    ResultsError::File {
        path: path.to_path_buf(),
        source,
    }
}

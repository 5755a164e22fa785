//! The folder of a run of tasks: settings, pictures, one line of JSON per picture.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use image::RgbImage;
use serde::{Deserialize, Serialize};

use super::judge::Outcome;
use super::prompts::TaskPrompt;
use crate::evaluate::method::EvaluatedMethod;
use crate::evaluate::plan::Shard;
use crate::evaluate::records::Cost;
use crate::evaluate::results::{ResultsError, file_error};
use crate::evaluate::settings::Settings;
use crate::export::png::{TextChunk, write_png};

/// Within the results folder, so that the tasks keep apart from the benchmark of
/// relations.
const FOLDER: &str = "tasks";
const SETTINGS: &str = "settings.json";

/// A picture of a task and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskRecord {
    pub prompt: TaskPrompt,
    pub seed: u64,
    pub method: EvaluatedMethod,
    /// Its file, inside the folder.
    pub picture: String,
    pub cost: Cost,
    /// `None` if the detector does not know an object.
    pub outcome: Option<Outcome>,
}

type Key = (String, u64, EvaluatedMethod);

/// A folder that pictures are added to.
#[derive(Debug)]
pub struct TaskResults {
    folder: PathBuf,
    records: Vec<TaskRecord>,
    keys: HashSet<Key>,
    /// The standard pictures by text and seed: they know no wishes.
    standard: HashMap<(String, u64), usize>,
    lines: File,
}

impl TaskResults {
    /// Makes the folder `tasks` in `folder`, or goes on with it.
    ///
    /// # Errors
    /// If it holds pictures made with other settings, or is damaged.
    pub fn open(folder: &Path, shard: Shard, settings: &Settings) -> Result<Self, ResultsError> {
        let folder = folder.join(FOLDER);
        fs::create_dir_all(&folder).map_err(|source| file_error(&folder, source))?;
        let mut joined = settings.clone();
        let path = folder.join(SETTINGS);
        if path.exists() {
            let kept = read_settings(&path)?;
            joined
                .join(&kept)
                .map_err(|conflict| ResultsError::Conflict {
                    path: folder.clone(),
                    conflict,
                })?;
        }
        let text = serde_json::to_string_pretty(&joined)
            .expect("settings have no map keys that JSON could not hold");
        fs::write(&path, format!("{text}\n")).map_err(|source| file_error(&path, source))?;
        let name = format!("pictures-{}.jsonl", shard.to_string().replace('/', "-of-"));
        let path = folder.join(name);
        let lines = OpenOptions::new().create(true).append(true).open(&path);
        let mut results = Self {
            records: Vec::new(),
            keys: HashSet::new(),
            standard: HashMap::new(),
            lines: lines.map_err(|source| file_error(&path, source))?,
            folder: folder.clone(),
        };
        for record in read_records(&folder)? {
            results.remember(record);
        }
        Ok(results)
    }

    fn remember(&mut self, record: TaskRecord) {
        if record.method == EvaluatedMethod::Standard {
            let of = (record.prompt.text.clone(), record.seed);
            self.standard.entry(of).or_insert(self.records.len());
        }
        self.keys.insert(key(&record));
        self.records.push(record);
    }

    pub fn records(&self) -> &[TaskRecord] {
        &self.records
    }

    pub fn has(&self, prompt: &TaskPrompt, seed: u64, method: EvaluatedMethod) -> bool {
        self.keys.contains(&(prompt.key(), seed, method))
    }

    /// The standard picture of a text and seed, with its record.
    pub fn standard(&self, text: &str, seed: u64) -> Option<(RgbImage, &TaskRecord)> {
        let index = *self.standard.get(&(text.to_owned(), seed))?;
        let record = &self.records[index];
        let path = self.folder.join(&record.picture);
        match image::open(&path) {
            Ok(image) => Some((image.to_rgb8(), record)),
            Err(error) => {
                tracing::warn!("{}: {error}", path.display());
                None
            }
        }
    }

    /// Keeps a picture with its settings as texts, then its line.
    ///
    /// # Errors
    /// What the system said.
    pub fn add(
        &mut self,
        record: TaskRecord,
        image: &RgbImage,
        texts: &[TextChunk],
    ) -> Result<(), ResultsError> {
        let path = self.folder.join(&record.picture);
        let parent = path.parent().unwrap_or(&self.folder);
        fs::create_dir_all(parent).map_err(|source| file_error(parent, source))?;
        let mut png = Vec::new();
        write_png(&mut png, image, texts).map_err(|source| file_error(&path, source))?;
        fs::write(&path, png).map_err(|source| file_error(&path, source))?;
        self.add_line(record)
    }

    /// Keeps the line of a picture that is there already.
    ///
    /// # Errors
    /// What the system said.
    pub fn add_line(&mut self, record: TaskRecord) -> Result<(), ResultsError> {
        let mut line = serde_json::to_string(&record)
            .expect("a record has no map keys that JSON could not hold");
        line.push('\n');
        let written = self.lines.write_all(line.as_bytes());
        written.map_err(|source| file_error(&self.folder, source))?;
        self.remember(record);
        Ok(())
    }
}

/// Puts the results of several folders together; a picture that is in two of them
/// counts once.
///
/// # Errors
/// If one is damaged or was made with other settings than the first.
pub fn merge_tasks(folders: &[PathBuf]) -> Result<Vec<TaskRecord>, ResultsError> {
    let mut merged: Option<Settings> = None;
    let mut records = Vec::new();
    let mut keys = HashSet::new();
    for folder in folders {
        let folder = folder.join(FOLDER);
        let path = folder.join(SETTINGS);
        if !path.exists() {
            return Err(ResultsError::NotResults { path: folder });
        }
        let settings = read_settings(&path)?;
        match &mut merged {
            None => merged = Some(settings),
            Some(merged) => merged
                .join(&settings)
                .map_err(|conflict| ResultsError::Conflict {
                    path: folder.clone(),
                    conflict,
                })?,
        }
        for record in read_records(&folder)? {
            if keys.insert(key(&record)) {
                records.push(record);
            }
        }
    }
    Ok(records)
}

fn key(record: &TaskRecord) -> Key {
    (record.prompt.key(), record.seed, record.method)
}

fn read_settings(path: &Path) -> Result<Settings, ResultsError> {
    let text = fs::read_to_string(path).map_err(|source| file_error(path, source))?;
    serde_json::from_str(&text).map_err(|source| ResultsError::Damaged {
        path: path.to_path_buf(),
        line: source.line(),
        source,
    })
}

/// The lines of all shards; a last line that an interruption cut short is left out.
fn read_records(folder: &Path) -> Result<Vec<TaskRecord>, ResultsError> {
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
    for path in files {
        let text = fs::read_to_string(&path).map_err(|source| file_error(&path, source))?;
        let is_whole = text.ends_with('\n');
        let count = text.lines().count();
        for (number, line) in text.lines().enumerate() {
            match serde_json::from_str(line) {
                Ok(record) => records.push(record),
                Err(_) if !is_whole && number + 1 == count => {}
                Err(source) => {
                    return Err(ResultsError::Damaged {
                        path,
                        line: number + 1,
                        source,
                    });
                }
            }
        }
    }
    Ok(records)
}

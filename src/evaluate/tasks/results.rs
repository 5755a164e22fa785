//! The folder of a run of tasks: settings, pictures, one line of JSON per picture.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use image::RgbImage;
use serde::{Deserialize, Serialize};

use super::judge::Outcome;
use super::prompts::TaskPrompt;
use crate::evaluate::method::EvaluatedMethod;
use crate::evaluate::plan::Shard;
use crate::evaluate::record_files::{
    Lines, join, join_folder, read_picture, read_records, read_settings, write_picture,
};
use crate::evaluate::records::Cost;
use crate::evaluate::results::ResultsError;
use crate::evaluate::settings::Settings;
use crate::export::png::TextChunk;

/// Within the results folder, so that the tasks keep apart from the benchmark of
/// relations.
const FOLDER: &str = "tasks";

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
    lines: Lines,
}

impl TaskResults {
    /// Makes the folder `tasks` in `folder`, or goes on with it.
    ///
    /// # Errors
    /// If it holds pictures made with other settings, or is damaged.
    pub fn open(folder: &Path, shard: Shard, settings: &Settings) -> Result<Self, ResultsError> {
        let folder = folder.join(FOLDER);
        join_folder(&folder, settings)?;
        let mut results = Self {
            records: Vec::new(),
            keys: HashSet::new(),
            standard: HashMap::new(),
            lines: Lines::open(&folder, shard)?,
            folder: folder.clone(),
        };
        for record in read_records(&folder)? {
            results.remember(record);
        }
        Ok(results)
    }

    fn remember(&mut self, record: TaskRecord) {
        if !self.keys.insert(key(&record)) {
            return;
        }
        if record.method == EvaluatedMethod::Standard {
            let of = (record.prompt.text.clone(), record.seed);
            self.standard.entry(of).or_insert(self.records.len());
        }
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
        Some((read_picture(&self.folder.join(&record.picture))?, record))
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
        write_picture(&self.folder.join(&record.picture), image, texts)?;
        self.add_line(record)
    }

    /// Keeps the line of a picture that is there already.
    ///
    /// # Errors
    /// What the system said.
    pub fn add_line(&mut self, record: TaskRecord) -> Result<(), ResultsError> {
        self.lines.add(&record)?;
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
        let settings = read_settings(&folder)?;
        match &mut merged {
            None => merged = Some(settings),
            Some(merged) => join(&folder, merged, &settings)?,
        }
        for record in read_records::<TaskRecord>(&folder)? {
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::diffusion::SchedulerKind;
    use crate::evaluate::prompts::parse_pairs;
    use crate::evaluate::tasks::Task;
    use crate::evaluate::tasks::prompts::{Wording, task_prompts};

    fn settings() -> Settings {
        Settings {
            model: "toybox".to_string(),
            model_hash: String::new(),
            steps: 20,
            scheduler: SchedulerKind::Dpmpp2m,
            schedule: None,
            timestep_spacing: None,
            guidance_scale: 7.5,
            methods: Default::default(),
        }
    }

    fn record(seed: u64, method: EvaluatedMethod) -> TaskRecord {
        let pairs = parse_pairs("cat:house").unwrap();
        TaskRecord {
            prompt: task_prompts(Task::Count, &pairs, Wording::Plain).remove(0),
            seed,
            method,
            picture: format!("{method}/{seed}.png"),
            cost: Cost::default(),
            outcome: None,
        }
    }

    #[test]
    fn a_run_that_was_killed_within_a_line_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let open = || TaskResults::open(folder.path(), Shard::WHOLE, &settings()).unwrap();
        let add = |results: &mut TaskResults, seed| {
            let image = RgbImage::from_pixel(4, 4, image::Rgb([seed as u8; 3]));
            let record = record(seed, EvaluatedMethod::Standard);
            results.add(record, &image, &[]).unwrap();
        };
        let mut results = open();
        add(&mut results, 1);
        add(&mut results, 2);
        drop(results);
        let lines = folder.path().join(FOLDER).join("pictures.jsonl");
        let text = fs::read_to_string(&lines).unwrap();
        fs::write(&lines, &text[..text.len() - 20]).unwrap();

        let mut results = open();
        let one = record(1, EvaluatedMethod::Standard);
        assert!(results.has(&one.prompt, 1, one.method));
        assert!(!results.has(&one.prompt, 2, one.method));
        let (image, _) = results.standard(&one.prompt.text, 1).unwrap();
        assert_eq!(image.get_pixel(0, 0).0, [1; 3]);
        add(&mut results, 2);
        assert_eq!(open().records().len(), 2);
        assert_eq!(fs::read_to_string(&lines).unwrap(), text);
        let merged = merge_tasks(&[folder.path().to_path_buf(), folder.path().to_path_buf()]);
        assert_eq!(merged.unwrap().len(), 2);
    }
}

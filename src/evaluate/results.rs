//! The folder of a run: settings, pictures, and one line of JSON per picture.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use image::RgbImage;

use super::method::EvaluatedMethod;
use super::plan::Shard;
use super::prompts::SpatialPrompt;
use super::record_files::{
    Lines, SETTINGS, join, join_folder, read_picture, read_records, read_settings, write_picture,
};
use super::records::PictureRecord;
use super::settings::{Settings, SettingsConflict};
use crate::export::png::TextChunk;

/// Why a results folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ResultsError {
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{} is no results folder of `evaluate`: it has no {SETTINGS}", path.display())]
    NotResults { path: PathBuf },
    #[error("{}, line {line}, is damaged ({source}); delete the line to have its picture made again", path.display())]
    Damaged {
        path: PathBuf,
        line: usize,
        source: serde_json::Error,
    },
    #[error("{}: {conflict}", path.display())]
    Conflict {
        path: PathBuf,
        conflict: SettingsConflict,
    },
}

/// What names a picture within a folder.
type Key = (SpatialPrompt, u64, EvaluatedMethod);

/// A folder that pictures are added to.
#[derive(Debug)]
pub struct ResultsFolder {
    folder: PathBuf,
    settings: Settings,
    records: Vec<PictureRecord>,
    keys: HashSet<Key>,
    /// Of this shard.
    lines: Lines,
}

impl ResultsFolder {
    /// Makes the folder or goes on with it.
    ///
    /// # Errors
    /// If it holds pictures made with other settings, or is damaged.
    pub fn open(folder: &Path, shard: Shard, settings: &Settings) -> Result<Self, ResultsError> {
        let settings = join_folder(folder, settings)?;
        let records = read(folder)?;
        let keys = records.iter().map(key).collect();
        Ok(Self {
            folder: folder.to_path_buf(),
            settings,
            records,
            keys,
            lines: Lines::open(folder, shard)?,
        })
    }

    /// How everything in it is made.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Everything in it, all shards.
    pub fn records(&self) -> &[PictureRecord] {
        &self.records
    }

    /// Whether a picture is there already.
    pub fn has(&self, prompt: &SpatialPrompt, seed: u64, method: EvaluatedMethod) -> bool {
        self.keys.contains(&(prompt.clone(), seed, method))
    }

    /// Keeps a picture with its settings as texts, then its line.
    ///
    /// # Errors
    /// What the system said.
    pub fn add(
        &mut self,
        record: PictureRecord,
        image: &RgbImage,
        texts: &[TextChunk],
    ) -> Result<(), ResultsError> {
        write_picture(&self.folder.join(&record.picture), image, texts)?;
        self.lines.add(&record)?;
        self.keys.insert(key(&record));
        self.records.push(record);
        Ok(())
    }

    /// A picture that is there already, if its file can still be read.
    pub fn picture(
        &self,
        prompt: &SpatialPrompt,
        seed: u64,
        method: EvaluatedMethod,
    ) -> Option<RgbImage> {
        let wanted = (prompt.clone(), seed, method);
        let record = self.records.iter().find(|record| key(record) == wanted)?;
        read_picture(&self.folder.join(&record.picture))
    }
}

/// Puts the results of several folders together; a picture that is in two of
/// them counts once. Also returns the folder of each record.
///
/// # Errors
/// If one is damaged or was made with other settings than the first.
pub fn merge(
    folders: &[PathBuf],
) -> Result<(Settings, Vec<(PathBuf, PictureRecord)>), ResultsError> {
    let mut merged: Option<Settings> = None;
    let mut records = Vec::new();
    let mut keys = HashSet::new();
    for folder in folders {
        let settings = read_settings(folder)?;
        match &mut merged {
            Some(merged) => join(folder, merged, &settings)?,
            None => merged = Some(settings),
        }
        for record in read(folder)? {
            if keys.insert(key(&record)) {
                records.push((folder.clone(), record));
            }
        }
    }
    let settings = merged.ok_or_else(|| ResultsError::NotResults {
        path: PathBuf::new(),
    })?;
    Ok((settings, records))
}

/// All shards' records of a folder; a picture with two lines counts once.
fn read(folder: &Path) -> Result<Vec<PictureRecord>, ResultsError> {
    let mut records = read_records(folder)?;
    let mut keys = HashSet::new();
    records.retain(|record| keys.insert(key(record)));
    Ok(records)
}

fn key(record: &PictureRecord) -> Key {
    (record.prompt.clone(), record.seed, record.method)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::diffusion::SchedulerKind;
    use crate::evaluate::figures::tests::picture;

    fn settings(steps: usize) -> Settings {
        Settings {
            model: "toybox".to_string(),
            model_hash: String::new(),
            steps,
            scheduler: SchedulerKind::Ddim,
            schedule: None,
            timestep_spacing: None,
            guidance_scale: 7.5,
            methods: Default::default(),
        }
    }

    fn add(results: &mut ResultsFolder, seed: u64) {
        let mut record = picture(seed, Some(0.2), true);
        record.picture = format!("pictures/storm/{seed}.png");
        let image = RgbImage::from_pixel(4, 4, image::Rgb([seed as u8; 3]));
        results.add(record, &image, &[]).unwrap();
    }

    fn seeds(folder: &Path) -> Vec<u64> {
        read(folder)
            .unwrap()
            .iter()
            .map(|record| record.seed)
            .collect()
    }

    #[test]
    fn a_folder_goes_on_where_it_stopped_even_within_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let open = || ResultsFolder::open(folder.path(), Shard::WHOLE, &settings(50)).unwrap();
        let mut results = open();
        add(&mut results, 1);
        add(&mut results, 2);
        drop(results);
        let lines = folder.path().join("pictures.jsonl");
        let text = fs::read_to_string(&lines).unwrap();
        fs::write(&lines, &text[..text.len() - 20]).unwrap();

        let mut results = open();
        let prompt = picture(1, None, true).prompt;
        assert!(results.has(&prompt, 1, EvaluatedMethod::STORM));
        assert!(!results.has(&prompt, 1, EvaluatedMethod::Standard));
        assert!(!results.has(&prompt, 2, EvaluatedMethod::STORM));
        let image = results.picture(&prompt, 1, EvaluatedMethod::STORM).unwrap();
        assert_eq!(image.get_pixel(0, 0).0, [1; 3]);
        add(&mut results, 2);
        assert_eq!(seeds(folder.path()), [1, 2]);
        assert_eq!(fs::read_to_string(&lines).unwrap(), text);
    }

    #[test]
    fn other_settings_and_damaged_lines_are_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let mut results = ResultsFolder::open(folder.path(), Shard::WHOLE, &settings(50)).unwrap();
        add(&mut results, 1);
        let other = ResultsFolder::open(folder.path(), Shard::WHOLE, &settings(25));
        assert!(other.unwrap_err().to_string().contains("25 and 50"));
        fs::write(folder.path().join("other.jsonl"), "{}\n").unwrap();
        let message = read(folder.path()).unwrap_err().to_string();
        assert!(message.contains("other.jsonl, line 1"), "{message}");
        let nothing = tempfile::tempdir().unwrap();
        let message = merge(&[nothing.path().to_path_buf()])
            .unwrap_err()
            .to_string();
        assert!(message.contains("no results folder"), "{message}");
    }

    #[test]
    fn shards_in_one_folder_or_several_merge_into_the_same() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let open = |folder: &Path, shard: &str| {
            ResultsFolder::open(folder, shard.parse().unwrap(), &settings(50)).unwrap()
        };
        let (mut first, mut second) = (open(one.path(), "0/2"), open(one.path(), "1/2"));
        add(&mut first, 1);
        add(&mut second, 2);
        let mut third = open(two.path(), "1/2");
        add(&mut third, 2);
        add(&mut third, 3);
        assert_eq!(seeds(one.path()), [1, 2]);
        let folders = [one.path().to_path_buf(), two.path().to_path_buf()];
        let (_, records) = merge(&folders).unwrap();
        let merged: Vec<(bool, u64)> = records
            .iter()
            .map(|(folder, record)| (folder == one.path(), record.seed))
            .collect();
        assert_eq!(merged, [(true, 1), (true, 2), (false, 3)]);
    }
}

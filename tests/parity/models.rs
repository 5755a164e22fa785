//! The model that a recording was made with, found among the folders beside it.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use storm_studio::checkpoint::{CheckpointSource, Family, StableDiffusion};
use storm_studio::diffusion::SchedulerKind;

use super::recording::Recording;
use super::stored_maps::largest_error;
use crate::fixture::numbers;

/// All models of a folder of recordings.
pub struct Models {
    folders: Vec<PathBuf>,
}

impl Models {
    /// Every folder below `folder` that diffusers would load.
    pub fn find(folder: &Path) -> Self {
        let mut folders = Vec::new();
        let mut open = vec![folder.to_path_buf()];
        while let Some(folder) = open.pop() {
            if folder.join("model_index.json").is_file() {
                folders.push(folder);
                continue;
            }
            let entries = std::fs::read_dir(folder).expect("the folder can be listed");
            let paths = entries.map(|entry| entry.expect("the folder can be listed").path());
            open.extend(paths.filter(|path| path.is_dir()));
        }
        folders.sort();
        Self { folders }
    }

    /// The model of a recording: the one that it names, otherwise the one of
    /// its family whose text encoder gives the recorded embeddings best.
    pub fn of(&self, recording: &Recording, device: &Device) -> (PathBuf, StableDiffusion) {
        let named = |path: &PathBuf| {
            let folder = path.file_name().unwrap_or_default().to_string_lossy();
            let model = recording.run.model.as_deref();
            model.is_some_and(|model| model == folder || format!("model-{model}") == folder)
        };
        let is_named = self.folders.iter().any(named);
        let candidates = self.folders.iter().filter(|path| !is_named || named(path));
        let loaded = candidates.map(|path| (path.clone(), load(path, device)));
        let of_family = loaded.filter(|(_, model)| {
            is_named || (model.description.family == Family::V2) == recording.run.sd_2_1
        });
        of_family
            .min_by(|(_, a), (_, b)| {
                let error = |model| text_error(recording, model).unwrap_or(f64::INFINITY);
                error(a).total_cmp(&error(b))
            })
            .unwrap_or_else(|| panic!("no model beside {} fits it", recording.name))
    }
}

fn load(path: &Path, device: &Device) -> StableDiffusion {
    let source = CheckpointSource::from_path(path).expect("the folder is there");
    StableDiffusion::load(&source, device).unwrap_or_else(|error| panic!("{error}"))
}

/// Largest error of the text embeddings; `None` if they have another shape.
fn text_error(recording: &Recording, model: &StableDiffusion) -> Option<f64> {
    let ours = model
        .condition_texts(&["", &recording.run.prompt])
        .unwrap()
        .hidden_states;
    if ours.dims()[..] != *recording.shape("text_embeddings") {
        return None;
    }
    let theirs = recording.values("text_embeddings")?;
    Some(largest_error(&numbers(ours), theirs))
}

/// The scheduler of a recording: the one that it names, otherwise the one that
/// makes as many calls, PNDM being alone in making one more than it has steps.
pub fn scheduler(recording: &Recording, own: SchedulerKind) -> SchedulerKind {
    if let Some(name) = &recording.run.scheduler {
        let short = name.trim_end_matches("Scheduler");
        return short
            .parse()
            .unwrap_or_else(|error| panic!("{}: {error}", recording.name));
    }
    let has_warm_up = recording.calls() > recording.run.steps;
    match own {
        own if has_warm_up == (own == SchedulerKind::Pndm) => own,
        _ if has_warm_up => SchedulerKind::Pndm,
        _ => SchedulerKind::Ddim,
    }
}

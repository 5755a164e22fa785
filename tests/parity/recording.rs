//! A recorded run: its settings and tensors, read from the file alone.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use storm_studio::diffusion::Method;
use storm_studio::export::Trajectory;
use storm_studio::prompt::TokenIndices;
use storm_studio::storm::{
    AttentionMaps, Layout, ObjectTokens, Objective, ObjectiveKind, ObjectiveParameters,
    PromptFacts, build,
};

/// The metadata entry `run`; what is absent has the release's default.
#[derive(Debug, Clone, Deserialize)]
pub struct Run {
    pub prompt: String,
    token_indices: serde_json::Value,
    pub seed: u64,
    pub steps: usize,
    #[serde(default)]
    pub run_standard_sd: bool,
    #[serde(default)]
    pub sd_2_1: bool,
    pub scheduler: Option<String>,
    pub model: Option<String>,
    #[serde(default = "default_guidance_scale")]
    pub guidance_scale: f64,
}

fn default_guidance_scale() -> f64 {
    7.5
}

/// What a loss was computed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LossKind {
    /// A step's first, before refinement.
    First,
    Refinement,
    /// The step's own update.
    Own,
}

pub struct Recording {
    pub name: String,
    pub run: Run,
    pub trajectory: Trajectory,
}

impl Recording {
    /// The recordings of a folder, by name.
    pub fn paths(folder: &Path) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut paths: Vec<PathBuf> = entries
            .map(|entry| entry.expect("the folder can be listed").path())
            .filter(|path| path.extension().is_some_and(|it| it == "safetensors"))
            .collect();
        paths.sort();
        paths
    }

    pub fn read(path: &Path) -> Self {
        let trajectory = Trajectory::read(path).unwrap_or_else(|error| panic!("{error}"));
        let name = path.file_stem().expect("a file").to_string_lossy();
        let run = serde_json::from_value(trajectory.run.clone())
            .unwrap_or_else(|error| panic!("{}: its run entry: {error}", path.display()));
        Self {
            name: name.into_owned(),
            run,
            trajectory,
        }
    }

    pub fn method(&self) -> Method {
        if self.run.run_standard_sd {
            Method::Standard
        } else {
            Method::Storm
        }
    }

    /// Exactly the recorded token positions; the released objective reads the
    /// relation in the prompt.
    pub fn layout(&self) -> Layout {
        let indices: TokenIndices = self
            .run
            .token_indices
            .to_string()
            .parse()
            .unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let objects = indices.nouns.into_iter().zip(indices.attributes);
        let objects = objects.zip(["subject", "object"]);
        Layout {
            objects: objects
                .map(|((tokens, attribute), label)| ObjectTokens {
                    tokens,
                    attributes: Some(attribute)
                        .filter(|it| !it.is_empty())
                        .into_iter()
                        .collect(),
                    label: label.to_string(),
                })
                .collect(),
            ..Default::default()
        }
    }

    /// The released objective for this run; `end_token` ends the prompt.
    pub fn objective(&self, end_token: usize) -> Box<dyn Objective> {
        let mut facts = PromptFacts::new(&self.run.prompt, 77, end_token);
        if self.run.sd_2_1 {
            facts.released_columns = facts.prompt_columns.clone();
        }
        let parameters = ObjectiveParameters::default();
        build(ObjectiveKind::Reference, self.layout(), &parameters, &facts)
            .unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    pub fn values(&self, name: &str) -> Option<&[f32]> {
        let tensor = self.trajectory.tensor(name)?;
        Some(&tensor.values)
    }

    pub fn shape(&self, name: &str) -> &[usize] {
        let tensor = self.trajectory.tensor(name);
        &tensor
            .unwrap_or_else(|| panic!("{} has no {name}", self.name))
            .shape
    }

    pub fn maps(&self, name: &str) -> AttentionMaps {
        let [rows, columns, tokens] = self.shape(name).try_into().expect("maps have three axes");
        let values = self.values(name).expect("its shape is there").to_vec();
        AttentionMaps::new(rows, columns, tokens, values).expect("shape and values agree")
    }

    /// The step of every loss, in order.
    pub fn loss_steps(&self) -> Vec<usize> {
        let step = |number| self.values(&format!("loss.{number}.step"));
        (0..).map_while(step).map(|step| step[0] as usize).collect()
    }

    /// Latents after each scheduler call that was recorded, with its index.
    pub fn latents(&self) -> Vec<(usize, &[f32])> {
        let last = self
            .loss_steps()
            .into_iter()
            .max()
            .unwrap_or(self.run.steps);
        let at = |index| Some((index, self.values(&format!("latents.{index}"))?));
        (0..=last).filter_map(at).collect()
    }

    /// Number of scheduler calls: every one has a loss.
    pub fn calls(&self) -> usize {
        self.loss_steps()
            .into_iter()
            .max()
            .map_or(0, |last| last + 1)
    }
}

/// What each loss was computed for, from the steps of all of them.
pub fn kinds(steps: &[usize]) -> Vec<LossKind> {
    let kind = |index: usize| {
        let is_first = index == 0 || steps[index - 1] != steps[index];
        let is_last = steps.get(index + 1) != Some(&steps[index]);
        match (is_first, is_last) {
            (true, _) => LossKind::First,
            (false, true) => LossKind::Own,
            (false, false) => LossKind::Refinement,
        }
    };
    (0..steps.len()).map(kind).collect()
}

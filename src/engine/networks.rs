//! Which files the names of LoRAs mean, and what a request asks of them.
//!
//! A request names its LoRAs, in its settings and in its prompt; a library, which
//! travels with it and is in no picture, says where they lie.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::settings::Settings;
use crate::checkpoint::{LoraFile, TextualInversion};
use crate::diffusion::{SchedulerKind, TimestepSpacing};
use crate::prompt::{KnownWord, KnownWords, NetworkKind, NetworkTag};

/// Most files of a folder that are looked at.
const MOST_FILES: usize = 5_000;
/// Deepest folder in it.
const DEEPEST: usize = 6;

/// A LoRA that is asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoraChoice {
    /// The file's name without its ending.
    pub name: String,
    /// How strongly it acts; negative turns it round.
    pub weight: f64,
}

/// What a picture was made with, beside its model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UsedNetwork {
    #[serde(default)]
    pub kind: UsedKind,
    pub name: String,
    /// SHA-256 in hexadecimal: of a LoRA's tensors, of a textual inversion's file.
    pub hash: String,
    /// In the text encoder and in the UNet.
    pub weights: [f64; 2],
}

/// What was used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UsedKind {
    #[default]
    Lora,
    TextualInversion,
}

impl UsedNetwork {
    /// The hash as A1111 writes it.
    pub fn short_hash(&self) -> &str {
        let digits = match self.kind {
            UsedKind::Lora => 12,
            UsedKind::TextualInversion => 10,
        };
        self.hash.get(..digits).unwrap_or(&self.hash)
    }
}

/// A file that a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkFile {
    /// Without its ending.
    pub name: String,
    pub path: PathBuf,
    /// The models that it was made for, as far as its tensors tell.
    pub made_for: Option<String>,
    /// Why it cannot be used, in words.
    pub problem: Option<String>,
    /// How pictures are to be made with it, if it was made for few steps.
    pub walk: Option<ProposedWalk>,
}

/// A textual inversion that its name in a prompt stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InversionFile {
    /// Without its ending.
    pub name: String,
    pub path: PathBuf,
    /// How many tokens it is read as, and numbers of each; 0 where it cannot be used.
    pub tokens: usize,
    pub width: usize,
    /// Why it cannot be used, in words.
    pub problem: Option<String>,
}

/// The files that names can mean.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkLibrary {
    /// In the order of their names; those given one by one stand first.
    pub loras: Vec<NetworkFile>,
    /// In the order of their names.
    pub inversions: Vec<InversionFile>,
}

/// How a LoRA wants pictures to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProposedWalk {
    pub scheduler: SchedulerKind,
    pub timestep_spacing: Option<TimestepSpacing>,
    pub steps: usize,
}

impl ProposedWalk {
    /// The guidance scale that goes with it.
    pub const GUIDANCE_SCALE: f64 = 1.0;

    /// What the names that a distilled LoRA goes by say: its tensors look like any other's.
    fn of(names: &[&str]) -> Option<Self> {
        let names: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
        let says = |word: &str| {
            names.iter().any(|name| {
                let mut parts = name.split(|sign: char| !sign.is_alphanumeric());
                parts.any(|part| part == word)
            })
        };
        let steps = names.iter().find_map(|name| steps_in(name));
        if says("lcm") {
            return Some(Self {
                scheduler: SchedulerKind::Lcm,
                timestep_spacing: None,
                steps: steps.unwrap_or(4),
            });
        }
        says("lightning").then(|| Self {
            scheduler: SchedulerKind::Euler,
            timestep_spacing: Some(TimestepSpacing::Trailing),
            steps: steps.unwrap_or(4),
        })
    }
}

impl ProposedWalk {
    /// Whether `settings` ask for it already.
    pub fn is_followed(&self, settings: &Settings) -> bool {
        settings.scheduler == Some(self.scheduler) && settings.steps <= 4 * self.steps
    }

    /// Makes `settings` ask for it.
    pub fn apply(&self, settings: &mut Settings) {
        settings.scheduler = Some(self.scheduler);
        settings.schedule = None;
        settings.timestep_spacing = self.timestep_spacing;
        settings.steps = self.steps;
        settings.guidance_scale = Self::GUIDANCE_SCALE;
    }

    /// As it is said on the command line.
    pub fn flags(&self) -> String {
        let spacing: Option<&str> = self.timestep_spacing.map(Into::into);
        let spacing = spacing.map_or_else(String::new, |it| format!(" --timestep-spacing {it}"));
        format!(
            "--scheduler {} --steps {} --guidance-scale {}{spacing}",
            self.scheduler,
            self.steps,
            Self::GUIDANCE_SCALE
        )
    }
}

impl std::fmt::Display for ProposedWalk {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sampler = self.scheduler.sampler().label;
        let scale = Self::GUIDANCE_SCALE;
        write!(
            formatter,
            "{sampler}, {} steps, guidance scale {scale}",
            self.steps
        )
    }
}

/// The 4 of "lightning-4step", "8steps".
fn steps_in(name: &str) -> Option<usize> {
    let end = name.find("step")?;
    let before = name[..end].trim_end_matches(['-', '_', ' ']);
    let digits = before
        .chars()
        .rev()
        .take_while(char::is_ascii_digit)
        .count();
    before[before.len() - digits..]
        .parse()
        .ok()
        .filter(|steps| (1..=64).contains(steps))
}

impl NetworkFile {
    /// Looks at the file at `path`, its header alone.
    pub fn look_at(path: &Path) -> Self {
        let name = path.file_stem().unwrap_or(path.as_os_str());
        let name = name.to_string_lossy().into_owned();
        let mut file = Self {
            name,
            path: path.to_path_buf(),
            made_for: None,
            problem: None,
            walk: None,
        };
        match LoraFile::open(path) {
            Ok(lora) => {
                let title = lora.metadata("modelspec.title").unwrap_or_default();
                let output = lora.metadata("ss_output_name").unwrap_or_default();
                file.walk = ProposedWalk::of(&[&file.name, title, output]);
                file.made_for = lora.made_for();
            }
            Err(error) => file.problem = Some(error.to_string()),
        }
        file
    }
}

impl InversionFile {
    /// Looks at the file at `path`, its header alone.
    pub fn look_at(path: &Path) -> Self {
        let name = path.file_stem().unwrap_or(path.as_os_str());
        let mut file = Self {
            name: name.to_string_lossy().into_owned(),
            path: path.to_path_buf(),
            tokens: 0,
            width: 0,
            problem: None,
        };
        match TextualInversion::open(path) {
            Ok(inversion) => {
                file.tokens = inversion.tokens();
                file.width = inversion.width();
            }
            Err(error) => file.problem = Some(error.to_string()),
        }
        file
    }
}

impl NetworkLibrary {
    /// Looks for textual inversions in `folder` and below it.
    ///
    /// # Errors
    /// If the folder itself cannot be looked into.
    pub fn find_inversions(&mut self, folder: &Path) -> std::io::Result<()> {
        let mut paths = Vec::new();
        collect(folder, 0, &mut paths)?;
        paths.sort();
        self.inversions = paths
            .iter()
            .map(|path| InversionFile::look_at(path))
            .collect();
        Ok(())
    }

    /// The words that prompts for a text encoder of `width` numbers a token can use.
    pub fn known_words(&self, width: usize) -> KnownWords {
        let fitting = self.inversions.iter();
        let fitting = fitting.filter(|file| file.problem.is_none() && file.width == width);
        KnownWords::new(fitting.map(|file| KnownWord {
            name: file.name.clone(),
            tokens: file.tokens,
        }))
    }

    /// The file of a word.
    pub fn inversion(&self, name: &str) -> Option<&InversionFile> {
        self.inversions.iter().find(|file| file.name == name)
    }

    /// The LoRAs in `folder` and below it.
    ///
    /// # Errors
    /// If the folder itself cannot be looked into.
    pub fn in_folder(folder: &Path) -> std::io::Result<Self> {
        let mut paths = Vec::new();
        collect(folder, 0, &mut paths)?;
        paths.sort();
        Ok(Self {
            loras: paths
                .iter()
                .map(|path| NetworkFile::look_at(path))
                .collect(),
            inversions: Vec::new(),
        })
    }

    /// The file that `name` means: the same name, or one that differs in capitals.
    pub fn lora(&self, name: &str) -> Option<&NetworkFile> {
        let mut files = self.loras.iter();
        files.find(|file| file.name == name).or_else(|| {
            let mut files = self.loras.iter();
            files.find(|file| file.name.to_lowercase() == name.to_lowercase())
        })
    }

    /// Puts a file first.
    pub fn add(&mut self, file: NetworkFile) {
        self.loras.retain(|known| known.path != file.path);
        self.loras.insert(0, file);
    }

    /// Those of `asked` that no file is there for.
    pub fn missing<'a>(&self, asked: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        let mut missing: Vec<String> = Vec::new();
        for name in asked {
            if self.lora(name).is_none() && !missing.iter().any(|known| known == name) {
                missing.push(name.to_string());
            }
        }
        missing
    }
}

/// The .safetensors files below a folder; folders that may not be looked into are
/// passed over.
fn collect(folder: &Path, depth: usize, into: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        if into.len() >= MOST_FILES {
            return Ok(());
        }
        let path = entry?.path();
        let Ok(found) = std::fs::metadata(&path) else {
            continue;
        };
        let is_hidden = path
            .file_name()
            .is_some_and(|it| it.as_encoded_bytes().starts_with(b"."));
        let ending = path.extension();
        if is_hidden {
            continue;
        } else if found.is_dir() && depth < DEEPEST {
            if let Err(error) = collect(&path, depth + 1, into) {
                tracing::debug!("{} is passed over: {error}", path.display());
            }
        } else if found.is_file() && ending.is_some_and(|it| it.eq_ignore_ascii_case("safetensors"))
        {
            into.push(path);
        }
    }
    Ok(())
}

/// A LoRA that a request asks for, by name.
#[derive(Debug, Clone, PartialEq)]
pub struct AskedLora {
    pub name: String,
    /// In the text encoder and in the UNet.
    pub weights: [f64; 2],
}

/// What settings and prompt ask for, in that order.
///
/// # Errors
/// The first tag whose weight is no number.
pub fn asked_loras<'a>(
    choices: &[LoraChoice],
    tags: &'a [NetworkTag],
) -> Result<Vec<AskedLora>, &'a NetworkTag> {
    let chosen = choices.iter().map(|choice| {
        Ok(AskedLora {
            name: choice.name.clone(),
            weights: [choice.weight; 2],
        })
    });
    let tags = tags.iter().filter(|tag| tag.kind == NetworkKind::Lora);
    let tagged = tags.map(|tag| {
        Ok(AskedLora {
            name: tag.name.clone(),
            weights: tag.weights.ok_or(tag)?,
        })
    });
    chosen.chain(tagged).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_distilled_loras_propose_their_walk() {
        let of = |name: &str| ProposedWalk::of(&[name, "", ""]);
        let lcm = of("lcm-lora-sdv1-5").unwrap();
        assert_eq!((lcm.scheduler, lcm.steps), (SchedulerKind::Lcm, 4));
        let lightning = of("SDXL_Lightning_8step_lora").unwrap();
        assert_eq!(
            (lightning.scheduler, lightning.steps),
            (SchedulerKind::Euler, 8)
        );
        assert_eq!(lightning.timestep_spacing, Some(TimestepSpacing::Trailing));
        assert_eq!(of("calcmium"), None);
        assert_eq!(of("lightning_bolts").unwrap().steps, 4);
        assert_eq!(lcm.to_string(), "LCM, 4 steps, guidance scale 1");
    }

    #[test]
    fn a_name_means_its_file_whatever_its_capitals() {
        let file = |name: &str| NetworkFile {
            name: name.to_string(),
            path: PathBuf::from(format!("/x/{name}.safetensors")),
            made_for: None,
            problem: None,
            walk: None,
        };
        let library = NetworkLibrary {
            loras: vec![file("Detail"), file("detail"), file("Style")],
            inversions: Vec::new(),
        };
        assert_eq!(library.lora("detail").unwrap().name, "detail");
        assert_eq!(library.lora("STYLE").unwrap().name, "Style");
        let missing = library.missing(["style", "gone", "gone"]);
        assert_eq!(missing, ["gone"]);
    }
}

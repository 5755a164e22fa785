//! LoRAs on the command line: which files, how strongly, and where others lie.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;

use super::Failure;
use super::report::Report;
use super::values::path;
use crate::engine::{LoraChoice, NetworkFile, NetworkLibrary, Request, asked_loras};
use crate::prompt::TokenizedPrompt;

/// Which networks are added to the model.
#[derive(Debug, Default, Args)]
pub(super) struct NetworkArguments {
    /// A LoRA and how strongly it acts, as FILE:0.8, without a number 1; repeatable. FILE:0.5:1 acts
    /// otherwise in the text encoder (0.5) than in the UNet. The name of a file in --lora-folder does
    /// as well
    #[arg(long, value_name = "FILE:WEIGHT")]
    lora: Vec<LoraArgument>,
    #[command(flatten)]
    pub(super) folders: NetworkFolders,
}

/// Where networks lie that are called by their name.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct NetworkFolders {
    /// Where the LoRAs lie that <lora:name:0.8> in the prompt means
    #[arg(long, alias = "lora_folder", alias = "lora-dir", value_name = "DIR", value_parser = path())]
    pub(super) lora_folder: Option<PathBuf>,
    /// Where the textual inversions lie whose names are words of prompts
    #[arg(long, alias = "embedding_folder", alias = "embeddings-dir", value_name = "DIR", value_parser = path())]
    pub(super) embedding_folder: Option<PathBuf>,
}

/// `FILE:0.8`, `FILE:0.5:1`.
#[derive(Debug, Clone, PartialEq)]
struct LoraArgument {
    file: PathBuf,
    /// In the text encoder and in the UNet.
    weights: [f64; 2],
}

/// A text and the number behind its last colon, if that is one.
fn weight_behind(text: &str) -> Option<(&str, f64)> {
    let (file, number) = text.rsplit_once(':')?;
    Some((file, number.trim().parse().ok()?))
}

impl FromStr for LoraArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // What is no number is a drive's colon, or one in a name.
        let (file, weights) = match weight_behind(text) {
            Some((file, unet)) => match weight_behind(file) {
                Some((file, text_encoder)) => (file, [text_encoder, unet]),
                None => (file, [unet; 2]),
            },
            None => (text, [1.0; 2]),
        };
        if !weights.iter().all(|weight| weight.is_finite()) {
            return Err("a weight is a number such as 0.8".to_string());
        }
        if file.trim().is_empty() {
            return Err("write a LoRA as FILE:0.8".to_string());
        }
        Ok(Self {
            file: PathBuf::from(file),
            weights,
        })
    }
}

impl NetworkArguments {
    /// The library that names are looked up in, and what the flags ask for.
    ///
    /// # Errors
    /// If a folder or file is not there or is no LoRA.
    pub(super) fn read(&self) -> Result<(NetworkLibrary, Vec<LoraChoice>), Failure> {
        let mut library = self.folders.library()?;
        let mut choices = Vec::new();
        for lora in &self.lora {
            let named = lora.file.to_string_lossy().into_owned();
            let name = match library.lora(&named) {
                Some(known) if !lora.file.is_file() => known.name.clone(),
                _ => {
                    let file = NetworkFile::look_at(&lora.file);
                    if let Some(problem) = &file.problem {
                        return Err(Failure::model(problem));
                    }
                    let name = file.name.clone();
                    library.add(file);
                    name
                }
            };
            choices.push(LoraChoice::with_weights(name, lora.weights));
        }
        Ok((library, choices))
    }
}

impl NetworkFolders {
    /// What lies in the folders.
    ///
    /// # Errors
    /// If one cannot be looked into.
    pub(super) fn library(&self) -> Result<NetworkLibrary, Failure> {
        let mut library = match &self.lora_folder {
            Some(folder) => {
                let found = NetworkLibrary::in_folder(folder);
                found.map_err(|error| unreadable(folder, &error))?
            }
            None => NetworkLibrary::default(),
        };
        if let Some(folder) = &self.embedding_folder {
            let found = library.find_inversions(folder);
            found.map_err(|error| unreadable(folder, &error))?;
        }
        Ok(library)
    }
}

fn unreadable(folder: &Path, error: &std::io::Error) -> Failure {
    Failure::file(format!(
        "{} can't be looked into ({error})",
        folder.display()
    ))
}

/// Says how LoRAs that were made for few steps want pictures to be made.
pub(super) fn tell_walks(request: &Request, prompt: &TokenizedPrompt, report: &Report) {
    let settings = &request.settings;
    let asked = asked_loras(&settings.loras, &prompt.networks).unwrap_or_default();
    for lora in asked {
        let walk = request.networks.lora(&lora.name).and_then(|file| file.walk);
        if let Some(walk) = walk.filter(|walk| !walk.is_followed(settings)) {
            report.note(&format!(
                "{} was made for {walk}: {}",
                lora.name,
                walk.flags()
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_stands_behind_the_last_colon() {
        let read = |text: &str| {
            let lora: LoraArgument = text.parse().unwrap();
            (lora.file.to_string_lossy().into_owned(), lora.weights)
        };
        let with = |file: &str, weights: [f64; 2]| (file.to_string(), weights);
        assert_eq!(read("a.safetensors:0.8"), with("a.safetensors", [0.8; 2]));
        assert_eq!(
            read("C:\\a.safetensors"),
            with("C:\\a.safetensors", [1.0; 2])
        );
        assert_eq!(read("detail:-0.5"), with("detail", [-0.5; 2]));
        assert_eq!(read("C:\\detail:0:1.5"), with("C:\\detail", [0.0, 1.5]));
        assert!("a:inf".parse::<LoraArgument>().is_err());
        assert!(":0.5".parse::<LoraArgument>().is_err());
    }
}

//! How a picture was made: what is written into it, and enough to make it again.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::event::{ModelInfo, Picture};
use super::networks::{UsedKind, UsedNetwork};
use super::request::Request;
use super::settings::Settings;
use crate::checkpoint::SHORT_HASH;
use crate::diffusion::Method;
use crate::export::metadata::{
    CLIP_SKIP_KEY, EMPHASIS_KEY, INVERSION_HASHES_KEY, LORA_HASHES_KEY, MODEL_HASH_KEY,
    NO_EMPHASIS, PROMPT_WEIGHTS_KEY, text_chunks,
};
use crate::export::{ImageSettings, TextChunk};
use crate::prompt::{PromptWeights, target_texts};

/// One picture's making: its request reduced to its seed, with every default
/// filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// Program and version.
    pub program: String,
    /// Name of the model.
    pub model: String,
    /// SHA-256 of its weights, in hexadecimal; earlier versions did not tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_hash: Option<String>,
    /// What it was computed on.
    pub device: String,
    /// Which of the request's methods made this picture.
    pub method: Method,
    /// The networks that were part of the model.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<UsedNetwork>,
    /// All of its methods are kept: they share a batch, whose size can show in
    /// the last bits.
    pub request: Request,
}

impl Recipe {
    /// The making of `picture`, which `request` asked of `model`.
    pub fn new(picture: &Picture, request: &Request, model: &ModelInfo) -> Self {
        let size = [picture.image.width(), picture.image.height()];
        Self {
            program: concat!("Storm Studio ", env!("CARGO_PKG_VERSION")).to_string(),
            model: model.name.clone(),
            model_hash: model.hash.get().map(str::to_owned),
            device: model.device.clone(),
            method: picture.method,
            networks: picture.networks.to_vec(),
            request: Request {
                seeds: vec![picture.seed],
                settings: Settings {
                    scheduler: Some(picture.scheduler),
                    schedule: picture
                        .scheduler
                        .sampler()
                        .is_scheduled()
                        .then_some(picture.schedule),
                    size: Some(size.map(|side| side as usize)),
                    ..request.settings.clone()
                },
                trajectory: None,
                networks: Arc::default(),
                ..request.clone()
            },
        }
    }

    /// The settings that other programs read.
    pub fn image_settings(&self) -> ImageSettings {
        let request = &self.request;
        let settings = &request.settings;
        // Absent, programs assume a GPU's noise.
        let mut extras = vec![("RNG".to_string(), settings.rng.to_string())];
        if let Some(hash) = self.model_hash.as_ref().and_then(|it| it.get(..SHORT_HASH)) {
            extras.push((MODEL_HASH_KEY.to_string(), hash.to_string()));
        }
        extras.extend(self.prompt_weights());
        extras.extend(self.hashes(UsedKind::Lora, LORA_HASHES_KEY));
        extras.extend(self.hashes(UsedKind::TextualInversion, INVERSION_HASHES_KEY));
        if settings.clip_skip > 1 {
            extras.push((CLIP_SKIP_KEY.to_string(), settings.clip_skip.to_string()));
        }
        if self.method == Method::Storm {
            let objective = settings.optimisation.objective.to_string();
            extras.push(("STORM objective".to_string(), objective));
            extras.push(("STORM relations".to_string(), self.relations()));
            let targets = target_texts(&self.request.layout);
            if !targets.is_empty() {
                let targets = targets.iter().map(ToString::to_string);
                let targets = targets.collect::<Vec<_>>().join("; ");
                extras.push(("STORM targets".to_string(), targets));
            }
        }
        extras.push(("Version".to_string(), self.program.clone()));
        ImageSettings {
            prompt: self.prompt_with_loras(),
            negative_prompt: request.negative_prompt.clone(),
            steps: u32::try_from(settings.steps).ok(),
            sampler: settings
                .scheduler
                .map(|scheduler| scheduler.sampler_name().to_string()),
            schedule_type: settings
                .schedule
                .map(|schedule| schedule.facts().infotext_name.to_string()),
            cfg_scale: Some(settings.guidance_scale),
            seed: request.seeds.first().copied(),
            size: settings
                .size
                .map(|[width, height]| (width as u32, height as u32)),
            model: Some(self.model.clone()),
            extras,
        }
    }

    /// The prompt as other programs take LoRAs: those of the settings as tags behind it.
    fn prompt_with_loras(&self) -> String {
        let mut prompt = self.request.prompt.clone();
        for lora in &self.request.settings.loras {
            prompt.push_str(&format!(" {}", lora.tag()));
        }
        prompt
    }

    /// Names and hashes by one of A1111's keys.
    fn hashes(&self, kind: UsedKind, key: &str) -> Option<(String, String)> {
        let networks = self.networks.iter().filter(|network| network.kind == kind);
        let hashes: Vec<String> = networks
            .map(|network| format!("{}: {}", network.name, network.short_hash()))
            .collect();
        (!hashes.is_empty()).then(|| (key.to_string(), hashes.join(", ")))
    }

    /// How the prompts were read, where A1111 reads them otherwise; its own key says
    /// that brackets are plain signs.
    fn prompt_weights(&self) -> Option<(String, String)> {
        let request = &self.request;
        let has_brackets =
            |text: &String| text.contains(['(', '[', '\\']) || text.contains("BREAK");
        let is_said = has_brackets(&request.prompt) || has_brackets(&request.negative_prompt);
        let (key, value) = match request.settings.reading() {
            PromptWeights::A1111 => return None,
            PromptWeights::Comfyui => (PROMPT_WEIGHTS_KEY, PromptWeights::Comfyui.into()),
            PromptWeights::Literal => (EMPHASIS_KEY, NO_EMPHASIS),
        };
        is_said.then(|| (key.to_string(), value.to_string()))
    }

    /// The texts to write into the picture's file.
    pub fn text_chunks(&self) -> Vec<TextChunk> {
        text_chunks(&self.image_settings(), self)
            .expect("a recipe has no map keys that JSON could not hold")
    }

    /// Such as `cat left-of dog`.
    fn relations(&self) -> String {
        let layout = &self.request.layout;
        let relations = layout.relations.iter().map(|relation| {
            let label = |object: usize| layout.objects[object].label.as_str();
            let (subject, object) = (label(relation.subject), label(relation.object));
            format!("{subject} {} {object}", relation.kind)
        });
        relations.collect::<Vec<_>>().join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diffusion::{NoiseKind, SchedulerKind, SigmaSchedule};
    use crate::export::metadata::own_of;

    #[test]
    fn a_recipe_comes_back_from_its_texts() {
        let recipe = Recipe {
            program: "Storm Studio 0".to_string(),
            model: "toybox".to_string(),
            model_hash: Some("0123456789abcdef".repeat(4)),
            device: "CPU".to_string(),
            method: Method::Standard,
            networks: Vec::new(),
            request: Request {
                prompt: "a cat, \"left\" of a dog".to_string(),
                settings: Settings {
                    scheduler: Some(SchedulerKind::Ddim),
                    size: Some([64, 64]),
                    ..Default::default()
                },
                ..Default::default()
            },
        };
        let texts = recipe.text_chunks();
        assert_eq!(own_of::<Recipe>(&texts).unwrap().unwrap(), recipe);
        let settings = recipe.image_settings();
        assert_eq!(settings.extra("RNG"), Some("CPU"));
        assert_eq!(settings.extra("Model hash"), Some("0123456789"));
        assert_eq!(settings.sampler.as_deref(), Some("DDIM"));
        let read_by = |prompt: &str, prompt_weights| {
            let mut recipe = recipe.clone();
            recipe.request.prompt = prompt.to_string();
            recipe.request.settings.prompt_weights = prompt_weights;
            let settings = recipe.image_settings();
            let said = [EMPHASIS_KEY, PROMPT_WEIGHTS_KEY];
            said.map(|key| settings.extra(key).map(str::to_string))
        };
        let literal = Some("None".to_string());
        assert_eq!(read_by("(a)", PromptWeights::Literal), [literal, None]);
        assert_eq!(read_by("a", PromptWeights::Literal), [None, None]);
        assert_eq!(read_by("(a)", PromptWeights::A1111), [None, None]);
        let comfyui = Some("comfyui".to_string());
        assert_eq!(read_by("(a)", PromptWeights::Comfyui), [None, comfyui]);
        let mut karras = recipe.clone();
        karras.request.settings.scheduler = Some(SchedulerKind::Dpmpp2m);
        karras.request.settings.schedule = Some(SigmaSchedule::Karras);
        karras.request.settings.rng = NoiseKind::Nv;
        let settings = karras.image_settings();
        let text = settings.to_infotext();
        assert!(
            text.contains("Sampler: DPM++ 2M, Schedule type: Karras"),
            "{text}"
        );
        assert_eq!(settings.extra("RNG"), Some("NV"));
        assert_eq!(
            own_of::<Recipe>(&karras.text_chunks()).unwrap().unwrap(),
            karras
        );
    }
}

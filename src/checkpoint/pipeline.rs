//! `model_index.json`: the kind of pipeline that a folder was saved by, and its parts.
//!
//! Parts decide. Many pipelines run Stable Diffusion's own networks, and anyone
//! can write one, so the class is asked only where the parts do not open: then
//! it says best what the folder is.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::CheckpointError;
use super::folder::ModelFolder;
use super::notice::CheckpointNotice;
use super::recognition::REFINER;

const FILE: &str = "model_index.json";

/// Parts that change pictures and that this program has no use for, beside a whole
/// Stable Diffusion model.
const UNUSED_PARTS: &[(&str, &str)] = &[
    ("controlnet", "ControlNet"),
    ("adapter", "T2I-Adapter"),
    ("motion_adapter", "motion adapter"),
    ("image_encoder", "image encoder"),
];

/// What a folder says of itself.
#[derive(Debug, Default)]
pub(super) struct Pipeline {
    /// The class of the pipeline, where it has one.
    class_name: Option<String>,
    /// Every part that is really there, by its folder's name.
    parts: Vec<String>,
    /// `force_zeros_for_empty_prompt`.
    zero_empty_prompt: Option<bool>,
}

/// The file as diffusers writes it: the class, and for each part library and class.
#[derive(Deserialize)]
struct ModelIndex {
    #[serde(rename = "_class_name")]
    class_name: Option<Value>,
    #[serde(flatten)]
    parts: Map<String, Value>,
}

impl Pipeline {
    /// What `folder` says. One without the file, in which a UNet lies all the
    /// same, says nothing.
    ///
    /// # Errors
    /// If the file is damaged, or there is neither.
    pub(super) fn of(folder: &ModelFolder) -> Result<Self, CheckpointError> {
        let text = match folder.read_optional(FILE)? {
            Some(text) => text,
            None if folder.has("unet/config.json")? => return Ok(Self::default()),
            None => folder.read(FILE)?,
        };
        let index: ModelIndex =
            serde_json::from_slice(&text).map_err(|source| CheckpointError::Json {
                file: FILE.to_string(),
                source,
            })?;
        // A pipeline of one's own is written as the list of its module and class.
        let class_name = index.class_name.and_then(|name| match name {
            Value::String(name) => Some(name),
            Value::Array(names) => names.last().and_then(Value::as_str).map(str::to_string),
            _ => None,
        });
        // A part that may be left out is written as two nulls.
        let is_there = |value: &Value| match value {
            Value::Array(names) => names.iter().any(|name| !name.is_null()),
            _ => false,
        };
        let zero_empty_prompt = index.parts.get("force_zeros_for_empty_prompt");
        let zero_empty_prompt = zero_empty_prompt.and_then(Value::as_bool);
        let parts = index.parts.into_iter();
        Ok(Self {
            class_name,
            zero_empty_prompt,
            parts: parts
                .filter(|(_, value)| is_there(value))
                .map(|(part, _)| part)
                .collect(),
        })
    }

    /// Whether an empty negative prompt is to be no prompt at all, all zeros, where
    /// the pipeline says so; read of Stable Diffusion XL alone.
    pub(super) fn zero_empty_prompt(&self) -> Option<bool> {
        self.zero_empty_prompt
    }

    /// What is said of parts that nobody uses.
    pub(super) fn notices(&self) -> impl Iterator<Item = CheckpointNotice> {
        let unused = UNUSED_PARTS
            .iter()
            .filter(|(part, _)| self.parts.iter().any(|known| known == part));
        unused.map(|(_, name)| CheckpointNotice::UnusedPart((*name).to_string()))
    }

    /// `error`, which its parts ended in, or the better reason that this is the
    /// folder of another kind of model.
    pub(super) fn explain(&self, error: CheckpointError) -> CheckpointError {
        let is_about_parts = matches!(
            error,
            CheckpointError::Config(_)
                | CheckpointError::MissingFile { .. }
                | CheckpointError::MissingTensor { .. }
                | CheckpointError::UnknownTensor { .. }
                | CheckpointError::WrongShape { .. }
                | CheckpointError::Mismatch { .. }
                | CheckpointError::Tokenizer(_)
        );
        match &self.class_name {
            Some(class_name) if is_about_parts => match other_kind(class_name) {
                Some(what) => CheckpointError::OtherModel {
                    what: format!("{what} (a {class_name})"),
                },
                None => error,
            },
            _ => error,
        }
    }
}

/// What a pipeline of this class computes, where it is not Stable Diffusion 1.x, 2.x or XL.
fn other_kind(class_name: &str) -> Option<&'static str> {
    let is_stable_diffusion = class_name.starts_with("StableDiffusion");
    Some(match class_name {
        "StableDiffusionPipeline"
        | "StableDiffusionImg2ImgPipeline"
        | "StableDiffusionXLPipeline"
        | "StormPipeline" => {
            return None;
        }
        // The refiner was published as one of these; the base model opens as such.
        "StableDiffusionXLImg2ImgPipeline" => REFINER,
        name if name.contains("StableDiffusionXL") && name.contains("Inpaint") => {
            "a Stable Diffusion XL model for inpainting"
        }
        name if name.contains("StableDiffusionXL") && name.contains("InstructPix2Pix") => {
            "a Stable Diffusion XL model that edits pictures"
        }
        name if name.contains("StableDiffusion3") => "a Stable Diffusion 3 model",
        name if name.starts_with("Flux") => "a Flux model",
        name if name.starts_with("Onnx") || name.starts_with("ORT") => "a model for ONNX",
        name if name.starts_with("OV") => "a model for OpenVINO",
        name if name.starts_with("Flax") => "a model for JAX",
        name if name.starts_with("LatentConsistency") => "a latent consistency model",
        name if name.starts_with("StableUnCLIP") => "Stable Diffusion 2.1 unCLIP",
        name if name.contains("InstructPix2Pix") => "a model that edits pictures",
        name if name.contains("Inpaint") => "a Stable Diffusion model for inpainting",
        name if name.contains("Depth2Img") => "a Stable Diffusion model that reads depth",
        name if name.contains("Upscale") => "the Stable Diffusion upscaler",
        name if name.contains("ControlNet") => "a model with a ControlNet",
        _ if is_stable_diffusion => return None,
        _ => "another model",
    })
}

//! A whole checkpoint, built and on its device.

use std::sync::Arc;

use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use serde::Deserialize;

use super::files::CheckpointSource;
use super::{CheckpointError, weights};
use crate::models::config::{AutoencoderConfig, ClipTextConfig, UNetConfig};
use crate::models::{AutoencoderKl, ClipTextModel, LatentRgb, UNet2DConditionModel};
use crate::prompt::{ClipTokenizer, TokenizerFiles};

/// A Stable Diffusion model ready to sample: networks with their weights on one
/// device, and what their config files say about using them.
#[derive(Debug)]
pub struct StableDiffusion {
    /// Name shown to people and written into pictures.
    pub name: String,
    pub tokenizer: Arc<ClipTokenizer>,
    pub text_encoder: ClipTextModel,
    pub unet: UNet2DConditionModel,
    pub vae: AutoencoderKl,
    pub unet_config: UNetConfig,
    pub vae_config: AutoencoderConfig,
    /// The text of `scheduler/scheduler_config.json`.
    pub scheduler_config: Vec<u8>,
    pub latent_rgb: LatentRgb,
    pub device: Device,
}

/// Pipelines of Stable Diffusion's three networks and nothing else; the released
/// STORM code writes its own name.
const PIPELINES: [&str; 2] = ["StableDiffusionPipeline", "StormPipeline"];

/// The key of `model_index.json` that names the kind of pipeline.
#[derive(Deserialize)]
struct ModelIndex {
    #[serde(rename = "_class_name")]
    class_name: String,
}

impl StableDiffusion {
    /// Reads, checks and builds the checkpoint on `device`, with f32 weights.
    ///
    /// # Errors
    /// If a file is missing or damaged, the checkpoint is of another family, or
    /// its tensors are not exactly those that its configs describe.
    pub fn load(source: &CheckpointSource, device: &Device) -> Result<Self, CheckpointError> {
        check_pipeline(source)?;
        let text_config = ClipTextConfig::from_json(&source.read("text_encoder/config.json")?)?;
        let unet_config = UNetConfig::from_json(&source.read("unet/config.json")?)?;
        let vae_config = AutoencoderConfig::from_json(&source.read("vae/config.json")?)?;
        let tokenizer = load_tokenizer(source)?;
        check_fit(&text_config, &unet_config, &tokenizer)?;
        let scheduler_config = source.read("scheduler/scheduler_config.json")?.into_owned();

        let mut text_encoder = text_config.init(device);
        let (file, weights) = source.weights("text_encoder", &["model.safetensors"])?;
        weights::load(&mut text_encoder, &file, weights, DType::F32)?;
        let mut unet = unet_config.init(device);
        let diffusion_names = &["diffusion_pytorch_model.safetensors"];
        let (file, weights) = source.weights("unet", diffusion_names)?;
        weights::load(&mut unet, &file, weights, DType::F32)?;
        let mut vae = vae_config.init(device);
        let (file, weights) = source.weights("vae", diffusion_names)?;
        weights::load(&mut vae, &file, weights, DType::F32)?;

        Ok(Self {
            name: source.name(),
            tokenizer: Arc::new(tokenizer),
            text_encoder,
            unet,
            vae,
            unet_config,
            vae_config,
            scheduler_config,
            latent_rgb: load_latent_rgb(source)?,
            device: device.clone(),
        })
    }

    /// Hidden states of prompts, [prompts, tokens, width], from their padded
    /// token ids; all of one length.
    pub fn encode_prompts(&self, prompts: &[&[u32]]) -> Tensor<3> {
        let tokens = prompts.first().map_or(0, |ids| ids.len());
        let ids: Vec<i64> = prompts
            .iter()
            .flat_map(|ids| ids.iter().map(|&id| i64::from(id)))
            .collect();
        let data = TensorData::new(ids, [prompts.len(), tokens]);
        let ids = Tensor::<2, Int>::from_data(data, &self.device);
        self.text_encoder.forward(ids)
    }

    /// Pixels along one side per latent cell.
    pub fn pixels_per_cell(&self) -> usize {
        self.vae_config.downscale_factor()
    }

    /// Width and height of a picture must be multiples of this many pixels.
    pub fn size_multiple(&self) -> usize {
        self.pixels_per_cell() * self.unet_config.side_multiple()
    }

    /// Width and height in pixels of the pictures that the model was trained on.
    pub fn native_size(&self) -> [usize; 2] {
        let [rows, columns] = self.unet_config.sample_size.height_width();
        let pixels = self.pixels_per_cell();
        [columns * pixels, rows * pixels]
    }
}

fn check_pipeline(source: &CheckpointSource) -> Result<(), CheckpointError> {
    let file = "model_index.json";
    let index: ModelIndex =
        serde_json::from_slice(&source.read(file)?).map_err(|error| CheckpointError::Json {
            file: file.to_string(),
            source: error,
        })?;
    if !PIPELINES.contains(&index.class_name.as_str()) {
        return Err(CheckpointError::OtherPipeline {
            class: index.class_name,
        });
    }
    Ok(())
}

fn load_tokenizer(source: &CheckpointSource) -> Result<ClipTokenizer, CheckpointError> {
    let optional = |name: &str| {
        let file = format!("tokenizer/{name}");
        if source.has(&file) {
            source.read(&file).map(Some)
        } else {
            Ok(None)
        }
    };
    let tokenizer_json = optional("tokenizer.json")?;
    let merges = optional("merges.txt")?;
    let vocab = optional("vocab.json")?;
    let tokenizer_config = optional("tokenizer_config.json")?;
    let special_tokens_map = optional("special_tokens_map.json")?;
    Ok(ClipTokenizer::from_files(TokenizerFiles {
        tokenizer_json: tokenizer_json.as_deref(),
        merges: merges.as_deref(),
        vocab: vocab.as_deref(),
        tokenizer_config: tokenizer_config.as_deref(),
        special_tokens_map: special_tokens_map.as_deref(),
    })?)
}

fn check_fit(
    text: &ClipTextConfig,
    unet: &UNetConfig,
    tokenizer: &ClipTokenizer,
) -> Result<(), CheckpointError> {
    if text.hidden_size != unet.cross_attention_dim {
        return Err(CheckpointError::Mismatch {
            reason: format!(
                "the text encoder gives {} numbers per token, the UNet reads {}",
                text.hidden_size, unet.cross_attention_dim
            ),
        });
    }
    if tokenizer.length() > text.max_position_embeddings {
        return Err(CheckpointError::Mismatch {
            reason: format!(
                "the tokenizer gives {} positions, the text encoder knows {}",
                tokenizer.length(),
                text.max_position_embeddings
            ),
        });
    }
    if tokenizer.vocabulary_size() > text.vocab_size {
        return Err(CheckpointError::Mismatch {
            reason: format!(
                "the tokenizer knows {} tokens, the text encoder {}",
                tokenizer.vocabulary_size(),
                text.vocab_size
            ),
        });
    }
    Ok(())
}

fn load_latent_rgb(source: &CheckpointSource) -> Result<LatentRgb, CheckpointError> {
    let file = "latent_rgb.json";
    if !source.has(file) {
        return Ok(LatentRgb::STABLE_DIFFUSION);
    }
    serde_json::from_slice(&source.read(file)?).map_err(|error| CheckpointError::Json {
        file: file.to_string(),
        source: error,
    })
}

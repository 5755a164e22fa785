//! A checkpoint as its headers and configs describe it, with nothing loaded.
//!
//! Opening one checks everything that can be checked without the numbers
//! themselves; building it afterwards only streams them.

use std::fmt;
use std::io::ErrorKind;
use std::sync::Arc;

use burn::module::Module;
use burn::tensor::Device;

use super::CheckpointError;
use super::conversion::WeightType;
use super::folder::ModelFolder;
use super::naming::Component;
use super::parts::{Configs, Parts, Stored};
use super::source::CheckpointSource;
use super::weights::WeightPlan;
use crate::models::config::{AutoencoderConfig, AutoencoderTinyConfig, ClipTextConfig, UNetConfig};
use crate::models::{
    AutoencoderKl, AutoencoderTinyDecoder, ClipTextModel, LatentRgb, UNet2DConditionModel,
};
use crate::prompt::ClipTokenizer;

/// The two families that are supported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Stable Diffusion 1.x: CLIP ViT-L/14, 8 heads everywhere, convolutions as
    /// projections.
    V1,
    /// Stable Diffusion 2.x: OpenCLIP ViT-H/14, heads of 64 numbers, linear
    /// projections.
    V2,
}

impl Family {
    /// The family that a UNet of this config is of.
    pub(super) fn of(unet: &UNetConfig) -> Self {
        if unet.use_linear_projection {
            Self::V2
        } else {
            Self::V1
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::V1 => "Stable Diffusion 1.x",
            Self::V2 => "Stable Diffusion 2.x",
        })
    }
}

/// How a checkpoint is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    Embedded,
    Folder,
    /// One file; whether its UNet is the moving average of the training run.
    File {
        averaged: bool,
    },
}

impl fmt::Display for Layout {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Embedded => "part of the program",
            Self::Folder => "diffusers folder",
            Self::File { averaged: false } => "single file",
            Self::File { averaged: true } => "single file, its moving average (EMA)",
        })
    }
}

/// A checkpoint that can be built.
#[derive(Debug)]
pub struct Checkpoint {
    /// Name shown to people and written into pictures.
    pub name: String,
    pub layout: Layout,
    pub text_config: ClipTextConfig,
    pub unet_config: UNetConfig,
    pub vae_config: AutoencoderConfig,
    /// The text of `scheduler/scheduler_config.json`, or its like for a file.
    pub scheduler_config: Vec<u8>,
    /// Whether the prediction type in [`Self::scheduler_config`] is only the more
    /// frequent one: a 2.x model in one file does not say what it predicts.
    pub prediction_is_guessed: bool,
    pub tokenizer: Arc<ClipTokenizer>,
    pub latent_rgb: LatentRgb,
    pub(super) device: Device,
    pub(super) text_encoder: Planned<ClipTextModel>,
    pub(super) unet: Planned<UNet2DConditionModel>,
    pub(super) vae: Planned<AutoencoderKl>,
    pub(super) preview_decoder: Option<Planned<AutoencoderTinyDecoder>>,
}

/// A network without weights and where they lie.
#[derive(Debug)]
pub(super) struct Planned<M> {
    pub(super) network: M,
    pub(super) weights: WeightPlan,
}

impl Checkpoint {
    /// Reads and checks everything but the numbers. The networks will be built
    /// on `device`, on which nothing is allocated yet.
    ///
    /// # Errors
    /// If a file is missing or damaged, the checkpoint is of another family, or
    /// its tensors are not exactly those that its configs describe.
    pub fn open(source: &CheckpointSource, device: &Device) -> Result<Self, CheckpointError> {
        if let Some(path) = source.path()
            && std::fs::metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound)
        {
            let path = path.to_path_buf();
            return Err(CheckpointError::NotFound { path });
        }
        let parts = match source {
            CheckpointSource::Embedded => {
                Parts::of_folder(&ModelFolder::Embedded, Layout::Embedded)?
            }
            CheckpointSource::Folder(path) => {
                Parts::of_folder(&ModelFolder::Path(path.clone()), Layout::Folder)?
            }
            CheckpointSource::File(file) => Parts::of_file(file)?,
        };
        let Configs {
            text_encoder: text_config,
            unet: unet_config,
            vae: vae_config,
            scheduler: scheduler_config,
            prediction_is_guessed,
            tokenizer,
            latent_rgb,
        } = parts.configs;
        check_fit(&text_config, &unet_config, &tokenizer)?;
        let text_encoder = text_config.init(device);
        let unet = unet_config.init(device);
        let vae = vae_config.init(device);
        let preview_decoder = match parts.preview_decoder {
            Some((config, stored)) => {
                check_previews(&config, &vae_config)?;
                let network = config.init(device);
                Some(Planned::new(network, Component::PreviewDecoder, stored)?)
            }
            None => None,
        };
        Ok(Self {
            name: source.name(),
            layout: parts.layout,
            text_encoder: Planned::new(text_encoder, Component::TextEncoder, parts.text_encoder)?,
            unet: Planned::new(unet, Component::UNet, parts.unet)?,
            vae: Planned::new(vae, Component::Vae, parts.vae)?,
            preview_decoder,
            text_config,
            unet_config,
            vae_config,
            scheduler_config,
            prediction_is_guessed,
            tokenizer: Arc::new(tokenizer),
            latent_rgb,
            device: device.clone(),
        })
    }

    /// Which family its networks are of.
    pub fn family(&self) -> Family {
        Family::of(&self.unet_config)
    }

    /// Whether previews will look like pictures.
    pub fn has_preview_decoder(&self) -> bool {
        self.preview_decoder.is_some()
    }

    /// How many numbers the text encoder, the UNet and the autoencoder have.
    pub fn parameters(&self) -> [usize; 3] {
        [
            self.text_encoder.weights.numbers(),
            self.unet.weights.numbers(),
            self.vae.weights.numbers(),
        ]
    }

    /// Numbers in the largest tensor of the text encoder and the UNet.
    pub fn largest_tensor(&self) -> usize {
        let text_encoder = self.text_encoder.weights.largest_tensor();
        text_encoder.max(self.unet.weights.largest_tensor())
    }

    /// The types of number in the files, such as "F16".
    pub fn stored_types(&self) -> String {
        let plans = [
            &self.text_encoder.weights,
            &self.unet.weights,
            &self.vae.weights,
        ];
        let mut types: Vec<_> = plans.iter().flat_map(|plan| plan.stored_types()).collect();
        types.sort_unstable();
        types.dedup();
        let types: Vec<String> = types.iter().map(ToString::to_string).collect();
        types.join(", ")
    }
}

impl<M: Module> Planned<M> {
    fn new(network: M, component: Component, stored: Stored) -> Result<Self, CheckpointError> {
        let weights = WeightPlan::new(&network, component, &stored.naming, stored.files)?;
        Ok(Self { network, weights })
    }

    /// Streams the weights into the network.
    pub(super) fn load(
        self,
        to: WeightType,
        on_numbers: &mut dyn FnMut(usize) -> bool,
    ) -> Result<M, CheckpointError> {
        self.weights.load(self.network, to, on_numbers)
    }
}

/// Whether previews have the size of pictures.
fn check_previews(
    previews: &AutoencoderTinyConfig,
    vae: &AutoencoderConfig,
) -> Result<(), CheckpointError> {
    let (theirs, ours) = (previews.upscale_factor(), vae.downscale_factor());
    if theirs == ours {
        return Ok(());
    }
    Err(CheckpointError::Mismatch {
        reason: format!(
            "the preview decoder makes {theirs} pixels of a latent, the autoencoder {ours}"
        ),
    })
}

/// Whether the parts of a checkpoint belong together.
fn check_fit(
    text: &ClipTextConfig,
    unet: &UNetConfig,
    tokenizer: &ClipTokenizer,
) -> Result<(), CheckpointError> {
    let mismatch = |reason: String| Err(CheckpointError::Mismatch { reason });
    if text.hidden_size != unet.cross_attention_dim {
        return mismatch(format!(
            "the text encoder gives {} numbers per token, the UNet reads {}",
            text.hidden_size, unet.cross_attention_dim
        ));
    }
    if tokenizer.length() > text.max_position_embeddings {
        return mismatch(format!(
            "the tokenizer gives {} positions, the text encoder knows {}",
            tokenizer.length(),
            text.max_position_embeddings
        ));
    }
    if tokenizer.vocabulary_size() > text.vocab_size {
        return mismatch(format!(
            "the tokenizer knows {} tokens, the text encoder {}",
            tokenizer.vocabulary_size(),
            text.vocab_size
        ));
    }
    Ok(())
}

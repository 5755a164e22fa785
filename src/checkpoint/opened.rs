//! A checkpoint as its headers and configs describe it, with nothing loaded.
//!
//! Opening one checks everything that can be checked without the numbers
//! themselves; building it afterwards only streams them.

use std::io::ErrorKind;
use std::sync::Arc;

use burn::module::Module;
use burn::tensor::Device;

use super::CheckpointError;
use super::conversion::WeightType;
use super::description::{Layout, ModelDescription};
use super::family::Family;
use super::folder::ModelFolder;
use super::naming::Component;
use super::parts::{Configs, Parts, SecondTextEncoder, Stored};
use super::pipeline::Pipeline;
use super::source::CheckpointSource;
use super::weights::WeightPlan;
use crate::models::config::{AutoencoderConfig, AutoencoderTinyConfig, ClipTextConfig, UNetConfig};
use crate::models::{AutoencoderKl, AutoencoderTinyDecoder, ClipTextModel, UNet2DConditionModel};
use crate::prompt::ClipTokenizer;

/// A checkpoint that can be built.
#[derive(Debug)]
pub struct Checkpoint {
    pub description: ModelDescription,
    pub(super) device: Device,
    pub(super) text_encoder: Planned<ClipTextModel>,
    pub(super) second_text_encoder: Option<Planned<ClipTextModel>>,
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

/// How large a network is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetworkSize {
    /// Such as "text encoder".
    pub name: &'static str,
    /// How many numbers it has.
    pub numbers: usize,
    /// How many its largest tensor has.
    pub largest_tensor: usize,
    /// Whether it is kept in f32, whatever the others are kept in.
    pub is_always_f32: bool,
}

impl NetworkSize {
    /// Bytes of one of its numbers, where weights are kept as `weight_type`.
    pub fn bytes(&self, weight_type: WeightType) -> u64 {
        let weight_type = match self.is_always_f32 {
            true => WeightType::F32,
            false => weight_type,
        };
        weight_type.bytes() as u64
    }
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
        let (folder, layout) = match source {
            CheckpointSource::Embedded => (ModelFolder::Embedded, Layout::Embedded),
            CheckpointSource::Folder(path) => (ModelFolder::Path(path.clone()), Layout::Folder),
            CheckpointSource::File(file) => {
                return Self::of_parts(source, Parts::of_file(file)?, device);
            }
        };
        let pipeline = Pipeline::of(&folder)?;
        let opened = Parts::of_folder(&folder, layout)
            .and_then(|parts| Self::of_parts(source, parts, device));
        let mut opened = opened.map_err(|error| pipeline.explain(error))?;
        opened.description.notices.extend(pipeline.notices());
        if let Some(is_zero) = pipeline.zero_empty_prompt() {
            opened.description.zero_empty_negative &= is_zero;
        }
        Ok(opened)
    }

    /// Checks that the parts fit together and hold what their configs describe.
    fn of_parts(
        source: &CheckpointSource,
        parts: Parts,
        device: &Device,
    ) -> Result<Self, CheckpointError> {
        let Configs {
            text_encoder: text_config,
            second_text_encoder,
            unet: unet_config,
            vae: vae_config,
            scheduler,
            prediction_source,
            tokenizer,
            latent_rgb,
            vocabulary,
            notices: _,
        } = parts.configs;
        check_fit(&text_config, &tokenizer)?;
        check_widths(&text_config, second_text_encoder.as_ref(), &unet_config)?;
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
        let second = second_text_encoder.as_ref().zip(parts.second_text_encoder);
        let second = second.map(|(second, stored)| {
            check_fit(&second.config, &tokenizer)?;
            let network = second.config.init(device);
            Planned::new(network, Component::SecondTextEncoder, stored)
        });
        Ok(Self {
            text_encoder: Planned::new(text_encoder, Component::TextEncoder, parts.text_encoder)?,
            second_text_encoder: second.transpose()?,
            unet: Planned::new(unet, Component::UNet, parts.unet)?,
            vae: Planned::new(vae, Component::Vae, parts.vae)?,
            preview_decoder,
            description: ModelDescription {
                name: source.name(),
                source: source.clone(),
                layout: parts.layout,
                family: Family::of(&unet_config),
                scheduler,
                prediction_source,
                text_config,
                zero_empty_negative: second_text_encoder.is_some(),
                second_text_encoder,
                unet_config,
                vae_config,
                tokenizer: Arc::new(tokenizer),
                latent_rgb,
                vocabulary,
                notices: parts.notices,
            },
            device: device.clone(),
        })
    }

    /// Whether previews will look like pictures.
    pub fn has_preview_decoder(&self) -> bool {
        self.preview_decoder.is_some()
    }

    /// How large each network is that a picture needs.
    pub fn networks(&self) -> Vec<NetworkSize> {
        let vae = NetworkSize {
            is_always_f32: self.description.vae_config.force_upcast,
            ..self.vae.size(Component::Vae)
        };
        self.text_encoders()
            .into_iter()
            .chain([self.unet.size(Component::UNet), vae])
            .collect()
    }

    /// How large its text encoders are, which are needed until a prompt is encoded.
    pub fn text_encoders(&self) -> Vec<NetworkSize> {
        let second = self.second_text_encoder.as_ref();
        let second = second.map(|second| second.size(Component::SecondTextEncoder));
        std::iter::once(self.text_encoder.size(Component::TextEncoder))
            .chain(second)
            .collect()
    }

    /// How many numbers its networks have together.
    pub fn parameters(&self) -> usize {
        let networks = self.networks();
        networks.iter().map(|network| network.numbers).sum()
    }

    /// The types of number in the files, such as "F16".
    pub fn stored_types(&self) -> String {
        let plans = [
            &self.text_encoder.weights,
            &self.unet.weights,
            &self.vae.weights,
        ];
        let second = self.second_text_encoder.as_ref();
        let plans = plans.into_iter().chain(second.map(|it| &it.weights));
        let mut types: Vec<_> = plans.flat_map(|plan| plan.stored_types()).collect();
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

    fn size(&self, component: Component) -> NetworkSize {
        NetworkSize {
            name: component.into(),
            numbers: self.weights.numbers(),
            largest_tensor: self.weights.largest_tensor(),
            is_always_f32: component.is_always_f32(),
        }
    }

    /// Streams the weights into the network; where they lie stays known.
    pub(super) fn load(
        self,
        to: WeightType,
        on_numbers: &mut dyn FnMut(usize) -> bool,
    ) -> Result<(M, WeightPlan), CheckpointError> {
        let network = self.weights.load(self.network, to, on_numbers)?;
        Ok((network, self.weights))
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

/// Whether what the text encoders give is what the UNet reads.
fn check_widths(
    text: &ClipTextConfig,
    second: Option<&SecondTextEncoder>,
    unet: &UNetConfig,
) -> Result<(), CheckpointError> {
    let mismatch = |reason: String| Err(CheckpointError::Mismatch { reason });
    let width = text.hidden_size + second.map_or(0, |second| second.config.hidden_size);
    if width != unet.cross_attention_dim {
        let (whose, give) = match second {
            Some(_) => ("text encoders", "give"),
            None => ("text encoder", "gives"),
        };
        return mismatch(format!(
            "the {whose} {give} {width} numbers per token, the UNet reads {}",
            unet.cross_attention_dim
        ));
    }
    let told = unet.text_time().map_or(0, |told| told.pooled);
    let pooled = second.map_or(0, |second| second.config.projection_dim);
    if told != pooled {
        return mismatch(format!(
            "the second text encoder gives {pooled} numbers per prompt, the UNet reads {told}"
        ));
    }
    Ok(())
}

/// Whether a tokenizer's prompts are what a text encoder reads.
fn check_fit(text: &ClipTextConfig, tokenizer: &ClipTokenizer) -> Result<(), CheckpointError> {
    let mismatch = |reason: String| Err(CheckpointError::Mismatch { reason });
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

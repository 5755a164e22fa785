//! The configs of a model in one file, which brings none: read from its tensors' shapes.
//!
//! What shapes do not tell (heads, groups, activations) is the same in all
//! models of a family, and is taken from the published configs.

use super::CheckpointError;
use super::description::Family;
use super::ldm_names::{CLIP_PREFIX, OPEN_CLIP_PREFIX, TextEncoderKind, UNET_PREFIX, VAE_PREFIX};
use super::recognition::has_prefix;
use super::weight_file::WeightFile;
use crate::models::config::{
    AutoencoderConfig, ClipTextConfig, HiddenActivation, PerLevel, SampleSize, UNetConfig,
};

/// Numbers per attention head: in both text encoders, and everywhere in the UNet of 2.x.
const HEAD_WIDTH: usize = 64;
/// Layers of OpenCLIP's text encoder; Stable Diffusion 2.x was trained on the
/// output of the one before the last.
const OPEN_CLIP_LAYERS: usize = 24;

/// The text encoder's config.
///
/// # Errors
/// If a tensor that tells its shape is missing, or the shape is impossible.
pub(super) fn text_encoder(
    file: &WeightFile,
    kind: TextEncoderKind,
) -> Result<ClipTextConfig, CheckpointError> {
    let open_clip = kind == TextEncoderKind::OpenClip;
    let (prefix, tokens, positions, layers, inner) = if open_clip {
        let layers = "transformer.resblocks.";
        (
            OPEN_CLIP_PREFIX.to_string(),
            "token_embedding.weight",
            "positional_embedding",
            layers,
            "mlp.c_fc.bias",
        )
    } else {
        let nested = format!("{CLIP_PREFIX}text_model.");
        let prefix = if has_prefix(&file.tensors, &nested) {
            nested
        } else {
            CLIP_PREFIX.to_string()
        };
        (
            prefix,
            "embeddings.token_embedding.weight",
            "embeddings.position_embedding.weight",
            "encoder.layers.",
            "mlp.fc1.bias",
        )
    };
    let dimension = |name: &str, axis| dimension(file, &format!("{prefix}{name}"), axis);
    let hidden_size = dimension(tokens, 1)?;
    let count = count_modules(file, &format!("{prefix}{layers}"));
    let config = ClipTextConfig {
        vocab_size: dimension(tokens, 0)?,
        hidden_size,
        intermediate_size: dimension(&format!("{layers}0.{inner}"), 0)?,
        num_hidden_layers: if open_clip && count == OPEN_CLIP_LAYERS {
            count - 1
        } else {
            count
        },
        num_attention_heads: hidden_size / HEAD_WIDTH,
        max_position_embeddings: dimension(positions, 0)?,
        hidden_act: if open_clip {
            HiddenActivation::Gelu
        } else {
            HiddenActivation::QuickGelu
        },
        layer_norm_eps: 1e-5,
    };
    config.check()?;
    Ok(config)
}

/// The UNet's config; `sample_size` is that of 512 × 512 pictures.
///
/// # Errors
/// If a tensor that tells its shape is missing, or the shape is impossible.
pub(super) fn unet(
    file: &WeightFile,
    kind: TextEncoderKind,
) -> Result<UNetConfig, CheckpointError> {
    let dimension = |name: &str, axis| dimension(file, &format!("{UNET_PREFIX}{name}"), axis);
    let mut config = UNetConfig::default();
    // Each level but the last is its layers and a downsampler.
    let levels = config.block_out_channels.len();
    let stride = config.layers_per_block + 1;
    for level in 0..levels {
        let convolution = format!("input_blocks.{}.0.out_layers.3.bias", 1 + level * stride);
        config.block_out_channels[level] = dimension(&convolution, 0)?;
    }
    let keys = "input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight";
    config.cross_attention_dim = dimension(keys, 1)?;
    match kind {
        TextEncoderKind::Clip => config.attention_head_dim = PerLevel::All(8),
        TextEncoderKind::OpenClip => {
            let widths = config.block_out_channels.iter();
            let heads = widths.map(|width| width / HEAD_WIDTH).collect();
            config.attention_head_dim = PerLevel::Each(heads);
            config.use_linear_projection = true;
            // 2.1 overflows f16 without; for 2.0 it only is a little slower.
            config.upcast_attention = true;
        }
    }
    config.sample_size = SampleSize::Side(64);
    config.check()?;
    Ok(config)
}

/// The autoencoder's config, with its tensors behind `prefix`.
///
/// # Errors
/// If a tensor that tells its shape is missing, or the shape is impossible.
pub(super) fn autoencoder(
    file: &WeightFile,
    prefix: &str,
) -> Result<AutoencoderConfig, CheckpointError> {
    let level = |level| format!("{prefix}encoder.down.{level}.");
    autoencoder_of(file, level, "block.0.conv2.bias")
}

/// As [`autoencoder`], of a file with diffusers' names.
///
/// # Errors
/// As there.
pub(super) fn autoencoder_with_new_names(
    file: &WeightFile,
) -> Result<AutoencoderConfig, CheckpointError> {
    autoencoder_of(
        file,
        |level| format!("encoder.down_blocks.{level}."),
        "resnets.0.conv2.bias",
    )
}

fn autoencoder_of(
    file: &WeightFile,
    level: impl Fn(usize) -> String,
    convolution: &str,
) -> Result<AutoencoderConfig, CheckpointError> {
    let mut config = AutoencoderConfig::default();
    config.layers_per_block = 2;
    let levels = (0..MOST_MODULES).take_while(|&number| has_prefix(&file.tensors, &level(number)));
    config.block_out_channels = levels
        .map(|number| dimension(file, &format!("{}{convolution}", level(number)), 0))
        .collect::<Result<_, _>>()?;
    config.check()?;
    Ok(config)
}

/// What a UNet predicts, with what goes with it in the published 1.x and 2.x models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Predicts {
    /// The noise: 1.x and 2.0-base, trained on 512 × 512 pictures.
    Noise,
    /// The velocity: 2.0 and 2.1, trained on 768 × 768 pictures.
    Velocity,
}

impl Predicts {
    /// Side of the latents that a model of this family was trained on.
    pub(super) fn sample_size(self, family: Family) -> SampleSize {
        SampleSize::Side(match (self, family) {
            (Self::Velocity, Family::V2) => 96,
            _ => 64,
        })
    }

    /// The scheduler_config.json of the published diffusers folders.
    pub(super) fn scheduler_config(self) -> Vec<u8> {
        let (class, prediction) = match self {
            Self::Noise => ("PNDMScheduler", "epsilon"),
            Self::Velocity => ("DDIMScheduler", "v_prediction"),
        };
        let config = serde_json::json!({
            "_class_name": class,
            "beta_end": 0.012,
            "beta_schedule": "scaled_linear",
            "beta_start": 0.00085,
            "num_train_timesteps": 1000,
            "prediction_type": prediction,
            "set_alpha_to_one": false,
            "skip_prk_steps": true,
            "steps_offset": 1,
        });
        config.to_string().into_bytes()
    }
}

/// What the UNet of a model in one file predicts, and whether that is a guess.
pub(super) fn predicts(file: &WeightFile, kind: TextEncoderKind) -> (Predicts, bool) {
    // The key of Stability AI's metadata standard, ModelSpec.
    let told = file.metadata.get("modelspec.prediction_type");
    match (told.map(String::as_str), kind) {
        (Some("epsilon"), _) => (Predicts::Noise, false),
        (Some("v"), _) => (Predicts::Velocity, false),
        (_, TextEncoderKind::Clip) => (Predicts::Noise, false),
        (_, TextEncoderKind::OpenClip) => (Predicts::Velocity, true),
    }
}

/// Whether the file holds an autoencoder behind [`VAE_PREFIX`].
pub(super) fn has_autoencoder(file: &WeightFile) -> bool {
    has_prefix(&file.tensors, &format!("{VAE_PREFIX}decoder."))
}

/// The length of `tensor` along `axis`.
fn dimension(file: &WeightFile, tensor: &str, axis: usize) -> Result<usize, CheckpointError> {
    let stored = file.tensors.get(tensor);
    let length = stored.and_then(|stored| stored.shape.get(axis)).copied();
    length.ok_or_else(|| CheckpointError::MissingTensor {
        file: file.name.clone(),
        tensor: tensor.to_string(),
        count: 1,
    })
}

/// How many modules, numbered from 0, there are behind `prefix`.
fn count_modules(file: &WeightFile, prefix: &str) -> usize {
    (0..MOST_MODULES)
        .take_while(|number| has_prefix(&file.tensors, &format!("{prefix}{number}.")))
        .count()
}

/// One more than any config is allowed.
const MOST_MODULES: usize = 257;

#[cfg(test)]
mod tests {
    use super::*;

    /// A file without tensors, with this as its `__metadata__`.
    fn file(metadata: &str) -> WeightFile {
        let header = format!(r#"{{"__metadata__":{metadata}}}"#);
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        WeightFile::from_static(bytes.leak(), "model.safetensors").unwrap()
    }

    #[test]
    fn a_file_says_what_its_unet_predicts_or_its_family_does() {
        use TextEncoderKind::{Clip, OpenClip};
        let silent = file(r#"{"format":"pt"}"#);
        assert_eq!(predicts(&silent, Clip), (Predicts::Noise, false));
        // 2.0-base predicts the noise and looks the same, so this is a guess.
        assert_eq!(predicts(&silent, OpenClip), (Predicts::Velocity, true));
        for (told, is) in [("epsilon", Predicts::Noise), ("v", Predicts::Velocity)] {
            let file = file(&format!(r#"{{"modelspec.prediction_type":"{told}"}}"#));
            for kind in [Clip, OpenClip] {
                assert_eq!(predicts(&file, kind), (is, false));
            }
        }
        let side = |family| Predicts::Velocity.sample_size(family);
        assert_eq!(side(Family::V1), SampleSize::Side(64));
        assert_eq!(side(Family::V2), SampleSize::Side(96));
    }
}

//! The configs of a model in one file, which brings none: read from its tensors' shapes.
//!
//! What shapes do not tell (heads, groups, activations) is the same in all
//! models of a family, and is taken from the published configs.

use super::CheckpointError;
use super::family::Family;
use super::ldm_names::{CLIP_PREFIX, OPEN_CLIP_PREFIX, UNET_PREFIX, VAE_PREFIX};
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
    family: Family,
) -> Result<ClipTextConfig, CheckpointError> {
    let open_clip = family == Family::V2;
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
pub(super) fn unet(file: &WeightFile, family: Family) -> Result<UNetConfig, CheckpointError> {
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
    match family {
        Family::V1 => config.attention_head_dim = PerLevel::All(8),
        Family::V2 => {
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

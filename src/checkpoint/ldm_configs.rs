//! The configs of a model in one file, which brings none: read from its tensors' shapes.
//!
//! What shapes do not tell (heads, groups, activations) is the same in all
//! models of a family, and is taken from the published configs.

use super::CheckpointError;
use super::family::Family;
use super::ldm_names::{
    CLIP_PREFIX, OPEN_CLIP_PREFIX, UNET_PREFIX, VAE_PREFIX, XL_CLIP_PREFIX, XL_OPEN_CLIP_PREFIX,
};
use super::recognition::has_prefix;
use super::weight_file::WeightFile;
use crate::models::config::{
    AutoencoderConfig, ClipTextConfig, HiddenActivation, PerLevel, SampleSize, TextTime, UNetConfig,
};

/// Numbers per attention head: in all text encoders, and everywhere in the UNets of 2.x and XL.
const HEAD_WIDTH: usize = 64;
/// Layers of OpenCLIP's text encoder; Stable Diffusion 2.x was trained on the
/// output of the one before the last.
const OPEN_CLIP_LAYERS: usize = 24;

/// Sinusoids of each number of the picture that XL's UNet is told.
const XL_SINUSOIDS: usize = 256;

/// The text encoder's config; of XL the first one's.
///
/// # Errors
/// If a tensor that tells its shape is missing, or the shape is impossible.
pub(super) fn text_encoder(
    file: &WeightFile,
    family: Family,
) -> Result<ClipTextConfig, CheckpointError> {
    match family {
        Family::V1 => clip(file, CLIP_PREFIX),
        Family::Xl => clip(file, XL_CLIP_PREFIX),
        Family::V2 => {
            let mut config = open_clip(file, OPEN_CLIP_PREFIX)?;
            if config.num_hidden_layers == OPEN_CLIP_LAYERS {
                config.num_hidden_layers -= 1;
            }
            Ok(config)
        }
    }
}

/// The config of XL's second text encoder.
///
/// # Errors
/// As [`text_encoder`].
pub(super) fn second_text_encoder(file: &WeightFile) -> Result<ClipTextConfig, CheckpointError> {
    let projection = format!("{XL_OPEN_CLIP_PREFIX}text_projection");
    let config = ClipTextConfig {
        projection_dim: dimension(file, &projection, 1)?,
        is_projected: true,
        ..open_clip(file, XL_OPEN_CLIP_PREFIX)?
    };
    config.check()?;
    Ok(config)
}

/// A text encoder with transformers' names.
fn clip(file: &WeightFile, prefix: &str) -> Result<ClipTextConfig, CheckpointError> {
    let nested = format!("{prefix}text_model.");
    let is_nested = has_prefix(&file.tensors, &nested);
    let names = TextNames {
        prefix: if is_nested { &nested } else { prefix },
        tokens: "embeddings.token_embedding.weight",
        positions: "embeddings.position_embedding.weight",
        layers: "encoder.layers.",
        inner: "mlp.fc1.bias",
    };
    names.config(file, HiddenActivation::QuickGelu)
}

/// A text encoder with OpenCLIP's names.
fn open_clip(file: &WeightFile, prefix: &str) -> Result<ClipTextConfig, CheckpointError> {
    let names = TextNames {
        prefix,
        tokens: "token_embedding.weight",
        positions: "positional_embedding",
        layers: "transformer.resblocks.",
        inner: "mlp.c_fc.bias",
    };
    names.config(file, HiddenActivation::Gelu)
}

/// The names of the tensors that tell a text encoder's shape.
struct TextNames<'a> {
    prefix: &'a str,
    tokens: &'static str,
    positions: &'static str,
    layers: &'static str,
    /// Within a layer.
    inner: &'static str,
}

impl TextNames<'_> {
    fn config(
        &self,
        file: &WeightFile,
        hidden_act: HiddenActivation,
    ) -> Result<ClipTextConfig, CheckpointError> {
        let prefix = self.prefix;
        let dimension = |name: &str, axis| dimension(file, &format!("{prefix}{name}"), axis);
        let hidden_size = dimension(self.tokens, 1)?;
        let config = ClipTextConfig {
            vocab_size: dimension(self.tokens, 0)?,
            hidden_size,
            intermediate_size: dimension(&format!("{}0.{}", self.layers, self.inner), 0)?,
            num_hidden_layers: count_modules(file, &format!("{prefix}{}", self.layers)),
            num_attention_heads: hidden_size / HEAD_WIDTH,
            max_position_embeddings: dimension(self.positions, 0)?,
            hidden_act,
            layer_norm_eps: 1e-5,
            ..ClipTextConfig::default()
        };
        config.check()?;
        Ok(config)
    }
}

/// The UNet's config; of 1.x and 2.x `sample_size` is that of 512 × 512 pictures.
///
/// # Errors
/// If a tensor that tells its shape is missing, or the shape is impossible.
pub(super) fn unet(file: &WeightFile, family: Family) -> Result<UNetConfig, CheckpointError> {
    let is_second = match family {
        Family::V1 => false,
        Family::V2 => true,
        Family::Xl => return xl_unet(file),
    };
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
    if is_second {
        let widths = config.block_out_channels.iter();
        let heads = widths.map(|width| width / HEAD_WIDTH).collect();
        config.attention_head_dim = PerLevel::Each(heads);
        config.use_linear_projection = true;
        // 2.1 overflows f16 without; for 2.0 it only is a little slower.
        config.upcast_attention = true;
    } else {
        config.attention_head_dim = PerLevel::All(8);
    }
    config.sample_size = SampleSize::Side(64);
    config.check()?;
    Ok(config)
}

/// As [`unet`], of Stable Diffusion XL: three levels, of which the finest does not attend.
fn xl_unet(file: &WeightFile) -> Result<UNetConfig, CheckpointError> {
    let dimension = |name: &str, axis| dimension(file, &format!("{UNET_PREFIX}{name}"), axis);
    let types = |kinds: [&str; 3]| kinds.map(str::to_string).to_vec();
    let mut config = UNetConfig::default();
    config.down_block_types = types([
        "DownBlock2D",
        "CrossAttnDownBlock2D",
        "CrossAttnDownBlock2D",
    ]);
    config.up_block_types = types(["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"]);
    config.use_linear_projection = true;
    config.sample_size = SampleSize::Side(128);
    // The number of a level's first layer.
    let stride = config.layers_per_block + 1;
    let first = |level: usize| 1 + level * stride;
    let mut widths = Vec::new();
    let mut depths = Vec::new();
    for level in 0..config.down_block_types.len() {
        let convolution = format!("input_blocks.{}.0.out_layers.3.bias", first(level));
        widths.push(dimension(&convolution, 0)?);
        let blocks = format!(
            "{UNET_PREFIX}input_blocks.{}.1.transformer_blocks.",
            first(level)
        );
        depths.push(count_modules(file, &blocks).max(1));
    }
    let keys = format!(
        "input_blocks.{}.1.transformer_blocks.0.attn2.to_k.weight",
        first(1)
    );
    config.cross_attention_dim = dimension(&keys, 1)?;
    let heads = widths.iter().map(|width| width / HEAD_WIDTH).collect();
    config.attention_head_dim = PerLevel::Each(heads);
    config.block_out_channels = widths;
    config.transformer_layers_per_block = PerLevel::Each(depths);
    let width = dimension("label_emb.0.0.weight", 1)?;
    config.set_text_time(TextTime {
        pooled: width.saturating_sub(TextTime::NUMBERS * XL_SINUSOIDS),
        sinusoids: XL_SINUSOIDS,
    });
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
    family: Family,
) -> Result<AutoencoderConfig, CheckpointError> {
    let level = |level| format!("{prefix}encoder.down.{level}.");
    autoencoder_of(file, family, level, "block.0.conv2.bias")
}

/// As [`autoencoder`], of a file with diffusers' names.
///
/// # Errors
/// As there.
pub(super) fn autoencoder_with_new_names(
    file: &WeightFile,
    family: Family,
) -> Result<AutoencoderConfig, CheckpointError> {
    autoencoder_of(
        file,
        family,
        |level| format!("encoder.down_blocks.{level}."),
        "resnets.0.conv2.bias",
    )
}

fn autoencoder_of(
    file: &WeightFile,
    family: Family,
    level: impl Fn(usize) -> String,
    convolution: &str,
) -> Result<AutoencoderConfig, CheckpointError> {
    let mut config = AutoencoderConfig::default();
    config.layers_per_block = 2;
    config.scaling_factor = family.scaling_factor();
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

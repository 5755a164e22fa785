//! `unet/config.json`.

mod refusals;

use serde::Deserialize;

use super::{ConfigError, MOST_CHANNELS, MOST_LAYERS, bounded, divides, norm_epsilon, parse};

/// The one kind of further conditions that is supported.
const TEXT_TIME: &str = "text_time";
/// Largest side of latents taken for real.
const LARGEST_SAMPLE: usize = 1 << 12;

/// One value for all levels, or one per level.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum PerLevel {
    All(usize),
    Each(Vec<usize>),
}

impl PerLevel {
    /// The value of `level`, counted from the outermost (finest) one.
    pub fn at(&self, level: usize) -> Option<usize> {
        match self {
            Self::All(value) => Some(*value),
            Self::Each(values) => values.get(level).copied(),
        }
    }
}

/// `unet/config.json` of a `UNet2DConditionModel`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct UNetConfig {
    pub in_channels: usize,
    pub out_channels: usize,
    pub block_out_channels: Vec<usize>,
    pub down_block_types: Vec<String>,
    pub up_block_types: Vec<String>,
    pub layers_per_block: usize,
    pub transformer_layers_per_block: PerLevel,
    pub cross_attention_dim: usize,
    /// The number of heads, despite its name (diffusers keeps the misnomer for
    /// compatibility with the first checkpoints).
    pub attention_head_dim: PerLevel,
    pub num_attention_heads: Option<PerLevel>,
    pub norm_num_groups: usize,
    pub norm_eps: f64,
    pub use_linear_projection: bool,
    #[serde(deserialize_with = "false_if_null")]
    pub upcast_attention: bool,
    pub flip_sin_to_cos: bool,
    pub freq_shift: f64,
    pub downsample_padding: usize,
    mid_block_scale_factor: f64,
    /// Side of the latents that the model was trained on.
    pub sample_size: SampleSize,
    mid_block_type: Option<String>,
    act_fn: String,
    center_input_sample: bool,
    resnet_time_scale_shift: String,
    class_embed_type: Option<String>,
    addition_embed_type: Option<String>,
    addition_time_embed_dim: Option<usize>,
    projection_class_embeddings_input_dim: Option<usize>,
    reverse_transformer_layers_per_block: Option<serde_json::Value>,
    encoder_hid_dim: Option<usize>,
    dual_cross_attention: bool,
    conv_in_kernel: usize,
    conv_out_kernel: usize,
    /// Numbers in which a UNet is told the guidance scale.
    pub time_cond_proj_dim: Option<usize>,
    time_embedding_type: String,
    time_embedding_act_fn: Option<String>,
    timestep_post_act: Option<String>,
    num_class_embeds: Option<usize>,
    attention_type: String,
    resnet_skip_time_act: bool,
    resnet_out_scale_factor: f64,
    cross_attention_norm: Option<String>,
    only_cross_attention: OnlyCross,
}

/// What the UNet of Stable Diffusion XL is told besides the prompt's tokens
/// ("text_time"): the prompt as a whole, and numbers of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextTime {
    /// Numbers of the prompt's pooled state.
    pub pooled: usize,
    /// Sinusoids of each number of the picture.
    pub sinusoids: usize,
}

impl TextTime {
    /// Numbers of the picture: original size, crop, target size, two each.
    pub const NUMBERS: usize = 6;
    /// The refiner has one for the picture's beauty in place of the target size.
    const NUMBERS_OF_REFINER: usize = 5;

    /// Width of both behind each other.
    pub fn width(&self) -> usize {
        self.pooled + Self::NUMBERS * self.sinusoids
    }
}

/// Whether self-attention is left out, everywhere or per level.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
enum OnlyCross {
    All(bool),
    Each(Vec<bool>),
}

/// diffusers writes one side or [height, width].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum SampleSize {
    Side(usize),
    HeightWidth([usize; 2]),
}

impl SampleSize {
    /// [height, width] in latent cells.
    pub fn height_width(&self) -> [usize; 2] {
        match *self {
            Self::Side(side) => [side, side],
            Self::HeightWidth(size) => size,
        }
    }
}

impl Default for UNetConfig {
    fn default() -> Self {
        let cross = |name: &str, plain: &str, first: bool| {
            let mut types = vec![name.to_string(); 4];
            types[if first { 0 } else { 3 }] = plain.to_string();
            types
        };
        Self {
            in_channels: 4,
            out_channels: 4,
            block_out_channels: vec![320, 640, 1280, 1280],
            down_block_types: cross("CrossAttnDownBlock2D", "DownBlock2D", false),
            up_block_types: cross("CrossAttnUpBlock2D", "UpBlock2D", true),
            layers_per_block: 2,
            transformer_layers_per_block: PerLevel::All(1),
            cross_attention_dim: 1280,
            attention_head_dim: PerLevel::All(8),
            num_attention_heads: None,
            norm_num_groups: 32,
            norm_eps: 1e-5,
            use_linear_projection: false,
            upcast_attention: false,
            flip_sin_to_cos: true,
            freq_shift: 0.0,
            downsample_padding: 1,
            mid_block_scale_factor: 1.0,
            sample_size: SampleSize::Side(64),
            mid_block_type: Some("UNetMidBlock2DCrossAttn".to_string()),
            act_fn: "silu".to_string(),
            center_input_sample: false,
            resnet_time_scale_shift: "default".to_string(),
            class_embed_type: None,
            addition_embed_type: None,
            addition_time_embed_dim: None,
            projection_class_embeddings_input_dim: None,
            reverse_transformer_layers_per_block: None,
            encoder_hid_dim: None,
            dual_cross_attention: false,
            conv_in_kernel: 3,
            conv_out_kernel: 3,
            time_cond_proj_dim: None,
            time_embedding_type: "positional".to_string(),
            time_embedding_act_fn: None,
            timestep_post_act: None,
            num_class_embeds: None,
            attention_type: "default".to_string(),
            resnet_skip_time_act: false,
            resnet_out_scale_factor: 1.0,
            cross_attention_norm: None,
            only_cross_attention: OnlyCross::All(false),
        }
    }
}

impl UNetConfig {
    /// Reads and checks the JSON text of `unet/config.json`.
    pub fn from_json(json: &[u8]) -> Result<Self, ConfigError> {
        let config: Self = parse("UNet", json)?;
        config.check()?;
        Ok(config)
    }

    /// Refuses what is not supported, contradictions, and sizes that no model has.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        self.refuse_other_families()?;
        self.check_levels()
    }

    /// Number of heads of the attention layers of `level` (0 is the finest).
    pub fn heads(&self, level: usize) -> usize {
        let heads = self.num_attention_heads.as_ref();
        heads
            .unwrap_or(&self.attention_head_dim)
            .at(level)
            .expect("from_json checked that every level has its number of heads")
    }

    /// Number of transformer blocks in each attention layer of `level`.
    pub fn transformer_layers(&self, level: usize) -> usize {
        self.transformer_layers_per_block
            .at(level)
            .expect("from_json checked that every level has its number of transformer layers")
    }

    /// Whether the UNet is told the guidance scale, as latent consistency models
    /// are, instead of predicting once with and once without the prompt.
    pub fn is_told_guidance(&self) -> bool {
        self.time_cond_proj_dim.is_some()
    }

    /// What it is told besides the prompt's tokens, if anything.
    pub fn text_time(&self) -> Option<TextTime> {
        self.addition_embed_type.as_ref()?;
        let sinusoids = self.addition_time_embed_dim?;
        let width = self.projection_class_embeddings_input_dim?;
        Some(TextTime {
            pooled: width.checked_sub(TextTime::NUMBERS * sinusoids)?,
            sinusoids,
        })
    }

    /// Sets what it is told besides the prompt's tokens, as the keys of SDXL do.
    pub(crate) fn set_text_time(&mut self, told: TextTime) {
        self.addition_embed_type = Some(TEXT_TIME.to_string());
        self.addition_time_embed_dim = Some(told.sinusoids);
        self.projection_class_embeddings_input_dim = Some(told.width());
    }

    /// Whether it is Stable Diffusion XL's refiner, which reads the second text
    /// encoder alone, whose pooled state has `pooled` numbers.
    pub(crate) fn is_refiner(&self, pooled: usize) -> bool {
        let sinusoids = self.addition_time_embed_dim.unwrap_or(0);
        let width = pooled + TextTime::NUMBERS_OF_REFINER * sinusoids;
        self.addition_embed_type.is_some()
            && self.projection_class_embeddings_input_dim == Some(width)
    }

    /// Width of the time embedding that every resnet reads.
    pub fn time_embedding_dim(&self) -> usize {
        4 * self.block_out_channels[0]
    }

    /// Latent sides must be multiples of this: one halving per level but the last.
    pub fn side_multiple(&self) -> usize {
        1 << (self.block_out_channels.len() - 1)
    }

    fn check_levels(&self) -> Result<(), ConfigError> {
        let inconsistent = |reason: String| {
            Err(ConfigError::Inconsistent {
                component: "UNet",
                reason,
            })
        };
        let levels = self.block_out_channels.len();
        if levels == 0 || levels > 16 {
            return inconsistent(format!("{levels} levels"));
        }
        if self.down_block_types.len() != levels || self.up_block_types.len() != levels {
            return inconsistent(format!(
                "{levels} widths, {} down blocks, {} up blocks",
                self.down_block_types.len(),
                self.up_block_types.len()
            ));
        }
        for kind in &self.down_block_types {
            if !["CrossAttnDownBlock2D", "DownBlock2D"].contains(&kind.as_str()) {
                return Err(unsupported_block("down_block_types", kind));
            }
        }
        for kind in &self.up_block_types {
            if !["CrossAttnUpBlock2D", "UpBlock2D"].contains(&kind.as_str()) {
                return Err(unsupported_block("up_block_types", kind));
            }
        }
        let bounded = |key, value, most| bounded("UNet", key, value, most);
        for side in self.sample_size.height_width() {
            bounded("sample_size", side, LARGEST_SAMPLE)?;
        }
        if let Some(width) = self.time_cond_proj_dim {
            bounded("time_cond_proj_dim", width, MOST_CHANNELS)?;
        }
        if self.addition_embed_type.is_some() {
            let widths = [
                ("addition_time_embed_dim", self.addition_time_embed_dim),
                (
                    "projection_class_embeddings_input_dim",
                    self.projection_class_embeddings_input_dim,
                ),
            ];
            for (key, width) in widths {
                bounded(key, width.unwrap_or(0), MOST_CHANNELS)?;
            }
            if self.text_time().is_none_or(|told| told.pooled == 0) {
                return inconsistent(
                    "projection_class_embeddings_input_dim leaves no room for a pooled state"
                        .to_string(),
                );
            }
        }
        bounded("layers_per_block", self.layers_per_block, MOST_LAYERS)?;
        bounded(
            "cross_attention_dim",
            self.cross_attention_dim,
            MOST_CHANNELS,
        )?;
        norm_epsilon("UNet", "norm_eps", self.norm_eps)?;
        // Frequencies are divided by half of the channels less this.
        let half = self.block_out_channels[0] as f64 / 2.0;
        if !(0.0..half).contains(&self.freq_shift) {
            return Err(ConfigError::OutOfRange {
                component: "UNet",
                key: "freq_shift",
                value: self.freq_shift.to_string(),
                rule: "0 or 1",
            });
        }
        let heads = self.num_attention_heads.as_ref();
        let heads = heads.unwrap_or(&self.attention_head_dim);
        for (level, &channels) in self.block_out_channels.iter().enumerate() {
            let Some(heads) = heads.at(level) else {
                return inconsistent(format!("no number of heads for level {level}"));
            };
            let Some(layers) = self.transformer_layers_per_block.at(level) else {
                return inconsistent(format!("no transformer layers for level {level}"));
            };
            bounded("transformer_layers_per_block", layers, MOST_LAYERS)?;
            if layers == 0 {
                return inconsistent(format!("no transformer layers for level {level}"));
            }
            bounded("block_out_channels", channels, MOST_CHANNELS)?;
            divides("UNet", "norm_num_groups", self.norm_num_groups, channels)?;
            divides("UNet", "attention_head_dim", heads, channels)?;
        }
        Ok(())
    }
}

/// Stable Diffusion XL's published config says `null`.
fn false_if_null<'de, D: serde::Deserializer<'de>>(json: D) -> Result<bool, D::Error> {
    Ok(Option::deserialize(json)?.unwrap_or(false))
}

fn unsupported_block(key: &'static str, kind: &str) -> ConfigError {
    ConfigError::Unsupported {
        component: "UNet",
        key,
        value: kind.to_string(),
    }
}

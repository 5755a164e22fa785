//! The keys of a checkpoint's `config.json` files that shape the networks.
//!
//! Keys that a file leaves out take the defaults of diffusers' and
//! transformers' constructors; keys that would change the arithmetic in a way
//! this program does not implement are refused by name.

use serde::Deserialize;

/// Why a `config.json` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not the JSON that the model class writes.
    #[error("cannot read the {component} config: {source}")]
    Json {
        component: &'static str,
        source: serde_json::Error,
    },
    /// The model is of a kind that this program does not compute.
    #[error(
        "the {component} has {key} = {value}, which is not supported; \
         Stable Diffusion 1.4, 1.5, 2.0 and 2.1 text-to-image models are"
    )]
    Unsupported {
        component: &'static str,
        key: &'static str,
        value: String,
    },
    /// Two keys contradict each other.
    #[error("the {component} config is inconsistent: {reason}")]
    Inconsistent {
        component: &'static str,
        reason: String,
    },
}

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

/// Activation between the two linear layers of CLIP's feed-forward network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HiddenActivation {
    /// x · sigmoid(1.702 x), OpenAI's CLIP (Stable Diffusion 1.x).
    QuickGelu,
    /// The exact, erf-based GELU, OpenCLIP (Stable Diffusion 2.x).
    Gelu,
}

/// `text_encoder/config.json` of a `CLIPTextModel`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct ClipTextConfig {
    pub vocab_size: usize,
    pub hidden_size: usize,
    pub intermediate_size: usize,
    pub num_hidden_layers: usize,
    pub num_attention_heads: usize,
    pub max_position_embeddings: usize,
    pub hidden_act: HiddenActivation,
    pub layer_norm_eps: f64,
}

impl Default for ClipTextConfig {
    fn default() -> Self {
        Self {
            vocab_size: 49408,
            hidden_size: 512,
            intermediate_size: 2048,
            num_hidden_layers: 12,
            num_attention_heads: 8,
            max_position_embeddings: 77,
            hidden_act: HiddenActivation::QuickGelu,
            layer_norm_eps: 1e-5,
        }
    }
}

impl ClipTextConfig {
    /// Reads and checks the JSON text of `text_encoder/config.json`.
    pub fn from_json(json: &[u8]) -> Result<Self, ConfigError> {
        let config: Self = parse("text encoder", json)?;
        divides(
            "text encoder",
            "num_attention_heads",
            config.num_attention_heads,
            config.hidden_size,
        )?;
        Ok(config)
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
    pub upcast_attention: bool,
    pub flip_sin_to_cos: bool,
    pub freq_shift: f64,
    pub downsample_padding: usize,
    pub mid_block_scale_factor: f64,
    /// Side of the latents that the model was trained on.
    pub sample_size: SampleSize,
    mid_block_type: Option<String>,
    act_fn: String,
    center_input_sample: bool,
    resnet_time_scale_shift: String,
    class_embed_type: Option<String>,
    addition_embed_type: Option<String>,
    encoder_hid_dim: Option<usize>,
    dual_cross_attention: bool,
    conv_in_kernel: usize,
    conv_out_kernel: usize,
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
            encoder_hid_dim: None,
            dual_cross_attention: false,
            conv_in_kernel: 3,
            conv_out_kernel: 3,
        }
    }
}

impl UNetConfig {
    /// Reads and checks the JSON text of `unet/config.json`.
    pub fn from_json(json: &[u8]) -> Result<Self, ConfigError> {
        let config: Self = parse("UNet", json)?;
        config.refuse_other_families()?;
        config.check_levels()?;
        Ok(config)
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

    /// Width of the time embedding that every resnet reads.
    pub fn time_embedding_dim(&self) -> usize {
        4 * self.block_out_channels[0]
    }

    /// Latent sides must be multiples of this: one halving per level but the last.
    pub fn side_multiple(&self) -> usize {
        1 << (self.block_out_channels.len() - 1)
    }

    fn refuse_other_families(&self) -> Result<(), ConfigError> {
        let refuse = |key, value: &dyn std::fmt::Display| {
            Err(ConfigError::Unsupported {
                component: "UNet",
                key,
                value: value.to_string(),
            })
        };
        if let Some(kind) = &self.addition_embed_type {
            return refuse("addition_embed_type (as in SDXL)", kind);
        }
        if let Some(kind) = &self.class_embed_type {
            return refuse("class_embed_type", kind);
        }
        if let Some(width) = self.encoder_hid_dim {
            return refuse("encoder_hid_dim", &width);
        }
        if self.in_channels != 4 {
            let channels = self.in_channels;
            return refuse("in_channels (9 inpaints, 5 reads depth)", &channels);
        }
        if self.out_channels != 4 {
            return refuse("out_channels", &self.out_channels);
        }
        if self.dual_cross_attention {
            return refuse("dual_cross_attention", &true);
        }
        if self.center_input_sample {
            return refuse("center_input_sample", &true);
        }
        if self.act_fn != "silu" && self.act_fn != "swish" {
            return refuse("act_fn", &self.act_fn);
        }
        if self.resnet_time_scale_shift != "default" {
            return refuse("resnet_time_scale_shift", &self.resnet_time_scale_shift);
        }
        if (self.conv_in_kernel, self.conv_out_kernel) != (3, 3) {
            return refuse("conv_in_kernel", &self.conv_in_kernel);
        }
        match self.mid_block_type.as_deref() {
            None | Some("UNetMidBlock2DCrossAttn") => Ok(()),
            Some(kind) => refuse("mid_block_type", &kind),
        }
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
        let heads = self.num_attention_heads.as_ref();
        let heads = heads.unwrap_or(&self.attention_head_dim);
        for (level, &channels) in self.block_out_channels.iter().enumerate() {
            let Some(heads) = heads.at(level) else {
                return inconsistent(format!("no number of heads for level {level}"));
            };
            if self.transformer_layers_per_block.at(level).is_none() {
                return inconsistent(format!("no transformer layers for level {level}"));
            }
            divides("UNet", "norm_num_groups", self.norm_num_groups, channels)?;
            divides("UNet", "attention_head_dim", heads, channels)?;
        }
        Ok(())
    }
}

/// `vae/config.json` of an `AutoencoderKL`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct AutoencoderConfig {
    pub in_channels: usize,
    pub out_channels: usize,
    pub latent_channels: usize,
    pub block_out_channels: Vec<usize>,
    pub layers_per_block: usize,
    pub norm_num_groups: usize,
    /// The UNet sees encoder output times this.
    pub scaling_factor: f64,
    act_fn: String,
    down_block_types: Vec<String>,
    up_block_types: Vec<String>,
    mid_block_add_attention: bool,
    use_quant_conv: bool,
    use_post_quant_conv: bool,
    shift_factor: Option<f64>,
    latents_mean: Option<Vec<f64>>,
}

impl Default for AutoencoderConfig {
    fn default() -> Self {
        Self {
            in_channels: 3,
            out_channels: 3,
            latent_channels: 4,
            block_out_channels: vec![64],
            layers_per_block: 1,
            norm_num_groups: 32,
            scaling_factor: 0.18215,
            act_fn: "silu".to_string(),
            down_block_types: vec!["DownEncoderBlock2D".to_string()],
            up_block_types: vec!["UpDecoderBlock2D".to_string()],
            mid_block_add_attention: true,
            use_quant_conv: true,
            use_post_quant_conv: true,
            shift_factor: None,
            latents_mean: None,
        }
    }
}

impl AutoencoderConfig {
    /// Reads and checks the JSON text of `vae/config.json`.
    pub fn from_json(json: &[u8]) -> Result<Self, ConfigError> {
        let config: Self = parse("VAE", json)?;
        let refuse = |key, value: String| {
            Err(ConfigError::Unsupported {
                component: "VAE",
                key,
                value,
            })
        };
        if config.latent_channels != 4 {
            return refuse("latent_channels", config.latent_channels.to_string());
        }
        if config.act_fn != "silu" && config.act_fn != "swish" {
            return refuse("act_fn", config.act_fn);
        }
        if !config.mid_block_add_attention {
            return refuse("mid_block_add_attention", "false".to_string());
        }
        if !(config.use_quant_conv && config.use_post_quant_conv) {
            return refuse("use_quant_conv", "false".to_string());
        }
        if let Some(shift) = config.shift_factor {
            return refuse("shift_factor (as in SD3 and Flux)", shift.to_string());
        }
        if config.latents_mean.is_some() {
            return refuse("latents_mean", "a list".to_string());
        }
        for kind in config.down_block_types.iter().chain(&config.up_block_types) {
            if !["DownEncoderBlock2D", "UpDecoderBlock2D"].contains(&kind.as_str()) {
                return refuse("down_block_types", kind.clone());
            }
        }
        let levels = config.block_out_channels.len();
        if levels == 0 || levels > 16 {
            return Err(ConfigError::Inconsistent {
                component: "VAE",
                reason: format!("{levels} levels"),
            });
        }
        for &channels in &config.block_out_channels {
            divides("VAE", "norm_num_groups", config.norm_num_groups, channels)?;
        }
        Ok(config)
    }

    /// Pixels per latent cell along one side: one halving per level but the last.
    pub fn downscale_factor(&self) -> usize {
        1 << (self.block_out_channels.len() - 1)
    }
}

fn parse<T: serde::de::DeserializeOwned>(
    component: &'static str,
    json: &[u8],
) -> Result<T, ConfigError> {
    serde_json::from_slice(json).map_err(|source| ConfigError::Json { component, source })
}

fn divides(
    component: &'static str,
    key: &str,
    divisor: usize,
    channels: usize,
) -> Result<(), ConfigError> {
    if divisor > 0 && channels > 0 && channels.is_multiple_of(divisor) {
        return Ok(());
    }
    Err(ConfigError::Inconsistent {
        component,
        reason: format!("{key} = {divisor} does not divide {channels} channels"),
    })
}

fn unsupported_block(key: &'static str, kind: &str) -> ConfigError {
    ConfigError::Unsupported {
        component: "UNet",
        key,
        value: kind.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_keys_take_the_defaults_of_diffusers() {
        let vae = AutoencoderConfig::from_json(br#"{"block_out_channels": [32, 64]}"#).unwrap();
        assert_eq!(vae.scaling_factor, 0.18215);
        assert_eq!(vae.downscale_factor(), 2);
        let unet = UNetConfig::from_json(br#"{"attention_head_dim": [5, 10, 20, 20]}"#).unwrap();
        assert_eq!(unet.heads(2), 20);
        assert_eq!(unet.side_multiple(), 8);
    }

    #[test]
    fn other_families_are_named() {
        let error = UNetConfig::from_json(br#"{"addition_embed_type": "text_time"}"#);
        assert!(error.unwrap_err().to_string().contains("SDXL"));
        let error = UNetConfig::from_json(br#"{"in_channels": 9}"#);
        assert!(error.unwrap_err().to_string().contains("inpaints"));
    }

    #[test]
    fn a_level_without_heads_is_an_error_not_a_panic() {
        let error = UNetConfig::from_json(br#"{"attention_head_dim": [5, 10]}"#);
        assert!(matches!(error, Err(ConfigError::Inconsistent { .. })));
    }
}

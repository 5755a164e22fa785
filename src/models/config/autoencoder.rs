//! `vae/config.json`.

use serde::Deserialize;

use super::{ConfigError, MOST_CHANNELS, MOST_LAYERS, bounded, divides, parse, positive};

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
    /// Whether its activations leave the range of f16.
    pub force_upcast: bool,
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
            force_upcast: true,
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
        config.check()?;
        Ok(config)
    }

    /// Refuses what is not supported, contradictions, and sizes that no model has.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let refuse = |key, value: String| {
            Err(ConfigError::Unsupported {
                component: "VAE",
                key,
                value,
            })
        };
        if self.in_channels != 3 {
            return refuse("in_channels", self.in_channels.to_string());
        }
        if self.out_channels != 3 {
            return refuse("out_channels", self.out_channels.to_string());
        }
        if self.latent_channels != 4 {
            return refuse("latent_channels", self.latent_channels.to_string());
        }
        if self.act_fn != "silu" && self.act_fn != "swish" {
            return refuse("act_fn", self.act_fn.clone());
        }
        if !self.mid_block_add_attention {
            return refuse("mid_block_add_attention", "false".to_string());
        }
        if !(self.use_quant_conv && self.use_post_quant_conv) {
            return refuse("use_quant_conv", "false".to_string());
        }
        if let Some(shift) = self.shift_factor.filter(|shift| *shift != 0.0) {
            return refuse("shift_factor (as in SD3 and Flux)", shift.to_string());
        }
        if self.latents_mean.is_some() {
            return refuse("latents_mean", "a list".to_string());
        }
        for kind in self.down_block_types.iter().chain(&self.up_block_types) {
            if !["DownEncoderBlock2D", "UpDecoderBlock2D"].contains(&kind.as_str()) {
                return refuse("down_block_types", kind.clone());
            }
        }
        positive(
            "VAE",
            "scaling_factor",
            self.scaling_factor,
            1000.0,
            "above 0 and at most 1000",
        )?;
        let levels = self.block_out_channels.len();
        if levels == 0 || levels > 16 {
            return Err(ConfigError::Inconsistent {
                component: "VAE",
                reason: format!("{levels} levels"),
            });
        }
        bounded(
            "VAE",
            "layers_per_block",
            self.layers_per_block,
            MOST_LAYERS,
        )?;
        for &channels in &self.block_out_channels {
            bounded("VAE", "block_out_channels", channels, MOST_CHANNELS)?;
            divides("VAE", "norm_num_groups", self.norm_num_groups, channels)?;
        }
        Ok(())
    }

    /// Pixels per latent cell along one side: one halving per level but the last.
    pub fn downscale_factor(&self) -> usize {
        1 << (self.block_out_channels.len() - 1)
    }
}

//! `preview_decoder/config.json`.

use serde::Deserialize;

use super::{ConfigError, MOST_CHANNELS, MOST_LAYERS, bounded, parse};

const COMPONENT: &str = "preview decoder";

/// The decoder's keys of diffusers' `AutoencoderTiny`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct AutoencoderTinyConfig {
    pub latent_channels: usize,
    pub out_channels: usize,
    /// Of every level, from latents to picture; all the same.
    pub decoder_block_out_channels: Vec<usize>,
    /// Residual blocks of every level.
    pub num_decoder_blocks: Vec<usize>,
    act_fn: String,
    upsample_fn: String,
    upsampling_scaling_factor: usize,
}

impl Default for AutoencoderTinyConfig {
    fn default() -> Self {
        Self {
            latent_channels: 4,
            out_channels: 3,
            decoder_block_out_channels: vec![64; 4],
            num_decoder_blocks: vec![3, 3, 3, 1],
            act_fn: "relu".to_string(),
            upsample_fn: "nearest".to_string(),
            upsampling_scaling_factor: 2,
        }
    }
}

impl AutoencoderTinyConfig {
    /// Reads and checks the JSON text of `preview_decoder/config.json`.
    pub fn from_json(json: &[u8]) -> Result<Self, ConfigError> {
        let config: Self = parse(COMPONENT, json)?;
        config.check()?;
        Ok(config)
    }

    /// Refuses what is not supported, contradictions, and sizes that no model has.
    fn check(&self) -> Result<(), ConfigError> {
        let refuse = |key, value: String| {
            Err(ConfigError::Unsupported {
                component: COMPONENT,
                key,
                value,
            })
        };
        if self.latent_channels != 4 {
            return refuse("latent_channels", self.latent_channels.to_string());
        }
        if self.out_channels != 3 {
            return refuse("out_channels", self.out_channels.to_string());
        }
        if self.act_fn != "relu" {
            return refuse("act_fn", self.act_fn.clone());
        }
        if self.upsample_fn != "nearest" {
            return refuse("upsample_fn", self.upsample_fn.clone());
        }
        if self.upsampling_scaling_factor != 2 {
            return refuse(
                "upsampling_scaling_factor",
                self.upsampling_scaling_factor.to_string(),
            );
        }
        let inconsistent = |reason: String| {
            Err(ConfigError::Inconsistent {
                component: COMPONENT,
                reason,
            })
        };
        let levels = self.num_decoder_blocks.len();
        if levels == 0 || levels > 16 || levels != self.decoder_block_out_channels.len() {
            let channels = self.decoder_block_out_channels.len();
            return inconsistent(format!("{levels} levels of blocks, {channels} of channels"));
        }
        for &blocks in &self.num_decoder_blocks {
            bounded(COMPONENT, "num_decoder_blocks", blocks, MOST_LAYERS)?;
        }
        let channels = self.decoder_block_out_channels[0];
        bounded(
            COMPONENT,
            "decoder_block_out_channels",
            channels,
            MOST_CHANNELS,
        )?;
        // A level's last convolution keeps its channels for the next one.
        if channels == 0
            || self
                .decoder_block_out_channels
                .iter()
                .any(|&c| c != channels)
        {
            return inconsistent("decoder_block_out_channels are not all the same".to_string());
        }
        Ok(())
    }

    /// Pixels per latent cell along one side: one doubling per level but the last.
    pub fn upscale_factor(&self) -> usize {
        1 << (self.num_decoder_blocks.len() - 1)
    }
}

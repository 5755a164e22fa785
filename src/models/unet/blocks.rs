//! The parts of the UNet at one level: a way down, the middle, a way up.
//!
//! diffusers has two classes each (`CrossAttnDownBlock2D`, `DownBlock2D`, …);
//! here a block without attention is one whose list of transformers is empty,
//! which has the same weight keys.

use burn::module::Module;
use burn::tensor::Device;

use crate::models::config::UNetConfig;
use crate::models::resample::{Downsample2D, DownsamplePadding, Upsample2D};
use crate::models::resnet::{ResnetBlock2D, ResnetConfig};
use crate::models::transformer_2d::{Transformer2DConfig, Transformer2DModel};

/// `DownBlock2D` or `CrossAttnDownBlock2D`.
#[derive(Module, Debug)]
pub(super) struct DownBlock {
    pub(super) resnets: Vec<ResnetBlock2D>,
    pub(super) attentions: Vec<Transformer2DModel>,
    /// One, or none at the coarsest level.
    pub(super) downsamplers: Vec<Downsample2D>,
}

/// `UNetMidBlock2DCrossAttn`: two resnets around a transformer.
#[derive(Module, Debug)]
pub(super) struct MidBlock {
    pub(super) resnets: Vec<ResnetBlock2D>,
    pub(super) attentions: Vec<Transformer2DModel>,
}

/// `UpBlock2D` or `CrossAttnUpBlock2D`.
#[derive(Module, Debug)]
pub(super) struct UpBlock {
    pub(super) resnets: Vec<ResnetBlock2D>,
    pub(super) attentions: Vec<Transformer2DModel>,
    /// One, or none at the finest level.
    pub(super) upsamplers: Vec<Upsample2D>,
}

/// Makes the blocks of one UNet.
pub(super) struct BlockBuilder<'a> {
    pub(super) config: &'a UNetConfig,
    pub(super) device: &'a Device,
}

impl BlockBuilder<'_> {
    /// The block of `level` (0 is the finest) on the way down.
    pub(super) fn down(&self, level: usize) -> DownBlock {
        let widths = &self.config.block_out_channels;
        let channels = widths[level];
        let before = widths[level.saturating_sub(1)];
        let layers = self.config.layers_per_block;
        let is_last = level + 1 == widths.len();
        let padding = DownsamplePadding::Symmetric(self.config.downsample_padding);
        DownBlock {
            resnets: (0..layers)
                .map(|layer| self.resnet(if layer == 0 { before } else { channels }, channels))
                .collect(),
            attentions: self.transformers(level, layers, &self.config.down_block_types[level]),
            downsamplers: (!is_last)
                .then(|| Downsample2D::new(channels, padding, self.device))
                .into_iter()
                .collect(),
        }
    }

    /// The block between the ways down and up, at the coarsest level.
    pub(super) fn mid(&self) -> MidBlock {
        let level = self.config.block_out_channels.len() - 1;
        let channels = self.config.block_out_channels[level];
        MidBlock {
            resnets: (0..2).map(|_| self.resnet(channels, channels)).collect(),
            attentions: vec![self.transformer(level)],
        }
    }

    /// The `index`-th block on the way up (0 is the coarsest).
    pub(super) fn up(&self, index: usize) -> UpBlock {
        let widths = &self.config.block_out_channels;
        let level = widths.len() - 1 - index;
        let channels = widths[level];
        let before = widths[(level + 1).min(widths.len() - 1)];
        let finer = widths[level.saturating_sub(1)];
        let layers = self.config.layers_per_block + 1;
        UpBlock {
            resnets: (0..layers)
                .map(|layer| {
                    let sample = if layer == 0 { before } else { channels };
                    let skip = if layer + 1 == layers { finer } else { channels };
                    self.resnet(sample + skip, channels)
                })
                .collect(),
            attentions: self.transformers(level, layers, &self.config.up_block_types[index]),
            upsamplers: (level > 0)
                .then(|| Upsample2D::new(channels, self.device))
                .into_iter()
                .collect(),
        }
    }

    fn transformers(&self, level: usize, layers: usize, kind: &str) -> Vec<Transformer2DModel> {
        let count = if kind.starts_with("CrossAttn") {
            layers
        } else {
            0
        };
        (0..count).map(|_| self.transformer(level)).collect()
    }

    fn transformer(&self, level: usize) -> Transformer2DModel {
        Transformer2DConfig {
            channels: self.config.block_out_channels[level],
            heads: self.config.heads(level),
            layers: self.config.transformer_layers(level),
            cross_attention_dim: self.config.cross_attention_dim,
            norm_num_groups: self.config.norm_num_groups,
            use_linear_projection: self.config.use_linear_projection,
            upcast_attention: self.config.upcast_attention,
        }
        .init(self.device)
    }

    fn resnet(&self, channels_in: usize, channels_out: usize) -> ResnetBlock2D {
        ResnetConfig {
            channels_in,
            channels_out,
            time_embedding_dim: Some(self.config.time_embedding_dim()),
            norm_num_groups: self.config.norm_num_groups,
            norm_eps: self.config.norm_eps,
        }
        .init(self.device)
    }
}

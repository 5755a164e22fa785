//! The parts of the autoencoder: a way down, the middle with its attention, a way up.

use burn::module::Module;
use burn::nn::{GroupNorm, GroupNormConfig, Linear, LinearConfig};
use burn::tensor::{Device, Tensor};

use crate::kernels::{
    Activation, CellLayer, attention, group_norm, linear, sequence_to_grid_added, to_sequence,
};
use crate::models::config::AutoencoderConfig;
use crate::models::resample::{Downsample2D, DownsamplePadding, Upsample2D};
use crate::models::resnet::{ResnetBlock2D, ResnetConfig};
use crate::models::strips::Strips;

/// Epsilon of every norm in the autoencoder (diffusers fixes it in the code).
pub(super) const NORM_EPS: f64 = 1e-6;

/// `DownEncoderBlock2D`.
#[derive(Module, Debug)]
pub(super) struct DownEncoderBlock {
    resnets: Vec<ResnetBlock2D>,
    downsamplers: Vec<Downsample2D>,
}

impl DownEncoderBlock {
    pub(super) fn new(config: &AutoencoderConfig, level: usize, device: &Device) -> Self {
        let widths = &config.block_out_channels;
        let (before, channels) = (widths[level.saturating_sub(1)], widths[level]);
        let is_last = level + 1 == widths.len();
        let padding = DownsamplePadding::BottomRight;
        Self {
            resnets: resnets(config, config.layers_per_block, before, channels, device),
            downsamplers: (!is_last)
                .then(|| Downsample2D::new(channels, padding, device))
                .into_iter()
                .collect(),
        }
    }

    /// [batch, channels, height, width] → half the size, except at the last level.
    pub(super) fn forward(&self, mut sample: Tensor<4>) -> Tensor<4> {
        for resnet in &self.resnets {
            sample = resnet.forward(sample, None);
        }
        for downsampler in &self.downsamplers {
            sample = downsampler.forward(sample);
        }
        sample
    }
}

/// `UpDecoderBlock2D`.
#[derive(Module, Debug)]
pub(super) struct UpDecoderBlock {
    resnets: Vec<ResnetBlock2D>,
    upsamplers: Vec<Upsample2D>,
}

impl UpDecoderBlock {
    /// The `index`-th block on the way up (0 is the coarsest).
    pub(super) fn new(config: &AutoencoderConfig, index: usize, device: &Device) -> Self {
        let widths = &config.block_out_channels;
        let level = widths.len() - 1 - index;
        let before = widths[(level + 1).min(widths.len() - 1)];
        let channels = widths[level];
        Self {
            resnets: resnets(
                config,
                config.layers_per_block + 1,
                before,
                channels,
                device,
            ),
            upsamplers: (level > 0)
                .then(|| Upsample2D::new(channels, device))
                .into_iter()
                .collect(),
        }
    }

    /// [batch, channels, height, width] → twice the size, except at the finest
    /// level.
    pub(super) fn forward(&self, mut sample: Tensor<4>) -> Tensor<4> {
        for resnet in &self.resnets {
            sample = resnet.forward(sample, None);
        }
        for upsampler in &self.upsamplers {
            sample = upsampler.forward(sample);
        }
        sample
    }

    /// As [`Self::forward`].
    pub(super) fn forward_in_strips(&self, mut sample: Strips) -> Strips {
        for resnet in &self.resnets {
            sample = resnet.forward_in_strips(sample);
        }
        for upsampler in &self.upsamplers {
            sample = sample.through(2, &|part| upsampler.forward(part));
        }
        sample
    }
}

/// `UNetMidBlock2D` of the autoencoder: two resnets around self-attention.
#[derive(Module, Debug)]
pub(super) struct MidBlock {
    resnets: Vec<ResnetBlock2D>,
    attentions: Vec<SpatialAttention>,
}

impl MidBlock {
    pub(super) fn new(config: &AutoencoderConfig, device: &Device) -> Self {
        let levels = config.block_out_channels.len();
        let channels = config.block_out_channels[levels - 1];
        Self {
            resnets: resnets(config, 2, channels, channels, device),
            attentions: vec![SpatialAttention::new(config, channels, device)],
        }
    }

    /// [batch, channels, height, width] → the same shape.
    pub(super) fn forward(&self, sample: Tensor<4>) -> Tensor<4> {
        let sample = self.resnets[0].forward(sample, None);
        let sample = self.attentions[0].forward(sample);
        self.resnets[1].forward(sample, None)
    }
}

/// Single-head self-attention over all cells, with its norm and shortcut.
#[derive(Module, Debug)]
struct SpatialAttention {
    group_norm: GroupNorm,
    to_q: Linear,
    to_k: Linear,
    to_v: Linear,
    to_out: Vec<Linear>,
}

impl SpatialAttention {
    fn new(config: &AutoencoderConfig, channels: usize, device: &Device) -> Self {
        let linear = || LinearConfig::new(channels, channels).init(device);
        Self {
            group_norm: GroupNormConfig::new(config.norm_num_groups, channels)
                .with_epsilon(NORM_EPS)
                .init(device),
            to_q: linear(),
            to_k: linear(),
            to_v: linear(),
            to_out: vec![linear()],
        }
    }

    /// [batch, channels, height, width] → the same shape.
    fn forward(&self, sample: Tensor<4>) -> Tensor<4> {
        let normalised = group_norm(&self.group_norm, sample.clone(), None, Activation::Identity);
        let sequence = to_sequence(normalised);
        let [query, key, value] =
            [&self.to_q, &self.to_k, &self.to_v].map(|layer| linear(layer, sequence.clone()));
        let attended = attention(query, key, value, 1);
        sequence_to_grid_added(CellLayer::Linear(&self.to_out[0]), attended, sample)
    }
}

fn resnets(
    config: &AutoencoderConfig,
    count: usize,
    before: usize,
    channels: usize,
    device: &Device,
) -> Vec<ResnetBlock2D> {
    (0..count)
        .map(|layer| {
            ResnetConfig {
                channels_in: if layer == 0 { before } else { channels },
                channels_out: channels,
                time_embedding_dim: None,
                norm_num_groups: config.norm_num_groups,
                norm_eps: NORM_EPS,
            }
            .init(device)
        })
        .collect()
}

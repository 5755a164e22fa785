//! The encoder and the decoder of the autoencoder, mirror images of each other.

use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::nn::{GroupNorm, GroupNormConfig};
use burn::tensor::activation::silu;
use burn::tensor::{Device, Tensor};

use super::blocks::{DownEncoderBlock, MidBlock, NORM_EPS, UpDecoderBlock};
use crate::kernels::{Activation, conv2d, group_norm};
use crate::models::config::AutoencoderConfig;
use crate::models::resample::conv3x3;
use crate::models::strips::Strips;

/// diffusers' `Encoder`.
#[derive(Module, Debug)]
pub(super) struct Encoder {
    conv_in: Conv2d,
    down_blocks: Vec<DownEncoderBlock>,
    mid_block: MidBlock,
    conv_norm_out: GroupNorm,
    conv_out: Conv2d,
}

impl Encoder {
    pub(super) fn new(config: &AutoencoderConfig, device: &Device) -> Self {
        let widths = &config.block_out_channels;
        let coarsest = widths[widths.len() - 1];
        Self {
            conv_in: conv3x3(config.in_channels, widths[0], device),
            down_blocks: (0..widths.len())
                .map(|level| DownEncoderBlock::new(config, level, device))
                .collect(),
            mid_block: MidBlock::new(config, device),
            conv_norm_out: norm(config, coarsest, device),
            conv_out: conv3x3(coarsest, 2 * config.latent_channels, device),
        }
    }

    /// Picture [batch, 3, height, width] → mean and log variance of the latents,
    /// [batch, 8, height / f, width / f].
    pub(super) fn forward(&self, picture: Tensor<4>) -> Tensor<4> {
        let mut sample = conv2d(&self.conv_in, picture);
        for block in &self.down_blocks {
            sample = block.forward(sample);
        }
        let sample = self.mid_block.forward(sample);
        let normalised = group_norm(&self.conv_norm_out, sample, None, Activation::Silu);
        conv2d(&self.conv_out, normalised)
    }
}

/// diffusers' `Decoder`.
#[derive(Module, Debug)]
pub(super) struct Decoder {
    conv_in: Conv2d,
    mid_block: MidBlock,
    up_blocks: Vec<UpDecoderBlock>,
    conv_norm_out: GroupNorm,
    conv_out: Conv2d,
}

impl Decoder {
    pub(super) fn new(config: &AutoencoderConfig, device: &Device) -> Self {
        let widths = &config.block_out_channels;
        let coarsest = widths[widths.len() - 1];
        Self {
            conv_in: conv3x3(config.latent_channels, coarsest, device),
            mid_block: MidBlock::new(config, device),
            up_blocks: (0..widths.len())
                .map(|index| UpDecoderBlock::new(config, index, device))
                .collect(),
            conv_norm_out: norm(config, widths[0], device),
            conv_out: conv3x3(widths[0], config.out_channels, device),
        }
    }

    /// Latents [batch, 4, rows, columns] → picture [batch, 3, f · rows, f · columns].
    pub(super) fn forward(&self, latents: Tensor<4>) -> Tensor<4> {
        let mut sample = self.features(latents);
        for block in &self.up_blocks {
            sample = block.forward(sample);
        }
        let normalised = group_norm(&self.conv_norm_out, sample, None, Activation::Silu);
        conv2d(&self.conv_out, normalised)
    }

    /// As [`Self::forward`] for one picture, the way up in strips of at most
    /// `rows` rows of latents. What is before it is small, and its attention
    /// looks at the whole picture.
    pub(super) fn forward_in_strips(&self, latents: Tensor<4>, rows: usize) -> Tensor<4> {
        let mut sample = Strips::cut(self.features(latents), rows);
        for block in &self.up_blocks {
            sample = block.forward_in_strips(sample);
        }
        let norm = sample.measured(&self.conv_norm_out);
        let picture = sample.through(1, &|part| conv2d(&self.conv_out, silu(norm.forward(part))));
        picture.join()
    }

    /// What the way up starts from, [batch, channels, rows, columns].
    fn features(&self, latents: Tensor<4>) -> Tensor<4> {
        self.mid_block.forward(conv2d(&self.conv_in, latents))
    }
}

fn norm(config: &AutoencoderConfig, channels: usize, device: &Device) -> GroupNorm {
    GroupNormConfig::new(config.norm_num_groups, channels)
        .with_epsilon(NORM_EPS)
        .init(device)
}

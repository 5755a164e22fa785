//! The encoder and the decoder of the autoencoder, mirror images of each other.

use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::nn::{GroupNorm, GroupNormConfig};
use burn::tensor::activation::silu;
use burn::tensor::{Device, Tensor};

use super::blocks::{DownEncoderBlock, MidBlock, NORM_EPS, UpDecoderBlock};
use super::tiles::{NormStatistics, Tiles, shares};
use crate::models::config::AutoencoderConfig;
use crate::models::resample::conv3x3;

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
        let mut sample = self.conv_in.forward(picture);
        for block in &self.down_blocks {
            sample = block.forward(sample);
        }
        let sample = self.mid_block.forward(sample);
        self.conv_out
            .forward(silu(self.conv_norm_out.forward(sample)))
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
        let features = self.features(latents);
        self.way_up(features, &mut |norm, sample| norm.forward(sample))
    }

    /// As [`Self::forward`] for one picture, the way up in tiles of at most
    /// `side` latent cells. The result differs by what tiles do not see of each
    /// other.
    pub(super) fn forward_tiled(&self, latents: Tensor<4>, side: usize) -> Tensor<4> {
        let device = latents.device();
        let features = self.features(latents);
        let [_, channels, rows, columns] = features.dims();
        let (down, across) = (Tiles::new(rows, side), Tiles::new(columns, side));
        let places: Vec<(usize, usize)> = (0..down.starts.len())
            .flat_map(|row| (0..across.starts.len()).map(move |column| (row, column)))
            .collect();
        let mut statistics = NormStatistics::default();
        let decode = |row: usize, column: usize, statistics: &mut NormStatistics| {
            let (top, left) = (down.starts[row], across.starts[column]);
            let part = [
                0..1,
                0..channels,
                top..top + down.side,
                left..left + across.side,
            ];
            statistics.begin_tile();
            self.way_up(features.clone().slice(part), &mut |norm, sample| {
                statistics.normalise(norm, sample)
            })
        };
        for &(row, column) in &places {
            decode(row, column, &mut statistics);
        }
        statistics.finish_measuring();
        let scale = 1 << (self.up_blocks.len() - 1);
        let mut picture = Tensor::zeros([1, 3, rows * scale, columns * scale], &device);
        for &(row, column) in &places {
            let tile = decode(row, column, &mut statistics);
            let shares = shares((&down, row), (&across, column), scale, &device);
            let [_, colours, height, width] = tile.dims();
            let (top, left) = (down.starts[row] * scale, across.starts[column] * scale);
            let part = [0..1, 0..colours, top..top + height, left..left + width];
            let before = picture.clone().slice(part.clone());
            picture = picture.slice_assign(part, before.add(tile.mul(shares)));
        }
        picture
    }

    /// What the way up starts from, [batch, channels, rows, columns].
    fn features(&self, latents: Tensor<4>) -> Tensor<4> {
        self.mid_block.forward(self.conv_in.forward(latents))
    }

    fn way_up(
        &self,
        mut sample: Tensor<4>,
        normalise: &mut dyn FnMut(&GroupNorm, Tensor<4>) -> Tensor<4>,
    ) -> Tensor<4> {
        for block in &self.up_blocks {
            sample = block.forward(sample, normalise);
        }
        self.conv_out
            .forward(silu(normalise(&self.conv_norm_out, sample)))
    }
}

fn norm(config: &AutoencoderConfig, channels: usize, device: &Device) -> GroupNorm {
    GroupNormConfig::new(config.norm_num_groups, channels)
        .with_epsilon(NORM_EPS)
        .init(device)
}

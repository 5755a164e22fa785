//! Halving and doubling of feature maps, shared by the UNet and the autoencoder.

use burn::module::Module;
use burn::nn::PaddingConfig2d;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::tensor::module::interpolate;
use burn::tensor::ops::{InterpolateMode, InterpolateOptions};
use burn::tensor::{Device, Tensor};

use crate::kernels::conv2d;

/// diffusers' `Downsample2D`: a 3 × 3 convolution of stride 2.
#[derive(Module, Debug)]
pub struct Downsample2D {
    conv: Conv2d,
}

/// Where a stride-2 convolution pads its input.
#[derive(Debug, Clone, Copy)]
pub enum DownsamplePadding {
    /// The same number of cells on all four sides (UNet).
    Symmetric(usize),
    /// One cell at the right and at the bottom (the autoencoder's encoder).
    BottomRight,
}

impl Downsample2D {
    /// A halving of `channels` feature maps.
    pub fn new(channels: usize, padding: DownsamplePadding, device: &Device) -> Self {
        let padding = match padding {
            DownsamplePadding::Symmetric(cells) => {
                PaddingConfig2d::Explicit(cells, cells, cells, cells)
            }
            DownsamplePadding::BottomRight => PaddingConfig2d::Explicit(0, 0, 1, 1),
        };
        let conv = Conv2dConfig::new([channels, channels], [3, 3])
            .with_stride([2, 2])
            .with_padding(padding)
            .init(device);
        Self { conv }
    }

    /// [batch, channels, height, width] → [batch, channels, height / 2, width / 2].
    pub fn forward(&self, sample: Tensor<4>) -> Tensor<4> {
        conv2d(&self.conv, sample)
    }
}

/// diffusers' `Upsample2D`: nearest-neighbour doubling, then a 3 × 3 convolution.
#[derive(Module, Debug)]
pub struct Upsample2D {
    conv: Conv2d,
}

impl Upsample2D {
    /// A doubling of `channels` feature maps.
    pub fn new(channels: usize, device: &Device) -> Self {
        Self {
            conv: conv3x3(channels, channels, device),
        }
    }

    /// [batch, channels, height, width] → [batch, channels, 2 · height, 2 · width].
    pub fn forward(&self, sample: Tensor<4>) -> Tensor<4> {
        let [_, _, height, width] = sample.dims();
        let options = InterpolateOptions::new(InterpolateMode::Nearest)
            .with_align_corners(false)
            .with_output_size([2 * height, 2 * width]);
        conv2d(&self.conv, interpolate(sample, options))
    }
}

/// A 3 × 3 convolution that keeps the size.
pub(super) fn conv3x3(channels_in: usize, channels_out: usize, device: &Device) -> Conv2d {
    Conv2dConfig::new([channels_in, channels_out], [3, 3])
        .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
        .init(device)
}

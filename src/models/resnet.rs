//! diffusers' `ResnetBlock2D`, the convolutional unit of the UNet and the autoencoder.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{GroupNorm, GroupNormConfig, Linear, LinearConfig};
use burn::tensor::activation::silu;
use burn::tensor::{Device, Tensor};

use super::resample::conv3x3;
use super::strips::Strips;
use crate::kernels::{Activation, conv2d, grid_added, group_norm};

/// Shape of a [`ResnetBlock2D`].
#[derive(Debug, Clone, Copy)]
pub struct ResnetConfig {
    pub channels_in: usize,
    pub channels_out: usize,
    /// Width of the time embedding; `None` in the autoencoder.
    pub time_embedding_dim: Option<usize>,
    pub norm_num_groups: usize,
    pub norm_eps: f64,
}

/// Two normalised 3 × 3 convolutions around an addition of the time embedding,
/// beside a shortcut.
#[derive(Module, Debug)]
pub struct ResnetBlock2D {
    norm1: GroupNorm,
    conv1: Conv2d,
    time_emb_proj: Option<Linear>,
    norm2: GroupNorm,
    conv2: Conv2d,
    conv_shortcut: Option<Conv2d>,
}

impl ResnetConfig {
    /// A block with untrained weights.
    pub fn init(&self, device: &Device) -> ResnetBlock2D {
        let norm = |channels| {
            GroupNormConfig::new(self.norm_num_groups, channels)
                .with_epsilon(self.norm_eps)
                .init(device)
        };
        let (channels_in, channels_out) = (self.channels_in, self.channels_out);
        let time = self.time_embedding_dim;
        ResnetBlock2D {
            norm1: norm(channels_in),
            conv1: conv3x3(channels_in, channels_out, device),
            time_emb_proj: time.map(|dim| LinearConfig::new(dim, channels_out).init(device)),
            norm2: norm(channels_out),
            conv2: conv3x3(channels_out, channels_out, device),
            conv_shortcut: (channels_in != channels_out)
                .then(|| Conv2dConfig::new([channels_in, channels_out], [1, 1]).init(device)),
        }
    }
}

impl ResnetBlock2D {
    /// What `time_embedding` [1 or batch, time_embedding_dim], already through its SiLU
    /// (every block of diffusers applies the same one), adds between the convolutions:
    /// [1 or batch, channels_out].
    ///
    /// # Panics
    /// If the block was made without one.
    pub fn shift(&self, time_embedding: &Tensor<2>) -> Tensor<2> {
        let projection = self.time_emb_proj.as_ref();
        let projection = projection.expect("a UNet's resnets are told the time");
        projection.forward(time_embedding.clone())
    }

    /// `sample` [batch, channels_in, height, width] and its [shift](Self::shift) →
    /// [batch, channels_out, height, width].
    pub fn forward(&self, sample: Tensor<4>, shift: Option<Tensor<2>>) -> Tensor<4> {
        let hidden = group_norm(&self.norm1, sample.clone(), None, Activation::Silu);
        let hidden = conv2d(&self.conv1, hidden);
        let hidden = group_norm(&self.norm2, hidden, shift, Activation::Silu);
        let hidden = conv2d(&self.conv2, hidden);
        self.added_to_shortcut(sample, hidden)
    }

    /// As [`Self::forward`] without a time embedding.
    pub(super) fn forward_in_strips(&self, sample: Strips) -> Strips {
        let norm = sample.measured(&self.norm1);
        let hidden = sample
            .clone()
            .through(1, &|part| conv2d(&self.conv1, silu(norm.forward(part))));
        let norm = hidden.measured(&self.norm2);
        let hidden = hidden.through(1, &|part| conv2d(&self.conv2, silu(norm.forward(part))));
        sample.zip(hidden, &|sample, hidden| {
            self.added_to_shortcut(sample, hidden)
        })
    }

    fn added_to_shortcut(&self, sample: Tensor<4>, hidden: Tensor<4>) -> Tensor<4> {
        match &self.conv_shortcut {
            Some(conv) => grid_added(conv, sample, hidden),
            None => sample.add(hidden),
        }
    }
}

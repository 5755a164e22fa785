//! diffusers' `AutoencoderKL`: pictures to latents and back.
//!
//! Sampling needs the decoder only; the encoder serves pictures that come from
//! elsewhere.

mod blocks;
mod coder;

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::tensor::{Device, Tensor};

use self::coder::{Decoder, Encoder};
use super::config::AutoencoderConfig;

/// The autoencoder of Stable Diffusion 1.x and 2.x.
#[derive(Module, Debug)]
pub struct AutoencoderKl {
    encoder: Encoder,
    decoder: Decoder,
    quant_conv: Conv2d,
    post_quant_conv: Conv2d,
    scaling_factor: f64,
}

impl AutoencoderConfig {
    /// An autoencoder with untrained weights.
    pub fn init(&self, device: &Device) -> AutoencoderKl {
        let latents = self.latent_channels;
        let pointwise =
            |channels: usize| Conv2dConfig::new([channels, channels], [1, 1]).init(device);
        AutoencoderKl {
            encoder: Encoder::new(self, device),
            decoder: Decoder::new(self, device),
            quant_conv: pointwise(2 * latents),
            post_quant_conv: pointwise(latents),
            scaling_factor: self.scaling_factor,
        }
    }
}

impl AutoencoderKl {
    /// Picture [batch, 3, height, width] in [-1, 1] → the mean of its latents,
    /// scaled as the UNet sees them, [batch, 4, height / f, width / f].
    pub fn encode(&self, picture: Tensor<4>) -> Tensor<4> {
        let moments = self.quant_conv.forward(self.encoder.forward(picture));
        let latents = moments.dims()[1] / 2;
        moments
            .narrow(1, 0, latents)
            .mul_scalar(self.scaling_factor)
    }

    /// Latents as the UNet sees them [batch, 4, rows, columns] → picture
    /// [batch, 3, f · rows, f · columns], nominally in [-1, 1], not clamped.
    pub fn decode(&self, latents: Tensor<4>) -> Tensor<4> {
        tracing::debug!(batch = latents.dims()[0], "VAE decode");
        let latents = latents.div_scalar(self.scaling_factor);
        self.decoder.forward(self.post_quant_conv.forward(latents))
    }

    /// As [`Self::decode`], of one picture in tiles as wide as it is and at most
    /// `rows` latent cells high. The picture is the same but for rounding; less than
    /// half of the memory does, and no tensor is larger than a tile's.
    pub fn decode_tiled(&self, latents: Tensor<4>, rows: usize) -> Tensor<4> {
        tracing::debug!(rows, "VAE decode in tiles");
        let latents = latents.div_scalar(self.scaling_factor);
        let latents = self.post_quant_conv.forward(latents);
        self.decoder.forward_in_strips(latents, rows)
    }
}

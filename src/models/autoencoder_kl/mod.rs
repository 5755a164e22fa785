//! diffusers' `AutoencoderKL`: pictures to latents and back.
//!
//! Sampling needs the decoder only; the encoder serves pictures that come from
//! elsewhere.

mod blocks;
mod coder;

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::tensor::{DType, Device, Tensor};

use self::coder::{Decoder, Encoder};
use super::config::AutoencoderConfig;

/// The autoencoder of Stable Diffusion 1.x, 2.x and XL.
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
        let picture = picture.cast(self.dtype());
        let moments = self.quant_conv.forward(self.encoder.forward(picture));
        let moments = moments.cast(DType::F32);
        let latents = moments.dims()[1] / 2;
        moments
            .narrow(1, 0, latents)
            .mul_scalar(self.scaling_factor)
    }

    /// Latents as the UNet sees them [batch, 4, rows, columns] → picture
    /// [batch, 3, f · rows, f · columns], nominally in [-1, 1], not clamped.
    pub fn decode(&self, latents: Tensor<4>) -> Tensor<4> {
        tracing::debug!(batch = latents.dims()[0], "VAE decode");
        let latents = self.unscaled(latents);
        let picture = self.decoder.forward(self.post_quant_conv.forward(latents));
        picture.cast(DType::F32)
    }

    /// As [`Self::decode`], of one picture in tiles as wide as it is and at most
    /// `rows` latent cells high. The picture is the same but for rounding; less than
    /// half of the memory does, and no tensor is larger than a tile's.
    pub fn decode_tiled(&self, latents: Tensor<4>, rows: usize) -> Tensor<4> {
        tracing::debug!(rows, "VAE decode in tiles");
        let latents = self.post_quant_conv.forward(self.unscaled(latents));
        let picture = self.decoder.forward_in_strips(latents, rows);
        picture.cast(DType::F32)
    }

    /// What the weights are, and so what it computes in.
    pub fn dtype(&self) -> DType {
        self.post_quant_conv.weight.val().dtype()
    }

    /// Latents as the decoder reads them.
    fn unscaled(&self, latents: Tensor<4>) -> Tensor<4> {
        latents.div_scalar(self.scaling_factor).cast(self.dtype())
    }
}

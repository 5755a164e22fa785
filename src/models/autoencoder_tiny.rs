//! The decoder of diffusers' `AutoencoderTiny` (TAESD's network): previews that look like pictures.
//!
//! The engine runs it on the predicted x0 of every step. It costs a quarter of the
//! whole decoder, and unlike the linear map of [`super::latent_rgb`] it knows
//! colours and edges; a checkpoint that has none is previewed by that map.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::interpolate::{Interpolate2d, Interpolate2dConfig, InterpolateMode};
use burn::nn::{PaddingConfig2d, Relu};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};

use super::config::AutoencoderTinyConfig;
use super::resample::conv3x3;
use crate::kernels::conv2d;

/// Latents beyond about this are bent back: the network never saw any.
const LATENT_MAGNITUDE: f32 = 3.0;

/// A list of layers, numbered as diffusers' weights are.
#[derive(Module, Debug)]
pub struct AutoencoderTinyDecoder {
    layers: Vec<Layer>,
}

#[expect(clippy::large_enum_variant, reason = "there are a dozen in all")]
#[derive(Module, Debug)]
enum Layer {
    Conv(Conv2d),
    Relu(Relu),
    Block(AutoencoderTinyBlock),
    Upsample(Interpolate2d),
}

/// Three convolutions beside a shortcut.
#[derive(Module, Debug)]
struct AutoencoderTinyBlock {
    conv: (Conv2d, Relu, Conv2d, Relu, Conv2d),
}

impl AutoencoderTinyConfig {
    /// A decoder with untrained weights.
    pub fn init(&self, device: &Device) -> AutoencoderTinyDecoder {
        let channels = self.decoder_block_out_channels[0];
        let conv = |channels_in, channels_out| conv3x3(channels_in, channels_out, device);
        let mut layers = vec![
            Layer::Conv(conv(self.latent_channels, channels)),
            Layer::Relu(Relu::new()),
        ];
        let last = self.num_decoder_blocks.len() - 1;
        for (level, &blocks) in self.num_decoder_blocks.iter().enumerate() {
            let block = || AutoencoderTinyBlock {
                conv: (
                    conv(channels, channels),
                    Relu::new(),
                    conv(channels, channels),
                    Relu::new(),
                    conv(channels, channels),
                ),
            };
            layers.extend((0..blocks).map(|_| Layer::Block(block())));
            if level == last {
                layers.push(Layer::Conv(conv(channels, self.out_channels)));
            } else {
                let double = Interpolate2dConfig::new()
                    .with_scale_factor(Some([2.0, 2.0]))
                    .with_mode(InterpolateMode::Nearest)
                    .with_align_corners(false);
                layers.push(Layer::Upsample(double.init()));
                let unbiased = Conv2dConfig::new([channels, channels], [3, 3])
                    .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
                    .with_bias(false);
                layers.push(Layer::Conv(unbiased.init(device)));
            }
        }
        AutoencoderTinyDecoder { layers }
    }
}

impl AutoencoderTinyDecoder {
    /// Latents as the UNet sees them [batch, 4, rows, columns] → picture
    /// [batch, 3, f · rows, f · columns], nominally in [-1, 1], not clamped.
    pub fn decode(&self, latents: Tensor<4>) -> Tensor<4> {
        let bent = latents.div_scalar(LATENT_MAGNITUDE).tanh();
        let sample = bent.mul_scalar(LATENT_MAGNITUDE);
        let picture = self
            .layers
            .iter()
            .fold(sample, |sample, layer| match layer {
                Layer::Conv(conv) => conv2d(conv, sample),
                Layer::Relu(relu) => relu.forward(sample),
                Layer::Block(block) => block.forward(sample),
                Layer::Upsample(upsample) => upsample.forward(sample),
            });
        picture.mul_scalar(2.0).sub_scalar(1.0)
    }
}

impl AutoencoderTinyBlock {
    fn forward(&self, sample: Tensor<4>) -> Tensor<4> {
        let (first, _, second, _, third) = &self.conv;
        let features = relu(conv2d(first, sample.clone()));
        let features = relu(conv2d(second, features));
        relu(conv2d(third, features).add(sample))
    }
}

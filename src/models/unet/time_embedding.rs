//! The timestep as a vector: sinusoids, then two linear layers.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::silu;
use burn::tensor::{Device, Tensor, TensorData};

use crate::models::config::UNetConfig;

/// diffusers' `Timesteps` (no weights) followed by its `TimestepEmbedding`.
#[derive(Module, Debug)]
pub(super) struct TimestepEmbedding {
    linear_1: Linear,
    linear_2: Linear,
    flip_sin_to_cos: bool,
    freq_shift: f64,
}

impl TimestepEmbedding {
    pub(super) fn new(config: &UNetConfig, device: &Device) -> Self {
        let channels = config.block_out_channels[0];
        let width = config.time_embedding_dim();
        Self {
            linear_1: LinearConfig::new(channels, width).init(device),
            linear_2: LinearConfig::new(width, width).init(device),
            flip_sin_to_cos: config.flip_sin_to_cos,
            freq_shift: config.freq_shift,
        }
    }

    /// One timestep → [1, time_embedding_dim], already through the SiLU that
    /// every resnet applies to it first.
    pub(super) fn forward(&self, timestep: f64) -> Tensor<2> {
        let weight = self.linear_1.weight.val();
        let [channels, _] = weight.dims();
        let sinusoids = self.sinusoids(timestep, channels);
        let data = TensorData::new(sinusoids, [1, channels]);
        let vector = Tensor::<2>::from_data(data, &weight.device()).cast(weight.dtype());
        let hidden = silu(self.linear_1.forward(vector));
        silu(self.linear_2.forward(hidden))
    }

    /// diffusers' `get_timestep_embedding`: half sines, half cosines, of
    /// frequencies falling geometrically from 1 to about 1 / 10000.
    fn sinusoids(&self, timestep: f64, channels: usize) -> Vec<f32> {
        let half = channels / 2;
        let angle = |index: usize| {
            // f32 as diffusers computes it: at timestep 981 the angle's last
            // bits are visible in the sine.
            let exponent =
                -(10000f64.ln() as f32) * index as f32 / (half as f64 - self.freq_shift) as f32;
            timestep as f32 * exponent.exp()
        };
        let sines = (0..half).map(|index| angle(index).sin());
        let cosines = (0..half).map(|index| angle(index).cos());
        let mut values: Vec<f32> = if self.flip_sin_to_cos {
            cosines.chain(sines).collect()
        } else {
            sines.chain(cosines).collect()
        };
        values.resize(channels, 0.0);
        values
    }
}

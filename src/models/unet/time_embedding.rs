//! The timestep as a vector: sinusoids, then two linear layers; with it, for latent
//! consistency models, how strong the guidance is to be.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor, TensorData};

use crate::kernels::silu;
use crate::models::config::UNetConfig;

/// diffusers' `Timesteps` (no weights) followed by its `TimestepEmbedding`.
#[derive(Module, Debug)]
pub(super) struct TimestepEmbedding {
    linear_1: Linear,
    /// Of UNets that are told the guidance scale.
    cond_proj: Option<Linear>,
    linear_2: Linear,
    #[module(skip)]
    sinusoids: Sinusoids,
}

impl TimestepEmbedding {
    pub(super) fn new(config: &UNetConfig, device: &Device) -> Self {
        let channels = config.block_out_channels[0];
        let width = config.time_embedding_dim();
        Self {
            linear_1: LinearConfig::new(channels, width).init(device),
            cond_proj: config.time_cond_proj_dim.map(|numbers| {
                LinearConfig::new(numbers, channels)
                    .with_bias(false)
                    .init(device)
            }),
            linear_2: LinearConfig::new(width, width).init(device),
            sinusoids: Sinusoids::new(config),
        }
    }

    pub(super) fn is_told_guidance(&self) -> bool {
        self.cond_proj.is_some()
    }

    /// One timestep → [1, time_embedding_dim], already through the SiLU that
    /// every resnet applies to it first. `guidance_scale` is read by those that are
    /// told it; `added` [batch, time_embedding_dim] is added before the SiLU, and then
    /// there is one embedding per sample.
    pub(super) fn forward(
        &self,
        timestep: f64,
        guidance_scale: Option<f64>,
        added: Option<&Tensor<2>>,
    ) -> Tensor<2> {
        let weight = self.linear_1.weight.val();
        let [channels, _] = weight.dims();
        let sinusoids = self.sinusoids.of(timestep, channels);
        let data = TensorData::new(sinusoids, [1, channels]);
        let vector = Tensor::<2>::from_data(data, &weight.device()).cast(weight.dtype());
        let vector = match (&self.cond_proj, guidance_scale) {
            (Some(projection), Some(scale)) => {
                let weight = projection.weight.val();
                let [numbers, _] = weight.dims();
                let data = TensorData::new(guidance_embedding(scale, numbers), [1, numbers]);
                let told = Tensor::<2>::from_data(data, &weight.device()).cast(weight.dtype());
                vector.add(projection.forward(told))
            }
            _ => vector,
        };
        let hidden = silu(self.linear_1.forward(vector));
        let embedding = self.linear_2.forward(hidden);
        silu(match added {
            Some(added) => embedding.add(added.clone()),
            None => embedding,
        })
    }
}

/// diffusers' `Timesteps`: a number as sinusoids.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sinusoids {
    flip_sin_to_cos: bool,
    freq_shift: f64,
}

impl Sinusoids {
    pub(super) fn new(config: &UNetConfig) -> Self {
        Self {
            flip_sin_to_cos: config.flip_sin_to_cos,
            freq_shift: config.freq_shift,
        }
    }

    /// diffusers' `get_timestep_embedding`: half sines, half cosines, of
    /// frequencies falling geometrically from 1 to about 1 / 10000.
    pub(super) fn of(self, number: f64, channels: usize) -> Vec<f32> {
        let half = channels / 2;
        let angle = |index: usize| {
            // f32 as diffusers computes it: at timestep 981 the angle's last
            // bits are visible in the sine.
            let exponent =
                -(10000f64.ln() as f32) * index as f32 / (half as f64 - self.freq_shift) as f32;
            number as f32 * exponent.exp()
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

/// diffusers' `get_guidance_scale_embedding` of the guidance scale less 1 (Luo et
/// al. 2023, whose ω that is): as sinusoids of a thousand times it.
fn guidance_embedding(guidance_scale: f64, numbers: usize) -> Vec<f32> {
    let half = numbers / 2;
    let thousands = ((guidance_scale - 1.0) * 1000.0) as f32;
    let falls = (10000f64.ln() / (half as f64 - 1.0)) as f32;
    let angles = (0..half).map(|index| thousands * (-falls * index as f32).exp());
    let mut values: Vec<f32> = angles.clone().map(f32::sin).collect();
    values.extend(angles.map(f32::cos));
    values.resize(numbers, 0.0);
    values
}

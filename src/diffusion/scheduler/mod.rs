//! Schedulers: at which noise levels to ask the model, and the step from its answer to the next latents.
//!
//! Each is named, configured and numerically equal to the diffusers class of
//! its name; [`sampler`] is the table of them. Coefficients are computed in f64
//! on the host; a step is a handful of element-wise operations on the device.

mod config;
mod error;
mod names;
mod noise_schedule;
mod own_walk;
mod sampler;
mod sigma_schedule;
mod sigma_walk;

use std::fmt;

use burn::tensor::Tensor;

pub use config::{BetaSchedule, PredictionType, SchedulerConfig, TimestepSpacing};
pub use error::SchedulerError;
pub use names::SamplerName;
pub use own_walk::OwnWalk;
pub use sampler::{NO_SCHEDULE, Sampler, SchedulerKind};
pub use sigma_schedule::SigmaSchedule;

/// One prediction of the walk.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ModelCall {
    /// What the UNet is told; whole for schedulers that walk over the training
    /// timesteps, between two of them for those that walk over σ.
    pub timestep: f64,
    /// σ = √((1 − ᾱ) / ᾱ), noise per signal in the latents at this call.
    pub sigma: f64,
    /// How many times longer than the model expects them the latents are at
    /// this call: 1 where they keep their variance, √(σ² + 1) where they are the
    /// picture plus σ times noise.
    pub scale: f64,
    /// Whether latents that are moved before this call stay moved. Not so where
    /// the scheduler only looks ahead and then steps from where it was before.
    pub keeps_moves: bool,
}

impl ModelCall {
    /// A call with latents that keep their variance.
    fn plain(timestep: f64, sigma: f64) -> Self {
        Self {
            timestep,
            sigma,
            scale: 1.0,
            keeps_moves: true,
        }
    }

    /// A call with latents that are the picture plus σ times noise.
    fn scaled(timestep: f64, sigma: f64) -> Self {
        Self {
            timestep,
            sigma,
            scale: sigma.hypot(1.0),
            keeps_moves: true,
        }
    }

    /// The finished latents x0 that a prediction implies.
    fn predicted_original(
        self,
        prediction_type: PredictionType,
        model_output: &Tensor<4>,
        sample: &Tensor<4>,
    ) -> Tensor<4> {
        // √ᾱ = 1 / √(σ² + 1).
        let length = self.sigma.hypot(1.0);
        let weigh = |signal: f64, noise: f64| {
            let signal = sample.clone().mul_scalar(signal / self.scale);
            signal.sub(model_output.clone().mul_scalar(noise))
        };
        match prediction_type {
            PredictionType::Epsilon => weigh(length, self.sigma),
            PredictionType::VPrediction => weigh(1.0 / length, self.sigma / length),
            PredictionType::Sample => model_output.clone(),
        }
    }
}

/// What a scheduler makes of one prediction.
#[derive(Debug, Clone)]
pub struct SchedulerStep {
    /// The latents to predict from next, [batch, 4, rows, columns].
    pub prev_sample: Tensor<4>,
    /// What this prediction says the finished latents are (x0).
    pub pred_original_sample: Tensor<4>,
}

/// Draws standard normal noise of the latents' shape; asked at most once a call.
pub type DrawNoise<'a> = &'a mut dyn FnMut() -> Tensor<4>;

/// The walk from noise to latents.
pub trait Scheduler: fmt::Debug + Send {
    /// The predictions in the order in which they are wanted; a step may want
    /// several.
    fn calls(&self) -> &[ModelCall];

    /// Standard deviation of the noise to start from.
    fn init_noise_sigma(&self) -> f64 {
        1.0
    }

    /// What the UNet sees of `sample` in the `index`-th call.
    fn scale_model_input(&self, sample: Tensor<4>, index: usize) -> Tensor<4> {
        let scale = self.calls()[index].scale;
        if scale == 1.0 {
            sample
        } else {
            sample.div_scalar(scale)
        }
    }

    /// The latents before the next call were moved from outside, by so much: a
    /// scheduler that computes them anew from older ones has to add it.
    fn moved(&mut self, _by: &Tensor<4>) {}

    /// The step after the `index`-th prediction; to be called for every index in
    /// order. `model_output` and `sample` are [batch, 4, rows, columns].
    fn step(
        &mut self,
        model_output: Tensor<4>,
        index: usize,
        sample: Tensor<4>,
        noise: DrawNoise<'_>,
    ) -> SchedulerStep;

    /// A second walk that goes on from the same state.
    fn fork(&self) -> Box<dyn Scheduler>;
}

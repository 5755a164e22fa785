//! diffusers' `EulerAncestralDiscreteScheduler`: Euler's step farther down, then fresh noise back up.

use burn::tensor::Tensor;

use super::euler::euler_step;
use super::{
    DrawNoise, ModelCall, NoiseSchedule, PredictionType, Sampler, Scheduler, SchedulerConfig,
    SchedulerError, SchedulerStep, SigmaSchedule, SigmaWalk, TimestepSpacing,
};

pub(super) const SAMPLER: Sampler = Sampler {
    label: "Euler ancestral",
    explanation: "Euler with fresh noise in each step: lively, and another picture at every number of steps.",
    infotext_name: "Euler a",
    class_name: "EulerAncestralDiscreteScheduler",
    comfy_name: Some("euler_ancestral"),
    aliases: &["k_euler_ancestral", "k_euler_a"],
    own_spacing: TimestepSpacing::Linspace,
    spaces_timesteps: true,
    schedules: SigmaSchedule::ALL,
    automatic_schedule: SigmaSchedule::Model,
    predictions_per_step: 1,
    is_stochastic: true,
    build,
};

/// Euler's method with ancestral noise.
#[derive(Debug, Clone)]
struct EulerAncestralScheduler {
    prediction_type: PredictionType,
    calls: Vec<ModelCall>,
    /// One more than calls.
    sigmas: Vec<f64>,
    init_noise_sigma: f64,
}

fn build(config: &SchedulerConfig, steps: usize) -> Result<Box<dyn Scheduler>, SchedulerError> {
    let schedule = NoiseSchedule::new(config, true);
    let walk = SigmaWalk::fractional(config, &schedule, steps);
    Ok(Box::new(EulerAncestralScheduler {
        prediction_type: config.prediction_type,
        calls: walk.scaled_calls(),
        init_noise_sigma: walk.init_noise_sigma(config),
        sigmas: walk.sigmas,
    }))
}

/// How far down to go and how much noise to add on a step between two noise
/// levels, so that their squares sum to that of `to`.
pub(super) fn down_and_up(from: f64, to: f64) -> (f64, f64) {
    let up = (to.powi(2) * (from.powi(2) - to.powi(2)) / from.powi(2)).sqrt();
    let up = up.min(to);
    ((to.powi(2) - up.powi(2)).sqrt(), up)
}

impl Scheduler for EulerAncestralScheduler {
    fn calls(&self) -> &[ModelCall] {
        &self.calls
    }

    fn init_noise_sigma(&self) -> f64 {
        self.init_noise_sigma
    }

    fn step(
        &mut self,
        model_output: Tensor<4>,
        index: usize,
        sample: Tensor<4>,
        noise: DrawNoise<'_>,
    ) -> SchedulerStep {
        let call = self.calls[index];
        let original = call.predicted_original(self.prediction_type, &model_output, &sample);
        let (down, up) = down_and_up(call.sigma, self.sigmas[index + 1]);
        let mut prev_sample = euler_step(sample, &original, call.sigma, down);
        if up > 0.0 {
            prev_sample = prev_sample.add(noise().mul_scalar(up));
        }
        SchedulerStep {
            prev_sample,
            pred_original_sample: original,
        }
    }

    fn fork(&self) -> Box<dyn Scheduler> {
        Box::new(self.clone())
    }
}

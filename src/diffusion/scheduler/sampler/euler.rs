//! diffusers' `EulerDiscreteScheduler`: straight along the slope at each noise level.

use burn::tensor::Tensor;

use super::{
    DrawNoise, ModelCall, NoiseSchedule, PredictionType, Sampler, Scheduler, SchedulerConfig,
    SchedulerError, SchedulerStep, SigmaSchedule, SigmaWalk, TimestepSpacing,
};

pub(super) const SAMPLER: Sampler = Sampler {
    label: "Euler",
    explanation: "Straight along the slope: plain, quick, and good from 20 steps on.",
    infotext_name: "Euler",
    class_name: "EulerDiscreteScheduler",
    comfy_name: Some("euler"),
    aliases: &["k_euler"],
    own_spacing: TimestepSpacing::Linspace,
    spaces_timesteps: true,
    schedules: SigmaSchedule::ALL,
    automatic_schedule: SigmaSchedule::Model,
    predictions_per_step: 1,
    is_stochastic: false,
    build,
};

/// Euler's method for the probability flow (Karras et al. 2022, algorithm 1 without churn).
#[derive(Debug, Clone)]
struct EulerScheduler {
    prediction_type: PredictionType,
    calls: Vec<ModelCall>,
    /// One more than calls.
    sigmas: Vec<f64>,
    init_noise_sigma: f64,
}

fn build(config: &SchedulerConfig, steps: usize) -> Result<Box<dyn Scheduler>, SchedulerError> {
    let schedule = NoiseSchedule::new(config, true);
    let walk = SigmaWalk::fractional(config, &schedule, steps);
    Ok(Box::new(EulerScheduler {
        prediction_type: config.prediction_type,
        calls: walk.scaled_calls(),
        init_noise_sigma: walk.init_noise_sigma(config),
        sigmas: walk.sigmas,
    }))
}

/// Along the slope (sample − x0) / `from` to the noise level `to`.
pub(super) fn euler_step(sample: Tensor<4>, original: &Tensor<4>, from: f64, to: f64) -> Tensor<4> {
    let left = to / from;
    let original = original.clone().mul_scalar(1.0 - left);
    sample.mul_scalar(left).add(original)
}

impl Scheduler for EulerScheduler {
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
        _: DrawNoise<'_>,
    ) -> SchedulerStep {
        let call = self.calls[index];
        let original = call.predicted_original(self.prediction_type, &model_output, &sample);
        SchedulerStep {
            prev_sample: euler_step(sample, &original, call.sigma, self.sigmas[index + 1]),
            pred_original_sample: original,
        }
    }

    fn fork(&self) -> Box<dyn Scheduler> {
        Box::new(self.clone())
    }
}

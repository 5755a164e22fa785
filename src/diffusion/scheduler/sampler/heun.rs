//! diffusers' `HeunDiscreteScheduler`: Euler's step, then once more with the mean of both slopes.

use burn::tensor::Tensor;

use super::euler::euler_step;
use super::{
    DrawNoise, ModelCall, NoiseSchedule, PredictionType, Sampler, Scheduler, SchedulerConfig,
    SchedulerError, SchedulerStep, SigmaSchedule, SigmaWalk, TimestepSpacing,
};

pub(super) const SAMPLER: Sampler = Sampler {
    label: "Heun",
    explanation: "Looks ahead once in each step: more exact than Euler, at twice the time.",
    infotext_name: "Heun",
    class_name: "HeunDiscreteScheduler",
    comfy_name: Some("heun"),
    aliases: &["k_heun"],
    own_spacing: TimestepSpacing::Linspace,
    spaces_timesteps: true,
    schedules: SigmaSchedule::ALL,
    automatic_schedule: SigmaSchedule::Model,
    predictions_per_step: 2,
    is_stochastic: false,
    build,
};

/// Heun's method (Karras et al. 2022, algorithm 1 without churn).
#[derive(Debug, Clone)]
struct HeunScheduler {
    prediction_type: PredictionType,
    /// Two a step, at its beginning and its end; one in the last.
    calls: Vec<ModelCall>,
    /// One more than steps.
    sigmas: Vec<f64>,
    init_noise_sigma: f64,
    /// Of the step in work: where it began, and x0 as seen from there.
    begun: Option<(Tensor<4>, Tensor<4>)>,
}

fn build(config: &SchedulerConfig, steps: usize) -> Result<Box<dyn Scheduler>, SchedulerError> {
    let schedule = NoiseSchedule::new(config, true);
    let walk = SigmaWalk::fractional(config, &schedule, steps);
    let ends = walk.scaled_calls().into_iter();
    let calls = ends.enumerate().flat_map(|(step, call)| {
        let ahead = ModelCall {
            keeps_moves: false,
            ..call
        };
        // The end of the step before, then the beginning of this one.
        (step > 0).then_some(ahead).into_iter().chain([call])
    });
    Ok(Box::new(HeunScheduler {
        prediction_type: config.prediction_type,
        calls: calls.collect(),
        init_noise_sigma: walk.init_noise_sigma(config),
        sigmas: walk.sigmas,
        begun: None,
    }))
}

impl Scheduler for HeunScheduler {
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
        let original =
            self.calls[index].predicted_original(self.prediction_type, &model_output, &sample);
        let (from, to) = (self.sigmas[index / 2], self.sigmas[index / 2 + 1]);
        let prev_sample = match self.begun.take() {
            None => {
                self.begun = Some((sample.clone(), original.clone()));
                euler_step(sample, &original, from, to)
            }
            Some((start, first)) => {
                let slope = start.clone().sub(first).div_scalar(from);
                let ahead = sample.sub(original.clone()).div_scalar(to);
                start.add(slope.add(ahead).mul_scalar((to - from) / 2.0))
            }
        };
        SchedulerStep {
            prev_sample,
            pred_original_sample: original,
        }
    }

    fn fork(&self) -> Box<dyn Scheduler> {
        Box::new(self.clone())
    }
}

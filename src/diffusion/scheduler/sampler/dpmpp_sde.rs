//! diffusers' `DPMSolverSDEScheduler`: DPM++ SDE of k-diffusion, by way of a point halfway.

use burn::tensor::Tensor;

use super::euler::euler_step;
use super::euler_ancestral::down_and_up;
use super::{
    DrawNoise, ModelCall, NoiseSchedule, PredictionType, Sampler, Scheduler, SchedulerConfig,
    SchedulerError, SchedulerStep, SigmaSchedule, SigmaWalk, TimestepSpacing,
};

pub(super) const SAMPLER: Sampler = Sampler {
    label: "DPM++ SDE",
    explanation: "Two predictions and fresh noise in each step: rich detail in few, slow steps.",
    infotext_name: "DPM++ SDE",
    class_name: "DPMSolverSDEScheduler",
    comfy_name: Some("dpmpp_sde"),
    aliases: &["k_dpmpp_sde"],
    own_spacing: TimestepSpacing::Linspace,
    spaces_timesteps: true,
    schedules: SigmaSchedule::ALL,
    automatic_schedule: SigmaSchedule::Karras,
    predictions_per_step: 2,
    is_stochastic: true,
    build,
};

/// DPM-Solver++ (Lu et al. 2022, stochastic, second order, one step at a time).
#[derive(Debug, Clone)]
struct DpmppSdeScheduler {
    prediction_type: PredictionType,
    /// Two a step, at its beginning and halfway; one in the last.
    calls: Vec<ModelCall>,
    /// One more than steps.
    sigmas: Vec<f64>,
    init_noise_sigma: f64,
    /// Of the step in work: where it began, and the noise of its first half.
    begun: Option<(Tensor<4>, Tensor<4>)>,
}

fn build(config: &SchedulerConfig, steps: usize) -> Result<Box<dyn Scheduler>, SchedulerError> {
    let schedule = NoiseSchedule::new(config, true);
    let walk = SigmaWalk::fractional(config, &schedule, steps);
    let calls = walk.scaled_calls().into_iter().enumerate();
    let calls = calls.flat_map(|(step, call)| {
        let sigma = halfway(walk.sigmas[step], walk.sigmas[step + 1]);
        let between = ModelCall {
            keeps_moves: false,
            ..ModelCall::scaled(schedule.timestep(sigma), sigma)
        };
        [call]
            .into_iter()
            .chain((step + 1 < steps).then_some(between))
    });
    Ok(Box::new(DpmppSdeScheduler {
        prediction_type: config.prediction_type,
        calls: calls.collect(),
        init_noise_sigma: walk.init_noise_sigma(config),
        sigmas: walk.sigmas,
        begun: None,
    }))
}

/// Between two noise levels, in log σ.
fn halfway(from: f64, to: f64) -> f64 {
    (from * to).sqrt()
}

impl DpmppSdeScheduler {
    /// From `start` at `from` to `to`, with x0 and the noise of that way.
    fn go(
        start: Tensor<4>,
        original: &Tensor<4>,
        from: f64,
        to: f64,
        noise: Tensor<4>,
    ) -> Tensor<4> {
        let (down, up) = down_and_up(from, to);
        euler_step(start, original, from, down).add(noise.mul_scalar(up))
    }
}

impl Scheduler for DpmppSdeScheduler {
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
        let original =
            self.calls[index].predicted_original(self.prediction_type, &model_output, &sample);
        let (from, to) = (self.sigmas[index / 2], self.sigmas[index / 2 + 1]);
        let middle = halfway(from, to);
        let prev_sample = if index + 1 == self.calls.len() {
            euler_step(sample, &original, from, to)
        } else if let Some((start, first)) = self.begun.take() {
            // The Brownian path of the whole step holds that of its first half.
            let whole = first.mul_scalar(((from - middle) / (from - to)).sqrt());
            let rest = noise().mul_scalar(((middle - to) / (from - to)).sqrt());
            Self::go(start, &original, from, to, whole.add(rest))
        } else {
            let noise = noise();
            self.begun = Some((sample.clone(), noise.clone()));
            Self::go(sample, &original, from, middle, noise)
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

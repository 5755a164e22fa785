//! diffusers' `DPMSolverMultistepScheduler`: DPM++ 2M and its stochastic sister, over the last two predictions.

use burn::tensor::Tensor;

use super::{
    DrawNoise, ModelCall, NoiseSchedule, PredictionType, Sampler, Scheduler, SchedulerConfig,
    SchedulerError, SchedulerStep, SigmaSchedule, SigmaWalk, TimestepSpacing, WholeTimesteps,
};

pub(super) const SAMPLER: Sampler = Sampler {
    label: "DPM++ 2M",
    explanation: "Over the last two predictions: sharp and steady in 15 to 25 steps.",
    infotext_name: "DPM++ 2M",
    class_name: "DPMSolverMultistepScheduler",
    comfy_name: Some("dpmpp_2m"),
    aliases: &["k_dpmpp_2m", "dpm++"],
    own_spacing: TimestepSpacing::Linspace,
    spaces_timesteps: true,
    schedules: SigmaSchedule::ALL,
    automatic_schedule: SigmaSchedule::Karras,
    predictions_per_step: 1,
    is_stochastic: false,
    build: build_deterministic,
};

pub(super) const SDE_SAMPLER: Sampler = Sampler {
    label: "DPM++ 2M SDE",
    explanation: "DPM++ 2M with fresh noise in each step: more detail, best from 20 steps on.",
    infotext_name: "DPM++ 2M SDE",
    class_name: "DPMSolverMultistepScheduler",
    comfy_name: Some("dpmpp_2m_sde"),
    aliases: &["k_dpmpp_2m_sde", "dpmpp_2m_sde_gpu"],
    own_spacing: TimestepSpacing::Linspace,
    spaces_timesteps: true,
    schedules: SigmaSchedule::ALL,
    automatic_schedule: SigmaSchedule::Exponential,
    predictions_per_step: 1,
    is_stochastic: true,
    build: build_stochastic,
};

/// DPM-Solver++ of second order (Lu et al. 2022, algorithm 2, and its form for
/// the stochastic equation).
#[derive(Debug, Clone)]
struct DpmppMultistepScheduler {
    prediction_type: PredictionType,
    is_stochastic: bool,
    /// `solver_type` "heun": the second order by another formula.
    is_heun: bool,
    /// The steps from here on are of first order, if there are so many.
    first_order_from: usize,
    calls: Vec<ModelCall>,
    /// One more than calls.
    sigmas: Vec<f64>,
    /// x0 of the last prediction.
    previous: Option<Tensor<4>>,
}

fn build_deterministic(
    config: &SchedulerConfig,
    steps: usize,
) -> Result<Box<dyn Scheduler>, SchedulerError> {
    Ok(Box::new(build(config, steps, false)))
}

fn build_stochastic(
    config: &SchedulerConfig,
    steps: usize,
) -> Result<Box<dyn Scheduler>, SchedulerError> {
    Ok(Box::new(build(config, steps, true)))
}

fn build(config: &SchedulerConfig, steps: usize, is_stochastic: bool) -> DpmppMultistepScheduler {
    let schedule = NoiseSchedule::new(config, true);
    let walk = SigmaWalk::whole(config, &schedule, steps, WholeTimesteps::RoundUnlessCosine);
    let lower_order_final = config.lower_order_final.unwrap_or(true);
    let ends_in_first_order = config.euler_at_final == Some(true)
        || (lower_order_final && steps < FEW_STEPS)
        || !config.ends_at_sigma_min();
    DpmppMultistepScheduler {
        prediction_type: config.prediction_type,
        is_stochastic,
        is_heun: config.solver_type.as_deref() == Some("heun"),
        first_order_from: match (config.solver_order, ends_in_first_order) {
            (Some(1), _) => 0,
            (_, true) => steps - 1,
            (_, false) => steps,
        },
        calls: walk.plain_calls(),
        sigmas: walk.sigmas,
        previous: None,
    }
}

/// Below so many steps the last one is of first order, for stability.
const FEW_STEPS: usize = 15;

impl DpmppMultistepScheduler {
    /// Weights of the sample, x0, how x0 changed since the last prediction, and
    /// noise, for the step from call `index`.
    fn weights(&self, index: usize) -> [f64; 4] {
        let (from, to) = (self.sigmas[index], self.sigmas[index + 1]);
        // √ᾱ and √(1 − ᾱ), then −e^−h and its like, h the step in log(1 / σ).
        let (signal, noise) = (1.0 / to.hypot(1.0), to / to.hypot(1.0));
        let (noise_from, shrink) = (from / from.hypot(1.0), to / from);
        let h = -shrink.ln();
        // As the step is taken twice as long, what it forgets is put back as noise.
        let (shrink, h) = if self.is_stochastic {
            (shrink.powi(2), 2.0 * h)
        } else {
            (shrink, h)
        };
        let gain = 1.0 - shrink;
        let change = if self.is_heun {
            1.0 - gain / h
        } else {
            0.5 * gain
        };
        let sample = if self.is_stochastic {
            noise / noise_from * shrink.sqrt()
        } else {
            noise / noise_from
        };
        [sample, signal * gain, signal * change, noise * gain.sqrt()]
    }
}

impl Scheduler for DpmppMultistepScheduler {
    fn calls(&self) -> &[ModelCall] {
        &self.calls
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
        let [of_sample, of_original, of_change, of_noise] = self.weights(index);
        let kept = sample.mul_scalar(of_sample);
        let mut prev_sample = kept.add(original.clone().mul_scalar(of_original));
        match self.previous.take() {
            Some(previous) if index < self.first_order_from => {
                let sigmas = &self.sigmas[index - 1..=index + 1];
                let ratio = (sigmas[1] / sigmas[0]).ln() / (sigmas[2] / sigmas[1]).ln();
                let change = original.clone().sub(previous).div_scalar(ratio);
                prev_sample = prev_sample.add(change.mul_scalar(of_change));
            }
            _ => {}
        }
        if self.is_stochastic && of_noise > 0.0 {
            prev_sample = prev_sample.add(noise().mul_scalar(of_noise));
        }
        self.previous = Some(original.clone());
        SchedulerStep {
            prev_sample,
            pred_original_sample: original,
        }
    }

    fn fork(&self) -> Box<dyn Scheduler> {
        Box::new(self.clone())
    }
}

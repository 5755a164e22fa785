//! diffusers' `DDPMScheduler`: the walk that models are trained for, with fresh noise in each step.

use burn::tensor::Tensor;

use super::{
    DrawNoise, ModelCall, NoiseSchedule, Sampler, Scheduler, SchedulerConfig, SchedulerError,
    SchedulerStep, SigmaSchedule, TimestepSpacing,
};
use crate::diffusion::scheduler::noise_schedule::spaced_timesteps;

pub(super) const SAMPLER: Sampler = Sampler {
    label: "DDPM",
    explanation: "What the model was trained for, with fresh noise in each step; wants hundreds.",
    infotext_name: "DDPM",
    class_name: "DDPMScheduler",
    comfy_name: Some("ddpm"),
    aliases: &[],
    own_spacing: TimestepSpacing::Leading,
    spaces_timesteps: true,
    schedules: &[SigmaSchedule::Model],
    automatic_schedule: SigmaSchedule::Model,
    predictions_per_step: 1,
    is_stochastic: true,
    build,
};

/// Denoising diffusion probabilistic models (Ho et al. 2020, equation 7).
#[derive(Debug, Clone)]
struct DdpmScheduler {
    schedule: NoiseSchedule,
    calls: Vec<ModelCall>,
    /// `variance_type` "fixed_large": β itself as the variance of the noise.
    is_large: bool,
}

fn build(config: &SchedulerConfig, steps: usize) -> Result<Box<dyn Scheduler>, SchedulerError> {
    let schedule = NoiseSchedule::new(config, true);
    let spacing = config.spacing(SAMPLER.own_spacing);
    let timesteps = spaced_timesteps(config, spacing, steps).into_iter().rev();
    let variance_type = config.variance_type.as_deref();
    Ok(Box::new(DdpmScheduler {
        calls: timesteps.map(|at| schedule.call(at)).collect(),
        schedule,
        is_large: variance_type.is_some_and(|kind| kind.starts_with("fixed_large")),
    }))
}

impl Scheduler for DdpmScheduler {
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
        let timestep = self.calls[index].timestep as i64;
        let schedule = &self.schedule;
        let original = schedule.predicted_original(&model_output, timestep, &sample);
        let alpha = schedule.alpha_cumprod(timestep);
        let next = self.calls.get(index + 1);
        let alpha_prev = next.map_or(1.0, |next| schedule.alpha_cumprod(next.timestep as i64));
        let (beta, beta_prev) = (1.0 - alpha, 1.0 - alpha_prev);
        let current_beta = 1.0 - alpha / alpha_prev;
        let of_original = alpha_prev.sqrt() * current_beta / beta;
        let of_sample = (alpha / alpha_prev).sqrt() * beta_prev / beta;
        let mut prev_sample = original
            .clone()
            .mul_scalar(of_original)
            .add(sample.mul_scalar(of_sample));
        if timestep > 0 {
            let variance = match self.is_large {
                true => current_beta,
                false => (beta_prev / beta * current_beta).max(1e-20),
            };
            prev_sample = prev_sample.add(noise().mul_scalar(variance.sqrt()));
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

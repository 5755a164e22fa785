//! diffusers' `DDIMScheduler` with η = 0: no noise is added on the way.

use burn::tensor::Tensor;

use super::{
    DrawNoise, ModelCall, NoiseSchedule, Sampler, Scheduler, SchedulerConfig, SchedulerError,
    SchedulerStep, SigmaSchedule, TimestepSpacing,
};
use crate::diffusion::scheduler::noise_schedule::spaced_timesteps;

pub(super) const SAMPLER: Sampler = Sampler {
    label: "DDIM",
    explanation: "The plain walk without memory: robust, and slow to become sharp.",
    infotext_name: "DDIM",
    class_name: "DDIMScheduler",
    comfy_name: Some("ddim"),
    aliases: &[],
    own_spacing: TimestepSpacing::Leading,
    spaces_timesteps: true,
    schedules: &[SigmaSchedule::Model],
    automatic_schedule: SigmaSchedule::Model,
    predictions_per_step: 1,
    is_stochastic: false,
    build,
};

/// Denoising diffusion implicit models (Song et al. 2021, equation 12 with σ = 0).
#[derive(Debug, Clone)]
struct DdimScheduler {
    schedule: NoiseSchedule,
    calls: Vec<ModelCall>,
    /// Training timesteps per step.
    stride: i64,
}

fn build(config: &SchedulerConfig, steps: usize) -> Result<Box<dyn Scheduler>, SchedulerError> {
    let schedule = NoiseSchedule::new(config, true);
    let spacing = config.spacing(SAMPLER.own_spacing);
    let timesteps = spaced_timesteps(config, spacing, steps).into_iter().rev();
    Ok(Box::new(DdimScheduler {
        calls: timesteps.map(|at| schedule.call(at)).collect(),
        schedule,
        stride: (config.num_train_timesteps / steps) as i64,
    }))
}

impl Scheduler for DdimScheduler {
    fn calls(&self) -> &[ModelCall] {
        &self.calls
    }

    fn step(
        &mut self,
        model_output: Tensor<4>,
        index: usize,
        sample: Tensor<4>,
        _: DrawNoise<'_>,
    ) -> SchedulerStep {
        let timestep = self.calls[index].timestep as i64;
        let alpha_prev = self.schedule.alpha_cumprod(timestep - self.stride);
        let schedule = &self.schedule;
        let noise = schedule.predicted_noise(&model_output, timestep, &sample);
        let original = schedule.predicted_original(&model_output, timestep, &sample);
        let signal = original.clone().mul_scalar(alpha_prev.sqrt());
        SchedulerStep {
            prev_sample: signal.add(noise.mul_scalar((1.0 - alpha_prev).sqrt())),
            pred_original_sample: original,
        }
    }

    fn fork(&self) -> Box<dyn Scheduler> {
        Box::new(self.clone())
    }
}

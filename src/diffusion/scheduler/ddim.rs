//! diffusers' `DDIMScheduler` with η = 0: no noise is added on the way.

use burn::tensor::Tensor;

use super::config::SchedulerConfig;
use super::noise_schedule::{NoiseSchedule, spaced_timesteps};
use super::{Scheduler, SchedulerStep};

/// Denoising diffusion implicit models (Song et al. 2021, equation 12 with σ = 0).
#[derive(Debug, Clone)]
pub(super) struct DdimScheduler {
    schedule: NoiseSchedule,
    timesteps: Vec<usize>,
    /// Training timesteps per step.
    stride: i64,
}

impl DdimScheduler {
    pub(super) fn new(config: &SchedulerConfig, schedule: NoiseSchedule, steps: usize) -> Self {
        let mut timesteps = spaced_timesteps(config, steps);
        timesteps.reverse();
        Self {
            schedule,
            timesteps,
            stride: (config.num_train_timesteps / steps) as i64,
        }
    }
}

impl Scheduler for DdimScheduler {
    fn timesteps(&self) -> &[usize] {
        &self.timesteps
    }

    fn step(&mut self, model_output: Tensor<4>, index: usize, sample: Tensor<4>) -> SchedulerStep {
        let timestep = self.timesteps[index] as i64;
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

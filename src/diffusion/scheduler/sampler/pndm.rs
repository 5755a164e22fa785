//! diffusers' `PNDMScheduler` with `skip_prk_steps`, Stable Diffusion's own scheduler.
//!
//! A linear multistep method over the last four predictions. It calls the model
//! once more than it has steps: the second timestep is predicted twice, and the
//! second call steps again from where the first one started.

use std::collections::VecDeque;

use burn::tensor::Tensor;

use super::{
    DrawNoise, ModelCall, NoiseSchedule, Sampler, Scheduler, SchedulerConfig, SchedulerError,
    SchedulerStep, SigmaSchedule, TimestepSpacing,
};
use crate::diffusion::scheduler::noise_schedule::{SMALLEST_ALPHA, spaced_timesteps};

pub(super) const SAMPLER: Sampler = Sampler {
    label: "PNDM",
    explanation: "Stable Diffusion's first own, over the last four predictions; made for 50 steps.",
    infotext_name: "PLMS",
    class_name: "PNDMScheduler",
    comfy_name: None,
    aliases: &[],
    own_spacing: TimestepSpacing::Leading,
    spaces_timesteps: true,
    schedules: &[SigmaSchedule::Model],
    automatic_schedule: SigmaSchedule::Model,
    predictions_per_step: 1,
    is_stochastic: false,
    build,
};

/// Pseudo linear multistep (Liu et al. 2022, section 3.3).
#[derive(Debug, Clone)]
struct PndmScheduler {
    schedule: NoiseSchedule,
    calls: Vec<ModelCall>,
    /// Training timesteps per step.
    stride: i64,
    /// The last predictions, newest first, at most four.
    outputs: VecDeque<Tensor<4>>,
    /// Where the first step started, until the second call has used it.
    first_sample: Option<Tensor<4>>,
}

fn build(config: &SchedulerConfig, steps: usize) -> Result<Box<dyn Scheduler>, SchedulerError> {
    let schedule = NoiseSchedule::new(config, false);
    let spacing = config.spacing(SAMPLER.own_spacing);
    let mut timesteps = spaced_timesteps(config, spacing, steps);
    if let [.., second, _] = timesteps[..] {
        timesteps.insert(timesteps.len() - 1, second);
    }
    Ok(Box::new(PndmScheduler {
        calls: timesteps
            .into_iter()
            .rev()
            .map(|at| schedule.call(at))
            .collect(),
        schedule,
        stride: (config.num_train_timesteps / steps) as i64,
        outputs: VecDeque::with_capacity(4),
        first_sample: None,
    }))
}

impl PndmScheduler {
    /// The multistep combination of the predictions so far (equation 12 of the
    /// paper and its lower orders).
    fn combine(&self) -> Tensor<4> {
        let weights: &[f64] = match self.outputs.len() {
            1 => &[1.0],
            2 => &[3.0 / 2.0, -1.0 / 2.0],
            3 => &[23.0 / 12.0, -16.0 / 12.0, 5.0 / 12.0],
            _ => &[55.0 / 24.0, -59.0 / 24.0, 37.0 / 24.0, -9.0 / 24.0],
        };
        let terms = self.outputs.iter().zip(weights);
        terms
            .map(|(output, &weight)| output.clone().mul_scalar(weight))
            .reduce(Tensor::add)
            .expect("a step has pushed its prediction")
    }

    /// `_get_prev_sample`: equation 9 of the paper, from `timestep` to `prev_timestep`.
    fn transfer(
        &self,
        sample: Tensor<4>,
        model_output: &Tensor<4>,
        timestep: i64,
        prev_timestep: i64,
    ) -> Tensor<4> {
        let noise = self
            .schedule
            .predicted_noise(model_output, timestep, &sample);
        let alpha = self.schedule.alpha_cumprod(timestep).max(SMALLEST_ALPHA);
        let alpha_prev = self.schedule.alpha_cumprod(prev_timestep);
        let (beta, beta_prev) = (1.0 - alpha, 1.0 - alpha_prev);
        let divisor = alpha * beta_prev.sqrt() + (alpha * beta * alpha_prev).sqrt();
        sample
            .mul_scalar((alpha_prev / alpha).sqrt())
            .sub(noise.mul_scalar((alpha_prev - alpha) / divisor))
    }
}

impl Scheduler for PndmScheduler {
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
        let pred_original_sample =
            self.schedule
                .predicted_original(&model_output, timestep, &sample);
        let prev_sample = if index == 1 {
            let previous = self.outputs.front();
            let previous = previous.expect("the first step pushed its prediction");
            let mean = model_output.add(previous.clone()).div_scalar(2.0);
            let start = self.first_sample.take();
            let start = start.expect("the first step kept its sample");
            self.transfer(start, &mean, timestep + self.stride, timestep)
        } else {
            if index == 0 {
                self.first_sample = Some(sample.clone());
            }
            self.outputs.truncate(3);
            self.outputs.push_front(model_output);
            self.transfer(sample, &self.combine(), timestep, timestep - self.stride)
        };
        SchedulerStep {
            prev_sample,
            pred_original_sample,
        }
    }

    fn fork(&self) -> Box<dyn Scheduler> {
        Box::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifty_steps_visit_the_timesteps_of_the_release() {
        let config = SchedulerConfig::from_json(br#"{"steps_offset": 1}"#).unwrap();
        let scheduler = build(&config, 50).unwrap();
        let timesteps: Vec<f64> = scheduler.calls().iter().map(|call| call.timestep).collect();
        assert_eq!(timesteps.len(), 51);
        assert_eq!(timesteps[..4], [981.0, 961.0, 961.0, 941.0]);
        assert_eq!(timesteps[50], 1.0);
    }
}

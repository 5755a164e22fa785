//! diffusers' `LCMScheduler`: each prediction is a whole picture, noised again for the next.

use burn::tensor::Tensor;

use super::{
    DrawNoise, ModelCall, NoiseSchedule, Sampler, Scheduler, SchedulerConfig, SchedulerError,
    SchedulerKind, SchedulerStep, SigmaSchedule, TimestepSpacing,
};

pub(super) const SAMPLER: Sampler = Sampler {
    label: "LCM",
    explanation: "For models distilled to be latent consistency models: 2 to 8 steps.",
    infotext_name: "LCM",
    class_name: "LCMScheduler",
    comfy_name: Some("lcm"),
    aliases: &[],
    own_spacing: TimestepSpacing::Trailing,
    spaces_timesteps: false,
    schedules: &[SigmaSchedule::Model],
    automatic_schedule: SigmaSchedule::Model,
    predictions_per_step: 1,
    is_stochastic: true,
    build,
};

/// Multistep consistency sampling (Luo et al. 2023, algorithm 3).
#[derive(Debug, Clone)]
struct LcmScheduler {
    schedule: NoiseSchedule,
    calls: Vec<ModelCall>,
    timestep_scaling: f64,
}

/// Steps of the teacher that such a model was distilled from, where nothing is said.
const TEACHER_STEPS: usize = 50;
/// Of the boundary condition, appendix of the paper.
const SIGMA_DATA: f64 = 0.5;

fn build(config: &SchedulerConfig, steps: usize) -> Result<Box<dyn Scheduler>, SchedulerError> {
    let schedule = NoiseSchedule::new(config, true);
    let teacher = config.original_inference_steps.unwrap_or(TEACHER_STEPS);
    let teacher = teacher.min(config.num_train_timesteps);
    if steps > teacher {
        return Err(SchedulerError::FewSteps {
            sampler: SchedulerKind::Lcm,
            steps,
            most: teacher,
        });
    }
    let stride = config.num_train_timesteps / teacher;
    let calls = (0..steps).map(|step| {
        // The teacher's timesteps from the noisiest down.
        let of_teacher = step * teacher / steps;
        schedule.call((teacher - of_teacher) * stride - 1)
    });
    Ok(Box::new(LcmScheduler {
        calls: calls.collect(),
        schedule,
        timestep_scaling: config.timestep_scaling.unwrap_or(10.0),
    }))
}

impl Scheduler for LcmScheduler {
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
        let timestep = self.calls[index].timestep;
        let original = self
            .schedule
            .predicted_original(&model_output, timestep as i64, &sample);
        let scaled = timestep * self.timestep_scaling;
        let length = scaled.hypot(SIGMA_DATA);
        let skip = (SIGMA_DATA / length).powi(2);
        let denoised = original
            .mul_scalar(scaled / length)
            .add(sample.mul_scalar(skip));
        let prev_sample = match self.calls.get(index + 1) {
            None => denoised.clone(),
            Some(next) => {
                let alpha = self.schedule.alpha_cumprod(next.timestep as i64);
                let noise = noise().mul_scalar((1.0 - alpha).sqrt());
                denoised.clone().mul_scalar(alpha.sqrt()).add(noise)
            }
        };
        SchedulerStep {
            prev_sample,
            pred_original_sample: denoised,
        }
    }

    fn fork(&self) -> Box<dyn Scheduler> {
        Box::new(self.clone())
    }
}

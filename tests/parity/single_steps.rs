//! Every update and every scheduler step alone, each from the recorded latents,
//! so that no error of an earlier one is carried along.
//!
//! A whole run magnifies rounding: thirty updates of step size 17 follow a loss
//! that is steep at the centroids. This tells such drift from a wrong formula.

use burn::tensor::{Tensor, TensorData};
use storm_studio::checkpoint::StableDiffusion;
use storm_studio::diffusion::noise::torch_randn;
use storm_studio::diffusion::{SchedulerKind, UpdateRule, WalkPlace};
use storm_studio::models::unet::{Grid, PromptContext};
use storm_studio::storm::{AttentionMaps, Objective, ReferenceParameters, StepContext};

use super::recording::{LossKind, Recording, kinds};
use super::stored_maps::{evaluate, largest_error};
use crate::fixture::numbers;

/// Largest errors over all updates and steps of a run.
#[derive(Debug, Clone, Copy, Default)]
pub struct StepErrors {
    pub updates: usize,
    /// Of one update: largest |error| of the latents over how far it moved any.
    pub update: f64,
    /// Of one scheduler call: largest |error| of the latents.
    pub step: f64,
}

struct Walk<'a> {
    recording: &'a Recording,
    model: &'a StableDiffusion,
    objective: &'a dyn Objective,
    context: PromptContext,
    grid: Grid,
    shape: [usize; 4],
}

pub fn check(
    recording: &Recording,
    model: &StableDiffusion,
    scheduler: SchedulerKind,
    objective: &dyn Objective,
) -> StepErrors {
    let shape = latent_shape(recording);
    let walk = Walk {
        recording,
        model,
        objective,
        context: model
            .condition_texts(&["", &recording.run.prompt])
            .unwrap()
            .context,
        grid: model.unet.attention_grid(
            Grid {
                rows: shape[2],
                columns: shape[3],
            },
            16,
        ),
        shape,
    };
    let mut scheduler = scheduler
        .build(&model.description.scheduler, recording.run.steps)
        .expect("the recorded number of steps is possible");
    let calls = scheduler.calls().to_vec();
    let steps = recording.loss_steps();
    let mut errors = StepErrors::default();
    let mut latents = torch_randn(recording.run.seed, shape.iter().product());
    let mut losses = steps.iter().copied().zip(kinds(&steps)).peekable();
    for (index, timestep) in calls.iter().map(|call| call.timestep).enumerate() {
        while let Some((_, kind)) = losses.next_if(|(step, _)| *step == index) {
            if kind == LossKind::First {
                continue;
            }
            let recorded = |part| recording.values(&format!("update.{}.{part}", errors.updates));
            // Without them, the latents are those after the last call or update.
            let before = recorded("before").unwrap_or(&latents);
            let ours = walk.update(before, index, timestep, kind);
            let after = recorded("after").expect("a later loss has an update");
            let error = largest_error(&ours, after) / largest_error(before, after);
            errors.update = errors.update.max(error);
            latents = after.to_vec();
            errors.updates += 1;
        }
        let sample = walk.tensor(&latents);
        let prediction = walk.guided(sample.clone(), timestep);
        let mut no_noise = || unreachable!("the recorded schedulers add no noise");
        let step = scheduler.step(prediction, index, sample, &mut no_noise);
        latents = numbers(step.prev_sample);
        if let Some(theirs) = recording.values(&format!("latents.{index}")) {
            errors.step = errors.step.max(largest_error(&latents, theirs));
            latents = theirs.to_vec();
        }
    }
    errors
}

impl Walk<'_> {
    /// `latents` after one update.
    fn update(&self, latents: &[f32], index: usize, timestep: f64, kind: LossKind) -> Vec<f32> {
        let step = StepContext {
            step_index: index,
            step_count: self.recording.calls(),
            noise: 1.0,
        };
        let rule = UpdateRule::Clipped(ReferenceParameters::default());
        let place = WalkPlace {
            context: step,
            // The released rule does not look at the noise.
            calls: &[],
            bodies: 2,
        };
        let tracked = self.tensor(latents).autodiff().require_grad();
        let maps = self
            .model
            .unet
            .cross_attention_maps(
                tracked.clone(),
                timestep,
                &self.context.narrow(1, 1),
                self.grid,
                &|| true,
            )
            .expect("nobody cancels");
        let Grid { rows, columns } = self.grid;
        let values = numbers(maps.clone().without_autodiff());
        let values = AttentionMaps::new(rows, columns, 77, values).expect("77 tokens");
        let ours = evaluate(self.objective, &values, index, step.step_count, kind);
        let weights = TensorData::new(ours.gradient, [1, rows, columns, 77]);
        let loss = maps
            .mul(Tensor::from_data(weights, &self.model.device))
            .sum();
        let gradient = tracked.grad_remove(&mut loss.backward());
        let gradient = numbers(gradient.expect("the maps come from the latents"));
        let square = |g: &f32| f64::from(*g).powi(2);
        let norm = gradient.iter().map(square).sum::<f64>().sqrt();
        let length = rule.length(rule.step_size(place, latents.len()), norm);
        let factor = (length / norm) as f32;
        let moved = latents.iter().zip(&gradient).map(|(z, g)| z - factor * g);
        moved.collect()
    }

    /// The guided prediction [1, 4, rows, columns].
    fn guided(&self, sample: Tensor<4>, timestep: f64) -> Tensor<4> {
        let twice = Tensor::cat(vec![sample.clone(), sample], 0);
        let prediction = self
            .model
            .unet
            .predict(twice, timestep, &self.context, None, &|| true)
            .expect("nobody cancels")
            .sample;
        let scale = self.recording.run.guidance_scale;
        let unconditional = prediction.clone().narrow(0, 0, 1).mul_scalar(1.0 - scale);
        prediction
            .narrow(0, 1, 1)
            .mul_scalar(scale)
            .add(unconditional)
    }

    fn tensor(&self, latents: &[f32]) -> Tensor<4> {
        let data = TensorData::new(latents.to_vec(), self.shape);
        Tensor::from_data(data, &self.model.device)
    }
}

/// [1, 4, rows, columns]
pub fn latent_shape(recording: &Recording) -> [usize; 4] {
    let (last, _) = recording.latents().pop().expect("latents were recorded");
    let shape = recording.shape(&format!("latents.{last}"));
    shape.try_into().expect("latents have four axes")
}

//! What a device is asked to compute: a prediction, its maps and a gradient of the embedded model.

use std::panic::{AssertUnwindSafe, catch_unwind};

use burn::tensor::{Device, Tensor, TensorData};

use crate::checkpoint::{CheckpointError, CheckpointSource, Conditioning, StableDiffusion};
use crate::diffusion::noise::torch_randn;
use crate::models::unet::Grid;
use crate::prompt::Assignment;
use crate::storm::{
    AttentionMaps, ObjectiveError, ObjectiveKind, ObjectiveParameters, StepContext, build,
};

const PROMPT: &str = "a cat to the left of a dog";
/// Early, where updates happen.
const TIMESTEP: f64 = 981.0;

/// Why a device gave no answers.
#[derive(Debug, thiserror::Error)]
pub enum ExerciseError {
    #[error(transparent)]
    Model(#[from] CheckpointError),
    #[error(transparent)]
    Objective(#[from] ObjectiveError),
    #[error("the device failed: {0}")]
    Device(String),
}

/// The numbers a device gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Answers {
    /// Predicted noise of prompt and empty prompt.
    pub prediction: Vec<f32>,
    /// Cross-attention maps of the prompt.
    pub maps: Vec<f32>,
    /// Gradient of the objective by the latents.
    pub gradient: Vec<f32>,
}

impl Answers {
    /// Largest difference of each, as a fraction of its largest number; infinite
    /// where a number is not finite or missing.
    pub(super) fn differences(&self, right: &Self) -> [f32; 3] {
        [
            difference(&self.prediction, &right.prediction),
            difference(&self.maps, &right.maps),
            difference(&self.gradient, &right.gradient),
        ]
    }
}

fn difference(ours: &[f32], right: &[f32]) -> f32 {
    if ours.len() != right.len() || ours.iter().any(|value| !value.is_finite()) {
        return f32::INFINITY;
    }
    let largest = right
        .iter()
        .fold(f32::MIN_POSITIVE, |most, value| most.max(value.abs()));
    let pairs = ours.iter().zip(right);
    pairs.fold(0f32, |most, (a, b)| most.max((a - b).abs())) / largest
}

/// Computes the exercise on `device`; a panic in a driver becomes an error.
///
/// # Errors
/// If the device fails, or the embedded model does not load there.
pub fn answer(device: &Device) -> Result<Answers, ExerciseError> {
    catch_unwind(AssertUnwindSafe(|| compute(device)))
        .unwrap_or_else(|_| Err(ExerciseError::Device("it panicked".to_string())))
}

fn compute(device: &Device) -> Result<Answers, ExerciseError> {
    let failed = |error: &dyn std::fmt::Display| ExerciseError::Device(error.to_string());
    let read = |tensor: Tensor<4>| tensor.try_into_vec_as().map_err(|error| failed(&error));
    let model = StableDiffusion::load(&CheckpointSource::Embedded, device)?;
    let Conditioning {
        prompts, context, ..
    } = model.condition_texts(&["", PROMPT])?;
    let prompt = &prompts[1];
    let [rows, columns] = model.description.unet_config.sample_size.height_width();
    let latent_grid = Grid { rows, columns };
    let noise = torch_randn(0, 4 * rows * columns);
    let latents = Tensor::<4>::from_data(TensorData::new(noise, [1, 4, rows, columns]), device);
    let grid = model.unet.attention_grid(latent_grid, 16);

    let both = latents.clone().repeat_dim(0, 2);
    let predicted = model
        .unet
        .predict(both, TIMESTEP, &context, Some(grid.into()), &|| true)
        .map_err(|error| failed(&error))?;
    let maps = predicted
        .maps
        .expect("the grid is one on which attention runs");

    let latents = latents.autodiff().require_grad();
    let tracked = model
        .unet
        .cross_attention_maps(
            latents.clone(),
            TIMESTEP,
            &context.narrow(1, 1),
            grid,
            &|| true,
        )
        .map_err(|error| failed(&error))?;
    let values = read(tracked.clone().without_autodiff())?;
    let values = AttentionMaps::new(grid.rows, grid.columns, prompt.ids.len(), values)
        .map_err(ObjectiveError::from)?;
    let facts = model.description.prompt_facts(prompt);
    let layout = Assignment::proposed(prompt).layout(prompt);
    let layout = layout.map_err(|error| failed(&error))?;
    let parameters = ObjectiveParameters::default();
    let objective = build(ObjectiveKind::Storm, layout, &parameters, &facts)?;
    let context = StepContext {
        step_index: 0,
        step_count: 50,
        noise: 1.0,
    };
    let evaluation = objective.evaluate(&values, context)?;
    let weights = TensorData::new(evaluation.gradient, tracked.shape());
    let mut gradients = tracked
        .mul(Tensor::from_data(weights, device))
        .sum()
        .backward();
    let gradient = latents.grad_remove(&mut gradients);
    let gradient = gradient.ok_or_else(|| failed(&"it gives no gradient"))?;
    Ok(Answers {
        prediction: read(predicted.sample)?,
        maps: read(maps.narrow(0, 1, 1))?,
        gradient: read(gradient)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exercise_asks_for_something() {
        let answers = answer(&Device::flex()).unwrap();
        assert_eq!(answers, answer(&Device::flex()).unwrap());
        for numbers in [&answers.prediction, &answers.maps, &answers.gradient] {
            assert!(numbers.iter().any(|number| *number != 0.0));
        }
        assert_eq!(answers.differences(&answers), [0.0; 3]);
    }
}

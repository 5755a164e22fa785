//! Spatial Transport Optimization on the latents: maps with gradient, objective, steps downhill.
//!
//! The pass that feeds the objective uses the conditional prompt only and ends
//! with the last captured layer; its gradient is computed stage by stage
//! ([`MapGradient`]), so that little need be kept meanwhile.

use burn::tensor::{Tensor, TensorData};

use super::denoise::Step;
use super::error::DenoiseError;
use super::observer::{LossReport, Observer, UpdateReport};
use super::update_rule::UpdateRule;
use crate::models::UNet2DConditionModel;
use crate::models::unet::{Activations, Capture, MapGradient, PromptContext};
use crate::storm::{AttentionMaps, Evaluation, Objective};

/// The updates of one step.
pub(super) struct SpatialUpdate<'a> {
    pub(super) unet: &'a UNet2DConditionModel,
    /// The prompt alone.
    pub(super) conditional: &'a PromptContext,
    pub(super) objective: &'a dyn Objective,
    pub(super) rule: &'a UpdateRule,
    pub(super) step: Step<'a>,
    pub(super) activations: Activations,
    pub(super) observer: &'a mut dyn Observer,
    /// On their way, [1, 4, rows, columns].
    pub(super) latents: Tensor<4>,
}

impl<'a> SpatialUpdate<'a> {
    /// Refines if the objective asks for it, then updates until all relations
    /// hold, at most `most` times → the latents and the number of those
    /// updates. `None` if nothing moved.
    pub(super) fn run(mut self, most: usize) -> Result<Option<(Tensor<4>, usize)>, DenoiseError> {
        let context = self.step.of_steps();
        let mut maps = self.track()?;
        let mut evaluation = self.objective.evaluate(&maps.values, context)?;
        self.observer.evaluated(LossReport {
            index: self.step.context.step_index,
            maps: &maps.values,
            evaluation: &evaluation,
        });
        let mut has_moved = false;
        if let Some(refinement) = self.objective.refinement(&maps.values, context)? {
            let mut loss = evaluation.loss;
            for _ in 0..refinement.limit {
                if loss <= refinement.until {
                    break;
                }
                let refined = self
                    .objective
                    .evaluate_in_refinement(&maps.values, context)?;
                loss = refined.loss;
                self.descend(maps, &refined)?;
                maps = self.track()?;
                has_moved = true;
            }
            if has_moved {
                evaluation = self.objective.evaluate(&maps.values, context)?;
            }
        }
        let mut updates = 0;
        while !evaluation.reading.satisfied {
            self.descend(maps, &evaluation)?;
            updates += 1;
            if updates == most {
                break;
            }
            maps = self.track()?;
            evaluation = self.objective.evaluate(&maps.values, context)?;
        }
        Ok((has_moved || updates > 0).then_some((self.latents, updates)))
    }

    /// The maps of the latents as they are.
    fn track(&mut self) -> Result<TrackedMaps<'a>, DenoiseError> {
        let scale = self.step.call().scale;
        let maps = TrackedMaps::new(
            self.unet,
            self.latents.clone().div_scalar(scale),
            self.step.call().timestep,
            self.conditional,
            self.step.capture,
            self.activations,
            &|| self.observer.keep_going(),
        )?;
        self.observer.gradient_pass();
        Ok(maps)
    }

    /// Moves the latents against the gradient of `evaluation`, which came from
    /// these maps, as far as the rule says; gradient and length are those of what
    /// the UNet sees, so that latents which a scheduler keeps longer move farther.
    /// A zero gradient moves nothing.
    fn descend(
        &mut self,
        maps: TrackedMaps<'a>,
        evaluation: &Evaluation,
    ) -> Result<(), DenoiseError> {
        let values = maps.values.clone();
        let device_maps = maps.on_device.maps().clone();
        let mut gradient = maps.backward(&evaluation.gradient, &|| self.observer.keep_going())?;
        if self.rule.keeps_mean() {
            let means = gradient.clone().mean_dims(&[2, 3]);
            gradient = gradient.sub(means);
        }
        let gradient_norm = norm(&gradient)?;
        let before = self.latents.clone();
        let numbers = before.shape().num_elements();
        let step_size = self.rule.step_size(self.step.place(), numbers);
        let mut length = 0.0;
        if gradient_norm > 0.0 {
            length = self.rule.length(step_size, gradient_norm);
            self.latents = before
                .clone()
                .sub(gradient.mul_scalar(self.step.call().scale * length / gradient_norm));
        }
        let (index, loss) = (self.step.context.step_index, evaluation.loss);
        tracing::debug!(index, loss, gradient_norm, length, "update");
        self.observer.updated(UpdateReport {
            index: self.step.context.step_index,
            maps: &values,
            device_maps: &device_maps,
            evaluation,
            gradient_norm,
            step_size,
            length,
            latents_before: &before,
            latents_after: &self.latents,
        });
        Ok(())
    }
}

/// Attention maps that remember how they came from the latents.
struct TrackedMaps<'a> {
    on_device: MapGradient<'a>,
    /// The same numbers on the host.
    values: AttentionMaps,
}

impl<'a> TrackedMaps<'a> {
    /// The maps of `latents` [1, 4, rows, columns] for one prompt.
    fn new(
        unet: &'a UNet2DConditionModel,
        latents: Tensor<4>,
        timestep: f64,
        context: &'a PromptContext,
        capture: Capture,
        activations: Activations,
        keep_going: &dyn Fn() -> bool,
    ) -> Result<Self, DenoiseError> {
        let on_device =
            unet.map_gradient(latents, timestep, context, capture, activations, keep_going)?;
        let values = read_maps(on_device.maps().clone())?;
        let values = values.into_iter().next();
        Ok(Self {
            on_device,
            values: values.expect("one latent gives one map"),
        })
    }

    /// The gradient of a loss by the latents, [1, 4, rows, columns], from its
    /// gradient by the maps (laid out as [`AttentionMaps::values`]).
    fn backward(
        self,
        gradient_of_maps: &[f32],
        keep_going: &dyn Fn() -> bool,
    ) -> Result<Tensor<4>, DenoiseError> {
        // Brought to 1 on the way: halves have few bits for small numbers.
        let largest = gradient_of_maps
            .iter()
            .fold(0f32, |largest, value| largest.max(value.abs()));
        let scale = if largest > 0.0 { largest } else { 1.0 };
        let scaled: Vec<f32> = gradient_of_maps.iter().map(|value| value / scale).collect();
        let maps = self.on_device.maps();
        let data = TensorData::new(scaled, maps.shape());
        let weights = Tensor::<4>::from_data(data, &maps.device());
        let gradient = self.on_device.backward(weights, keep_going)?;
        Ok(gradient.mul_scalar(scale))
    }
}

/// Reads maps [batch, rows, columns, tokens] from the device, one per sample:
/// the only numbers that cross to the host in a step.
pub(super) fn read_maps(maps: Tensor<4>) -> Result<Vec<AttentionMaps>, DenoiseError> {
    let [_, rows, columns, tokens] = maps.dims();
    let values: Vec<f32> = maps
        .try_into_vec_as()
        .map_err(|error| DenoiseError::Device(error.to_string()))?;
    values
        .chunks_exact(rows * columns * tokens)
        .map(|sample| {
            let maps = AttentionMaps::new(rows, columns, tokens, sample.to_vec())?;
            maps.check()?;
            Ok(maps)
        })
        .collect()
}

/// √Σ x² over a tensor.
fn norm(tensor: &Tensor<4>) -> Result<f64, DenoiseError> {
    let norm: Vec<f32> = tensor
        .clone()
        .square()
        .sum()
        .sqrt()
        .try_into_vec_as()
        .map_err(|error| DenoiseError::Device(error.to_string()))?;
    let norm = f64::from(norm[0]);
    if norm.is_finite() {
        Ok(norm)
    } else {
        Err(DenoiseError::NotFinite)
    }
}

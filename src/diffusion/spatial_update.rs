//! Spatial Transport Optimization on the latents: maps with gradient, objective, one step downhill.
//!
//! The pass that feeds the objective uses the conditional prompt only and ends
//! with the last captured layer; weights stay constants outside the gradient,
//! so nothing but the path from the latents to the maps is kept.

use burn::tensor::{Tensor, TensorData};
use serde::{Deserialize, Serialize};

use super::denoise::DenoiseError;
use crate::models::UNet2DConditionModel;
use crate::models::unet::{Grid, PromptContext};
use crate::storm::attention::AttentionMaps;

/// When to update the latents and by how much.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SpatialUpdateParameters {
    /// Side of the attention grid that is read, in cells; the level of the model nearest to it is
    /// taken.
    pub attention_res: usize,
    /// Length of one update as a fraction of the length of the initial noise (the release's 20 on
    /// 64 × 64 latents is 0.156).
    pub step_size: f64,
    /// What is left of the step size at the end of the window; it falls linearly.
    pub final_step_scale: f64,
    /// The updates happen in this first fraction of the steps.
    pub window: f64,
    /// At most so many updates in one step.
    pub updates_per_step: usize,
    /// At most so many updates in one picture.
    pub updates_per_picture: usize,
}

impl Default for SpatialUpdateParameters {
    fn default() -> Self {
        Self {
            attention_res: 16,
            step_size: 0.031,
            final_step_scale: 0.5,
            window: 0.5,
            updates_per_step: 1,
            updates_per_picture: 25,
        }
    }
}

impl SpatialUpdateParameters {
    /// Whether step `index` of `count` lies in the window.
    pub fn is_in_window(&self, index: usize, count: usize) -> bool {
        (index as f64) < self.window * count as f64
    }

    /// Length of an update at step `index` of `count`, for latents of `numbers` numbers.
    pub fn update_length(&self, index: usize, count: usize, numbers: usize) -> f64 {
        let window = (self.window * count as f64).max(1.0);
        let progress = (index as f64 / window).min(1.0);
        let scale = 1.0 - (1.0 - self.final_step_scale) * progress;
        // The initial noise has one unit per number, so its length is √numbers.
        self.step_size * scale * (numbers as f64).sqrt()
    }
}

/// Attention maps that remember how they came from the latents.
pub(super) struct TrackedMaps {
    latents: Tensor<4>,
    maps: Tensor<4>,
    /// The same numbers on the host.
    pub(super) values: AttentionMaps,
}

impl TrackedMaps {
    /// The maps of `latents` [1, 4, rows, columns] for one prompt.
    pub(super) fn new(
        unet: &UNet2DConditionModel,
        latents: Tensor<4>,
        timestep: f64,
        context: &PromptContext,
        grid: Grid,
        keep_going: &dyn Fn() -> bool,
    ) -> Result<Self, DenoiseError> {
        let latents = latents.autodiff().require_grad();
        let maps =
            unet.cross_attention_maps(latents.clone(), timestep, context, grid, keep_going)?;
        let values = read_maps(maps.clone().without_autodiff())?;
        let values = values.into_iter().next();
        Ok(Self {
            latents,
            maps,
            values: values.expect("one latent gives one map"),
        })
    }

    /// The gradient of a loss by the latents, [1, 4, rows, columns], from its
    /// gradient by the maps (laid out as [`AttentionMaps::values`]).
    pub(super) fn backward(self, gradient_of_maps: &[f32]) -> Result<Tensor<4>, DenoiseError> {
        let data = TensorData::new(gradient_of_maps.to_vec(), self.maps.shape());
        let device = self.maps.device().without_autodiff();
        let weights = Tensor::<4>::from_data(data, &device).cast(self.maps.dtype());
        let mut gradients = self.maps.mul(weights).sum().backward();
        let gradient = self.latents.grad_remove(&mut gradients);
        gradient.ok_or(DenoiseError::NoGradient)
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

/// `latents` moved by `length` against `gradient`, and the gradient's own
/// length; both [1, 4, rows, columns]. A zero gradient moves nothing.
pub(super) fn descend(
    latents: Tensor<4>,
    gradient: Tensor<4>,
    length: f64,
) -> Result<(Tensor<4>, f64), DenoiseError> {
    let norm: Vec<f32> = gradient
        .clone()
        .square()
        .sum()
        .sqrt()
        .try_into_vec_as()
        .map_err(|error| DenoiseError::Device(error.to_string()))?;
    let norm = f64::from(norm[0]);
    if !norm.is_finite() {
        return Err(DenoiseError::NotFinite);
    }
    if norm == 0.0 {
        return Ok((latents, norm));
    }
    Ok((latents.sub(gradient.mul_scalar(length / norm)), norm))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_update_shrinks_to_half_over_the_window() {
        let parameters = SpatialUpdateParameters::default();
        let length = |index| parameters.update_length(index, 50, 1024);
        assert!((length(0) - 0.031 * 32.0).abs() < 1e-12);
        assert!((length(25) - 0.5 * length(0)).abs() < 1e-12);
        assert!(parameters.is_in_window(24, 50));
        assert!(!parameters.is_in_window(25, 50));
    }
}

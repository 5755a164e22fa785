//! What a picture costs, in full forward passes of one sample (UNet-equivalents).
//!
//! Counting passes makes methods comparable on a machine that does other things
//! too. A pass for maps counts by its share of a full pass's operations, a
//! backward pass by its time against its own forward pass, measured on the spot.

use std::time::Instant;

use burn::tensor::{Tensor, TensorData};

use super::records::Cost;
use crate::checkpoint::StableDiffusion;
use crate::diffusion::noise::torch_randn;
use crate::diffusion::{DenoiseError, SpatialUpdateParameters};
use crate::models::unet::{Activations, Capture, Grid, PromptContext};

/// Measured passes; the median of their ratios is taken.
const REPEATS: usize = 5;
/// Any that the model was trained on.
const TIMESTEP: f64 = 500.0;

/// Costs of the parts of a step, in full forward passes of one sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PassCosts {
    /// A forward pass that ends with the last attention map.
    pub maps_forward: f64,
    /// Its backward pass.
    pub maps_backward: f64,
}

impl PassCosts {
    /// Counts the forward and measures the backward pass at the model's own
    /// picture size, reading the maps that `update` reads, with `activations`
    /// treated as a run there treats them.
    ///
    /// # Errors
    /// If the device fails.
    pub fn measure(
        model: &StableDiffusion,
        update: &SpatialUpdateParameters,
        activations: Activations,
    ) -> Result<Self, DenoiseError> {
        let [rows, columns] = model.description.unet_config.sample_size.height_width();
        let latents = Grid { rows, columns };
        let (attention_res, layers) = (update.attention_res, update.attention_layers);
        let capture = model.unet.capture(latents, attention_res, layers)?;
        let conditioning = model.condition_texts(&[""]);
        let conditioning = conditioning.map_err(|error| DenoiseError::Device(error.to_string()))?;
        let context = conditioning.context;
        let tokens = conditioning.prompts[0].ids.len();
        let unet_config = &model.description.unet_config;
        let whole = unet_config.pass_operations(latents, tokens);
        let part = unet_config.maps_pass_operations(latents, capture, tokens);
        let ratio = || backward_ratio(model, &context, latents, capture, activations);
        // The first run pays for kernels and memory.
        ratio()?;
        let mut ratios = [0.0; REPEATS];
        for measured in &mut ratios {
            *measured = ratio()?;
        }
        ratios.sort_by(f64::total_cmp);
        let maps_forward = part / whole;
        Ok(Self {
            maps_forward,
            maps_backward: maps_forward * ratios[REPEATS / 2],
        })
    }

    /// The whole cost of a picture of `cost.steps` scheduler calls, each a
    /// prediction of `samples` samples (two with guidance).
    pub fn unet_equivalents(&self, cost: &Cost, samples: usize) -> f64 {
        (cost.steps * samples) as f64
            + cost.gradient_passes as f64 * self.maps_forward
            + cost.updates as f64 * self.maps_backward
    }
}

/// Time of one backward pass over that of its forward pass.
fn backward_ratio(
    model: &StableDiffusion,
    context: &PromptContext,
    latents: Grid,
    capture: Capture,
    activations: Activations,
) -> Result<f64, DenoiseError> {
    let Grid { rows, columns } = latents;
    let noise = TensorData::new(torch_randn(0, 4 * rows * columns), [1, 4, rows, columns]);
    let latents = Tensor::<4>::from_data(noise, &model.device);
    let began = Instant::now();
    let unet = &model.unet;
    let tracked = unet.map_gradient(latents, TIMESTEP, context, capture, activations, &|| true)?;
    let weights = tracked.maps().clone();
    wait_for(weights.clone())?;
    let forward = began.elapsed();
    let began = Instant::now();
    wait_for(tracked.backward(weights, &|| true)?)?;
    Ok(began.elapsed().as_secs_f64() / forward.as_secs_f64())
}

/// Reads a tensor back, which is when a device has really computed it.
fn wait_for(tensor: Tensor<4>) -> Result<(), DenoiseError> {
    let read: Result<Vec<f32>, _> = tensor.try_into_vec_as();
    read.map(drop)
        .map_err(|error| DenoiseError::Device(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifty_steps_of_pndm_are_102_and_an_update_is_added_in_parts() {
        let costs = PassCosts {
            maps_forward: 0.5,
            maps_backward: 1.25,
        };
        let mut cost = Cost {
            steps: 51,
            ..Cost::default()
        };
        assert_eq!(costs.unet_equivalents(&cost, 2), 102.0);
        cost.gradient_passes = 4;
        cost.updates = 3;
        assert_eq!(
            costs.unet_equivalents(&cost, 2),
            102.0 + 4.0 * 0.5 + 3.0 * 1.25
        );
        assert_eq!(costs.unet_equivalents(&cost, 1), 51.0 + 5.75);
    }
}

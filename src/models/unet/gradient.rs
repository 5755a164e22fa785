//! Attention maps whose gradient by the latents is computed stage by stage.
//!
//! The forward pass keeps what enters each stage and nothing else; the backward
//! pass runs one stage at a time again, with gradients, from its kept inputs. So
//! the activations of a single stage are in memory instead of all of them
//! (gradient checkpointing, Chen et al. 2016, arXiv 1604.06174).

use burn::tensor::{DType, Tensor};

use super::model::{PromptContext, UNet2DConditionModel};
use super::pass::Pass;
use super::stage::{Cancelled, Grid, PlannedStage, StageState};

/// The maps of a pass, and what is needed to differentiate them.
pub struct MapGradient<'a> {
    unet: &'a UNet2DConditionModel,
    context: &'a PromptContext,
    time_embedding: Tensor<2>,
    latent_grid: Grid,
    grid: Grid,
    /// What entered each stage: the sample, and the skip connection it took in.
    inputs: Vec<(Tensor<4>, Option<Tensor<4>>)>,
    /// How many were averaged.
    layers: usize,
    maps: Tensor<4>,
}

impl UNet2DConditionModel {
    /// As [`Self::cross_attention_maps`], with the way back to the latents.
    /// `latents` [batch, 4, rows, columns] are not tracked themselves.
    ///
    /// # Errors
    /// [`Cancelled`] as soon as `keep_going` says so, asked between stages.
    ///
    /// # Panics
    /// If no cross-attention runs on `grid`; [`Self::attention_grid`] gives one that does.
    pub fn map_gradient<'a>(
        &'a self,
        latents: Tensor<4>,
        timestep: f64,
        context: &'a PromptContext,
        grid: Grid,
        keep_going: &dyn Fn() -> bool,
    ) -> Result<MapGradient<'a>, Cancelled> {
        let batch = latents.dims()[0];
        tracing::debug!(batch, timestep, "UNet pass for the maps alone");
        let mut pass = Pass::new(self, latents, timestep, context, Some(grid));
        let stages = self.stages_up_to(pass.latent_grid, grid);
        let mut inputs = Vec::with_capacity(stages.len());
        for planned in stages {
            let skip = planned
                .stage
                .takes_skip()
                .then(|| pass.state.skips.last().cloned());
            inputs.push((pass.state.sample.clone(), skip.flatten()));
            pass.step(planned, keep_going)?;
        }
        let (time_embedding, latent_grid) = (pass.time_embedding.clone(), pass.latent_grid);
        let layers = pass.captured.len();
        let maps = pass.maps().expect("the last stage holds a captured layer");
        Ok(MapGradient {
            unet: self,
            context,
            time_embedding,
            latent_grid,
            grid,
            inputs,
            layers,
            maps,
        })
    }
}

impl MapGradient<'_> {
    /// Cross-attention probabilities averaged over layers and heads,
    /// [batch, rows, columns, tokens].
    pub fn maps(&self) -> &Tensor<4> {
        &self.maps
    }

    /// The gradient by the latents, [batch, 4, rows, columns], of Σ maps ·
    /// `weights`, for `weights` of the maps' shape.
    ///
    /// # Errors
    /// [`Cancelled`] as soon as `keep_going` says so, asked between stages.
    pub fn backward(
        mut self,
        weights: Tensor<4>,
        keep_going: &dyn Fn() -> bool,
    ) -> Result<Tensor<4>, Cancelled> {
        let stages = self.unet.stages_up_to(self.latent_grid, self.grid);
        let [batch, rows, columns, tokens] = weights.dims();
        // Each layer's share of the mean.
        let weights = weights
            .div_scalar(self.layers as f64)
            .reshape([batch, rows * columns, tokens])
            .cast(self.unet.dtype());
        let mut of_sample: Option<Tensor<4>> = None;
        // Gradients by the skip connections taken so far; the way down meets
        // them in the order in which it left the connections.
        let mut of_skips = Vec::new();
        for planned in stages.iter().rev() {
            let (sample, skip) = self.inputs.pop().expect("each stage kept its input");
            if planned.stage.leaves_skip() {
                of_sample = match (of_sample, of_skips.pop()) {
                    (Some(one), Some(other)) => Some(one.add(other)),
                    (one, other) => one.or(other),
                };
            }
            let gradients =
                self.stage_backward(planned, (sample, skip), of_sample, &weights, keep_going)?;
            of_sample = Some(gradients.0);
            of_skips.extend(gradients.1);
        }
        let gradient = of_sample.expect("the first stage reads the latents");
        Ok(gradient.cast(DType::F32))
    }

    /// Runs one stage again and returns the gradients by what entered it.
    fn stage_backward(
        &self,
        planned: &PlannedStage,
        (sample, skip): (Tensor<4>, Option<Tensor<4>>),
        of_output: Option<Tensor<4>>,
        weights: &Tensor<3>,
        keep_going: &dyn Fn() -> bool,
    ) -> Result<(Tensor<4>, Option<Tensor<4>>), Cancelled> {
        let sample = sample.autodiff().require_grad();
        let skip = skip.map(|skip| skip.autodiff().require_grad());
        let state = StageState {
            sample: sample.clone(),
            skips: skip.iter().cloned().collect(),
        };
        let mut pass = Pass::from_state(
            self.unet,
            self.context,
            self.time_embedding.clone(),
            self.latent_grid,
            Some(self.grid),
            state,
        );
        pass.step(planned, keep_going)?;
        let through_sample =
            of_output.map(|gradient| pass.state.sample.clone().mul(gradient).sum());
        let through_maps = pass
            .captured
            .iter()
            .map(|map| map.clone().mul(weights.clone()).sum());
        let value = through_sample
            .into_iter()
            .chain(through_maps)
            .reduce(Tensor::add);
        let value = value.expect("every stage of the pass leads to a captured map");
        let mut gradients = value.backward();
        let mut of = |input: Tensor<4>| {
            let gradient = input.grad_remove(&mut gradients);
            gradient.expect("a stage reads what enters it")
        };
        Ok((of(sample), skip.map(of)))
    }
}

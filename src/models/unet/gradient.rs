//! Attention maps whose gradient by the latents is computed stage by stage.
//!
//! Where memory is plenty, the forward pass keeps each stage's activations and the
//! backward pass uses them. Where it is short, the forward pass keeps what enters
//! each stage and nothing else, and the backward pass runs one stage at a time
//! again, so that the activations of a single stage are in memory instead of all
//! of them (gradient checkpointing, Chen et al. 2016, arXiv 1604.06174).

use burn::tensor::{DType, Tensor};

use super::model::{PromptContext, UNet2DConditionModel};
use super::pass::Pass;
use super::stage::{Cancelled, Grid, PlannedStage, StageState};

/// What a pass with a gradient does with the activations of its stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Activations {
    /// Kept for the way back:
    /// [`UNetConfig::kept_gradient_memory`](crate::models::config::UNetConfig::kept_gradient_memory).
    Keep,
    /// Computed again on the way back, which costs one more forward pass:
    /// [`UNetConfig::gradient_memory`](crate::models::config::UNetConfig::gradient_memory).
    #[default]
    Recompute,
}

/// The maps of a pass, and what is needed to differentiate them.
pub struct MapGradient<'a> {
    unet: &'a UNet2DConditionModel,
    context: &'a PromptContext,
    time_embedding: Tensor<2>,
    latent_grid: Grid,
    grid: Grid,
    stages: Vec<KeptStage>,
    /// How many were averaged.
    layers: usize,
    maps: Tensor<4>,
}

/// What the way back needs of a stage.
enum KeptStage {
    Inputs(Box<StageInputs>),
    Run(Box<TrackedStage>),
}

/// What entered a stage: the sample, and the skip connection it took in.
struct StageInputs {
    sample: Tensor<4>,
    skip: Option<Tensor<4>>,
}

/// A stage that ran with gradients: its inputs as leaves of its own graph.
struct TrackedStage {
    inputs: StageInputs,
    output: Tensor<4>,
    /// Its captured maps, [batch, rows · columns, tokens].
    captured: Vec<Tensor<3>>,
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
        activations: Activations,
        keep_going: &dyn Fn() -> bool,
    ) -> Result<MapGradient<'a>, Cancelled> {
        let batch = latents.dims()[0];
        tracing::debug!(
            batch,
            timestep,
            ?activations,
            "UNet pass for the maps alone"
        );
        let mut pass = Pass::new(self, latents, timestep, context, Some(grid));
        let planned = self.stages_up_to(pass.latent_grid, grid);
        let mut stages = Vec::with_capacity(planned.len());
        for planned in planned {
            stages.push(match activations {
                Activations::Recompute => {
                    let inputs = StageInputs::of(&pass, planned);
                    pass.step(planned, keep_going)?;
                    KeptStage::Inputs(Box::new(inputs))
                }
                Activations::Keep => {
                    KeptStage::Run(Box::new(pass.step_tracked(planned, keep_going)?))
                }
            });
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
            stages,
            layers,
            maps,
        })
    }
}

impl StageInputs {
    /// What the pass brings to a stage.
    fn of(pass: &Pass<'_>, planned: &PlannedStage) -> Self {
        let takes_skip = planned.stage.takes_skip();
        let skip = takes_skip.then(|| pass.state.skips.last().cloned());
        Self {
            sample: pass.state.sample.clone(),
            skip: skip.flatten(),
        }
    }

    /// The same as leaves that gradients are asked of.
    fn tracked(self) -> Self {
        Self {
            sample: self.sample.autodiff().require_grad(),
            skip: self.skip.map(|skip| skip.autodiff().require_grad()),
        }
    }
}

impl Pass<'_> {
    /// Runs one stage with gradients of its own; what leaves it is plain again.
    fn step_tracked(
        &mut self,
        planned: &PlannedStage,
        keep_going: &dyn Fn() -> bool,
    ) -> Result<TrackedStage, Cancelled> {
        let inputs = StageInputs::of(self, planned).tracked();
        let before = self.captured.len();
        self.state.sample = inputs.sample.clone();
        if let (Some(last), Some(skip)) = (self.state.skips.last_mut(), &inputs.skip) {
            *last = skip.clone();
        }
        self.step(planned, keep_going)?;
        let output = self.state.sample.clone();
        self.state.sample = output.clone().inner();
        if planned.stage.leaves_skip()
            && let Some(left) = self.state.skips.last_mut()
        {
            *left = self.state.sample.clone();
        }
        let captured = self.captured.split_off(before);
        let plain = captured.iter().map(|map| map.clone().inner());
        self.captured.extend(plain);
        Ok(TrackedStage {
            inputs,
            output,
            captured,
        })
    }
}

impl TrackedStage {
    /// The gradients by what entered the stage, from that by its output and from
    /// the maps' `weights`.
    fn backward(
        self,
        of_output: Option<Tensor<4>>,
        weights: &Tensor<3>,
    ) -> (Tensor<4>, Option<Tensor<4>>) {
        let through_sample = of_output.map(|gradient| self.output.mul(gradient).sum());
        let captured = self.captured.into_iter();
        let through_maps = captured.map(|map| map.mul(weights.clone()).sum());
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
        (of(self.inputs.sample), self.inputs.skip.map(of))
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
            let kept = self.stages.pop().expect("each stage kept something");
            if planned.stage.leaves_skip() {
                of_sample = match (of_sample, of_skips.pop()) {
                    (Some(one), Some(other)) => Some(one.add(other)),
                    (one, other) => one.or(other),
                };
            }
            let tracked = match kept {
                KeptStage::Inputs(inputs) => self.run_again(planned, *inputs, keep_going)?,
                KeptStage::Run(_) if !keep_going() => return Err(Cancelled),
                KeptStage::Run(tracked) => *tracked,
            };
            let gradients = tracked.backward(of_sample, &weights);
            of_sample = Some(gradients.0);
            of_skips.extend(gradients.1);
        }
        let gradient = of_sample.expect("the first stage reads the latents");
        Ok(gradient.cast(DType::F32))
    }

    /// Runs one stage again, with gradients.
    fn run_again(
        &self,
        planned: &PlannedStage,
        inputs: StageInputs,
        keep_going: &dyn Fn() -> bool,
    ) -> Result<TrackedStage, Cancelled> {
        let state = StageState {
            skips: inputs.skip.into_iter().collect(),
            sample: inputs.sample,
        };
        let mut pass = Pass::from_state(
            self.unet,
            self.context,
            self.time_embedding.clone(),
            self.latent_grid,
            Some(self.grid),
            state,
        );
        pass.step_tracked(planned, keep_going)
    }
}

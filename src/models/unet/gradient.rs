//! Attention maps whose gradient by the latents is computed stage by stage.
//!
//! Where memory is plenty, the forward pass keeps each stage's activations and the
//! backward pass uses them. Where it is short, the forward pass keeps what enters
//! each stage and nothing else, and the backward pass runs one stage at a time
//! again, so that the activations of a single stage are in memory instead of all
//! of them (gradient checkpointing, Chen et al. 2016, arXiv 1604.06174).

use std::sync::Arc;

use burn::tensor::{DType, Tensor};

use super::capture::Capture;
use super::model::{PromptContext, UNet2DConditionModel};
use super::pass::Pass;
use super::stage::{Cancelled, Grid, Part, PlannedStage, StageState};
use super::time_shifts::TimeShifts;
use crate::kernels::seed;

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
    time: Arc<TimeShifts>,
    latent_grid: Grid,
    capture: Capture,
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

/// What entered a stage: the sample, the hidden states within a transformer that runs
/// in parts, and the skip connection it took in.
struct StageInputs {
    sample: Tensor<4>,
    hidden: Option<Tensor<3>>,
    skip: Option<Tensor<4>>,
}

/// A stage that ran with gradients: its inputs as leaves of its own graph.
struct TrackedStage {
    part: Part,
    inputs: StageInputs,
    /// `None` where it leaves the sample as it is.
    sample: Option<Tensor<4>>,
    hidden: Option<Tensor<3>>,
    /// Its captured maps, [batch, rows · columns, tokens].
    captured: Vec<Tensor<3>>,
}

/// Gradients by what flows from stage to stage.
#[derive(Default)]
struct FlowGradients {
    sample: Option<Tensor<4>>,
    hidden: Option<Tensor<3>>,
}

impl PlannedStage {
    /// Whether it reads and writes the sample: a block of a transformer does not.
    fn touches_sample(part: Part) -> bool {
        !matches!(part, Part::Block(_))
    }
}

impl UNet2DConditionModel {
    /// As [`Self::cross_attention_maps`], with the way back to the latents.
    /// `latents` [batch, 4, rows, columns] are not tracked themselves.
    ///
    /// # Errors
    /// [`Cancelled`] as soon as `keep_going` says so, asked between stages.
    ///
    /// # Panics
    /// If no cross-attention is captured; [`Self::capture`] gives some that is.
    pub fn map_gradient<'a>(
        &'a self,
        latents: Tensor<4>,
        timestep: f64,
        context: &'a PromptContext,
        capture: impl Into<Capture>,
        activations: Activations,
        keep_going: &dyn Fn() -> bool,
    ) -> Result<MapGradient<'a>, Cancelled> {
        let batch = latents.dims()[0];
        let capture = capture.into();
        tracing::debug!(
            batch,
            timestep,
            ?activations,
            "UNet pass for the maps alone"
        );
        let mut pass = Pass::new(self, latents, timestep, context, Some(capture));
        let planned = self.stages_up_to(pass.latent_grid, capture);
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
        let (time, latent_grid) = (pass.time.clone(), pass.latent_grid);
        let layers = pass.captured.len();
        let maps = pass.maps().expect("the last stage holds a captured layer");
        Ok(MapGradient {
            unet: self,
            context,
            time,
            latent_grid,
            capture,
            stages,
            layers,
            maps,
        })
    }
}

impl StageInputs {
    /// What the pass brings to a stage.
    fn of(pass: &Pass<'_>, planned: &PlannedStage) -> Self {
        let takes_skip = planned.takes_skip();
        let skip = takes_skip.then(|| pass.state.skips.last().cloned());
        Self {
            sample: pass.state.sample.clone(),
            hidden: pass.state.hidden.clone(),
            skip: skip.flatten(),
        }
    }

    /// The same as leaves that gradients are asked of.
    fn tracked(self, part: Part) -> Self {
        Self {
            sample: match PlannedStage::touches_sample(part) {
                true => self.sample.autodiff().require_grad(),
                false => self.sample,
            },
            hidden: self.hidden.map(|hidden| hidden.autodiff().require_grad()),
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
        let inputs = StageInputs::of(self, planned).tracked(planned.part);
        let before = self.captured.len();
        self.state.sample = inputs.sample.clone();
        self.state.hidden = inputs.hidden.clone();
        if let (Some(last), Some(skip)) = (self.state.skips.last_mut(), &inputs.skip) {
            *last = skip.clone();
        }
        self.step(planned, keep_going)?;
        let mut sample = None;
        if PlannedStage::touches_sample(planned.part) {
            let output = self.state.sample.clone();
            self.state.sample = output.clone().inner();
            sample = Some(output);
        }
        let hidden = self.state.hidden.clone();
        self.state.hidden = hidden.clone().map(Tensor::inner);
        if planned.leaves_skip()
            && let Some(left) = self.state.skips.last_mut()
        {
            *left = self.state.sample.clone();
        }
        let captured = self.captured.split_off(before);
        let plain = captured.iter().map(|map| map.clone().inner());
        self.captured.extend(plain);
        Ok(TrackedStage {
            part: planned.part,
            inputs,
            sample,
            hidden,
            captured,
        })
    }
}

impl TrackedStage {
    /// The gradients by what entered the stage, from those by what left it and from
    /// the maps' `weights`.
    fn backward(
        self,
        of: FlowGradients,
        weights: &Tensor<3>,
    ) -> (FlowGradients, Option<Tensor<4>>) {
        let passes_by = !PlannedStage::touches_sample(self.part);
        let through_sample = self.sample.zip(of.sample.clone());
        let through_sample = through_sample.map(|(output, gradient)| seed(output, gradient));
        let through_hidden = self.hidden.zip(of.hidden);
        let through_hidden = through_hidden.map(|(output, gradient)| seed(output, gradient));
        let captured = self.captured.into_iter();
        let through_maps = captured.map(|map| seed(map, weights.clone()));
        let value = through_sample
            .into_iter()
            .chain(through_hidden)
            .chain(through_maps)
            .reduce(Tensor::add);
        let value = value.expect("every stage of the pass leads to a captured map");
        let mut gradients = value.backward();
        let reads = "a stage reads what enters it";
        let sample = match passes_by {
            true => of.sample,
            false => Some(self.inputs.sample.grad_remove(&mut gradients).expect(reads)),
        };
        let hidden = self.inputs.hidden;
        let hidden = hidden.map(|hidden| hidden.grad_remove(&mut gradients).expect(reads));
        let skip = self.inputs.skip;
        let skip = skip.map(|skip| skip.grad_remove(&mut gradients).expect(reads));
        (FlowGradients { sample, hidden }, skip)
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
        let stages = self.unet.stages_up_to(self.latent_grid, self.capture);
        let [batch, rows, columns, tokens] = weights.dims();
        // Each layer's share of the mean.
        let weights = weights
            .div_scalar(self.layers as f64)
            .reshape([batch, rows * columns, tokens])
            .cast(self.unet.dtype());
        let mut of = FlowGradients::default();
        // Gradients by the skip connections taken so far; the way down meets
        // them in the order in which it left the connections.
        let mut of_skips = Vec::new();
        for planned in stages.iter().rev() {
            let kept = self.stages.pop().expect("each stage kept something");
            if planned.leaves_skip() {
                of.sample = match (of.sample, of_skips.pop()) {
                    (Some(one), Some(other)) => Some(one.add(other)),
                    (one, other) => one.or(other),
                };
            }
            let tracked = match kept {
                KeptStage::Inputs(inputs) => self.run_again(planned, *inputs, keep_going)?,
                KeptStage::Run(_) if !keep_going() => return Err(Cancelled),
                KeptStage::Run(tracked) => *tracked,
            };
            let (of_inputs, of_skip) = tracked.backward(of, &weights);
            of = of_inputs;
            of_skips.extend(of_skip);
        }
        let gradient = of.sample.expect("the first stage reads the latents");
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
            hidden: inputs.hidden,
        };
        let mut pass = Pass::from_state(
            self.unet,
            self.context,
            self.time.clone(),
            self.latent_grid,
            Some(self.capture),
            state,
        );
        pass.step_tracked(planned, keep_going)
    }
}

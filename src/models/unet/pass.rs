//! One walk through the stages of the UNet.

use std::sync::Arc;

use burn::tensor::{DType, Tensor};

use super::capture::Capture;
use super::model::{PromptContext, UNet2DConditionModel};
use super::stage::{Cancelled, Grid, Part, PlannedStage, Stage, StageState};
use super::time_shifts::TimeShifts;
use crate::kernels::{Activation, concatenated, conv2d, group_norm};
use crate::models::attention::KeyValue;
use crate::models::resnet::ResnetBlock2D;
use crate::models::transformer_2d::Transformer2DModel;

/// What flows through the stages and what is kept on the way.
pub(super) struct Pass<'a> {
    unet: &'a UNet2DConditionModel,
    context: &'a PromptContext,
    pub(super) time: Arc<TimeShifts>,
    pub(super) latent_grid: Grid,
    capture: Option<Capture>,
    /// Of every captured layer so far, [batch, rows · columns, tokens].
    pub(super) captured: Vec<Tensor<3>>,
    pub(super) state: StageState,
}

impl<'a> Pass<'a> {
    /// A pass of `latents` [batch, 4, rows, columns] that keeps the maps of the
    /// layers of `capture`. It computes in the type of the weights.
    pub(super) fn new(
        unet: &'a UNet2DConditionModel,
        latents: Tensor<4>,
        timestep: f64,
        context: &'a PromptContext,
        capture: Option<Capture>,
    ) -> Self {
        let [_, _, rows, columns] = latents.dims();
        let added = context.added.as_ref().map(|added| &added.0);
        let guidance_scale = context.guidance_scale;
        let time = context.timesteps.shifts(timestep, guidance_scale, || {
            unet.time_embedding.forward(timestep, guidance_scale, added)
        });
        let latent_grid = Grid { rows, columns };
        let state = StageState {
            sample: latents.cast(unet.dtype()),
            skips: Vec::new(),
            hidden: None,
        };
        Self::from_state(unet, context, time, latent_grid, capture, state)
    }

    /// A pass that stands before some stage, with what enters it.
    pub(super) fn from_state(
        unet: &'a UNet2DConditionModel,
        context: &'a PromptContext,
        time: Arc<TimeShifts>,
        latent_grid: Grid,
        capture: Option<Capture>,
        state: StageState,
    ) -> Self {
        Self {
            unet,
            context,
            time,
            latent_grid,
            capture,
            captured: Vec::new(),
            state,
        }
    }

    /// Runs one stage.
    ///
    /// # Errors
    /// [`Cancelled`] if `keep_going` says so.
    pub(super) fn step(
        &mut self,
        planned: &PlannedStage,
        keep_going: &dyn Fn() -> bool,
    ) -> Result<(), Cancelled> {
        if !keep_going() {
            return Err(Cancelled);
        }
        self.run(planned);
        Ok(())
    }

    /// Mean of the captured maps over layers, [batch, rows, columns, tokens], in
    /// f32; `None` if none were captured.
    pub(super) fn maps(self) -> Option<Tensor<4>> {
        let grid = self.capture?.grid;
        let layers = self.captured.len() as f64;
        let captured = self.captured.into_iter().map(|map| map.cast(DType::F32));
        let sum = captured.reduce(Tensor::add)?;
        let [batch, _, tokens] = sum.dims();
        let mean = sum.div_scalar(layers);
        Some(mean.reshape([batch, grid.rows, grid.columns, tokens]))
    }

    fn run(&mut self, planned: &PlannedStage) {
        let unet = self.unet;
        match planned.part {
            Part::Whole => {
                let sample = self.before(planned);
                let sample = match unet.transformer(planned) {
                    Some(transformer) => {
                        let key_values = self.key_values(planned);
                        let maps = self.maps_of(planned, 0);
                        transformer.forward(sample, key_values, maps)
                    }
                    None => sample,
                };
                self.after(planned, sample);
            }
            Part::Before => {
                let sample = self.before(planned);
                self.state.hidden = Some(self.deep(planned).enter(sample.clone()));
                self.state.sample = sample;
            }
            Part::Block(number) => {
                let hidden = self.take_hidden();
                let key_value = &self.key_values(planned)[number];
                let transformer = self.deep(planned);
                let maps = self.maps_of(planned, number);
                self.state.hidden = Some(transformer.block(number, hidden, key_value, maps));
            }
            Part::After => {
                let hidden = self.take_hidden();
                let sample = self.state.sample.clone();
                let sample = self.deep(planned).leave(hidden, sample);
                self.after(planned, sample);
            }
        }
        if planned.leaves_skip() {
            self.state.skips.push(self.state.sample.clone());
        }
    }

    /// What a stage does up to its transformer.
    fn before(&mut self, planned: &PlannedStage) -> Tensor<4> {
        let unet = self.unet;
        let sample = self.state.sample.clone();
        match planned.stage {
            Stage::ConvIn => conv2d(&unet.conv_in, sample),
            Stage::DownLayer { block, layer } => {
                let resnet = &unet.down_blocks[block].resnets[layer];
                self.through(resnet, (planned.stage, 0), sample)
            }
            Stage::Downsample { block } => unet.down_blocks[block].downsamplers[0].forward(sample),
            Stage::Mid => self.through(&unet.mid_block.resnets[0], (planned.stage, 0), sample),
            Stage::UpLayer { block, layer } => {
                let skip = self.state.skips.pop();
                let skip = skip.expect("the way down left one skip for every layer up");
                let sample = concatenated(sample, skip);
                let resnet = &unet.up_blocks[block].resnets[layer];
                self.through(resnet, (planned.stage, 0), sample)
            }
            Stage::Upsample { block } => unet.up_blocks[block].upsamplers[0].forward(sample),
            Stage::ConvOut => {
                let norm = &unet.conv_norm_out;
                let normalised = group_norm(norm, sample, None, Activation::Silu);
                conv2d(&unet.conv_out, normalised)
            }
        }
    }

    /// What a stage does behind its transformer.
    fn after(&mut self, planned: &PlannedStage, sample: Tensor<4>) {
        self.state.sample = match planned.stage {
            Stage::Mid => {
                let resnet = &self.unet.mid_block.resnets[1];
                self.through(resnet, (planned.stage, 1), sample)
            }
            _ => sample,
        };
    }

    /// A resnet, `number` of its stage, with what the timestep adds in it.
    fn through(
        &self,
        resnet: &ResnetBlock2D,
        number: (Stage, usize),
        sample: Tensor<4>,
    ) -> Tensor<4> {
        let shift = self.time.of(number, |embedding| resnet.shift(embedding));
        resnet.forward(sample, Some(shift))
    }

    fn take_hidden(&mut self) -> Tensor<3> {
        let hidden = self.state.hidden.take();
        hidden.expect("the part before left hidden states")
    }

    /// The transformer of a stage that runs in parts.
    fn deep(&self, planned: &PlannedStage) -> &'a Transformer2DModel {
        let transformer = self.unet.transformer(planned);
        transformer.expect("only stages with a transformer run in parts")
    }

    fn key_values(&self, planned: &PlannedStage) -> &'a [KeyValue] {
        let index = planned.transformer;
        &self.context.key_values[index.expect("the plan counted every transformer")]
    }

    /// Where the map of a block goes, if it is wanted.
    fn maps_of(&mut self, planned: &PlannedStage, block: usize) -> Option<&mut Vec<Tensor<3>>> {
        let capture = self.capture.as_ref();
        let holds = |capture: &Capture| capture.holds(self.latent_grid, planned, block);
        capture.is_some_and(holds).then_some(&mut self.captured)
    }
}

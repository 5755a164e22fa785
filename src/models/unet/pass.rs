//! One walk through the stages of the UNet.

use burn::tensor::{DType, Tensor};

use super::model::{PromptContext, UNet2DConditionModel};
use super::stage::{Cancelled, Grid, PlannedStage, Stage, StageState};
use crate::kernels::{Activation, conv2d, group_norm};

/// What flows through the stages and what is kept on the way.
pub(super) struct Pass<'a> {
    unet: &'a UNet2DConditionModel,
    context: &'a PromptContext,
    pub(super) time_embedding: Tensor<2>,
    pub(super) latent_grid: Grid,
    capture: Option<Grid>,
    /// Of every captured layer so far, [batch, rows · columns, tokens].
    pub(super) captured: Vec<Tensor<3>>,
    pub(super) state: StageState,
}

impl<'a> Pass<'a> {
    /// A pass of `latents` [batch, 4, rows, columns] that keeps the maps of the
    /// layers on the grid `capture`. It computes in the type of the weights.
    pub(super) fn new(
        unet: &'a UNet2DConditionModel,
        latents: Tensor<4>,
        timestep: f64,
        context: &'a PromptContext,
        capture: Option<Grid>,
    ) -> Self {
        let [_, _, rows, columns] = latents.dims();
        let time_embedding = unet
            .time_embedding
            .forward(timestep, context.guidance_scale);
        let latent_grid = Grid { rows, columns };
        let state = StageState {
            sample: latents.cast(unet.dtype()),
            skips: Vec::new(),
        };
        Self::from_state(unet, context, time_embedding, latent_grid, capture, state)
    }

    /// A pass that stands before some stage, with what enters it.
    pub(super) fn from_state(
        unet: &'a UNet2DConditionModel,
        context: &'a PromptContext,
        time_embedding: Tensor<2>,
        latent_grid: Grid,
        capture: Option<Grid>,
        state: StageState,
    ) -> Self {
        Self {
            unet,
            context,
            time_embedding,
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
        let grid = self.capture?;
        let layers = self.captured.len() as f64;
        let captured = self.captured.into_iter().map(|map| map.cast(DType::F32));
        let sum = captured.reduce(Tensor::add)?;
        let [batch, _, tokens] = sum.dims();
        let mean = sum.div_scalar(layers);
        Some(mean.reshape([batch, grid.rows, grid.columns, tokens]))
    }

    fn run(&mut self, planned: &PlannedStage) {
        let unet = self.unet;
        let sample = self.state.sample.clone();
        let time = Some(&self.time_embedding);
        self.state.sample = match planned.stage {
            Stage::ConvIn => conv2d(&unet.conv_in, sample),
            Stage::DownLayer { block, layer } => {
                let sample = unet.down_blocks[block].resnets[layer].forward(sample, time);
                self.attend(planned, sample)
            }
            Stage::Downsample { block } => unet.down_blocks[block].downsamplers[0].forward(sample),
            Stage::Mid => {
                let sample = unet.mid_block.resnets[0].forward(sample, time);
                let sample = self.attend(planned, sample);
                let time = Some(&self.time_embedding);
                unet.mid_block.resnets[1].forward(sample, time)
            }
            Stage::UpLayer { block, layer } => {
                let skip = self.state.skips.pop();
                let skip = skip.expect("the way down left one skip for every layer up");
                let sample = Tensor::cat(vec![sample, skip], 1);
                let sample = unet.up_blocks[block].resnets[layer].forward(sample, time);
                self.attend(planned, sample)
            }
            Stage::Upsample { block } => unet.up_blocks[block].upsamplers[0].forward(sample),
            Stage::ConvOut => {
                let norm = &unet.conv_norm_out;
                let normalised = group_norm(norm, sample, None, Activation::Silu);
                conv2d(&unet.conv_out, normalised)
            }
        };
        if planned.stage.leaves_skip() {
            self.state.skips.push(self.state.sample.clone());
        }
    }

    /// The stage's transformer, if it has one, capturing its maps if they are
    /// on the wanted grid.
    fn attend(&mut self, planned: &PlannedStage, sample: Tensor<4>) -> Tensor<4> {
        let Some(transformer) = self.unet.transformer(planned) else {
            return sample;
        };
        let index = planned
            .transformer
            .expect("the plan counted every transformer");
        let is_captured = self.capture == Some(self.latent_grid.at_level(planned.level));
        let maps = is_captured.then_some(&mut self.captured);
        transformer.forward(sample, &self.context.key_values[index], maps)
    }
}

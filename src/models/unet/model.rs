//! The UNet itself: its full pass, and the shorter pass that ends with the attention maps.

use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::nn::{GroupNorm, GroupNormConfig};
use burn::tensor::activation::silu;
use burn::tensor::{Device, Tensor};

use super::blocks::{BlockBuilder, DownBlock, MidBlock, UpBlock};
use super::stage::{Cancelled, Grid, PlannedStage, Stage, StageState, attention_grid, plan};
use super::time_embedding::TimestepEmbedding;
use crate::models::attention::KeyValue;
use crate::models::config::UNetConfig;
use crate::models::resample::conv3x3;
use crate::models::transformer_2d::Transformer2DModel;

/// The denoiser of Stable Diffusion 1.x and 2.x.
#[derive(Module, Debug)]
pub struct UNet2DConditionModel {
    conv_in: Conv2d,
    time_embedding: TimestepEmbedding,
    down_blocks: Vec<DownBlock>,
    mid_block: MidBlock,
    up_blocks: Vec<UpBlock>,
    conv_norm_out: GroupNorm,
    conv_out: Conv2d,
    #[module(skip)]
    stages: Vec<PlannedStage>,
}

/// What the prompt contributes to every prediction: keys and values of each
/// cross-attention layer. Made once per prompt, since no timestep changes them.
#[derive(Debug, Clone)]
pub struct PromptContext {
    /// Per transformer, per block of it.
    key_values: Vec<Vec<KeyValue>>,
}

/// A prediction and the attention maps of the same pass.
#[derive(Debug)]
pub struct Prediction {
    /// The predicted noise or velocity, [batch, 4, rows, columns].
    pub sample: Tensor<4>,
    /// Cross-attention probabilities averaged over layers and heads,
    /// [batch, rows, columns, tokens], if a grid was asked for.
    pub maps: Option<Tensor<4>>,
}

impl UNetConfig {
    /// A UNet with untrained weights.
    pub fn init(&self, device: &Device) -> UNet2DConditionModel {
        let builder = BlockBuilder {
            config: self,
            device,
        };
        let levels = self.block_out_channels.len();
        let finest = self.block_out_channels[0];
        UNet2DConditionModel {
            conv_in: conv3x3(self.in_channels, finest, device),
            time_embedding: TimestepEmbedding::new(self, device),
            down_blocks: (0..levels).map(|level| builder.down(level)).collect(),
            mid_block: builder.mid(),
            up_blocks: (0..levels).map(|index| builder.up(index)).collect(),
            conv_norm_out: GroupNormConfig::new(self.norm_num_groups, finest)
                .with_epsilon(self.norm_eps)
                .init(device),
            conv_out: conv3x3(finest, self.out_channels, device),
            stages: plan(self),
        }
    }
}

impl PromptContext {
    /// The prompts `start .. start + length` of the batch.
    pub fn narrow(&self, start: usize, length: usize) -> Self {
        self.map(|key_value| key_value.narrow(start, length))
    }

    /// The whole batch, `times` times over.
    pub fn repeat(&self, times: usize) -> Self {
        self.map(|key_value| key_value.repeat(times))
    }

    fn map(&self, change: impl Fn(&KeyValue) -> KeyValue) -> Self {
        let key_values = self.key_values.iter();
        Self {
            key_values: key_values
                .map(|blocks| blocks.iter().map(&change).collect())
                .collect(),
        }
    }
}

impl UNet2DConditionModel {
    /// The grid on which to read the maps of latents of `latents` cells: of
    /// those with cross-attention the coarsest that is not much coarser than
    /// `attention_res` × `attention_res`.
    pub fn attention_grid(&self, latents: Grid, attention_res: usize) -> Grid {
        attention_grid(&self.stages, latents, attention_res)
    }

    /// Keys and values of `encoder_hidden_states` [batch, tokens, cross_attention_dim].
    pub fn prompt_context(&self, encoder_hidden_states: Tensor<3>) -> PromptContext {
        let transformers = self
            .stages
            .iter()
            .filter_map(|stage| self.transformer(stage));
        PromptContext {
            key_values: transformers
                .map(|transformer| transformer.key_values(&encoder_hidden_states))
                .collect(),
        }
    }

    /// The prediction for `latents` [batch, 4, rows, columns] at `timestep`;
    /// `context` holds as many prompts as there are latents. With `capture`, the
    /// maps of all layers on that grid come with it, from the same pass.
    ///
    /// # Errors
    /// [`Cancelled`] as soon as `keep_going` says so, asked between stages.
    pub fn predict(
        &self,
        latents: Tensor<4>,
        timestep: f64,
        context: &PromptContext,
        capture: Option<Grid>,
        keep_going: &dyn Fn() -> bool,
    ) -> Result<Prediction, Cancelled> {
        tracing::debug!(batch = latents.dims()[0], timestep, "UNet prediction");
        let pass = Pass::new(self, latents, timestep, context, capture);
        let (sample, maps) = pass.run(self.stages.len(), keep_going)?;
        Ok(Prediction { sample, maps })
    }

    /// Only the maps of [`Self::predict`], [batch, rows, columns, tokens]: the
    /// pass ends with the last stage that holds a layer on `grid`.
    ///
    /// # Errors
    /// [`Cancelled`] as soon as `keep_going` says so, asked between stages.
    ///
    /// # Panics
    /// If no cross-attention runs on `grid`; [`Self::attention_grid`] gives one that does.
    pub fn cross_attention_maps(
        &self,
        latents: Tensor<4>,
        timestep: f64,
        context: &PromptContext,
        grid: Grid,
        keep_going: &dyn Fn() -> bool,
    ) -> Result<Tensor<4>, Cancelled> {
        let [batch, _, rows, columns] = latents.dims();
        tracing::debug!(batch, timestep, "UNet pass for the maps alone");
        let latent_grid = Grid { rows, columns };
        let last = self
            .stages
            .iter()
            .rposition(|stage| {
                stage.transformer.is_some() && latent_grid.at_level(stage.level) == grid
            })
            .expect("the caller took the grid from attention_grid");
        let pass = Pass::new(self, latents, timestep, context, Some(grid));
        let (_, maps) = pass.run(last + 1, keep_going)?;
        Ok(maps.expect("the last stage holds a captured layer"))
    }

    fn transformer(&self, planned: &PlannedStage) -> Option<&Transformer2DModel> {
        match planned.stage {
            Stage::DownLayer { block, layer } => self.down_blocks[block].attentions.get(layer),
            Stage::Mid => self.mid_block.attentions.first(),
            Stage::UpLayer { block, layer } => self.up_blocks[block].attentions.get(layer),
            _ => None,
        }
    }
}

/// One walk through the stages.
struct Pass<'a> {
    unet: &'a UNet2DConditionModel,
    context: &'a PromptContext,
    time_embedding: Tensor<2>,
    latent_grid: Grid,
    capture: Option<Grid>,
    /// Of every captured layer so far, [batch, rows · columns, tokens].
    captured: Vec<Tensor<3>>,
    state: StageState,
}

impl<'a> Pass<'a> {
    fn new(
        unet: &'a UNet2DConditionModel,
        latents: Tensor<4>,
        timestep: f64,
        context: &'a PromptContext,
        capture: Option<Grid>,
    ) -> Self {
        let [_, _, rows, columns] = latents.dims();
        Self {
            unet,
            context,
            time_embedding: unet.time_embedding.forward(timestep),
            latent_grid: Grid { rows, columns },
            capture,
            captured: Vec::new(),
            state: StageState {
                sample: latents,
                skips: Vec::new(),
            },
        }
    }

    /// The first `count` stages → the sample and the averaged maps.
    fn run(
        mut self,
        count: usize,
        keep_going: &dyn Fn() -> bool,
    ) -> Result<(Tensor<4>, Option<Tensor<4>>), Cancelled> {
        for planned in &self.unet.stages[..count] {
            if !keep_going() {
                return Err(Cancelled);
            }
            self.step(planned);
        }
        let maps = self.capture.and_then(|grid| average(self.captured, grid));
        Ok((self.state.sample, maps))
    }

    fn step(&mut self, planned: &PlannedStage) {
        let unet = self.unet;
        let sample = self.state.sample.clone();
        let time = Some(&self.time_embedding);
        self.state.sample = match planned.stage {
            Stage::ConvIn => unet.conv_in.forward(sample),
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
                let normalised = silu(unet.conv_norm_out.forward(sample));
                unet.conv_out.forward(normalised)
            }
        };
        if matches!(
            planned.stage,
            Stage::ConvIn | Stage::DownLayer { .. } | Stage::Downsample { .. }
        ) {
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

/// Mean over layers, as a grid: [batch, rows, columns, tokens].
fn average(captured: Vec<Tensor<3>>, grid: Grid) -> Option<Tensor<4>> {
    let layers = captured.len() as f64;
    let sum = captured.into_iter().reduce(Tensor::add)?;
    let [batch, _, tokens] = sum.dims();
    let mean = sum.div_scalar(layers);
    Some(mean.reshape([batch, grid.rows, grid.columns, tokens]))
}

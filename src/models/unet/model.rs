//! The UNet itself: its parts, its full pass, and the shorter pass that ends with the attention maps.

use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::nn::{GroupNorm, GroupNormConfig};
use burn::tensor::{DType, Device, Tensor};

use super::blocks::{BlockBuilder, DownBlock, MidBlock, UpBlock};
use super::pass::Pass;
use super::stage::{Cancelled, Grid, PlannedStage, Stage, attention_grid, plan};
use super::time_embedding::TimestepEmbedding;
use crate::models::attention::KeyValue;
use crate::models::config::UNetConfig;
use crate::models::resample::conv3x3;
use crate::models::transformer_2d::Transformer2DModel;

/// The denoiser of Stable Diffusion 1.x and 2.x.
#[derive(Module, Debug)]
pub struct UNet2DConditionModel {
    pub(super) conv_in: Conv2d,
    pub(super) time_embedding: TimestepEmbedding,
    pub(super) down_blocks: Vec<DownBlock>,
    pub(super) mid_block: MidBlock,
    pub(super) up_blocks: Vec<UpBlock>,
    pub(super) conv_norm_out: GroupNorm,
    pub(super) conv_out: Conv2d,
    #[module(skip)]
    stages: Vec<PlannedStage>,
}

/// What the prompt contributes to every prediction: keys and values of each
/// cross-attention layer. Made once per prompt, since no timestep changes them.
#[derive(Debug, Clone)]
pub struct PromptContext {
    /// Per transformer, per block of it.
    pub(super) key_values: Vec<Vec<KeyValue>>,
    /// Of UNets that are told it.
    pub(super) guidance_scale: Option<f64>,
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

    /// The same prompts for a UNet that is told this guidance scale.
    pub fn with_guidance_scale(self, guidance_scale: f64) -> Self {
        Self {
            guidance_scale: Some(guidance_scale),
            ..self
        }
    }

    fn map(&self, change: impl Fn(&KeyValue) -> KeyValue) -> Self {
        let key_values = self.key_values.iter();
        Self {
            guidance_scale: self.guidance_scale,
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
        let encoder_hidden_states = encoder_hidden_states.cast(self.dtype());
        let transformers = self
            .stages
            .iter()
            .filter_map(|stage| self.transformer(stage));
        PromptContext {
            guidance_scale: None,
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
        let dtype = latents.dtype();
        tracing::debug!(batch = latents.dims()[0], timestep, "UNet prediction");
        let mut pass = Pass::new(self, latents, timestep, context, capture);
        for planned in &self.stages {
            pass.step(planned, keep_going)?;
        }
        Ok(Prediction {
            sample: pass.state.sample.clone().cast(dtype),
            maps: pass.maps(),
        })
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
        let batch = latents.dims()[0];
        tracing::debug!(batch, timestep, "UNet pass for the maps alone");
        let mut pass = Pass::new(self, latents, timestep, context, Some(grid));
        for planned in self.stages_up_to(pass.latent_grid, grid) {
            pass.step(planned, keep_going)?;
        }
        Ok(pass.maps().expect("the last stage holds a captured layer"))
    }

    /// The stages up to the last one that holds a layer on `grid`.
    ///
    /// # Panics
    /// If there is none.
    pub(super) fn stages_up_to(&self, latents: Grid, grid: Grid) -> &[PlannedStage] {
        let holds_layer = |stage: &PlannedStage| {
            stage.transformer.is_some() && latents.at_level(stage.level) == grid
        };
        let last = self.stages.iter().rposition(holds_layer);
        let last = last.expect("the caller took the grid from attention_grid");
        &self.stages[..=last]
    }

    /// Whether it is told the guidance scale, instead of predicting once with and
    /// once without the prompt.
    pub fn is_told_guidance(&self) -> bool {
        self.time_embedding.is_told_guidance()
    }

    /// What the weights are, and so what a pass computes in.
    pub fn dtype(&self) -> DType {
        self.conv_in.weight.val().dtype()
    }

    pub(super) fn transformer(&self, planned: &PlannedStage) -> Option<&Transformer2DModel> {
        match planned.stage {
            Stage::DownLayer { block, layer } => self.down_blocks[block].attentions.get(layer),
            Stage::Mid => self.mid_block.attentions.first(),
            Stage::UpLayer { block, layer } => self.up_blocks[block].attentions.get(layer),
            _ => None,
        }
    }
}

//! The UNet itself: its parts, its full pass, and the shorter pass that ends with the attention maps.

use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::nn::{GroupNorm, GroupNormConfig};
use burn::tensor::{DType, Device, Tensor};

use super::blocks::{BlockBuilder, DownBlock, MidBlock, UpBlock};
use super::capture::{Capture, LayerRange, NoSuchLayers, is_chosen};
use super::pass::Pass;
use super::stage::{Cancelled, Grid, PlannedStage, Stage, attention_grid, plan};
use super::text_time::{AddedCondition, MicroConditioning, TextTimeEmbedding};
use super::time_embedding::TimestepEmbedding;
use super::time_shifts::KnownTimesteps;
use crate::models::attention::KeyValue;
use crate::models::config::UNetConfig;
use crate::models::resample::conv3x3;
use crate::models::transformer_2d::Transformer2DModel;
use crate::parameters::LayerChoice;

/// The denoiser of Stable Diffusion 1.x, 2.x and XL.
#[derive(Module, Debug)]
pub struct UNet2DConditionModel {
    pub(super) conv_in: Conv2d,
    pub(super) time_embedding: TimestepEmbedding,
    add_embedding: Option<TextTimeEmbedding>,
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
    /// Of UNets that are told more than the prompt's tokens, one row per prompt.
    pub(super) added: Option<AddedCondition>,
    /// What the timesteps met so far add to it.
    pub(super) timesteps: KnownTimesteps,
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
    /// As [`UNet2DConditionModel::capture`].
    ///
    /// # Errors
    /// As there.
    pub fn capture(
        &self,
        latents: Grid,
        attention_res: usize,
        layers: Option<LayerChoice>,
    ) -> Result<Capture, NoSuchLayers> {
        capture(&plan(self), latents, attention_res, layers)
    }

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
            add_embedding: TextTimeEmbedding::new(self, device),
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
        Self {
            added: self.map_added(|added| added.narrow(0, start, length)),
            timesteps: self.timesteps_of_others(),
            ..self.map(|key_value| key_value.narrow(start, length))
        }
    }

    /// The whole batch, `times` times over.
    pub fn repeat(&self, times: usize) -> Self {
        Self {
            added: self.map_added(|added| added.repeat_dim(0, times)),
            timesteps: self.timesteps_of_others(),
            ..self.map(|key_value| key_value.repeat(times))
        }
    }

    /// The same prompts for a UNet that is told this besides.
    pub fn with_added(self, added: AddedCondition) -> Self {
        Self {
            added: Some(added),
            timesteps: KnownTimesteps::default(),
            ..self
        }
    }

    /// For more or fewer of the same prompts: each has its own shifts only where it is
    /// told more than the timestep.
    fn timesteps_of_others(&self) -> KnownTimesteps {
        match self.added {
            Some(_) => KnownTimesteps::default(),
            None => self.timesteps.clone(),
        }
    }

    /// The same prompts for a UNet that is told this guidance scale.
    pub fn with_guidance_scale(self, guidance_scale: f64) -> Self {
        Self {
            guidance_scale: Some(guidance_scale),
            ..self
        }
    }

    fn map_added(&self, change: impl Fn(Tensor<2>) -> Tensor<2>) -> Option<AddedCondition> {
        let added = self.added.as_ref();
        added.map(|added| AddedCondition(change(added.0.clone())))
    }

    fn map(&self, change: impl Fn(&KeyValue) -> KeyValue) -> Self {
        let key_values = self.key_values.iter();
        Self {
            guidance_scale: self.guidance_scale,
            added: self.added.clone(),
            timesteps: self.timesteps.clone(),
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

    /// What to read the maps of: `layers`, or else all on
    /// [that grid](Self::attention_grid).
    ///
    /// # Errors
    /// If the UNet has none of `layers`.
    pub fn capture(
        &self,
        latents: Grid,
        attention_res: usize,
        layers: Option<LayerChoice>,
    ) -> Result<Capture, NoSuchLayers> {
        capture(&self.stages, latents, attention_res, layers)
    }

    /// What a UNet is told of whole prompts, `pooled` [batch, pooled width], and of
    /// their pictures' `sizes`; `None` if it is told nothing.
    pub fn added_condition(
        &self,
        pooled: Tensor<2>,
        sizes: &MicroConditioning,
    ) -> Option<AddedCondition> {
        let embedding = self.add_embedding.as_ref()?;
        Some(embedding.forward(pooled, sizes))
    }

    /// Keys and values of `encoder_hidden_states` [batch, tokens, cross_attention_dim].
    pub fn prompt_context(&self, encoder_hidden_states: Tensor<3>) -> PromptContext {
        let encoder_hidden_states = encoder_hidden_states.cast(self.dtype());
        // A transformer that runs in parts comes several times.
        let mut known = 0;
        let transformers = self.stages.iter().filter_map(|planned| {
            let is_new = planned.transformer == Some(known);
            known += usize::from(is_new);
            is_new.then(|| self.transformer(planned)).flatten()
        });
        PromptContext {
            guidance_scale: None,
            added: None,
            timesteps: KnownTimesteps::default(),
            key_values: transformers
                .map(|transformer| transformer.key_values(&encoder_hidden_states))
                .collect(),
        }
    }

    /// The prediction for `latents` [batch, 4, rows, columns] at `timestep`;
    /// `context` holds as many prompts as there are latents. With `capture`, the
    /// maps of its layers come with it, from the same pass.
    ///
    /// # Errors
    /// [`Cancelled`] as soon as `keep_going` says so, asked between stages.
    pub fn predict(
        &self,
        latents: Tensor<4>,
        timestep: f64,
        context: &PromptContext,
        capture: Option<Capture>,
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
    /// pass ends with the last stage that holds a layer of `capture`.
    ///
    /// # Errors
    /// [`Cancelled`] as soon as `keep_going` says so, asked between stages.
    ///
    /// # Panics
    /// If no cross-attention is captured; [`Self::capture`] gives some that is.
    pub fn cross_attention_maps(
        &self,
        latents: Tensor<4>,
        timestep: f64,
        context: &PromptContext,
        capture: impl Into<Capture>,
        keep_going: &dyn Fn() -> bool,
    ) -> Result<Tensor<4>, Cancelled> {
        let batch = latents.dims()[0];
        let capture = capture.into();
        tracing::debug!(batch, timestep, "UNet pass for the maps alone");
        let mut pass = Pass::new(self, latents, timestep, context, Some(capture));
        for planned in self.stages_up_to(pass.latent_grid, capture) {
            pass.step(planned, keep_going)?;
        }
        Ok(pass.maps().expect("the last stage holds a captured layer"))
    }

    /// The stages up to the last one that holds a layer of `capture`.
    ///
    /// # Panics
    /// If there is none.
    pub(super) fn stages_up_to(&self, latents: Grid, capture: Capture) -> &[PlannedStage] {
        stages_up_to(&self.stages, latents, capture).expect("the caller took what `capture` gives")
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

/// The stages up to the last one that holds a layer of `capture`, if there is one.
pub(super) fn stages_up_to(
    stages: &[PlannedStage],
    latents: Grid,
    capture: Capture,
) -> Option<&[PlannedStage]> {
    let mut planned = stages.iter();
    let last = planned.rposition(|planned| capture.is_in(latents, planned))?;
    Some(&stages[..=last])
}

/// See [`UNet2DConditionModel::capture`].
pub(super) fn capture(
    stages: &[PlannedStage],
    latents: Grid,
    attention_res: usize,
    layers: Option<LayerChoice>,
) -> Result<Capture, NoSuchLayers> {
    let Some(choice) = layers else {
        return Ok(attention_grid(stages, latents, attention_res).into());
    };
    let attends = |planned: &&PlannedStage| planned.transformer.is_some();
    let holds_some = |planned: &&PlannedStage| {
        let mut blocks = planned.part.blocks();
        blocks.any(|block| is_chosen(&choice, planned.stage, block))
    };
    let mut chosen = stages.iter().filter(attends).filter(holds_some);
    match chosen.next() {
        Some(planned) => Ok(Capture {
            grid: latents.at_level(planned.level),
            layers,
        }),
        None => {
            let range = |of: fn(Stage) -> Option<usize>| {
                let blocks = stages.iter().filter(attends);
                let blocks = blocks.filter_map(|planned| of(planned.stage));
                Some((blocks.clone().min()?, blocks.max()?))
            };
            let down = range(|stage| match stage {
                Stage::DownLayer { block, .. } => Some(block),
                _ => None,
            });
            let up = range(|stage| match stage {
                Stage::UpLayer { block, .. } => Some(block),
                _ => None,
            });
            Err(NoSuchLayers(choice, LayerRange { down, up }))
        }
    }
}

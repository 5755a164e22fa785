//! diffusers' `Transformer2DModel`: where the picture's cells attend to each other and to the prompt.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{
    Dropout, DropoutConfig, GroupNorm, GroupNormConfig, LayerNorm, LayerNormConfig, Linear,
    LinearConfig,
};
use burn::tensor::{Device, Tensor};

use super::attention::{Attention, AttentionConfig, KeyValue};
use crate::kernels::{
    Activation, CellLayer, geglu, grid_to_sequence, group_norm, layer_norm, linear_added,
    sequence_to_grid_added,
};

/// Epsilon of a block's layer norms (torch's default, which diffusers leaves).
const LAYER_NORM_EPS: f64 = 1e-5;

/// Shape of a [`Transformer2DModel`].
#[derive(Debug, Clone, Copy)]
pub struct Transformer2DConfig {
    pub channels: usize,
    pub heads: usize,
    pub layers: usize,
    pub cross_attention_dim: usize,
    pub norm_num_groups: usize,
    pub use_linear_projection: bool,
    pub upcast_attention: bool,
}

/// Group norm, projection in, transformer blocks, projection out, and a shortcut around it all.
#[derive(Module, Debug)]
pub struct Transformer2DModel {
    norm: GroupNorm,
    proj_in: Projection,
    transformer_blocks: Vec<BasicTransformerBlock>,
    proj_out: Projection,
}

/// 1 × 1 convolution in Stable Diffusion 1.x, linear layer in 2.x: the same
/// arithmetic, stored in different shapes.
#[derive(Module, Debug)]
enum Projection {
    Convolution(Conv2d),
    Linear(Linear),
}

impl Transformer2DConfig {
    /// A transformer with untrained weights.
    pub fn init(&self, device: &Device) -> Transformer2DModel {
        let channels = self.channels;
        let projection = || {
            if self.use_linear_projection {
                Projection::Linear(LinearConfig::new(channels, channels).init(device))
            } else {
                let conv = Conv2dConfig::new([channels, channels], [1, 1]);
                Projection::Convolution(conv.init(device))
            }
        };
        Transformer2DModel {
            norm: GroupNormConfig::new(self.norm_num_groups, channels)
                .with_epsilon(1e-6)
                .init(device),
            proj_in: projection(),
            transformer_blocks: (0..self.layers)
                .map(|_| BasicTransformerBlock::new(self, device))
                .collect(),
            proj_out: projection(),
        }
    }
}

impl Transformer2DModel {
    /// Keys and values of the prompt for each block of this transformer, from
    /// `encoder_hidden_states` [batch, tokens, cross_attention_dim].
    pub fn key_values(&self, encoder_hidden_states: &Tensor<3>) -> Vec<KeyValue> {
        let blocks = self.transformer_blocks.iter();
        blocks
            .map(|block| block.attn2.key_value(encoder_hidden_states.clone()))
            .collect()
    }

    /// `sample` [batch, channels, height, width] and this transformer's
    /// [`Self::key_values`] → the same shape. Where `maps` is given, each
    /// block's cross-attention probabilities, averaged over heads,
    /// [batch, height · width, tokens], are appended to it.
    pub fn forward(
        &self,
        sample: Tensor<4>,
        key_values: &[KeyValue],
        mut maps: Option<&mut Vec<Tensor<3>>>,
    ) -> Tensor<4> {
        let mut hidden = self.enter(sample.clone());
        for (number, key_value) in key_values.iter().enumerate() {
            hidden = self.block(number, hidden, key_value, maps.as_deref_mut());
        }
        self.leave(hidden, sample)
    }

    /// The way into the blocks: `sample` [batch, channels, height, width] → hidden
    /// states [batch, height · width, channels].
    pub fn enter(&self, sample: Tensor<4>) -> Tensor<3> {
        let normalised = group_norm(&self.norm, sample, None, Activation::Identity);
        grid_to_sequence(self.proj_in.layer(), normalised)
    }

    /// Block `number` alone, with its key and value of the prompt: hidden states →
    /// the same shape; its map as for [`Self::forward`].
    pub fn block(
        &self,
        number: usize,
        hidden: Tensor<3>,
        key_value: &KeyValue,
        maps: Option<&mut Vec<Tensor<3>>>,
    ) -> Tensor<3> {
        self.transformer_blocks[number].forward(hidden, key_value, maps)
    }

    /// The way out of the blocks: hidden states, and the `sample` that went in, which
    /// is added → its shape.
    pub fn leave(&self, hidden: Tensor<3>, sample: Tensor<4>) -> Tensor<4> {
        sequence_to_grid_added(self.proj_out.layer(), hidden, sample)
    }
}

impl Projection {
    fn layer(&self) -> CellLayer<'_> {
        match self {
            Self::Convolution(conv) => CellLayer::Convolution(conv),
            Self::Linear(linear) => CellLayer::Linear(linear),
        }
    }
}

/// Self-attention, cross-attention and feed-forward, each behind a layer norm
/// and beside a shortcut.
#[derive(Module, Debug)]
struct BasicTransformerBlock {
    norm1: LayerNorm,
    attn1: Attention,
    norm2: LayerNorm,
    attn2: Attention,
    norm3: LayerNorm,
    ff: FeedForward,
}

impl BasicTransformerBlock {
    fn new(config: &Transformer2DConfig, device: &Device) -> Self {
        let channels = config.channels;
        let attention = |context_dim| {
            AttentionConfig {
                query_dim: channels,
                context_dim,
                heads: config.heads,
                projection_bias: false,
                upcast: config.upcast_attention,
            }
            .init(device)
        };
        let norm = || {
            LayerNormConfig::new(channels)
                .with_epsilon(LAYER_NORM_EPS)
                .init(device)
        };
        Self {
            norm1: norm(),
            attn1: attention(channels),
            norm2: norm(),
            attn2: attention(config.cross_attention_dim),
            norm3: norm(),
            ff: FeedForward::new(channels, device),
        }
    }

    /// `hidden` [batch, positions, channels] → the same shape.
    fn forward(
        &self,
        hidden: Tensor<3>,
        key_value: &KeyValue,
        maps: Option<&mut Vec<Tensor<3>>>,
    ) -> Tensor<3> {
        let queries = layer_norm(&self.norm1, LAYER_NORM_EPS, hidden.clone());
        let hidden = self.attn1.self_attention(queries, hidden);
        let queries = layer_norm(&self.norm2, LAYER_NORM_EPS, hidden.clone());
        let hidden = match maps {
            Some(maps) => {
                let (hidden, map) = self
                    .attn2
                    .forward_with_probabilities(queries, key_value, hidden);
                maps.push(map);
                hidden
            }
            None => self.attn2.forward(queries, key_value, hidden),
        };
        let inner = layer_norm(&self.norm3, LAYER_NORM_EPS, hidden.clone());
        self.ff.forward(inner, hidden)
    }
}

/// diffusers' `FeedForward` with its GEGLU activation, four times as wide inside.
#[derive(Module, Debug)]
struct FeedForward {
    net: (Geglu, Dropout, Linear),
}

impl FeedForward {
    fn new(channels: usize, device: &Device) -> Self {
        let inner = 4 * channels;
        Self {
            net: (
                Geglu {
                    proj: LinearConfig::new(channels, 2 * inner).init(device),
                },
                DropoutConfig::new(0.0).init(),
                LinearConfig::new(inner, channels).init(device),
            ),
        }
    }

    /// `residual` + the layer on `hidden`, all [batch, positions, channels].
    fn forward(&self, hidden: Tensor<3>, residual: Tensor<3>) -> Tensor<3> {
        let (geglu, _, output) = &self.net;
        linear_added(output, geglu.forward(hidden), residual)
    }
}

/// A linear layer whose second half gates its first: h · gelu(g).
#[derive(Module, Debug)]
struct Geglu {
    proj: Linear,
}

impl Geglu {
    /// [batch, positions, channels] → [batch, positions, 4 · channels].
    fn forward(&self, hidden: Tensor<3>) -> Tensor<3> {
        geglu(&self.proj, hidden)
    }
}

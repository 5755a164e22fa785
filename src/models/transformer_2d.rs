//! diffusers' `Transformer2DModel`: where the picture's cells attend to each other and to the prompt.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{
    Dropout, DropoutConfig, GroupNorm, GroupNormConfig, LayerNorm, LayerNormConfig, Linear,
    LinearConfig,
};
use burn::tensor::activation::gelu;
use burn::tensor::{Device, Tensor};

use super::attention::{Attention, AttentionConfig, KeyValue};

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
        let [_, _, height, width] = sample.dims();
        let normalised = self.norm.forward(sample.clone());
        let mut hidden = self.proj_in.project_in(normalised);
        for (block, key_value) in self.transformer_blocks.iter().zip(key_values) {
            hidden = block.forward(hidden, key_value, maps.as_deref_mut());
        }
        self.proj_out.project_out(hidden, height, width).add(sample)
    }
}

impl Projection {
    /// [batch, channels, height, width] → [batch, height · width, channels].
    fn project_in(&self, sample: Tensor<4>) -> Tensor<3> {
        match self {
            Self::Convolution(conv) => to_sequence(conv.forward(sample)),
            Self::Linear(linear) => linear.forward(to_sequence(sample)),
        }
    }

    /// [batch, height · width, channels] → [batch, channels, height, width].
    fn project_out(&self, hidden: Tensor<3>, height: usize, width: usize) -> Tensor<4> {
        match self {
            Self::Convolution(conv) => conv.forward(to_grid(hidden, height, width)),
            Self::Linear(linear) => to_grid(linear.forward(hidden), height, width),
        }
    }
}

/// [batch, channels, height, width] → [batch, height · width, channels].
pub(super) fn to_sequence(sample: Tensor<4>) -> Tensor<3> {
    let [batch, channels, height, width] = sample.dims();
    sample
        .reshape([batch, channels, height * width])
        .swap_dims(1, 2)
}

/// [batch, height · width, channels] → [batch, channels, height, width].
pub(super) fn to_grid(sequence: Tensor<3>, height: usize, width: usize) -> Tensor<4> {
    let [batch, _, channels] = sequence.dims();
    sequence
        .swap_dims(1, 2)
        .reshape([batch, channels, height, width])
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
        let norm = || LayerNormConfig::new(channels).init(device);
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
        let attended = self
            .attn1
            .self_attention(self.norm1.forward(hidden.clone()));
        let hidden = hidden.add(attended);
        let queries = self.norm2.forward(hidden.clone());
        let attended = match maps {
            Some(maps) => {
                let (attended, map) = self.attn2.forward_with_probabilities(queries, key_value);
                maps.push(map);
                attended
            }
            None => self.attn2.forward(queries, key_value),
        };
        let hidden = hidden.add(attended);
        let fed = self.ff.forward(self.norm3.forward(hidden.clone()));
        hidden.add(fed)
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

    /// [batch, positions, channels] → the same shape.
    fn forward(&self, hidden: Tensor<3>) -> Tensor<3> {
        let (geglu, _, output) = &self.net;
        output.forward(geglu.forward(hidden))
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
        let projected = self.proj.forward(hidden);
        let half = projected.dims()[2] / 2;
        let gate = gelu(projected.clone().narrow(2, half, half));
        projected.narrow(2, 0, half).mul(gate)
    }
}

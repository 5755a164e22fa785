//! transformers' `CLIPTextModel` and `CLIPTextModelWithProjection`: token ids in, one
//! hidden state per token out, and one for the whole text.
//!
//! Runs once per prompt; its output conditions every prediction of the UNet.

use burn::module::Module;
use burn::nn::{Embedding, EmbeddingConfig, LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::activation::{gelu, sigmoid};
use burn::tensor::module::attention;
use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Bool, Device, Int, Tensor};

use super::config::{ClipTextConfig, HiddenActivation};

/// The text encoder of Stable Diffusion 1.x (CLIP ViT-L/14) and 2.x (OpenCLIP ViT-H/14),
/// and either of Stable Diffusion XL's (CLIP ViT-L/14, OpenCLIP ViT-bigG/14).
#[derive(Module, Debug)]
pub struct ClipTextModel {
    embeddings: ClipTextEmbeddings,
    encoder: ClipEncoder,
    final_layer_norm: LayerNorm,
    /// To the space in which texts are compared with pictures.
    text_projection: Option<Linear>,
}

/// What the layers make of token ids, each [batch, tokens, hidden_size].
#[derive(Debug, Clone)]
pub struct TextStates {
    /// Before the layers left out at the end, as it comes out of the one before them.
    pub skipped: Tensor<3>,
    /// After all layers and the final layer norm.
    pub last: Tensor<3>,
}

/// Vectors that take the place of tokens' embeddings.
#[derive(Debug, Clone)]
pub struct GivenEmbeddings {
    /// Where, [batch, tokens, 1].
    pub places: Tensor<3, Bool>,
    /// [batch, tokens, hidden_size].
    pub vectors: Tensor<3>,
}

#[derive(Module, Debug)]
struct ClipTextEmbeddings {
    token_embedding: Embedding,
    position_embedding: Embedding,
}

#[derive(Module, Debug)]
struct ClipEncoder {
    layers: Vec<ClipEncoderLayer>,
}

#[derive(Module, Debug)]
struct ClipEncoderLayer {
    self_attn: ClipAttention,
    layer_norm1: LayerNorm,
    mlp: ClipMlp,
    layer_norm2: LayerNorm,
}

#[derive(Module, Debug)]
struct ClipAttention {
    q_proj: Linear,
    k_proj: Linear,
    v_proj: Linear,
    out_proj: Linear,
    heads: usize,
}

#[derive(Module, Debug)]
struct ClipMlp {
    fc1: Linear,
    fc2: Linear,
    #[module(skip)]
    activation: HiddenActivation,
}

impl ClipTextConfig {
    /// A text encoder with untrained weights.
    pub fn init(&self, device: &Device) -> ClipTextModel {
        let width = self.hidden_size;
        ClipTextModel {
            embeddings: ClipTextEmbeddings {
                token_embedding: EmbeddingConfig::new(self.vocab_size, width).init(device),
                position_embedding: EmbeddingConfig::new(self.max_position_embeddings, width)
                    .init(device),
            },
            encoder: ClipEncoder {
                layers: (0..self.num_hidden_layers)
                    .map(|_| self.layer(device))
                    .collect(),
            },
            final_layer_norm: self.norm(device),
            text_projection: self.is_projected.then(|| {
                LinearConfig::new(width, self.projection_dim)
                    .with_bias(false)
                    .init(device)
            }),
        }
    }

    fn layer(&self, device: &Device) -> ClipEncoderLayer {
        let width = self.hidden_size;
        let linear = |input, output| LinearConfig::new(input, output).init(device);
        ClipEncoderLayer {
            self_attn: ClipAttention {
                q_proj: linear(width, width),
                k_proj: linear(width, width),
                v_proj: linear(width, width),
                out_proj: linear(width, width),
                heads: self.num_attention_heads,
            },
            layer_norm1: self.norm(device),
            mlp: ClipMlp {
                fc1: linear(width, self.intermediate_size),
                fc2: linear(self.intermediate_size, width),
                activation: self.hidden_act,
            },
            layer_norm2: self.norm(device),
        }
    }

    fn norm(&self, device: &Device) -> LayerNorm {
        LayerNormConfig::new(self.hidden_size)
            .with_epsilon(self.layer_norm_eps)
            .init(device)
    }
}

impl ClipTextModel {
    /// Token ids [batch, tokens] → last hidden state after the final layer norm,
    /// [batch, tokens, hidden_size].
    pub fn forward(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        self.states(ids, 0).last
    }

    /// Token ids [batch, tokens] → the states after all layers, and those before the
    /// last `skip` of them.
    pub fn states(&self, ids: Tensor<2, Int>, skip: usize) -> TextStates {
        self.states_with(ids, None, skip)
    }

    /// As [`Self::states`], with vectors in the place of some embeddings.
    pub fn states_with(
        &self,
        ids: Tensor<2, Int>,
        given: Option<&GivenEmbeddings>,
        skip: usize,
    ) -> TextStates {
        let mut hidden = self.embed(ids, given);
        let kept = self.encoder.layers.len().saturating_sub(skip);
        let (kept, left_out) = self.encoder.layers.split_at(kept);
        for layer in kept {
            hidden = layer.forward(hidden);
        }
        let skipped = hidden.clone();
        for layer in left_out {
            hidden = layer.forward(hidden);
        }
        TextStates {
            skipped,
            last: self.final_layer_norm.forward(hidden),
        }
    }

    /// States of any layer after the final layer norm, [batch, tokens, hidden_size].
    pub fn normed(&self, states: Tensor<3>) -> Tensor<3> {
        self.final_layer_norm.forward(states)
    }

    /// The texts as a whole, [batch, projection_dim]: of the [last](TextStates::last)
    /// states that of each text's end token, at the positions `ends`, projected.
    ///
    /// # Panics
    /// If its config is not [projected](ClipTextConfig::is_projected).
    pub fn pooled(&self, last: Tensor<3>, ends: &[usize]) -> Tensor<2> {
        let [_, _, width] = last.dims();
        let of_end = |(text, &end): (usize, &usize)| {
            let state = last.clone().narrow(0, text, 1).narrow(1, end, 1);
            state.reshape([1, width])
        };
        let ends = ends.iter().enumerate().map(of_end).collect();
        let projection = self.text_projection.as_ref();
        projection
            .expect("the caller knows that it is projected")
            .forward(Tensor::cat(ends, 0))
    }

    /// Embeddings of tokens and positions, [batch, tokens, hidden_size].
    fn embed(&self, ids: Tensor<2, Int>, given: Option<&GivenEmbeddings>) -> Tensor<3> {
        let [_, tokens] = ids.dims();
        let positions = Tensor::<1, Int>::arange(0..tokens as i64, &ids.device());
        let positions = positions.reshape([1, tokens]);
        let mut embedded = self.embeddings.token_embedding.forward(ids);
        if let Some(given) = given {
            let vectors = given.vectors.clone().cast(embedded.dtype());
            let places = given.places.clone().expand(embedded.shape());
            embedded = embedded.mask_where(places, vectors);
        }
        embedded.add(self.embeddings.position_embedding.forward(positions))
    }
}

impl ClipEncoderLayer {
    /// [batch, tokens, hidden_size] → the same shape.
    fn forward(&self, hidden: Tensor<3>) -> Tensor<3> {
        let normalised = self.layer_norm1.forward(hidden.clone());
        let hidden = hidden.add(self.self_attn.forward(normalised));
        let normalised = self.layer_norm2.forward(hidden.clone());
        hidden.add(self.mlp.forward(normalised))
    }
}

impl ClipAttention {
    /// Causal self-attention: a token sees those before it, [batch, tokens, hidden_size] → same.
    fn forward(&self, hidden: Tensor<3>) -> Tensor<3> {
        let [batch, tokens, width] = hidden.dims();
        let split = |projection: &Linear| {
            projection
                .forward(hidden.clone())
                .reshape([batch, tokens, self.heads, width / self.heads])
                .swap_dims(1, 2)
        };
        let options = AttentionModuleOptions {
            is_causal: true,
            ..Default::default()
        };
        let attended = attention(
            split(&self.q_proj),
            split(&self.k_proj),
            split(&self.v_proj),
            None,
            None,
            options,
        );
        let merged = attended.swap_dims(1, 2).reshape([batch, tokens, width]);
        self.out_proj.forward(merged)
    }
}

impl ClipMlp {
    /// [batch, tokens, hidden_size] → the same shape.
    fn forward(&self, hidden: Tensor<3>) -> Tensor<3> {
        let inner = self.fc1.forward(hidden);
        let activated = match self.activation {
            HiddenActivation::QuickGelu => sigmoid(inner.clone().mul_scalar(1.702)).mul(inner),
            HiddenActivation::Gelu => gelu(inner),
        };
        self.fc2.forward(activated)
    }
}

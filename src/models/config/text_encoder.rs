//! `text_encoder/config.json`.

use serde::Deserialize;

use super::{ConfigError, MOST_CHANNELS, MOST_LAYERS, bounded, divides, norm_epsilon, parse};

/// Activation between the two linear layers of CLIP's feed-forward network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HiddenActivation {
    /// x · sigmoid(1.702 x), OpenAI's CLIP (Stable Diffusion 1.x).
    QuickGelu,
    /// The exact, erf-based GELU, OpenCLIP (Stable Diffusion 2.x).
    Gelu,
}

/// `text_encoder/config.json` of a `CLIPTextModel`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct ClipTextConfig {
    pub vocab_size: usize,
    pub hidden_size: usize,
    pub intermediate_size: usize,
    pub num_hidden_layers: usize,
    pub num_attention_heads: usize,
    pub max_position_embeddings: usize,
    pub hidden_act: HiddenActivation,
    pub layer_norm_eps: f64,
    /// Width of the space in which texts are compared with pictures.
    pub projection_dim: usize,
    /// Whether it carries a text as a whole there (`text_projection`), as the
    /// second text encoder of Stable Diffusion XL does; told by its place.
    #[serde(skip)]
    pub is_projected: bool,
}

impl Default for ClipTextConfig {
    fn default() -> Self {
        Self {
            vocab_size: 49408,
            hidden_size: 512,
            intermediate_size: 2048,
            num_hidden_layers: 12,
            num_attention_heads: 8,
            max_position_embeddings: 77,
            hidden_act: HiddenActivation::QuickGelu,
            layer_norm_eps: 1e-5,
            projection_dim: 512,
            is_projected: false,
        }
    }
}

impl ClipTextConfig {
    /// Reads and checks the JSON text of `text_encoder/config.json`.
    pub fn from_json(json: &[u8]) -> Result<Self, ConfigError> {
        let config: Self = parse("text encoder", json)?;
        config.check()?;
        Ok(config)
    }

    /// Refuses contradictions and sizes that no model has.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let bounded = |key, value, most| bounded("text encoder", key, value, most);
        bounded("vocab_size", self.vocab_size, 1 << 24)?;
        bounded("hidden_size", self.hidden_size, MOST_CHANNELS)?;
        bounded("intermediate_size", self.intermediate_size, MOST_CHANNELS)?;
        bounded("projection_dim", self.projection_dim, MOST_CHANNELS)?;
        bounded("num_hidden_layers", self.num_hidden_layers, MOST_LAYERS)?;
        bounded(
            "max_position_embeddings",
            self.max_position_embeddings,
            1 << 16,
        )?;
        norm_epsilon("text encoder", "layer_norm_eps", self.layer_norm_eps)?;
        // A start token, one of the prompt, an end token.
        if self.max_position_embeddings < 3 {
            return Err(ConfigError::OutOfRange {
                component: "text encoder",
                key: "max_position_embeddings",
                value: self.max_position_embeddings.to_string(),
                rule: "at least 3",
            });
        }
        divides(
            "text encoder",
            "num_attention_heads",
            self.num_attention_heads,
            self.hidden_size,
        )
    }
}

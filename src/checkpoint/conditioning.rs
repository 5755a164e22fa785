//! The one way from prompts to what the UNet reads of them.
//!
//! Nobody else calls a text encoder. What a prompt will contribute further
//! (the states of a second encoder, pooled states, sizes, weights of words)
//! is made here and travels in [`Conditioning`].

use std::sync::Arc;

use burn::tensor::{Int, Tensor, TensorData};

use super::stable_diffusion::StableDiffusion;
use crate::models::unet::PromptContext;
use crate::prompt::TokenizedPrompt;

/// Prompts, ready for every prediction of a run.
#[derive(Debug, Clone)]
pub struct Conditioning {
    /// As they were read, in the order of the batch. A word's token positions
    /// are its columns in the attention maps.
    pub prompts: Vec<Arc<TokenizedPrompt>>,
    /// What the text encoder made of them, [prompts, tokens, width].
    pub hidden_states: Tensor<3>,
    /// The same, prepared for each cross-attention layer.
    pub context: PromptContext,
}

impl StableDiffusion {
    /// Encodes `prompts`, which all have as many tokens: one for a prediction
    /// without guidance, else the negative prompt, then the prompt.
    pub fn condition(&self, prompts: Vec<Arc<TokenizedPrompt>>) -> Conditioning {
        let tokens = prompts.first().map_or(0, |prompt| prompt.ids.len());
        let ids: Vec<i64> = prompts
            .iter()
            .flat_map(|prompt| prompt.ids.iter().map(|&id| i64::from(id)))
            .collect();
        let data = TensorData::new(ids, [prompts.len(), tokens]);
        let ids = Tensor::<2, Int>::from_data(data, &self.device);
        let hidden_states = self.text_encoder.forward(ids);
        Conditioning {
            prompts,
            context: self.unet.prompt_context(hidden_states.clone()),
            hidden_states,
        }
    }

    /// As [`Self::condition`], of prompts as they are written.
    pub fn condition_texts(&self, prompts: &[&str]) -> Conditioning {
        let read = prompts
            .iter()
            .map(|text| self.description.read_prompt(text));
        self.condition(read.collect())
    }
}

//! The one way from prompts to what the UNet reads of them.
//!
//! Nobody else calls a text encoder. What a prompt will contribute further
//! (the states of a second encoder, pooled states, sizes, weights of words)
//! is made here and travels in [`Conditioning`].

use std::sync::Arc;

use burn::tensor::Tensor;

use super::prompt_states::prompt_states;
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
    /// Encodes `prompts`, which all have as many chunks: one for a prediction
    /// without guidance, else the negative prompt, then the prompt.
    pub fn condition(&self, prompts: Vec<Arc<TokenizedPrompt>>) -> Conditioning {
        let empty = self.description.tokenizer.empty_ids();
        let hidden_states = prompt_states(&prompts, &empty, &self.device, &|ids| {
            self.text_encoder.forward(ids)
        });
        Conditioning {
            prompts,
            context: self.unet.prompt_context(hidden_states.clone()),
            hidden_states,
        }
    }

    /// As [`Self::condition`], of literal prompts.
    pub fn condition_texts(&self, prompts: &[&str]) -> Conditioning {
        let read = prompts
            .iter()
            .map(|text| self.description.read_prompt(text));
        self.condition(read.collect())
    }
}

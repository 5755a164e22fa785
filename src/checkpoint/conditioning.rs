//! The one way from prompts to what the UNet reads of them.
//!
//! Nobody else calls a text encoder. What a prompt contributes (the states of one
//! encoder or two, weights of words, the pooled state, the picture's sizes, no
//! prompt at all) is made here and travels in [`Conditioning`].

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use burn::tensor::Tensor;

use super::CheckpointError;
use super::prompt_states::prompt_states;
use super::stable_diffusion::StableDiffusion;
use super::text_encoders::{SecondReading, ids_tensor};
use crate::models::GivenEmbeddings;
use crate::models::unet::{MicroConditioning, PromptContext};
use crate::prompt::TokenizedPrompt;

/// Prompts, ready for every prediction of a run.
#[derive(Debug, Clone)]
pub struct Conditioning {
    /// As they were read, in the order of the batch. A word's token positions
    /// are its columns in the attention maps.
    pub prompts: Vec<Arc<TokenizedPrompt>>,
    /// What the text encoders made of them, [prompts, tokens, width].
    pub hidden_states: Tensor<3>,
    /// Each prompt as a whole, [prompts, pooled width], where a second encoder tells.
    pub pooled: Option<Tensor<2>>,
    /// The same, prepared for each cross-attention layer, with what the UNet is told
    /// besides.
    pub context: PromptContext,
}

/// How text encoders read prompts, beside their words.
#[derive(Debug, Clone)]
pub struct TextReading {
    /// From which layer, counted from the last, the states come; 1 is the last. Two text
    /// encoders give those that the UNet was trained on, whatever is said.
    pub clip_skip: usize,
    /// Of each known word in the prompts its vectors, one behind the other.
    pub vectors: BTreeMap<String, Vec<f32>>,
}

impl Default for TextReading {
    fn default() -> Self {
        Self {
            clip_skip: 1,
            vectors: BTreeMap::new(),
        }
    }
}

/// What the text encoders make of prompts.
struct EncodedText {
    /// Of two encoders the states of both behind each other.
    hidden_states: Tensor<3>,
    pooled: Option<Tensor<2>>,
}

impl StableDiffusion {
    /// Encodes `prompts`, which all have as many chunks: one for a prediction
    /// without guidance, else the negative prompt, then the prompt. `sizes` are read
    /// by models that are told them.
    ///
    /// # Errors
    /// If text encoders had left the device and do not come back.
    pub fn condition(
        &self,
        prompts: Vec<Arc<TokenizedPrompt>>,
        sizes: &MicroConditioning,
    ) -> Result<Conditioning, CheckpointError> {
        self.condition_with(prompts, sizes, &TextReading::default())
    }

    /// As [`Self::condition`], read in another way.
    ///
    /// # Errors
    /// As there.
    pub fn condition_with(
        &self,
        prompts: Vec<Arc<TokenizedPrompt>>,
        sizes: &MicroConditioning,
        reading: &TextReading,
    ) -> Result<Conditioning, CheckpointError> {
        let EncodedText {
            hidden_states,
            pooled,
        } = self.encode_or_none(&prompts, reading)?;
        self.text_encoders.leave_if_large();
        let context = self.unet.prompt_context(hidden_states.clone());
        let added = pooled
            .clone()
            .and_then(|pooled| self.unet.added_condition(pooled, sizes));
        Ok(Conditioning {
            prompts,
            context: match added {
                Some(added) => context.with_added(added),
                None => context,
            },
            hidden_states,
            pooled,
        })
    }

    /// As [`Self::condition`], of literal prompts and a picture of the model's own
    /// size.
    ///
    /// # Errors
    /// As there.
    pub fn condition_texts(&self, prompts: &[&str]) -> Result<Conditioning, CheckpointError> {
        let read = prompts
            .iter()
            .map(|text| self.description.read_prompt(text));
        let sizes = MicroConditioning::of_picture(self.description.native_size());
        self.condition(read.collect(), &sizes)
    }

    /// The prompts' states; those of an empty negative prompt are zeros where the
    /// model was meant to be given none.
    fn encode_or_none(
        &self,
        prompts: &[Arc<TokenizedPrompt>],
        reading: &TextReading,
    ) -> Result<EncodedText, CheckpointError> {
        match prompts {
            [negative, prompt]
                if self.description.zero_empty_negative && negative.text.is_empty() =>
            {
                let given = self.encode(std::slice::from_ref(prompt), reading)?;
                let states = given.hidden_states;
                let pooled = given.pooled;
                Ok(EncodedText {
                    hidden_states: Tensor::cat(vec![states.zeros_like(), states], 0),
                    pooled: pooled.map(|pooled| Tensor::cat(vec![pooled.zeros_like(), pooled], 0)),
                })
            }
            _ => self.encode(prompts, reading),
        }
    }

    fn encode(
        &self,
        prompts: &[Arc<TokenizedPrompt>],
        reading: &TextReading,
    ) -> Result<EncodedText, CheckpointError> {
        let (encoders, description) = (&self.text_encoders, &self.description);
        let empty = description.tokenizer.empty_ids();
        let (device, vectors) = (&self.device, &reading.vectors);
        let first = encoders.first.network()?;
        let (Some(encoder), Some(known)) = (&encoders.second, &description.second_text_encoder)
        else {
            let left_out = reading.clip_skip.saturating_sub(1);
            let encode = |ids: &[Vec<u32>], given: Option<&GivenEmbeddings>| {
                let states = first.states_with(ids_tensor(ids, device), given, left_out);
                first.normed(states.skipped)
            };
            return Ok(EncodedText {
                hidden_states: prompt_states(prompts, &empty, vectors, device, &encode),
                pooled: None,
            });
        };
        // Stable Diffusion XL was trained on the states before the last layer.
        let encode = |ids: &[Vec<u32>], given: Option<&GivenEmbeddings>| {
            first.states_with(ids_tensor(ids, device), given, 1).skipped
        };
        let of_first = prompt_states(prompts, &empty, vectors, device, &encode);
        let second = encoder.network()?;
        let pooled = RefCell::new(None);
        // No word that was taught to the second is known.
        let nothing = BTreeMap::new();
        let of_second = prompt_states(prompts, &empty, &nothing, device, &|ids, _| {
            let reading = SecondReading::new(ids, description.tokenizer.end(), known.padding);
            let states = second.states(ids_tensor(&reading.ids, device), 1);
            // A prompt as a whole is what its first chunk says.
            let chunks = prompts.iter().scan(0, |next, prompt| {
                let first = *next;
                *next += prompt.chunks.len();
                Some(first)
            });
            let firsts: Vec<usize> = chunks.collect();
            let rows = firsts
                .iter()
                .map(|&row| states.last.clone().narrow(0, row, 1));
            let last = Tensor::cat(rows.collect(), 0);
            let ends: Vec<usize> = firsts.iter().map(|&row| reading.ends[row]).collect();
            pooled.replace(Some(second.pooled(last, &ends)));
            states.skipped
        });
        Ok(EncodedText {
            hidden_states: Tensor::cat(vec![of_first, of_second], 2),
            pooled: pooled.into_inner(),
        })
    }
}

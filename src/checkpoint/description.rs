//! What a checkpoint is: known once it is opened, the same once it is built.

use std::fmt;
use std::sync::Arc;

use super::family::Family;
use super::notice::CheckpointNotice;
use super::parts::SecondTextEncoder;
use super::prediction::PredictionSource;
use super::source::CheckpointSource;
use crate::diffusion::{OwnWalk, SchedulerConfig};
use crate::models::LatentRgb;
use crate::models::config::{AutoencoderConfig, ClipTextConfig, UNetConfig};
use crate::prompt::{ClipTokenizer, KnownWords, ModelVocabulary, PromptWeights, TokenizedPrompt};
use crate::storm::{PromptFacts, SizeExtents};

/// How a checkpoint is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    Embedded,
    Folder,
    /// One file; whether its UNet is the moving average of the training run.
    File {
        averaged: bool,
    },
}

impl fmt::Display for Layout {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Embedded => "part of the program",
            Self::Folder => "diffusers folder",
            Self::File { averaged: false } => "single file",
            Self::File { averaged: true } => "single file, its moving average (EMA)",
        })
    }
}

/// What a checkpoint is, its configs read and checked.
#[derive(Debug, Clone)]
pub struct ModelDescription {
    /// Name shown to people and written into pictures.
    pub name: String,
    pub source: CheckpointSource,
    pub layout: Layout,
    pub family: Family,
    /// The checkpoint's own scheduler; in it, what the UNet predicts.
    pub scheduler: SchedulerConfig,
    pub prediction_source: PredictionSource,
    pub text_config: ClipTextConfig,
    /// Of Stable Diffusion XL.
    pub second_text_encoder: Option<SecondTextEncoder>,
    /// Whether an empty negative prompt is no prompt at all, all zeros.
    pub zero_empty_negative: bool,
    pub unet_config: UNetConfig,
    pub vae_config: AutoencoderConfig,
    pub tokenizer: Arc<ClipTokenizer>,
    /// Colours of latents, where no decoder paints previews.
    pub latent_rgb: LatentRgb,
    /// What it knows, where its folder says so.
    pub vocabulary: Option<Arc<ModelVocabulary>>,
    /// What is worth saying of it although it opens.
    pub notices: Vec<CheckpointNotice>,
}

impl ModelDescription {
    /// A prompt as this model reads it where every character counts as it is.
    pub fn read_prompt(&self, prompt: &str) -> Arc<TokenizedPrompt> {
        Arc::new(self.tokenizer.encode(prompt))
    }

    /// Prompts of one batch as this model reads them, all with as many chunks.
    pub fn read_prompts<const N: usize>(
        &self,
        prompts: [&str; N],
        weighting: PromptWeights,
        known: &KnownWords,
    ) -> [Arc<TokenizedPrompt>; N] {
        let read = prompts.map(|prompt| self.tokenizer.read_with(prompt, weighting, known));
        let chunks = read.iter().map(|prompt| prompt.own_chunks).max();
        let chunks = chunks.unwrap_or(1);
        read.map(|prompt| match prompt.own_chunks == chunks {
            true => Arc::new(prompt),
            false => Arc::new(self.tokenizer.padded(&prompt, chunks)),
        })
    }

    /// Numbers of each vector of a textual inversion that it can read; two text encoders
    /// read none.
    pub fn taught_width(&self) -> usize {
        match self.second_text_encoder {
            None => self.text_config.hidden_size,
            Some(_) => 0,
        }
    }

    /// What objectives need to know of a prompt that this model read.
    pub fn prompt_facts(&self, prompt: &TokenizedPrompt) -> PromptFacts {
        // Between a first position and a last one; further chunks have theirs behind.
        let positions = prompt.inner_positions().end + 1;
        let facts = PromptFacts::new(prompt.text.clone(), positions, prompt.end);
        PromptFacts {
            tokens: prompt.ids.len(),
            released_columns: self.family.released_columns(&facts),
            ..facts
        }
    }

    /// Its own small and big, if its vocabulary says them.
    pub fn sizes(&self) -> Option<SizeExtents> {
        self.vocabulary.as_ref()?.extents
    }

    /// How the model is meant to be walked.
    pub fn own_walk(&self) -> OwnWalk {
        self.scheduler.own_walk(self.unet_config.is_told_guidance())
    }

    /// Pixels along one side per latent cell.
    pub fn pixels_per_cell(&self) -> usize {
        self.vae_config.downscale_factor()
    }

    /// Width and height of a picture must be multiples of this many pixels.
    pub fn size_multiple(&self) -> usize {
        self.pixels_per_cell() * self.unet_config.side_multiple()
    }

    /// Whether its pictures are conditioned on sizes, as those of Stable Diffusion XL.
    pub fn is_told_sizes(&self) -> bool {
        self.unet_config.text_time().is_some()
    }

    /// Width and height in pixels of the pictures that the model was trained on.
    pub fn native_size(&self) -> [usize; 2] {
        let [rows, columns] = self.unet_config.sample_size.height_width();
        let pixels = self.pixels_per_cell();
        [columns * pixels, rows * pixels]
    }
}

//! What the objectives need to know about the prompt besides the layout.

use std::ops::Range;

/// Facts of one tokenized prompt, as its model reads it. A column of the maps is
/// a position of the text encoder's input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptFacts {
    /// The prompt as typed; only the released objective reads it, for the
    /// relation's words.
    pub prompt: String,
    /// Columns of the maps, 77 for CLIP.
    pub tokens: usize,
    /// Columns that compete for a pixel: all but the start and the last one,
    /// padding included.
    pub columns: Range<usize>,
    /// Those of them that hold the prompt's own tokens.
    pub prompt_columns: Range<usize>,
    /// Those that the released objective compares in a step's own losses; in
    /// refinements it compares all [`columns`](Self::columns).
    pub released_columns: Range<usize>,
}

impl PromptFacts {
    /// Of a prompt at `tokens` positions whose first end token is at `end_token`.
    /// The released objective compares all columns, as for Stable Diffusion 1.x.
    pub fn new(prompt: impl Into<String>, tokens: usize, end_token: usize) -> Self {
        let last = tokens.saturating_sub(1).max(1);
        Self {
            prompt: prompt.into(),
            tokens,
            columns: 1..last,
            prompt_columns: 1..end_token.clamp(1, last),
            released_columns: 1..last,
        }
    }
}

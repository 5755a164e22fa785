//! What the objectives need to know about the prompt besides the layout.

/// Facts of one tokenized prompt and its model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptFacts {
    /// The prompt as typed; only the released objective reads it, for the
    /// relation's words.
    pub prompt: String,
    /// Text positions of the model, 77 for CLIP.
    pub tokens: usize,
    /// Position of the first end token; the padding follows it.
    pub end_token: usize,
    /// Whether the UNet's transformers use linear projections, as Stable
    /// Diffusion 2.x does; the released objective has a flag for that family.
    pub linear_projection: bool,
}

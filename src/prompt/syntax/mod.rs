//! What people write into a prompt beside its words: weights, breaks, networks.
//!
//! `(x)`, `[x]`, `(x:1.3)`, `BREAK` and `<lora:name:0.8>` as A1111 and ComfyUI
//! read them. Out come [`Segment`]s, runs of text of one weight, each of which
//! knows where in the prompt it stands, so that words keep their spans.

mod lexer;
mod networks;
mod note;
mod segment;

pub use networks::{NetworkKind, NetworkTag, find as network_tags};
pub use note::SyntaxNote;
pub(super) use segment::Segment;

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr, VariantArray};

use crate::choices;
use lexer::{Bracket, Item};

/// What `(x)` multiplies the weight by, and `[x]` divides it by.
const EMPHASIS: f64 = 1.1;
/// Weights are kept between minus this and this.
const LARGEST_WEIGHT: f64 = 100.0;

/// How a prompt's brackets are read, and what a weight does to the states of the
/// text encoder.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    Display,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(
    serialize_all = "lowercase",
    ascii_case_insensitive,
    parse_err_ty = UnknownPromptWeights,
    parse_err_fn = UnknownPromptWeights::of
)]
pub enum PromptWeights {
    /// States are multiplied by their weight, and their mean is restored.
    #[default]
    A1111,
    /// States are moved along the way from those of the empty prompt.
    Comfyui,
    /// Every character counts as it is, and what is too long is cut off.
    Literal,
}

impl PromptWeights {
    /// The name on the screen.
    pub fn label(self) -> &'static str {
        match self {
            Self::A1111 => "A1111",
            Self::Comfyui => "ComfyUI",
            Self::Literal => "Literal",
        }
    }

    /// One sentence.
    pub fn explanation(self) -> &'static str {
        match self {
            Self::A1111 => {
                "(cat), [cat] and (cat:1.3) weigh words as in A1111: their states are multiplied \
                 and the mean is restored."
            }
            Self::Comfyui => {
                "(cat) and (cat:1.3) weigh words as in ComfyUI: their states move along the way \
                 from the empty prompt's."
            }
            Self::Literal => {
                "Brackets are signs like any other, and a prompt ends with the last token that \
                 the text encoder reads at once."
            }
        }
    }
}

/// The text names no way of reading weights.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("“{0}” is no way to read weights; use {known}", known = choices::all::<PromptWeights>())]
pub struct UnknownPromptWeights(pub String);

impl UnknownPromptWeights {
    fn of(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// A prompt taken apart.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct ParsedPrompt {
    /// In the order of the prompt; neighbours differ in weight or are parted by
    /// a break. There is one at least.
    pub segments: Vec<Segment>,
    /// The networks that the prompt asks for.
    pub networks: Vec<NetworkTag>,
    /// What was read otherwise than it may be meant.
    pub notes: Vec<SyntaxNote>,
}

/// Takes `prompt` apart.
pub(super) fn parse(prompt: &str, weights: PromptWeights) -> ParsedPrompt {
    if weights == PromptWeights::Literal {
        let mut whole = Segment::new(1.0, 0);
        whole.push(prompt, 0..prompt.len());
        return ParsedPrompt {
            segments: vec![whole],
            ..ParsedPrompt::default()
        };
    }
    let networks = networks::find(prompt);
    let mut items = lexer::items(prompt, weights, &networks);
    let mut notes = pair_brackets(prompt, weights, &mut items);
    let mut reader = Reader::new(weights);
    for item in &items {
        reader.take(prompt, item);
    }
    let largest = LARGEST_WEIGHT;
    notes.extend(reader.is_clamped.then_some(SyntaxNote::Clamped { largest }));
    notes.extend(reader.is_scheduled.then_some(SyntaxNote::Scheduled));
    ParsedPrompt {
        segments: reader.segments,
        networks,
        notes,
    }
}

/// Gives each opening bracket the weight of its closing one; brackets that have
/// no partner become what the rule makes of them.
fn pair_brackets(prompt: &str, weights: PromptWeights, items: &mut [Item]) -> Vec<SyntaxNote> {
    let mut open: [Vec<usize>; 2] = Default::default();
    let mut without_partner = Vec::new();
    for index in 0..items.len() {
        match items[index] {
            Item::Open { bracket, .. } => open[bracket as usize].push(index),
            Item::Close {
                bracket,
                weight,
                ref span,
            } => match open[bracket as usize].pop() {
                Some(opening) => {
                    if let Item::Open { weight: known, .. } = &mut items[opening] {
                        *known = weight;
                    }
                }
                None => {
                    without_partner.push(span.end - 1);
                    items[index] = Item::Text(span.clone());
                }
            },
            Item::Text(_) | Item::Break => {}
        }
    }
    for index in open.into_iter().flatten() {
        if let Item::Open { span, .. } = &items[index] {
            without_partner.push(span.start);
            // In A1111 its weight reaches to the end.
            if weights == PromptWeights::Comfyui {
                items[index] = Item::Text(span.clone());
            }
        }
    }
    without_partner.sort_unstable();
    let count = without_partner.len();
    let first = without_partner.first();
    let bracket = first.and_then(|&place| prompt[place..].chars().next());
    let note = bracket.map(|bracket| SyntaxNote::Unbalanced { bracket, count });
    note.into_iter().collect()
}

/// Follows the brackets and gathers segments.
struct Reader {
    weights: PromptWeights,
    /// For each kind of bracket the weights inside those that are open.
    stacks: [Vec<f64>; 2],
    segments: Vec<Segment>,
    /// Breaks since the last segment.
    breaks: usize,
    is_clamped: bool,
    is_scheduled: bool,
}

impl Reader {
    fn new(weights: PromptWeights) -> Self {
        Self {
            weights,
            stacks: Default::default(),
            segments: vec![Segment::new(1.0, 0)],
            breaks: 0,
            is_clamped: false,
            is_scheduled: false,
        }
    }

    fn take(&mut self, prompt: &str, item: &Item) {
        match item {
            Item::Open {
                bracket, weight, ..
            } => {
                let stack = &mut self.stacks[*bracket as usize];
                let around = stack.last().copied().unwrap_or(1.0);
                stack.push(match (bracket, weight) {
                    (Bracket::Square, _) => around / EMPHASIS,
                    (Bracket::Round, None) => around * EMPHASIS,
                    // There a number says the weight, whatever is around.
                    (Bracket::Round, Some(weight)) if self.weights == PromptWeights::Comfyui => {
                        *weight
                    }
                    (Bracket::Round, Some(weight)) => around * weight,
                });
            }
            Item::Close { bracket, .. } => {
                self.stacks[*bracket as usize].pop();
            }
            Item::Break => self.breaks += 1,
            Item::Text(span) => self.text(prompt, span.clone()),
        }
    }

    fn text(&mut self, prompt: &str, span: std::ops::Range<usize>) {
        let inside = |stack: &Vec<f64>| stack.last().copied().unwrap_or(1.0);
        let weight: f64 = self.stacks.iter().map(inside).product();
        let kept = weight.clamp(-LARGEST_WEIGHT, LARGEST_WEIGHT);
        self.is_clamped |= kept != weight;
        let is_in_squares = !self.stacks[Bracket::Square as usize].is_empty();
        self.is_scheduled |= is_in_squares && prompt[span.clone()].contains([':', '|']);
        let weight = kept as f32;
        let breaks = std::mem::take(&mut self.breaks);
        let last = self.segments.last_mut().expect("there is one at least");
        if breaks == 0 && last.weight == weight {
            last.push(prompt, span);
            return;
        }
        let mut segment = Segment::new(weight, breaks);
        segment.push(prompt, span);
        self.segments.push(segment);
    }
}

#[cfg(test)]
mod tests;

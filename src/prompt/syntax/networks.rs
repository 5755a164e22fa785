//! Networks that a prompt asks for: `<lora:name:0.8>`.
//!
//! A1111's notation: a name, the weight, and where the text encoder's and the
//! UNet's differ, both. ComfyUI has none of its own; its users know this one.

use std::ops::Range;
use std::sync::LazyLock;

use serde::Serialize;
use strum::{Display, EnumString};
use tokenizers::utils::SysRegex;

/// What a tag asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Display, EnumString)]
#[strum(ascii_case_insensitive)]
pub enum NetworkKind {
    /// LyCORIS files are LoRAs of other forms.
    #[strum(to_string = "LoRA", serialize = "lora", serialize = "lyco")]
    Lora,
    #[strum(to_string = "hypernetwork", serialize = "hypernet")]
    Hypernetwork,
}

/// One tag.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NetworkTag {
    pub kind: NetworkKind,
    /// The file's name without its ending.
    pub name: String,
    /// Weight in the text encoder and in the UNet; `None` if what stands there is
    /// no number.
    pub weights: Option<[f64; 2]>,
    /// Its bytes in the prompt.
    pub span: Range<usize>,
}

/// Longest tag in bytes.
const LONGEST: usize = 400;

static TAG: LazyLock<SysRegex> = LazyLock::new(|| {
    let pattern =
        r"<(?:[lL][oO][rR][aA]|[lL][yY][cC][oO]|[hH][yY][pP][eE][rR][nN][eE][tT]):[^<>]+>";
    SysRegex::new(pattern).expect("the pattern is fixed and valid")
});

/// Every tag of a prompt, in its order.
pub fn find(prompt: &str) -> Vec<NetworkTag> {
    if !prompt.contains('<') {
        return Vec::new();
    }
    let spans = TAG.find_iter(prompt);
    spans
        .filter(|(start, end)| end - start <= LONGEST)
        .filter_map(|(start, end)| tag(prompt, start..end))
        .collect()
}

fn tag(prompt: &str, span: Range<usize>) -> Option<NetworkTag> {
    let inside = &prompt[span.start + 1..span.end - 1];
    let mut parts = inside.split(':');
    let kind = parts.next()?.parse().ok()?;
    let name = parts.next()?.trim().to_owned();
    let mut weights = [None, None];
    let mut is_wrong = name.is_empty();
    for (index, part) in parts.enumerate() {
        // Named, or by their place.
        let (place, number) = match part.split_once('=') {
            Some((key, number)) if key.trim() == "te" => (0, number),
            Some((key, number)) if key.trim() == "unet" => (1, number),
            // Of dynamic rank, which merging does not need.
            Some(_) => continue,
            None => (index, part),
        };
        let number: Option<f64> = number.trim().parse().ok();
        match (weights.get_mut(place), number) {
            (Some(weight), Some(number)) if number.is_finite() => *weight = Some(number),
            (None, _) => {}
            _ => is_wrong = true,
        }
    }
    let text_encoder = weights[0].unwrap_or(1.0);
    let both = [text_encoder, weights[1].unwrap_or(text_encoder)];
    Some(NetworkTag {
        kind,
        name,
        weights: (!is_wrong).then_some(both),
        span,
    })
}

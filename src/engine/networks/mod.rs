//! Which files the names of LoRAs mean, and what a request asks of them.
//!
//! A request names its LoRAs, in its settings and in its prompt; a library, which
//! travels with it and is in no picture, says where they lie.

mod library;
mod proposed_walk;

use serde::{Deserialize, Serialize};

use crate::prompt::{NetworkKind, NetworkTag};
pub use library::{InversionFile, NetworkFile, NetworkLibrary};
pub use proposed_walk::ProposedWalk;

/// A LoRA that is asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoraChoice {
    /// The file's name without its ending.
    pub name: String,
    /// How strongly it acts; negative turns it round.
    pub weight: f64,
    /// The same in the text encoder alone, where that differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_encoder_weight: Option<f64>,
}

impl LoraChoice {
    /// One that acts with the same `weight` everywhere.
    pub fn new(name: impl Into<String>, weight: f64) -> Self {
        Self {
            name: name.into(),
            weight,
            text_encoder_weight: None,
        }
    }

    /// One with weights in the text encoder and in the UNet.
    pub fn with_weights(name: impl Into<String>, [text_encoder, unet]: [f64; 2]) -> Self {
        Self {
            text_encoder_weight: (text_encoder != unet).then_some(text_encoder),
            ..Self::new(name, unet)
        }
    }

    /// In the text encoder and in the UNet.
    pub fn weights(&self) -> [f64; 2] {
        [self.text_encoder_weight.unwrap_or(self.weight), self.weight]
    }

    /// As a prompt asks for it.
    pub fn tag(&self) -> String {
        let Self { name, weight, .. } = self;
        match self.text_encoder_weight {
            Some(text_encoder) => format!("<lora:{name}:{text_encoder}:{weight}>"),
            None => format!("<lora:{name}:{weight}>"),
        }
    }
}

/// What a picture was made with, beside its model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UsedNetwork {
    #[serde(default)]
    pub kind: UsedKind,
    pub name: String,
    /// SHA-256 in hexadecimal: of a LoRA's tensors, of a textual inversion's file.
    pub hash: String,
    /// In the text encoder and in the UNet.
    pub weights: [f64; 2],
}

/// What was used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UsedKind {
    #[default]
    Lora,
    TextualInversion,
}

impl UsedNetwork {
    /// The hash as A1111 writes it.
    pub fn short_hash(&self) -> &str {
        let digits = match self.kind {
            UsedKind::Lora => 12,
            UsedKind::TextualInversion => 10,
        };
        self.hash.get(..digits).unwrap_or(&self.hash)
    }
}

/// A LoRA that a request asks for, by name.
#[derive(Debug, Clone, PartialEq)]
pub struct AskedLora {
    pub name: String,
    /// In the text encoder and in the UNet.
    pub weights: [f64; 2],
}

/// What settings and prompt ask for, in that order.
///
/// # Errors
/// The first tag whose weight is no number.
pub fn asked_loras<'a>(
    choices: &[LoraChoice],
    tags: &'a [NetworkTag],
) -> Result<Vec<AskedLora>, &'a NetworkTag> {
    let chosen = choices.iter().map(|choice| {
        Ok(AskedLora {
            name: choice.name.clone(),
            weights: choice.weights(),
        })
    });
    let tags = tags.iter().filter(|tag| tag.kind == NetworkKind::Lora);
    let tagged = tags.map(|tag| {
        Ok(AskedLora {
            name: tag.name.clone(),
            weights: tag.weights.ok_or(tag)?,
        })
    });
    chosen.chain(tagged).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_that_differ_are_kept_and_asked_for() {
        let same = LoraChoice::with_weights("a", [0.5, 0.5]);
        assert_eq!(
            (same.tag().as_str(), same.weights()),
            ("<lora:a:0.5>", [0.5; 2])
        );
        let json = serde_json::to_string(&same).unwrap();
        assert_eq!(json, r#"{"name":"a","weight":0.5}"#);
        let apart = LoraChoice::with_weights("a", [0.25, -1.0]);
        assert_eq!(apart.tag(), "<lora:a:0.25:-1>");
        let json = serde_json::to_string(&apart).unwrap();
        assert_eq!(serde_json::from_str::<LoraChoice>(&json).unwrap(), apart);
        let asked = asked_loras(&[same, apart], &[]).unwrap();
        let weights: Vec<[f64; 2]> = asked.iter().map(|lora| lora.weights).collect();
        assert_eq!(weights, [[0.5, 0.5], [0.25, -1.0]]);
    }
}

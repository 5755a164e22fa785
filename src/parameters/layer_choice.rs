//! Cross-attention layers of a UNet by name, in the words of its weight keys, as
//! `up_blocks.0.attentions.1.transformer_blocks.1-3`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Cross-attention layers of one block of the UNet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct LayerChoice {
    block: LayerBlock,
    /// Of one transformer of the block; `None`: of all.
    transformer: Option<usize>,
    /// The first and the last of its transformer blocks; `None`: all.
    layers: Option<(usize, usize)>,
}

/// A block of the UNet that attends to the prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LayerBlock {
    Down(usize),
    Mid,
    Up(usize),
}

/// A choice of layers that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "“{0}” names no layers; write down_blocks.N, mid_block or up_blocks.N, then .attentions.N and \
     .transformer_blocks.N or N-M if not all, as up_blocks.0.attentions.1.transformer_blocks.1-3"
)]
pub struct LayerChoiceError(String);

impl LayerChoice {
    /// Whether it names block `number` of that transformer of that block.
    pub fn holds(&self, block: LayerBlock, transformer: usize, number: usize) -> bool {
        block == self.block
            && self.transformer.is_none_or(|chosen| chosen == transformer)
            && self
                .layers
                .is_none_or(|(first, last)| (first..=last).contains(&number))
    }
}

impl fmt::Display for LayerChoice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.block {
            LayerBlock::Down(block) => write!(formatter, "down_blocks.{block}")?,
            LayerBlock::Mid => write!(formatter, "mid_block")?,
            LayerBlock::Up(block) => write!(formatter, "up_blocks.{block}")?,
        }
        if let Some(transformer) = self.transformer {
            write!(formatter, ".attentions.{transformer}")?;
        }
        match self.layers {
            None => Ok(()),
            Some((first, last)) if first == last => {
                write!(formatter, ".transformer_blocks.{first}")
            }
            Some((first, last)) => write!(formatter, ".transformer_blocks.{first}-{last}"),
        }
    }
}

impl From<LayerChoice> for String {
    fn from(choice: LayerChoice) -> Self {
        choice.to_string()
    }
}

impl TryFrom<String> for LayerChoice {
    type Error = LayerChoiceError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl FromStr for LayerChoice {
    type Err = LayerChoiceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text.trim()).ok_or_else(|| LayerChoiceError(text.trim().to_string()))
    }
}

impl LayerChoice {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let number = |parts: &mut std::str::Split<'_, char>| parts.next()?.parse().ok();
        let block = match parts.next()? {
            "down_blocks" => LayerBlock::Down(number(&mut parts)?),
            "mid_block" => LayerBlock::Mid,
            "up_blocks" => LayerBlock::Up(number(&mut parts)?),
            _ => return None,
        };
        let transformer = match parts.next() {
            None => None,
            Some("attentions") => Some(number(&mut parts)?),
            Some(_) => return None,
        };
        let layers = match parts.next() {
            None => None,
            Some("transformer_blocks") => {
                let range = parts.next()?;
                let (first, last) = range.split_once('-').unwrap_or((range, range));
                let (first, last) = (first.parse().ok()?, last.parse().ok()?);
                (first <= last).then_some(())?;
                Some((first, last))
            }
            Some(_) => return None,
        };
        parts.next().is_none().then_some(Self {
            block,
            transformer,
            layers,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_named_as_the_weights_are() {
        for text in [
            "up_blocks.0.attentions.1.transformer_blocks.1-3",
            "up_blocks.0.attentions.1.transformer_blocks.2",
            "down_blocks.2.attentions.0",
            "up_blocks.1",
            "mid_block",
            "mid_block.attentions.0.transformer_blocks.0-9",
        ] {
            assert_eq!(text.parse::<LayerChoice>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "up_blocks",
            "up_blocks.x",
            "up_blocks.0.resnets.1",
            "up_blocks.0.attentions.1.transformer_blocks.3-1",
            "up_blocks.0.attentions.1.transformer_blocks.1-3.attn2",
        ] {
            let error = text.parse::<LayerChoice>().unwrap_err();
            assert!(error.to_string().contains("up_blocks.0.att"), "{error}");
        }
    }

    #[test]
    fn a_choice_holds_what_it_names() {
        let choice: LayerChoice = "up_blocks.0.attentions.1.transformer_blocks.1-3"
            .parse()
            .unwrap();
        let [up, next] = [0, 1].map(LayerBlock::Up);
        let held = (0..10).filter(|number| choice.holds(up, 1, *number));
        assert_eq!(held.collect::<Vec<_>>(), [1, 2, 3]);
        assert!(!choice.holds(up, 0, 2) && !choice.holds(next, 1, 2));
        assert!(!choice.holds(LayerBlock::Mid, 0, 2));
        let all: LayerChoice = "mid_block".parse().unwrap();
        assert!(all.holds(LayerBlock::Mid, 0, 9));
    }
}

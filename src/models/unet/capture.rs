//! Which cross-attention layers a pass reads the maps of.
//!
//! Maps that are averaged lie on one grid. By default they are those of all layers
//! there; a [`LayerChoice`] names some of them.

use std::fmt;

use super::stage::{Grid, PlannedStage, Stage};
use crate::parameters::{LayerBlock, LayerChoice};

/// The grid of the maps, and the layers if not all there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capture {
    pub grid: Grid,
    pub layers: Option<LayerChoice>,
}

impl From<Grid> for Capture {
    /// All layers on the grid.
    fn from(grid: Grid) -> Self {
        Self { grid, layers: None }
    }
}

impl Capture {
    /// Whether it reads block `block` of the transformer of a stage, in a pass of
    /// latents of `latents` cells.
    pub(super) fn holds(&self, latents: Grid, planned: &PlannedStage, block: usize) -> bool {
        planned.transformer.is_some()
            && latents.at_level(planned.level) == self.grid
            && self
                .layers
                .is_none_or(|layers| is_chosen(&layers, planned.stage, block))
    }

    /// Whether it reads anything that runs in this stage.
    pub(super) fn is_in(&self, latents: Grid, planned: &PlannedStage) -> bool {
        let mut blocks = planned.part.blocks();
        blocks.any(|block| self.holds(latents, planned, block))
    }
}

/// A choice of layers that a model does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this model has no cross-attention layers {0}; those that it has are {1}")]
pub struct NoSuchLayers(pub LayerChoice, pub LayerRange);

/// Blocks that attend to the prompt, for a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerRange {
    pub(super) down: Option<(usize, usize)>,
    pub(super) up: Option<(usize, usize)>,
}

impl fmt::Display for LayerRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let range = |name: &str, range: Option<(usize, usize)>| match range {
            Some((first, last)) if first == last => format!("{name}.{first}, "),
            Some((first, last)) => format!("{name}.{first} to {name}.{last}, "),
            None => String::new(),
        };
        write!(
            formatter,
            "in {}{}mid_block",
            range("down_blocks", self.down),
            range("up_blocks", self.up)
        )
    }
}

/// Whether transformer block `number` of the stage's transformer is one of `choice`.
pub(super) fn is_chosen(choice: &LayerChoice, stage: Stage, number: usize) -> bool {
    match stage {
        Stage::DownLayer { block, layer } => choice.holds(LayerBlock::Down(block), layer, number),
        Stage::Mid => choice.holds(LayerBlock::Mid, 0, number),
        Stage::UpLayer { block, layer } => choice.holds(LayerBlock::Up(block), layer, number),
        _ => false,
    }
}

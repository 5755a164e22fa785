//! The UNet as a list of stages, so that a pass can end early and be cancelled in between.
//!
//! A stage takes the sample and the stack of skip connections and returns both.
//! A pass that only wants attention maps ends after the last stage that holds a
//! captured layer; at 64 × 64 latents that saves about half of the network.

use burn::tensor::Tensor;

use crate::models::config::UNetConfig;

/// The run was cancelled between two stages; nothing of the pass is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cancelled")]
pub struct Cancelled;

/// Size of a feature map in cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Grid {
    pub rows: usize,
    pub columns: usize,
}

impl Grid {
    /// This grid `level` halvings further; sizes are multiples of the model's
    /// [`UNetConfig::side_multiple`], so nothing is rounded.
    pub fn at_level(self, level: usize) -> Self {
        Self {
            rows: self.rows >> level,
            columns: self.columns >> level,
        }
    }
}

/// One step through the network; `block` and `layer` index diffusers' own lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The first convolution.
    ConvIn,
    /// A resnet and, where the block has attention, its transformer.
    DownLayer { block: usize, layer: usize },
    /// The halving at the end of a down block.
    Downsample { block: usize },
    /// The mid block.
    Mid,
    /// A skip connection taken in, a resnet and, where the block has it, attention.
    UpLayer { block: usize, layer: usize },
    /// The doubling at the end of an up block.
    Upsample { block: usize },
    /// The last norm and convolution.
    ConvOut,
}

impl Stage {
    /// Whether the way up takes this stage's output in.
    pub(in crate::models) fn leaves_skip(self) -> bool {
        matches!(
            self,
            Self::ConvIn | Self::DownLayer { .. } | Self::Downsample { .. }
        )
    }

    /// Whether this stage takes a skip connection in.
    pub(super) fn takes_skip(self) -> bool {
        matches!(self, Self::UpLayer { .. })
    }
}

/// A stage, the level at which it runs and the transformer it holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct PlannedStage {
    pub(super) stage: Stage,
    /// Halvings of the latents' grid where the stage's attention runs.
    pub(super) level: usize,
    /// Which of the network's transformers, counted in order of execution.
    pub(super) transformer: Option<usize>,
}

/// The size of one stage for latents of a known size, batch 1.
#[derive(Debug, Clone, Copy)]
pub struct StageShape {
    pub stage: Stage,
    pub channels_in: usize,
    pub channels: usize,
    /// Cells of its larger side, input or output.
    pub cells: usize,
    /// Whether it holds a transformer.
    pub attends: bool,
}

impl UNetConfig {
    /// The stages in order of execution, with their sizes for `latents`.
    pub fn stage_shapes(&self, latents: Grid) -> Vec<StageShape> {
        let widths = &self.block_out_channels;
        let shape = |planned: &PlannedStage| {
            let level = planned.level;
            let channels = widths[level];
            let coarser = widths[(level + 1).min(widths.len() - 1)];
            let finer = widths[level.saturating_sub(1)];
            let (channels_in, channels, level) = match planned.stage {
                Stage::ConvIn => (self.in_channels, channels, level),
                Stage::ConvOut => (channels, self.out_channels, level),
                Stage::DownLayer { layer: 0, .. } => (finer, channels, level),
                Stage::DownLayer { .. } | Stage::Downsample { .. } | Stage::Mid => {
                    (channels, channels, level)
                }
                Stage::Upsample { .. } => (channels, channels, level - 1),
                Stage::UpLayer { layer, .. } => {
                    let sample = if layer == 0 { coarser } else { channels };
                    let is_last = layer == self.layers_per_block;
                    let skip = if is_last { finer } else { channels };
                    (sample + skip, channels, level)
                }
            };
            let grid = latents.at_level(level);
            StageShape {
                stage: planned.stage,
                channels_in,
                channels,
                cells: grid.rows * grid.columns,
                attends: planned.transformer.is_some(),
            }
        };
        plan(self).iter().map(shape).collect()
    }
}

/// What flows from stage to stage.
pub(super) struct StageState {
    /// [batch, channels, rows, columns]
    pub(super) sample: Tensor<4>,
    /// Outputs of the way down that the way up still has to take in.
    pub(super) skips: Vec<Tensor<4>>,
}

/// The stages of a network in order of execution.
pub(super) fn plan(config: &UNetConfig) -> Vec<PlannedStage> {
    let levels = config.block_out_channels.len();
    let mut planner = Planner::default();
    planner.add(Stage::ConvIn, 0, false);
    for block in 0..levels {
        let attends = config.down_block_types[block].starts_with("CrossAttn");
        for layer in 0..config.layers_per_block {
            planner.add(Stage::DownLayer { block, layer }, block, attends);
        }
        if block + 1 < levels {
            planner.add(Stage::Downsample { block }, block, false);
        }
    }
    planner.add(Stage::Mid, levels - 1, true);
    for block in 0..levels {
        let level = levels - 1 - block;
        let attends = config.up_block_types[block].starts_with("CrossAttn");
        for layer in 0..=config.layers_per_block {
            planner.add(Stage::UpLayer { block, layer }, level, attends);
        }
        if block + 1 < levels {
            planner.add(Stage::Upsample { block }, level, false);
        }
    }
    planner.add(Stage::ConvOut, 0, false);
    planner.stages
}

/// The coarsest grid with cross-attention that has at least three quarters of
/// `attention_res`² cells, otherwise the finest: 16 × 16 at 512 × 512, but
/// 24 × 24 at 768 × 768, where 12 × 12 would place objects too roughly.
pub(super) fn attention_grid(stages: &[PlannedStage], latents: Grid, attention_res: usize) -> Grid {
    let cells = |grid: &Grid| grid.rows * grid.columns;
    let attends = |planned: &&PlannedStage| planned.transformer.is_some();
    let grids = stages
        .iter()
        .filter(attends)
        .map(|planned| latents.at_level(planned.level));
    let is_fine = |grid: &Grid| 4 * cells(grid) >= 3 * attention_res * attention_res;
    let fine_enough = grids.clone().filter(is_fine).min_by_key(cells);
    fine_enough
        .or_else(|| grids.max_by_key(cells))
        .expect("the mid block always has cross-attention")
}

#[derive(Default)]
struct Planner {
    stages: Vec<PlannedStage>,
    transformers: usize,
}

impl Planner {
    fn add(&mut self, stage: Stage, level: usize, attends: bool) {
        let transformer = attends.then(|| {
            self.transformers += 1;
            self.transformers - 1
        });
        self.stages.push(PlannedStage {
            stage,
            level,
            transformer,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_are_read_near_sixteen_cells_a_side() {
        let stages = plan(&UNetConfig::default());
        let grid = |rows, columns| {
            let grid = attention_grid(&stages, Grid { rows, columns }, 16);
            (grid.rows, grid.columns)
        };
        assert_eq!(grid(64, 64), (16, 16));
        assert_eq!(grid(32, 32), (16, 16));
        assert_eq!(grid(96, 96), (24, 24));
        assert_eq!(grid(56, 56), (14, 14));
        assert_eq!(grid(64, 96), (16, 24));
        assert_eq!(grid(8, 8), (8, 8));
    }

    #[test]
    fn the_last_captured_layer_of_stable_diffusion_is_in_the_second_up_block() {
        let stages = plan(&UNetConfig::default());
        let last = stages
            .iter()
            .rposition(|planned| planned.transformer.is_some() && planned.level == 2);
        let last = stages[last.expect("level 2 has attention")].stage;
        assert_eq!(last, Stage::UpLayer { block: 1, layer: 2 });
        // Six on the way down, one in the middle, nine on the way up.
        let transformers = stages.iter().filter_map(|planned| planned.transformer);
        assert_eq!(transformers.max(), Some(15));
    }
}

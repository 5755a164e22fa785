//! The UNet as a list of stages, so that a pass can end early and be cancelled in between.
//!
//! A stage takes the sample and the stack of skip connections and returns both.
//! A pass that only wants attention maps ends after the last stage that holds a
//! captured layer; at 64 × 64 latents that saves about half of the network. The
//! deep transformers of Stable Diffusion XL are stages in parts, one to each of
//! their blocks, so that a pass can end within one and its way back holds the
//! activations of one block.

use burn::tensor::Tensor;

use super::capture::Capture;
use super::model::stages_up_to;
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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

/// How much of a stage runs: all of it, or, where its transformer is deep, a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// All, with a transformer of at most one block.
    Whole,
    /// What comes before the transformer's blocks, and the way into them.
    Before,
    /// One block of the transformer.
    Block(usize),
    /// The way out of the blocks, and what comes after.
    After,
}

impl Part {
    /// The transformer's blocks that run in it, where it has a transformer.
    pub(super) fn blocks(self) -> std::ops::Range<usize> {
        match self {
            Self::Whole => 0..1,
            Self::Block(number) => number..number + 1,
            Self::Before | Self::After => 0..0,
        }
    }
}

/// A stage or a part of one, the level at which it runs and the transformer it holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct PlannedStage {
    pub(super) stage: Stage,
    pub(super) part: Part,
    /// Halvings of the latents' grid where the stage's attention runs.
    pub(super) level: usize,
    /// Which of the network's transformers, counted in order of execution.
    pub(super) transformer: Option<usize>,
}

impl PlannedStage {
    /// Whether the way up takes this stage's output in.
    pub(super) fn leaves_skip(&self) -> bool {
        leaves_skip(self.stage, self.part)
    }

    /// Whether this stage takes a skip connection in.
    pub(super) fn takes_skip(&self) -> bool {
        takes_skip(self.stage, self.part)
    }
}

fn leaves_skip(stage: Stage, part: Part) -> bool {
    let on_the_way_down = matches!(
        stage,
        Stage::ConvIn | Stage::DownLayer { .. } | Stage::Downsample { .. }
    );
    on_the_way_down && matches!(part, Part::Whole | Part::After)
}

fn takes_skip(stage: Stage, part: Part) -> bool {
    matches!(stage, Stage::UpLayer { .. }) && matches!(part, Part::Whole | Part::Before)
}

/// The size of one stage for latents of a known size, batch 1.
#[derive(Debug, Clone, Copy)]
pub struct StageShape {
    pub stage: Stage,
    pub part: Part,
    pub channels_in: usize,
    pub channels: usize,
    /// Cells of its larger side, input or output.
    pub cells: usize,
    /// Whether a block of a transformer runs in it.
    pub attends: bool,
    /// Heads of its attention.
    pub heads: usize,
}

impl StageShape {
    /// Whether the way up takes this stage's output in.
    pub(in crate::models) fn leaves_skip(&self) -> bool {
        leaves_skip(self.stage, self.part)
    }

    /// Whether this stage takes a skip connection in.
    pub(in crate::models) fn takes_skip(&self) -> bool {
        takes_skip(self.stage, self.part)
    }
}

impl UNetConfig {
    /// The stages in order of execution, with their sizes for `latents`.
    pub fn stage_shapes(&self, latents: Grid) -> Vec<StageShape> {
        self.shapes_of(&plan(self), latents)
    }

    /// As [`Self::stage_shapes`], up to the last one that holds a layer of `capture`.
    pub fn stage_shapes_up_to(&self, latents: Grid, capture: Capture) -> Vec<StageShape> {
        let stages = plan(self);
        let run = stages_up_to(&stages, latents, capture);
        self.shapes_of(run.unwrap_or(&stages), latents)
    }

    fn shapes_of(&self, stages: &[PlannedStage], latents: Grid) -> Vec<StageShape> {
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
            let blocks = planned.part.blocks();
            StageShape {
                stage: planned.stage,
                part: planned.part,
                // What enters the blocks of a transformer has its width.
                channels_in: match planned.part {
                    Part::Whole | Part::Before => channels_in,
                    Part::Block(_) | Part::After => channels,
                },
                channels,
                cells: grid.rows * grid.columns,
                attends: planned.transformer.is_some() && !blocks.is_empty(),
                heads: self.heads(planned.level),
            }
        };
        stages.iter().map(shape).collect()
    }
}

/// What flows from stage to stage.
pub(super) struct StageState {
    /// [batch, channels, rows, columns]
    pub(super) sample: Tensor<4>,
    /// Outputs of the way down that the way up still has to take in.
    pub(super) skips: Vec<Tensor<4>>,
    /// Within a transformer that runs in parts: its hidden states, [batch, rows ·
    /// columns, channels]; the sample waits for its way out.
    pub(super) hidden: Option<Tensor<3>>,
}

/// The stages of a network in order of execution.
pub(super) fn plan(config: &UNetConfig) -> Vec<PlannedStage> {
    let levels = config.block_out_channels.len();
    // Blocks of a level's transformers, where it has some.
    let depth = |level: usize, kind: &str| match kind.starts_with("CrossAttn") {
        true => config.transformer_layers(level),
        false => 0,
    };
    let mut planner = Planner::default();
    planner.add(Stage::ConvIn, 0, 0);
    for block in 0..levels {
        let blocks = depth(block, &config.down_block_types[block]);
        for layer in 0..config.layers_per_block {
            planner.add(Stage::DownLayer { block, layer }, block, blocks);
        }
        if block + 1 < levels {
            planner.add(Stage::Downsample { block }, block, 0);
        }
    }
    planner.add(
        Stage::Mid,
        levels - 1,
        config.transformer_layers(levels - 1),
    );
    for block in 0..levels {
        let level = levels - 1 - block;
        let blocks = depth(level, &config.up_block_types[block]);
        for layer in 0..=config.layers_per_block {
            planner.add(Stage::UpLayer { block, layer }, level, blocks);
        }
        if block + 1 < levels {
            planner.add(Stage::Upsample { block }, level, 0);
        }
    }
    planner.add(Stage::ConvOut, 0, 0);
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
    /// A stage whose transformer has `blocks` blocks; 0: that has none.
    fn add(&mut self, stage: Stage, level: usize, blocks: usize) {
        let transformer = (blocks > 0).then(|| {
            self.transformers += 1;
            self.transformers - 1
        });
        let parts = match blocks {
            0 | 1 => vec![Part::Whole],
            _ => {
                let between = (0..blocks).map(Part::Block);
                let parts = std::iter::once(Part::Before).chain(between);
                parts.chain([Part::After]).collect()
            }
        };
        self.stages
            .extend(parts.into_iter().map(|part| PlannedStage {
                stage,
                part,
                level,
                transformer,
            }));
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
    fn stable_diffusion_xl_attends_in_seventy_blocks_at_two_levels() {
        let xl = br#"{"block_out_channels": [320, 640, 1280], "attention_head_dim": [5, 10, 20],
            "transformer_layers_per_block": [1, 2, 10],
            "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
            "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"]}"#;
        let stages = plan(&UNetConfig::from_json(xl).unwrap());
        let blocks = |level| {
            let at = stages.iter().filter(|planned| planned.level == level);
            let at = at.filter(|planned| planned.transformer.is_some());
            at.map(|planned| planned.part.blocks().len()).sum::<usize>()
        };
        // Two transformers down, one in the middle, three up; of 10 and of 2 blocks.
        assert_eq!([blocks(0), blocks(1), blocks(2)], [0, 10, 60]);
        let latents = Grid {
            rows: 128,
            columns: 128,
        };
        let grid = attention_grid(&stages, latents, 16);
        assert_eq!((grid.rows, grid.columns), (32, 32));
        let finer = attention_grid(&stages, latents, 64);
        assert_eq!((finer.rows, finer.columns), (64, 64));
        let transformers = stages.iter().filter_map(|planned| planned.transformer);
        assert_eq!(transformers.max(), Some(10));
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

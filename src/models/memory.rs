//! How much memory a pass needs besides the weights, from configs alone.
//!
//! An estimate, to be shown before anything is allocated and to refuse what a
//! device cannot bind: the numbers alive at a stage's fullest moment, as the
//! code in this room computes it. Measured peaks stand beside it in the README.

use super::config::{AutoencoderConfig, UNetConfig};
use super::unet::{Capture, Grid, Part, StageShape};
use crate::kernels::{MOST_SCORES_BACKWARD, most_scores_of_the_fused_backward};

/// Numbers that a pass holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ActivationMemory {
    /// All that are alive at the fullest moment.
    pub numbers: usize,
    /// Those of the largest tensor.
    pub largest: usize,
}

impl ActivationMemory {
    /// The larger of both, of passes that do not run at the same time.
    pub fn or(self, other: Self) -> Self {
        Self {
            numbers: self.numbers.max(other.numbers),
            largest: self.largest.max(other.largest),
        }
    }
}

/// Numbers per channel and cell alive in a resnet: its input, normalised and
/// turned for the convolution; its output before and after it is turned back.
const RESNET_IN: usize = 3;
const RESNET_OUT: usize = 3;
/// In a transformer block, at its feed-forward layer: eight channels wide inside,
/// of which a half is copied, activated and multiplied, beside the shortcuts.
const TRANSFORMER: usize = 22;
/// Its widest tensor.
const FEED_FORWARD: usize = 8;
/// Whose operations a stage is differentiated through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackwardPass {
    /// burn's own, each of which keeps what it read: on a GPU.
    Chained,
    /// This program's, which keep the inputs of a few and compute the rest again: on
    /// the CPU.
    Fused,
}

impl BackwardPass {
    /// Numbers per channel and cell alive in a resnet while it is differentiated:
    /// what its operations keep for the way back, and the gradients.
    fn resnet(self) -> usize {
        match self {
            Self::Chained => 16,
            Self::Fused => 6,
        }
    }

    /// The same of a transformer.
    fn transformer(self) -> usize {
        match self {
            Self::Chained => 56,
            Self::Fused => 30,
        }
    }

    /// Scores alive in the backward pass of a self-attention that has `all` of them:
    /// some rows at a time, in each of the tensors that need them.
    fn scores(self, all: usize) -> usize {
        let (tensors, most) = match self {
            // Scores, probabilities and a gradient.
            Self::Chained => (3, MOST_SCORES_BACKWARD),
            // Probabilities and a gradient.
            Self::Fused => (2, most_scores_of_the_fused_backward()),
        };
        tensors * all.min(most)
    }
}

impl UNetConfig {
    /// One prediction for `batch` latents of `latents` cells.
    pub fn prediction_memory(&self, latents: Grid, batch: usize) -> ActivationMemory {
        fullest(&self.stage_shapes(latents), batch, |shape| {
            let resnet = RESNET_IN * shape.channels_in + RESNET_OUT * shape.channels;
            let transformer = TRANSFORMER * shape.channels * usize::from(shape.attends);
            resnet.max(transformer) + waiting(shape)
        })
    }

    /// The maps of one latent with their gradient, stage by stage, up to the last
    /// layer of `capture`.
    pub fn gradient_memory(
        &self,
        latents: Grid,
        capture: Capture,
        pass: BackwardPass,
    ) -> ActivationMemory {
        let stages = self.stage_shapes_up_to(latents, capture);
        let mut memory = fullest(&stages, 1, |shape| backward(shape, pass));
        memory.numbers += scores_backward(&stages, pass);
        // What entered each stage is kept too.
        memory.numbers += stages
            .iter()
            .map(|shape| shape.cells * shape.channels_in)
            .sum::<usize>();
        memory
    }

    /// As [`Self::gradient_memory`], with the activations of all stages kept.
    pub fn kept_gradient_memory(
        &self,
        latents: Grid,
        capture: Capture,
        pass: BackwardPass,
    ) -> ActivationMemory {
        let stages = self.stage_shapes_up_to(latents, capture);
        let numbers = stages
            .iter()
            .map(|shape| shape.cells * backward(shape, pass));
        ActivationMemory {
            numbers: numbers.sum::<usize>() + scores_backward(&stages, pass),
            ..self.gradient_memory(latents, capture, pass)
        }
    }
}

/// A walk through `stages` with `batch` samples, at its fullest moment.
fn fullest(
    stages: &[StageShape],
    batch: usize,
    per_cell: impl Fn(&StageShape) -> usize,
) -> ActivationMemory {
    let mut skips = Vec::new();
    let mut fullest = ActivationMemory::default();
    for shape in stages {
        if shape.takes_skip() {
            skips.pop();
        }
        let kept: usize = skips.iter().sum();
        let widest = match shape.attends {
            true => FEED_FORWARD * shape.channels,
            false => shape.channels_in.max(shape.channels),
        };
        fullest = fullest.or(ActivationMemory {
            numbers: batch * (kept + shape.cells * per_cell(shape)),
            largest: batch * shape.cells * widest,
        });
        if shape.leaves_skip() {
            skips.push(shape.cells * shape.channels);
        }
    }
    fullest
}

/// Numbers per cell of the sample that waits while its transformer runs in parts.
fn waiting(shape: &StageShape) -> usize {
    match shape.part {
        Part::Whole => 0,
        Part::Before | Part::Block(_) | Part::After => shape.channels,
    }
}

/// Scores alive in the backward pass of the largest self-attention, which computes
/// some rows of them at a time.
fn scores_backward(stages: &[StageShape], pass: BackwardPass) -> usize {
    let attending = stages.iter().filter(|shape| shape.attends);
    let scores = attending.map(|shape| shape.heads * shape.cells * shape.cells);
    pass.scores(scores.max().unwrap_or(0))
}

/// Numbers per cell alive in a stage while it is differentiated.
fn backward(shape: &StageShape, pass: BackwardPass) -> usize {
    let transformer = pass.transformer() * shape.channels * usize::from(shape.attends);
    let resnet = pass.resnet() * (shape.channels_in + shape.channels) / 2;
    match shape.part {
        // No resnet runs in it.
        Part::Block(_) => transformer + waiting(shape),
        Part::Whole | Part::Before | Part::After => resnet + transformer + waiting(shape),
    }
}

impl AutoencoderConfig {
    /// Decoding latents of `latents` cells, whole.
    pub fn decode_memory(&self, latents: Grid) -> ActivationMemory {
        self.fullest_level(latents, |level| ActivationMemory {
            numbers: level.cells * level.resnet(),
            largest: level.cells * level.before.max(level.channels),
        })
    }

    /// As [`Self::decode_memory`], in tiles of `rows` rows of latents.
    pub fn tiled_decode_memory(&self, latents: Grid, rows: usize) -> ActivationMemory {
        self.fullest_level(latents, |level| {
            // A tile is seen with a row of its neighbours on both sides.
            let height = latents.rows * level.scale;
            let seen = height.min(rows * level.scale + 2);
            let cells = level.cells / height * seen;
            ActivationMemory {
                // The shortcut, and what the first convolution made.
                numbers: level.cells * (level.before + level.channels) + cells * level.resnet(),
                largest: cells * level.before.max(level.channels),
            }
        })
    }

    fn fullest_level(
        &self,
        latents: Grid,
        memory: impl Fn(&DecoderLevel) -> ActivationMemory,
    ) -> ActivationMemory {
        let widths = &self.block_out_channels;
        let levels = widths.iter().enumerate().map(|(level, &channels)| {
            let scale = 1 << (widths.len() - 1 - level);
            memory(&DecoderLevel {
                channels,
                before: widths[(level + 1).min(widths.len() - 1)],
                scale,
                cells: latents.rows * latents.columns * scale * scale,
            })
        });
        levels.fold(ActivationMemory::default(), ActivationMemory::or)
    }
}

/// A level of the decoder, where its first resnet runs.
struct DecoderLevel {
    channels: usize,
    /// Channels of the coarser level, which that resnet still has.
    before: usize,
    /// Cells along one side per latent cell.
    scale: usize,
    cells: usize,
}

impl DecoderLevel {
    /// Numbers alive per cell in that resnet.
    fn resnet(&self) -> usize {
        RESNET_IN * self.before + RESNET_OUT * self.channels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_tensors_of_stable_diffusion_are_known() {
        let latents = Grid {
            rows: 64,
            columns: 64,
        };
        // The feed-forward layers at 64 × 64 cells: 8 · 320 channels.
        let prediction = UNetConfig::default().prediction_memory(latents, 2);
        assert_eq!(prediction.largest, 2 * 4096 * 2560);
        let vae = AutoencoderConfig::from_json(br#"{"block_out_channels": [128, 256, 512, 512]}"#);
        let vae = vae.unwrap();
        // 256 channels at 512 × 512 pixels, where the last level begins.
        assert_eq!(vae.decode_memory(latents).largest, 256 * 512 * 512);
        let tiled = vae.tiled_decode_memory(latents, 4);
        assert_eq!(tiled.largest, 256 * 512 * (4 * 8 + 2));
        assert!(2 * tiled.numbers < vae.decode_memory(latents).numbers);
    }
}

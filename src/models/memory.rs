//! How much memory a pass needs besides the weights, from configs alone.
//!
//! An estimate, to be shown before anything is allocated and to refuse what a
//! device cannot bind: the numbers alive at a stage's fullest moment, as the
//! code in this room computes it. Measured peaks stand beside it in the README.

use super::config::{AutoencoderConfig, UNetConfig};
use super::unet::{Grid, Stage, StageShape};

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
/// As above while a stage is differentiated: what its operations keep for the
/// way back, and the gradients.
const RESNET_BACKWARD: usize = 16;
const TRANSFORMER_BACKWARD: usize = 56;

impl UNetConfig {
    /// One prediction for `batch` latents of `latents` cells.
    pub fn prediction_memory(&self, latents: Grid, batch: usize) -> ActivationMemory {
        self.memory(latents, batch, |shape| {
            let resnet = RESNET_IN * shape.channels_in + RESNET_OUT * shape.channels;
            let transformer = TRANSFORMER * shape.channels * usize::from(shape.attends);
            resnet.max(transformer)
        })
    }

    /// The maps of one latent with their gradient, stage by stage.
    pub fn gradient_memory(&self, latents: Grid) -> ActivationMemory {
        let mut memory = self.memory(latents, 1, |shape| {
            let transformer = TRANSFORMER_BACKWARD * shape.channels * usize::from(shape.attends);
            RESNET_BACKWARD * (shape.channels_in + shape.channels) / 2 + transformer
        });
        // What entered each stage is kept too.
        let inputs = self.stage_shapes(latents);
        memory.numbers += inputs
            .iter()
            .map(|shape| shape.cells * shape.channels_in)
            .sum::<usize>();
        memory
    }

    fn memory(
        &self,
        latents: Grid,
        batch: usize,
        per_cell: impl Fn(&StageShape) -> usize,
    ) -> ActivationMemory {
        let mut skips = Vec::new();
        let mut fullest = ActivationMemory::default();
        for shape in self.stage_shapes(latents) {
            if matches!(shape.stage, Stage::UpLayer { .. }) {
                skips.pop();
            }
            let kept: usize = skips.iter().sum();
            let widest = match shape.attends {
                true => FEED_FORWARD * shape.channels,
                false => shape.channels_in.max(shape.channels),
            };
            fullest = fullest.or(ActivationMemory {
                numbers: batch * (kept + shape.cells * per_cell(&shape)),
                largest: batch * shape.cells * widest,
            });
            if shape.stage.leaves_skip() {
                skips.push(shape.cells * shape.channels);
            }
        }
        fullest
    }
}

impl AutoencoderConfig {
    /// Decoding latents of `latents` cells, whole.
    pub fn decode_memory(&self, latents: Grid) -> ActivationMemory {
        let widths = &self.block_out_channels;
        let mut fullest = ActivationMemory::default();
        for (level, &channels) in widths.iter().enumerate() {
            // A level's first resnet still has the coarser level's channels.
            let before = widths[(level + 1).min(widths.len() - 1)];
            let scale = 1 << (widths.len() - 1 - level);
            let pixels = latents.rows * latents.columns * scale * scale;
            fullest = fullest.or(ActivationMemory {
                numbers: pixels * (RESNET_IN * before + RESNET_OUT * channels),
                largest: pixels * before.max(channels),
            });
        }
        fullest
    }

    /// The largest side of a square of latents that decodes within `numbers`
    /// numbers in its largest tensor.
    pub fn decode_side_within(&self, numbers: usize) -> usize {
        let one = self.decode_memory(Grid {
            rows: 1,
            columns: 1,
        });
        (numbers / one.largest.max(1)).isqrt()
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
        assert_eq!(vae.decode_side_within(256 * 512 * 512), 64);
        assert_eq!(vae.decode_side_within(32 << 20), 45);
    }
}

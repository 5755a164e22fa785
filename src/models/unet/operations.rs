//! How many floating-point operations a pass of the UNet takes, from its config alone.
//!
//! Counted are convolutions, linear layers and attention, two operations per
//! product; norms and activations, a few per cent, are not. Keys and values of
//! the prompt are made once per prompt and belong to no pass.

use super::capture::Capture;
use super::model::stages_up_to;
use super::stage::{Grid, Part, PlannedStage, Stage, plan};
use crate::models::config::UNetConfig;

impl UNetConfig {
    /// Operations of one sample's full pass, for latents of `latents` cells and
    /// a prompt of `tokens` tokens.
    pub fn pass_operations(&self, latents: Grid, tokens: usize) -> f64 {
        self.operations(latents, tokens, &plan(self))
    }

    /// Operations of one sample's pass that ends with the last cross-attention
    /// of `capture`, as
    /// [`cross_attention_maps`](super::UNet2DConditionModel::cross_attention_maps)
    /// runs it.
    pub fn maps_pass_operations(
        &self,
        latents: Grid,
        capture: impl Into<Capture>,
        tokens: usize,
    ) -> f64 {
        let stages = plan(self);
        let run = stages_up_to(&stages, latents, capture.into());
        self.operations(latents, tokens, run.unwrap_or_default())
    }

    fn operations(&self, latents: Grid, tokens: usize, stages: &[PlannedStage]) -> f64 {
        let counter = Counter {
            config: self,
            latents,
            tokens: tokens as f64,
        };
        stages.iter().map(|planned| counter.stage(planned)).sum()
    }
}

struct Counter<'a> {
    config: &'a UNetConfig,
    latents: Grid,
    tokens: f64,
}

impl Counter<'_> {
    fn stage(&self, planned: &PlannedStage) -> f64 {
        let blocks = planned.part.blocks().len() as f64;
        let attends = f64::from(u8::from(planned.transformer.is_some()));
        let projection = attends * self.projection(planned.level);
        match planned.part {
            Part::Whole => {
                self.before(planned)
                    + 2.0 * projection
                    + attends * blocks * self.block(planned.level)
                    + self.after(planned)
            }
            Part::Before => self.before(planned) + projection,
            Part::Block(_) => self.block(planned.level),
            Part::After => projection + self.after(planned),
        }
    }

    /// What a stage does up to its transformer.
    fn before(&self, planned: &PlannedStage) -> f64 {
        let widths = &self.config.block_out_channels;
        let (level, finest) = (planned.level, widths[0]);
        let width = widths[level];
        match planned.stage {
            Stage::ConvIn => {
                let time = self.config.time_embedding_dim();
                self.convolution(3, self.config.in_channels, finest, level)
                    + linear(1.0, finest, time)
                    + linear(1.0, time, time)
            }
            Stage::DownLayer { layer, .. } => {
                let before = if layer == 0 {
                    widths[level.saturating_sub(1)]
                } else {
                    width
                };
                self.resnet(before, width, level)
            }
            Stage::Downsample { .. } => self.convolution(3, width, width, level + 1),
            Stage::Mid => self.resnet(width, width, level),
            Stage::UpLayer { layer, .. } => {
                let coarser = widths[(level + 1).min(widths.len() - 1)];
                let finer = widths[level.saturating_sub(1)];
                let sample = if layer == 0 { coarser } else { width };
                let is_last = layer == self.config.layers_per_block;
                let skip = if is_last { finer } else { width };
                self.resnet(sample + skip, width, level)
            }
            Stage::Upsample { .. } => self.convolution(3, width, width, level - 1),
            Stage::ConvOut => self.convolution(3, finest, self.config.out_channels, level),
        }
    }

    /// What a stage does behind its transformer.
    fn after(&self, planned: &PlannedStage) -> f64 {
        let width = self.config.block_out_channels[planned.level];
        match planned.stage {
            Stage::Mid => self.resnet(width, width, planned.level),
            _ => 0.0,
        }
    }

    fn cells(&self, level: usize) -> f64 {
        let grid = self.latents.at_level(level);
        (grid.rows * grid.columns) as f64
    }

    /// A square convolution whose output lies at `level`.
    fn convolution(&self, side: usize, channels_in: usize, channels: usize, level: usize) -> f64 {
        linear(self.cells(level), side * side * channels_in, channels)
    }

    fn resnet(&self, channels_in: usize, channels: usize, level: usize) -> f64 {
        let shortcut = if channels_in == channels {
            0.0
        } else {
            self.convolution(1, channels_in, channels, level)
        };
        self.convolution(3, channels_in, channels, level)
            + self.convolution(3, channels, channels, level)
            + linear(1.0, self.config.time_embedding_dim(), channels)
            + shortcut
    }

    /// The way into the blocks of a transformer, or out of them.
    fn projection(&self, level: usize) -> f64 {
        let width = self.config.block_out_channels[level];
        linear(self.cells(level), width, width)
    }

    /// One block of a transformer.
    fn block(&self, level: usize) -> f64 {
        let width = self.config.block_out_channels[level];
        let cells = self.cells(level);
        let projection = self.projection(level);
        // Scores and the weighted sum of the values, over all heads.
        let attend = |keys: f64| 2.0 * 2.0 * cells * keys * width as f64;
        let self_attention = 4.0 * projection + attend(cells);
        let cross_attention = 2.0 * projection + attend(self.tokens);
        let feed_forward = linear(cells, width, 8 * width) + linear(cells, 4 * width, width);
        self_attention + cross_attention + feed_forward
    }
}

/// A linear layer at `positions` places.
fn linear(positions: f64, inputs: usize, outputs: usize) -> f64 {
    2.0 * positions * inputs as f64 * outputs as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKENS: usize = 77;

    fn square(side: usize) -> Grid {
        Grid {
            rows: side,
            columns: side,
        }
    }

    // The expected numbers are those of torch.utils.flop_counter on diffusers'
    // UNets; tests/fixtures/make_evaluate_fixture.py counts them.

    #[test]
    fn stable_diffusion_1_takes_what_pytorch_counts() {
        let config = UNetConfig::from_json(br#"{"cross_attention_dim": 768}"#).unwrap();
        let whole = config.pass_operations(square(64), TOKENS);
        assert_eq!(whole, 800_321_372_160.0);
        let maps = config.maps_pass_operations(square(64), square(16), TOKENS);
        assert_eq!(maps, 406_319_431_680.0);
    }

    #[test]
    fn the_embedded_model_takes_what_pytorch_counts() {
        let json = include_bytes!("../../../assets/toybox/unet/config.json");
        let config = UNetConfig::from_json(json).unwrap();
        let whole = config.pass_operations(square(32), TOKENS);
        assert_eq!(whole, 2_167_087_104.0);
        let maps = config.maps_pass_operations(square(32), square(16), TOKENS);
        assert_eq!(maps, 1_463_951_360.0);
    }
}

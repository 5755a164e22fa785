//! When the latents are updated and how far: our rule and the released code's.
//!
//! The objective says in which direction; the rule knows nothing of its loss.

use serde::{Deserialize, Serialize};

use crate::storm::{ReferenceParameters, StepContext};

/// When to update the latents and by how much.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SpatialUpdateParameters {
    /// Side of the attention grid that is read, in cells; the level of the model nearest to it is
    /// taken.
    pub attention_res: usize,
    /// Length of one update as a fraction of the length of the initial noise (the release's 20 on
    /// 64 × 64 latents is 0.156).
    pub step_size: f64,
    /// What is left of the step size at the end of the window; it falls linearly.
    pub final_step_scale: f64,
    /// Whether an update leaves the mean of every latent channel as it is, so that it moves things
    /// and tints nothing.
    pub keep_mean: bool,
    /// The updates happen in this first fraction of the steps.
    pub window: f64,
    /// At most so many updates in one step.
    pub updates_per_step: usize,
    /// At most so many updates in one picture.
    pub updates_per_picture: usize,
}

impl Default for SpatialUpdateParameters {
    fn default() -> Self {
        Self {
            attention_res: 16,
            step_size: 0.062,
            final_step_scale: 0.5,
            keep_mean: true,
            window: 0.5,
            updates_per_step: 1,
            updates_per_picture: 25,
        }
    }
}

impl SpatialUpdateParameters {
    /// Whether a step lies in the window.
    fn is_in_window(&self, context: StepContext) -> bool {
        (context.step_index as f64) < self.window * context.step_count as f64
    }

    /// Length of an update, for latents of `numbers` numbers.
    fn update_length(&self, context: StepContext, numbers: usize) -> f64 {
        let window = (self.window * context.step_count as f64).max(1.0);
        let progress = (context.step_index as f64 / window).min(1.0);
        let scale = 1.0 - (1.0 - self.final_step_scale) * progress;
        // The initial noise has one unit per number, so its length is √numbers.
        self.step_size * scale * (numbers as f64).sqrt()
    }
}

/// When the latents follow the gradient, and how far.
#[derive(Debug, Clone, PartialEq)]
pub enum UpdateRule {
    /// Ours: a length that the noise sets, whatever the gradient's own, in the
    /// first fraction of the steps.
    Normalised(SpatialUpdateParameters),
    /// The released code's: once in every step of its window along the
    /// gradient clipped to norm 1, with a step size falling over all steps.
    Clipped(ReferenceParameters),
}

impl Default for UpdateRule {
    fn default() -> Self {
        Self::Normalised(SpatialUpdateParameters::default())
    }
}

impl UpdateRule {
    /// How many updates a step may make after `made` of them in earlier steps;
    /// those of refinements count for neither.
    pub fn updates_left(&self, context: StepContext, made: usize) -> usize {
        match self {
            Self::Normalised(ours) if ours.is_in_window(context) => {
                let left = ours.updates_per_picture.saturating_sub(made);
                left.min(ours.updates_per_step)
            }
            Self::Clipped(released) if released.updates(context.step_index) => 1,
            _ => 0,
        }
    }

    /// The step size for latents of `numbers` numbers, in units of the latents.
    pub fn step_size(&self, context: StepContext, numbers: usize) -> f64 {
        match self {
            Self::Normalised(ours) => ours.update_length(context, numbers),
            Self::Clipped(released) => released.step_size(context),
        }
    }

    /// Whether an update leaves the mean of every channel as it is.
    pub fn keeps_mean(&self) -> bool {
        matches!(self, Self::Normalised(ours) if ours.keep_mean)
    }

    /// How far the latents move along a gradient of that length.
    pub fn length(&self, step_size: f64, gradient_norm: f64) -> f64 {
        match self {
            Self::Normalised(_) => step_size,
            Self::Clipped(_) => step_size * gradient_norm.min(1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(step_index: usize) -> StepContext {
        StepContext {
            step_index,
            step_count: 50,
        }
    }

    #[test]
    fn our_update_has_the_length_of_the_noise_times_a_share_that_halves() {
        let rule = UpdateRule::default();
        let length = |index| rule.step_size(at(index), 1024);
        assert!((length(0) - 0.062 * 32.0).abs() < 1e-12);
        assert!((length(25) - 0.5 * length(0)).abs() < 1e-12);
        assert_eq!(rule.length(3.0, 1e-9), 3.0);
        assert_eq!(rule.length(3.0, 1e9), 3.0);
    }

    #[test]
    fn our_updates_are_bounded_per_step_and_per_picture_and_end_with_the_window() {
        let rule = UpdateRule::Normalised(SpatialUpdateParameters {
            updates_per_step: 3,
            updates_per_picture: 10,
            ..Default::default()
        });
        assert_eq!(rule.updates_left(at(0), 0), 3);
        assert_eq!(rule.updates_left(at(24), 8), 2);
        assert_eq!(rule.updates_left(at(24), 11), 0);
        assert_eq!(rule.updates_left(at(25), 0), 0);
    }

    #[test]
    fn the_released_rule_clips_and_does_not_stretch() {
        let rule = UpdateRule::Clipped(ReferenceParameters::default());
        assert_eq!(rule.length(20.0, 0.25), 5.0);
        assert_eq!(rule.length(20.0, 7.0), 20.0);
        let updates: Vec<usize> = (0..50)
            .filter(|&i| rule.updates_left(at(i), 99) == 1)
            .collect();
        assert_eq!(updates, (1..25).collect::<Vec<_>>());
    }
}

//! When the latents are updated and how far: our rule and the released code's.
//!
//! The objective says in which direction; the rule knows nothing of its loss.

use crate::parameters::Description;
use crate::storm::parameters::parameters;
use crate::storm::{ObjectiveKind, ReferenceParameters, StepContext};

/// The objectives that our rule is for.
const OURS: &[ObjectiveKind] = &[
    ObjectiveKind::Storm,
    ObjectiveKind::Centroid,
    ObjectiveKind::AttendAndExcite,
];

/// Most updates: more than anybody waits for.
const MOST_UPDATES: usize = 100_000;

parameters! {
    /// When to update the latents and by how much.
    pub struct SpatialUpdateParameters in "update" read by OURS;

    /// Length of one update (the release's 20 on 64 × 64 latents is 0.156); too large breaks the
    /// picture.
    step_size: f64 = 0.062 => Description::number("Step size", 0.0..=10.0, 0.001)
        .fraction_of("the length of the initial noise").flag("step-size", &["step_size"]).prominent();
    /// The updates happen in this first part of the steps.
    window: f64 = 0.5 => Description::number("Window", 0.0..=1.0, 0.01)
        .fraction_of("the steps").flag("window", &[]).prominent();
    /// At most so many updates in one picture.
    updates_per_picture: usize = 25 => Description::count("Updates per picture", 0..=MOST_UPDATES)
        .flag("updates-per-picture", &["updates_per_picture"]).prominent();
    /// At most so many updates in one step.
    updates_per_step: usize = 1 => Description::count("Updates per step", 0..=MOST_UPDATES)
        .flag("updates-per-step", &["updates_per_step"]);
    /// What is left of the step size at the end of the window; it falls linearly.
    final_step_scale: f64 = 0.5 => Description::number("Final step scale", 0.0..=1.0, 0.01);
    /// Whether an update leaves the mean of every latent channel as it is, so that it moves things
    /// and tints nothing.
    keep_mean: bool = true => Description::switch("Keep the tone");
    /// Side of the attention grid that is read; the level of the model nearest to it is taken.
    attention_res: usize = 16 => Description::count("Attention grid", 1..=4096)
        .counted_in("cells").flag("attention-res", &["attention_res"]), read by ObjectiveKind::ALL;
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

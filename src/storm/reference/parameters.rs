//! What can be set on the released method, with the paper's defaults.
//!
//! The flags are the names of the released program's own configuration.

use super::super::kind::ObjectiveKind;
use super::super::objective::StepContext;
use super::super::parameters::parameters;
use super::super::smoothing::Smoothing;
use crate::parameters::{Description, ParameterError};

/// Most steps: more than any scheduler calls.
const MOST_STEPS: usize = 100_000;

parameters! {
    /// Parameters of the released method, which replace ours.
    pub struct ReferenceParameters in "reference" read by &[ObjectiveKind::Reference];

    /// Length of an update at scale 1, in units of the latents.
    scale_factor: f64 = 20.0 => Description::number("Scale factor", 0.0..=1e4, 0.1)
        .flag("scale-factor", &["scale_factor"]).prominent();
    /// Scale of the update at the first and at the last step; its square root counts.
    scale_range: (f64, f64) = (1.0, 0.5) => Description::pair(
        "Scale range", ["First scale", "Last scale"], 0.0..=100.0, 0.01,
    ).flag("scale-range", &["scale_range"]).prominent();
    /// First step that updates the latents.
    first_update: usize = 1 => Description::count("First update", 0..=MOST_STEPS)
        .prominent();
    /// First step that no longer updates the latents.
    end_of_updates: usize = 25 => Description::count("End of updates", 0..=MOST_STEPS)
        .flag("max-iter-to-alter", &["max_iter_to_alter"]).prominent();
    /// Steps at which the updates are repeated until the loss is below 1 − threshold, with their
    /// thresholds, as 0: 0.9, 5: 0.95.
    thresholds: Vec<(usize, f64)> =
        vec![(0, 0.9), (5, 0.95), (10, 0.99), (15, 0.995), (20, 0.999)]
        => Description::step_thresholds("Thresholds").flag("thresholds", &[]).prominent();
    /// Largest number of updates at such a step.
    refinement_limit: usize = 30 => Description::count("Refinements", 0..=MOST_STEPS)
        .flag("max-refinement-steps", &["max_refinement_steps"]).prominent();
    /// Whether the maps of the two nouns are smoothed.
    smooth_attentions: bool = true => Description::switch("Smooth the maps")
        .flag("smooth-attentions", &["smooth_attentions"]).prominent();
    /// Width of that smoothing.
    sigma: f64 = 0.5 => Description::number("Sigma", 0.05..=10.0, 0.05)
        .counted_in("cells").flag("sigma", &[]).prominent();
    /// Side of the smoothing's kernel, an odd number; the released code borders its maps for 3.
    kernel_size: usize = 3 => Description::count("Kernel size", 1..=Smoothing::LARGEST_KERNEL)
        .counted_in("cells").flag("kernel-size", &["kernel_size"]).prominent();

    check Self::check_kernel;
}

impl ReferenceParameters {
    fn check_kernel(&self) -> Result<(), ParameterError> {
        if self.kernel_size % 2 == 1 {
            return Ok(());
        }
        Err(ParameterError::NotOdd {
            label: "Kernel size",
            value: self.kernel_size,
        })
    }

    /// Whether the step updates the latents: 0 < i < 25.
    pub fn updates(&self, step_index: usize) -> bool {
        (self.first_update..self.end_of_updates).contains(&step_index)
    }

    /// The threshold of a step that may refine.
    pub fn threshold(&self, step_index: usize) -> Option<f64> {
        let at_step = self.thresholds.iter().find(|(step, _)| *step == step_index);
        at_step
            .filter(|_| self.updates(step_index))
            .map(|&(_, threshold)| threshold)
    }

    /// Length of the update of a step, scale_factor · √scale, the scale running
    /// linearly over the scheduler calls.
    pub fn step_size(&self, context: StepContext) -> f64 {
        let last = context.step_count.saturating_sub(1).max(1) as f64;
        let (first_scale, last_scale) = self.scale_range;
        let part = context.step_index as f64 / last;
        self.scale_factor * (first_scale + (last_scale - first_scale) * part).sqrt()
    }

    /// How the nouns' maps are smoothed.
    pub(super) fn smoothing(&self) -> Smoothing {
        if self.smooth_attentions {
            Smoothing::released(self.sigma, self.kernel_size)
        } else {
            Smoothing::NONE
        }
    }
}

//! What can be set on every objective, with the defaults.
//!
//! Each field's first sentence is the tooltip of its control on the screen.

use serde::{Deserialize, Serialize};

use super::objective::{ObjectiveError, StepContext};
use super::target::Gaps;
use super::transport::TransportSettings;

/// Parameters of the default objective, `storm`; the placing and measuring ones
/// also serve the readings of the comparison methods.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StormParameters {
    /// Distance that left, right, above and below ask for between the centres of two objects, as a fraction of the picture's side.
    pub margin: f64,
    /// How far beyond the margin the targets lie, as a fraction of the picture's side, so that the pull does not fade before the relation holds.
    pub overshoot: f64,
    /// Smallest distance of “next to” between the centres of two objects, as a fraction of the shorter side.
    pub next_to_near: f64,
    /// Largest distance of “next to” between the centres of two objects, as a fraction of the shorter side.
    pub next_to_far: f64,
    /// Distance from its given place at which an object counts as arrived, as a fraction of the shorter side.
    pub free_target_tolerance: f64,
    /// Half-width of the blob that an object is moved towards, as a fraction of the shorter side.
    pub blob: f64,
    /// Smoothness of the optimal transport: small values follow the exact transport and take longer.
    pub epsilon: f64,
    /// Error of the transport plan's marginal at which the iteration stops.
    pub marginal_tolerance: f64,
    /// Strength of moving the objects to their places.
    pub transport_weight: f64,
    /// Strength of keeping every object in the picture.
    pub presence_weight: f64,
    /// Strength of keeping related objects from covering each other.
    pub non_overlap_weight: f64,
    /// Strength of binding an attribute, such as a colour, to its object.
    pub attribute_weight: f64,
    /// Strongest response, from 0 to 1, from which an object counts as present.
    pub presence_threshold: f64,
    /// Largest spread of an object's attention, as a fraction of the shorter side, at which it can be a single object; 1 accepts twins.
    pub largest_spread: f64,
    /// Mean response, from 0 to 1, below which an object counts as absent and has no place to move from.
    pub absent_below: f64,
    /// Width of the smoothing of the attention maps, in cells.
    pub smoothing_sigma: f64,
    /// Whether the padding after the prompt competes for the background, which keeps the words' maps clean.
    pub include_padding: bool,
}

impl Default for StormParameters {
    fn default() -> Self {
        Self {
            margin: 0.35,
            overshoot: 0.1,
            next_to_near: 0.3,
            next_to_far: 0.45,
            free_target_tolerance: 0.08,
            blob: 0.12,
            epsilon: 0.01,
            marginal_tolerance: 1e-3,
            transport_weight: 1.0,
            presence_weight: 0.02,
            non_overlap_weight: 0.02,
            attribute_weight: 0.1,
            presence_threshold: 0.2,
            largest_spread: 0.165,
            absent_below: 1e-4,
            smoothing_sigma: 0.5,
            include_padding: true,
        }
    }
}

impl StormParameters {
    /// Checks every value against its range.
    ///
    /// # Errors
    /// [`ObjectiveError::Parameter`] naming the first that is out of range.
    pub fn validate(&self) -> Result<(), ObjectiveError> {
        within("the margin", self.margin, 0.0, 0.9)?;
        within("the overshoot", self.overshoot, 0.0, 0.5)?;
        within("the nearest “next to”", self.next_to_near, 0.0, 0.9)?;
        within(
            "the farthest “next to”",
            self.next_to_far,
            self.next_to_near,
            1.5,
        )?;
        within(
            "the tolerance of a place",
            self.free_target_tolerance,
            1e-3,
            1.0,
        )?;
        within("the blob's half-width", self.blob, 0.01, 0.4)?;
        within("epsilon", self.epsilon, 1e-4, 10.0)?;
        within(
            "the marginal tolerance",
            self.marginal_tolerance,
            1e-12,
            0.1,
        )?;
        for (name, weight) in [
            ("the transport weight", self.transport_weight),
            ("the presence weight", self.presence_weight),
            ("the non-overlap weight", self.non_overlap_weight),
            ("the attribute weight", self.attribute_weight),
        ] {
            within(name, weight, 0.0, 1000.0)?;
        }
        within("the presence threshold", self.presence_threshold, 0.0, 1.0)?;
        within("the largest spread", self.largest_spread, 0.0, 1.0)?;
        within("the absence threshold", self.absent_below, 1e-9, 1.0)?;
        within("the smoothing width", self.smoothing_sigma, 0.05, 10.0)
    }

    /// The sizes that relations ask for.
    pub fn gaps(&self) -> Gaps {
        let bounds = [self.next_to_near, self.next_to_far];
        Gaps::required(self.margin, bounds, self.blob)
    }

    /// How exactly transport is solved.
    pub fn transport(&self) -> TransportSettings {
        TransportSettings {
            epsilon: self.epsilon,
            marginal_tolerance: self.marginal_tolerance,
        }
    }
}

/// Refuses a value outside `low..=high`, and NaN.
pub(super) fn within(
    name: &'static str,
    value: f64,
    low: f64,
    high: f64,
) -> Result<(), ObjectiveError> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    Err(ObjectiveError::Parameter {
        name,
        value,
        low,
        high,
    })
}

/// Parameters of the comparison method on centroids; its margin and bounds are
/// those of [`StormParameters`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CentroidParameters {
    /// Strength of moving the objects' centres to the distance asked for.
    pub relation_weight: f64,
    /// Strength of keeping every object's attention compact.
    pub presence_weight: f64,
    /// Strength of keeping related objects' attention equally compact.
    pub balance_weight: f64,
}

impl Default for CentroidParameters {
    fn default() -> Self {
        Self {
            relation_weight: 1.0,
            presence_weight: 0.5,
            balance_weight: 0.25,
        }
    }
}

impl CentroidParameters {
    /// Checks every value against its range.
    ///
    /// # Errors
    /// [`ObjectiveError::Parameter`] naming the first that is out of range.
    pub fn validate(&self) -> Result<(), ObjectiveError> {
        within("the relation weight", self.relation_weight, 0.0, 1000.0)?;
        within("the presence weight", self.presence_weight, 0.0, 1000.0)?;
        within("the balance weight", self.balance_weight, 0.0, 1000.0)
    }
}

/// Parameters of Attend-and-Excite, with the paper's defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AttendAndExciteParameters {
    /// Fractions of the sampling at which the updates are repeated, with the response that the weakest object must reach.
    pub thresholds: Vec<(f64, f64)>,
    /// Largest number of updates at such a step.
    pub refinement_limit: usize,
}

impl Default for AttendAndExciteParameters {
    /// Steps 0, 10 and 20 of 50.
    fn default() -> Self {
        Self {
            thresholds: vec![(0.0, 0.05), (0.2, 0.5), (0.4, 0.8)],
            refinement_limit: 20,
        }
    }
}

impl AttendAndExciteParameters {
    /// Checks every value against its range.
    ///
    /// # Errors
    /// [`ObjectiveError::Parameter`] naming the first that is out of range.
    pub fn validate(&self) -> Result<(), ObjectiveError> {
        for &(fraction, threshold) in &self.thresholds {
            within("the place of a refinement", fraction, 0.0, 1.0)?;
            within("a refinement threshold", threshold, 0.0, 1.0)?;
        }
        Ok(())
    }

    /// The threshold of a step that refines.
    pub fn threshold(&self, context: StepContext) -> Option<f64> {
        let steps = context.step_count as f64;
        let at_step = |fraction: f64| (fraction * steps).round() as usize == context.step_index;
        let found = self
            .thresholds
            .iter()
            .find(|(fraction, _)| at_step(*fraction));
        found.map(|&(_, threshold)| threshold)
    }
}

/// Parameters of the released method, with the paper's defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReferenceParameters {
    /// Steps at which the updates are repeated until the loss is below 1 − threshold, with their thresholds.
    pub thresholds: Vec<(usize, f64)>,
    /// Largest number of updates at such a step.
    pub refinement_limit: usize,
    /// First step that updates the latents.
    pub first_update: usize,
    /// First step that no longer updates the latents.
    pub end_of_updates: usize,
    /// Length of an update at scale 1, in units of the latents.
    pub scale_factor: f64,
    /// Scale of the update at the first and at the last step; its square root counts.
    pub scale_range: (f64, f64),
}

impl Default for ReferenceParameters {
    fn default() -> Self {
        Self {
            thresholds: vec![(0, 0.9), (5, 0.95), (10, 0.99), (15, 0.995), (20, 0.999)],
            refinement_limit: 30,
            first_update: 1,
            end_of_updates: 25,
            scale_factor: 20.0,
            scale_range: (1.0, 0.5),
        }
    }
}

impl ReferenceParameters {
    /// Checks every value against its range.
    ///
    /// # Errors
    /// [`ObjectiveError::Parameter`] naming the first that is out of range.
    pub fn validate(&self) -> Result<(), ObjectiveError> {
        for &(_, threshold) in &self.thresholds {
            within("a refinement threshold", threshold, 0.0, 1.0)?;
        }
        within("the scale factor", self.scale_factor, 0.0, 1e4)?;
        within("the first scale", self.scale_range.0, 0.0, 100.0)?;
        within("the last scale", self.scale_range.1, 0.0, 100.0)
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
}

/// The parameters of every objective, as they are stored with a picture.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ObjectiveParameters {
    /// Parameters of the default objective and of all readings.
    pub storm: StormParameters,
    /// Parameters of the hinge on centroids.
    pub centroid: CentroidParameters,
    /// Parameters of Attend-and-Excite.
    pub attend_and_excite: AttendAndExciteParameters,
    /// Parameters of the released method.
    pub reference: ReferenceParameters,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid_and_fill_what_a_file_leaves_out() {
        let parameters: ObjectiveParameters =
            serde_json::from_str(r#"{"storm": {"margin": 0.25}, "from_a_later_version": 1}"#)
                .unwrap();
        let expected = StormParameters {
            margin: 0.25,
            ..StormParameters::default()
        };
        assert_eq!(parameters.storm, expected);
        assert_eq!(parameters.storm.validate(), Ok(()));
        assert_eq!(parameters.centroid.validate(), Ok(()));
        assert_eq!(parameters.attend_and_excite.validate(), Ok(()));
        assert_eq!(parameters.reference.validate(), Ok(()));
    }

    #[test]
    fn a_value_out_of_range_is_named_with_its_range() {
        let wrong = StormParameters {
            next_to_near: 0.5,
            next_to_far: 0.4,
            ..StormParameters::default()
        };
        let message = wrong.validate().unwrap_err().to_string();
        assert!(message.contains("farthest") && message.contains("between 0.5 and 1.5"));
        let wrong = ReferenceParameters {
            thresholds: vec![(5, f64::NAN)],
            ..ReferenceParameters::default()
        };
        assert!(wrong.validate().is_err());
    }
}

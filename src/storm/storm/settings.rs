//! The parameters of the default objective, and what they mean to the transport.

use crate::parameters::Description;
use crate::storm::distribution_loss::{BALANCED, Powers, Relaxation};
use crate::storm::kind::ObjectiveKind;
use crate::storm::parameters::parameters;
use crate::storm::transport::TransportSettings;

parameters! {
    /// Parameters of the transport and of the terms beside it.
    pub struct StormParameters in "storm" read by &[ObjectiveKind::Storm];

    /// Strength of moving the objects to their places.
    transport_weight: f64 = 1.0 => Description::weight("Transport weight");
    /// Strength of keeping every object in the picture.
    presence_weight: f64 = 0.0 => Description::weight("Presence weight");
    /// Strength of keeping related objects from covering each other.
    non_overlap_weight: f64 = 0.0 => Description::weight("Non-overlap weight");
    /// Strength of binding an attribute, such as a colour, to its object.
    attribute_weight: f64 = 0.1 => Description::weight("Attribute weight");
    /// Smoothness of the optimal transport: small values follow the exact transport and take longer.
    epsilon: f64 = 0.01 => Description::number("Epsilon", 1e-4..=10.0, 0.001)
        .flag("epsilon", &[]);
    /// Error of the transport plan's marginal at which the iteration stops.
    marginal_tolerance: f64 = 1e-3
        => Description::number("Marginal tolerance", 1e-12..=0.1, 1e-4);
    /// How far attention is carried before it rather vanishes in one place and is born in another;
    /// 0 is cross-entropy, 100 balanced transport.
    relaxation_radius: f64 = 0.001 => Description::number("Relaxation radius", 0.0..=BALANCED, 0.001)
        .counted_in("squared sides").flag("relaxation-radius", &["relaxation_radius"]);
    /// Smoothness of that transport to a region that is filled.
    relaxation_epsilon: f64 = 0.005 => Description::number("Relaxed epsilon", 1e-3..=1.0, 0.001)
        .counted_in("squared sides");
    /// Whether plain relations and places are carried by it too.
    relaxed_relations: bool = true => Description::switch("Relax relations too");
    /// Whether an object is carried into a box of its size, in which it lies as it likes, rather than
    /// to a blob or a disc; a region that one object can fill is filled.
    into_boxes: bool = true => Description::switch("Into boxes");
    /// Of sizes and regions that are not filled: power of the attention that is carried into boxes;
    /// the higher, the less its faint parts count.
    box_power: f64 = 2.0 => Description::number("Box power", 0.1..=10.0, 0.1);
    /// Width of the smallest box of a size that attention is carried into: a smaller one, over whose
    /// edge it reaches anyway, is left to the peaks, if they have a weight.
    least_box: f64 = 4.0 => Description::number("Least box", 0.0..=100.0, 0.5)
        .counted_in("cells");
    /// Power of the attention that fills a region, if one object can; below 1 its faint parts count
    /// more.
    fill_power: f64 = 0.5 => Description::number("Fill power", 0.1..=10.0, 0.1);
    /// Of copies, sizes and regions that are not filled: strength of raising the highest responses in
    /// an object's boxes and of lowering those outside.
    peaks_weight: f64 = 4.0 => Description::weight("Peaks weight");
}

impl StormParameters {
    /// How exactly transport is solved.
    pub(super) fn transport(&self) -> TransportSettings {
        TransportSettings {
            epsilon: self.epsilon,
            marginal_tolerance: self.marginal_tolerance,
        }
    }

    /// Which of the family of losses carries an object, where anything beyond plain
    /// relations is asked for or not: those are true without powers.
    pub(super) fn relaxation(&self, has_wishes: bool) -> Relaxation {
        let powers = Powers {
            into_homes: self.box_power,
            filling: self.fill_power,
        };
        Relaxation {
            radius: self.relaxation_radius,
            epsilon: self.relaxation_epsilon,
            into_homes: self.into_boxes,
            powers: if has_wishes { powers } else { Powers::NONE },
        }
    }
}

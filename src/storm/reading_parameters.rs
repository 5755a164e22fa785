//! How the maps are read: what relations ask for, and when an object is there.
//!
//! All objectives are read with the same yardstick; those that stop once all is
//! right also follow it.

use super::kind::ObjectiveKind::{
    self, AttendAndExcite, BalancedTransport, BoxDiff, BoxPerCopy, Centroid, CrossEntropy,
    LayoutGuidance, Moments, MomentsPerCopy, Storm,
};
use super::parameters::parameters;
use super::target::Gaps;
use crate::parameters::{Description, ParameterError};

/// The objectives that move objects to places: their pictures depend on the readings.
pub(crate) const PLACING: &[ObjectiveKind] = &[
    Storm,
    Centroid,
    CrossEntropy,
    BalancedTransport,
    LayoutGuidance,
    BoxDiff,
    BoxPerCopy,
    Moments,
    MomentsPerCopy,
];
/// And Attend-and-Excite, which asks for no places.
const ALL_OURS: &[ObjectiveKind] = &[
    Storm,
    Centroid,
    AttendAndExcite,
    CrossEntropy,
    BalancedTransport,
    LayoutGuidance,
    BoxDiff,
    BoxPerCopy,
    Moments,
    MomentsPerCopy,
];

/// More noise than there ever is.
pub(super) const MOST_NOISE: f64 = 10_000.0;
/// Largest distance that “next to” may allow.
const FARTHEST: f64 = 1.5;

parameters! {
    /// What all readings are made with.
    pub struct ReadingParameters in "storm" read by PLACING;

    /// Distance that left, right, above and below ask for between the centres of two objects.
    margin: f64 = 0.35 => Description::number("Margin", 0.0..=0.9, 0.01)
        .fraction_of("the picture's side").flag("margin", &[]).prominent();
    /// How far beyond the margin the targets lie, so that the pull does not fade before the
    /// relation holds.
    overshoot: f64 = 0.1 => Description::number("Overshoot", 0.0..=0.5, 0.01)
        .fraction_of("the picture's side").flag("overshoot", &[]), read by PLACING;
    /// Half-width of an object: of the blob that it is moved towards.
    blob: f64 = 0.12 => Description::number("Blob", 0.01..=0.4, 0.005)
        .fraction_of("the shorter side").flag("blob", &[]);
    /// Smallest distance of “next to” between the centres of two objects.
    next_to_near: f64 = 0.3 => Description::number("Nearest “next to”", 0.0..=0.9, 0.01)
        .fraction_of("the shorter side");
    /// Largest distance of “next to” between the centres of two objects.
    next_to_far: f64 = 0.45 => Description::number("Farthest “next to”", 0.0..=FARTHEST, 0.01)
        .fraction_of("the shorter side");
    /// Distance from its given place at which an object counts as arrived.
    free_target_tolerance: f64 = 0.08 => Description::number("Place tolerance", 0.001..=1.0, 0.01)
        .fraction_of("the shorter side");
    /// Of copies, sizes and regions: whether the attention is taken as it is, which tells sizes,
    /// rather than after the words have competed for each cell.
    bare_map: bool = true => Description::switch("Bare attention"), read by PLACING;
    /// Of copies, sizes and regions: the noise down to which updates wait, because attention has no
    /// shapes before; twice of it on latents of twice the side.
    shapes_below: f64 = 8.0 => Description::number("Shapes below", 0.0..=MOST_NOISE, 0.5)
        .counted_in("noise per signal (σ) on latents of 32 cells a side"), read by PLACING;
    /// Of copies, sizes and regions: the Sinkhorn divergence from the target below which an object
    /// counts as arrived.
    arrived_below: f64 = 0.002 => Description::number("Arrived below", 0.0..=2.0, 0.0005)
        .counted_in("squared sides"), read by PLACING;
    /// Share of its attention in the box that an object is carried into from which it counts as
    /// arrived: in chains, whose margins the frame cuts, and where copies, sizes or regions are asked
    /// for, of which half as much may lie outside, and of squares an eighth. 1: never.
    arrived_inside: f64 = 0.85 => Description::number("Arrived inside", 0.1..=1.0, 0.01),
        read by PLACING;
    /// Of copies, sizes and regions that are not filled: power of the attention that has to arrive,
    /// if all of it does not; the higher, the less its faint parts count.
    arrived_power: f64 = 2.0 => Description::number("Arrived power", 0.1..=10.0, 0.1),
        read by PLACING;
    /// Strongest response, from 0 to 1, from which an object counts as present.
    presence_threshold: f64 = 0.2 => Description::number("Presence threshold", 0.0..=1.0, 0.01);
    /// Largest spread of an object's attention at which it can be a single object; 1 accepts twins.
    largest_spread: f64 = 0.165 => Description::number("Largest spread", 0.0..=1.0, 0.01)
        .fraction_of("the shorter side").flag("largest-spread", &["largest_spread"]);
    /// Width of the smoothing of the attention maps.
    smoothing_sigma: f64 = 0.5 => Description::number("Smoothing", 0.05..=10.0, 0.05)
        .counted_in("cells");
    /// Mean response, from 0 to 1, below which an object counts as absent and has no place to move
    /// from.
    absent_below: f64 = 1e-4 => Description::number("Absent below", 1e-9..=1.0, 1e-5);
    /// Whether the padding after the prompt competes for the background, which keeps the words'
    /// maps clean.
    include_padding: bool = true => Description::switch("Padding competes"),
        read by ALL_OURS;

    check Self::check_next_to;
}

impl ReadingParameters {
    /// The sizes that relations ask for.
    pub fn gaps(&self) -> Gaps {
        let bounds = [self.next_to_near, self.next_to_far];
        Gaps::required(self.margin, bounds, self.blob)
    }

    fn check_next_to(&self) -> Result<(), ParameterError> {
        if self.next_to_near <= self.next_to_far {
            return Ok(());
        }
        Err(ParameterError::OutOfRange {
            label: "Farthest “next to”",
            value: self.next_to_far,
            low: self.next_to_near,
            high: FARTHEST,
        })
    }
}

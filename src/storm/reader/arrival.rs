//! Copies, sizes and regions: from when on attention is moved, and when it has arrived.

use super::{Placement, Reader};
use crate::storm::objective::{ObjectReading, StepContext};

/// Largest difference from an extent that was asked for, as a share of it, at which an
/// object's attention counts as arrived.
const ARRIVED_EXTENT: f64 = 0.2;

impl Reader {
    /// Whether the maps have no shapes yet that could be compared with distributions.
    pub fn waits(&self, context: StepContext) -> bool {
        self.layout.has_distributions() && context.noise > self.shapes_below
    }

    /// Whether an object of a layout with copies, sizes or regions lies as asked.
    pub(super) fn has_arrived(
        &self,
        index: usize,
        object: &ObjectReading,
        placement: &Placement,
    ) -> bool {
        let is_there = !object.absent && object.presence >= self.presence_threshold;
        let distance = object.distance.unwrap_or(0.0);
        let is_sized = self
            .layout
            .targets
            .of(index)
            .is_some_and(|it| it.size.is_some());
        let extents = placement.bodies.iter().map(|body| body.extent);
        let enough = match is_sized {
            true => extents.fold(self.arrived_below, |enough, extent| {
                // The transport between two discs about one centre costs half of the
                // square by which their radii differ.
                enough.min(0.125 * (ARRIVED_EXTENT * extent).powi(2))
            }),
            false => self.arrived_below,
        };
        is_there && (!self.layout.moves(index) || distance <= enough)
    }
}

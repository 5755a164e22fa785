//! When attention has arrived; of copies, sizes and regions also from when on it is moved.

use super::{Body, Placement, Reader};
use crate::storm::distribution_loss::{DistributionLoss, inside};
use crate::storm::frame::Frame;
use crate::storm::objective::{ObjectReading, RelationReading, StepContext};
use crate::storm::word_maps::WordMaps;

/// Largest difference from an extent that was asked for, as a share of it, at which an
/// object's attention counts as arrived.
const ARRIVED_EXTENT: f64 = 0.2;
/// Part of the size asked for in which an object that should grow still fits.
const FAR_TOO_SMALL: f64 = 0.7;
/// Part of a margin that was cut to fit a chain into the frame.
const ENOUGH_OF_A_CHAIN: f64 = 0.8;

impl Reader {
    /// Whether the maps have no shapes yet that could be compared with distributions.
    pub fn waits(&self, context: StepContext) -> bool {
        self.layout.has_distributions() && context.noise > self.shapes_below
    }

    /// Whether an object of a layout with copies, sizes or regions lies as asked.
    pub(super) fn has_arrived(
        &self,
        (index, object): (usize, &ObjectReading),
        maps: &WordMaps<'_>,
        placement: &Placement,
    ) -> bool {
        let (frame, share) = (maps.frame, &self.compared(maps)[index].share);
        let is_there = !object.absent && object.presence >= self.presence_threshold;
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
        let is_near = object.distance.unwrap_or(0.0) <= enough;
        // What is to have an extent or to fill something is seen from all of its map.
        let is_of_copies = !is_sized && !placement.is_filled && placement.homes.is_empty();
        let stands_near =
            || is_of_copies && self.raised_distance(frame, share, placement) <= enough;
        // An edge that was asked for is kept better than one that only keeps others apart,
        // and what stands out keeps it better than what is faint.
        let outside = (1.0 - self.arrived_inside) * 0.5f64.powf(2.0 * self.arrived_power - 1.0);
        let is_inside = || {
            self.is_inside(&self.raised(share), &placement.homes, 1.0 - outside)
                && !self.is_too_small(frame, index, share, placement)
        };
        is_there && (!self.layout.moves(index) || is_near || stands_near() || is_inside())
    }

    /// The Sinkhorn divergence between a map and its target, both raised to the power in
    /// which they are to meet.
    fn raised_distance(&self, frame: Frame, share: &[f64], placement: &Placement) -> f64 {
        let raised = Placement {
            spread: placement.spread.as_deref().map(|it| self.raised(it)),
            ..placement.clone()
        };
        DistributionLoss::default().distance(frame, &self.raised(share), &raised)
    }

    /// A distribution raised to the power in which it has to arrive, with sum 1.
    fn raised(&self, share: &[f64]) -> Vec<f64> {
        let raised = share
            .iter()
            .map(|part| part.max(0.0).powf(self.arrived_power));
        let raised: Vec<f64> = raised.collect();
        let sum: f64 = raised.iter().sum();
        raised.iter().map(|part| part / sum).collect()
    }

    /// Whether an object is so much smaller than the size that is asked of it that boxes
    /// of seven tenths of it would hold it: no box could help it.
    pub fn is_too_small(
        &self,
        frame: Frame,
        index: usize,
        share: &[f64],
        placement: &Placement,
    ) -> bool {
        let asked = self.layout.targets.of(index).and_then(|it| it.size);
        let smaller = placement.bodies.iter().map(|body| {
            let extent = FAR_TOO_SMALL * body.extent;
            Body { extent, ..*body }.away(frame, true)
        });
        asked.is_some() && self.is_inside(share, &smaller.collect::<Vec<_>>(), self.arrived_inside)
    }

    /// Whether every object that plain relations move lies in the box around its target,
    /// and every relation holds but those of chains: the frame has cut their margins, and
    /// most of what is left is enough.
    pub(super) fn are_in_boxes(
        &self,
        maps: &WordMaps<'_>,
        relations: &[RelationReading],
        targets: &[[f64; 2]],
    ) -> bool {
        let (frame, compared) = (maps.frame, self.compared(maps));
        let extent = self.usual.extent() * frame.shorter_side();
        let is_in_its_box = |index: usize| {
            let body = Body {
                centre: targets[index],
                extent,
            };
            !self.layout.moves(index)
                || self.is_inside(
                    &compared[index].share,
                    &[body.away(frame, false)],
                    self.arrived_inside,
                )
        };
        self.arrived_inside < 1.0
            && relations.iter().all(|it| {
                let is_cut = it.margin < self.gaps.margin;
                it.holds || (is_cut && it.signed_distance >= ENOUGH_OF_A_CHAIN * it.margin)
            })
            && (0..targets.len()).all(is_in_its_box)
    }

    /// Whether enough of a map lies in its homes; not where it has none.
    fn is_inside(&self, share: &[f64], homes: &[Vec<f64>], least: f64) -> bool {
        self.arrived_inside < 1.0 && !homes.is_empty() && inside(share, homes) >= least
    }
}

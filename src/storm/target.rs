//! Where the objects should go: target centroids and target distributions.
//!
//! The centroids are the nearest ones that satisfy all relations at once inside
//! the frame; the distribution is a Gaussian blob at such a centroid.

use super::frame::Frame;
use super::geometry::Geometry;
use super::relation::{Axis, Layout};

#[cfg(test)]
mod tests;

/// Sweeps of the projection before it settles for what it has.
const SWEEPS: usize = 20;
/// Shortfall that counts as none, in units of the longer side.
const TOLERANCE: f64 = 1e-9;
/// Part of the free room that a chain of relations may ask for.
const CHAIN_ROOM: f64 = 0.8;
/// Part of it that its targets may take; the rest keeps them reachable.
const TARGET_ROOM: f64 = 0.9;
/// Smallest weight in a blob before normalisation, so that no cell is empty.
const FLOOR: f64 = 1e-6;

/// The sizes that relations ask for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gaps {
    /// Distance of the centroids along an axis, as a fraction of that side.
    pub margin: f64,
    /// Smallest distance of "next to", as a fraction of the shorter side.
    pub near: f64,
    /// Largest distance of "next to", as a fraction of the shorter side.
    pub far: f64,
    /// Half-width of an object, as a fraction of the shorter side.
    pub half_width: f64,
    /// Part of the free room that a chain of relations may take.
    pub chain_room: f64,
}

impl Gaps {
    /// What relations must have to hold.
    pub fn required(margin: f64, [near, far]: [f64; 2], half_width: f64) -> Self {
        Self {
            margin,
            near,
            far,
            half_width,
            chain_room: CHAIN_ROOM,
        }
    }

    /// What targets are placed for, `overshoot` inside the bounds of these gaps: a
    /// pull that ends where a relation begins to hold fades before it gets there.
    pub fn for_targets(&self, overshoot: f64) -> Self {
        let inward = overshoot.min(0.25 * (self.far - self.near));
        Self {
            margin: self.margin + overshoot,
            near: self.near + inward,
            far: self.far - inward,
            half_width: self.half_width,
            chain_room: if overshoot > 0.0 {
                TARGET_ROOM
            } else {
                self.chain_room
            },
        }
    }

    /// The margin along an axis as a fraction of that side: the one asked for,
    /// or less where a chain of relations would not fit into the frame.
    pub fn fitting_margin(&self, frame: Frame, layout: &Layout, axis: Axis) -> f64 {
        let side = frame.extent()[axis.index()];
        let room = 1.0 - 2.0 * self.half_width * frame.shorter_side() / side;
        let chain = layout.longest_chain(axis).max(1) as f64;
        self.margin.min(self.chain_room * room / chain)
    }

    /// The signed distance at which a relation holds, in the unit of
    /// [`Geometry::signed_distance`].
    pub fn margin(&self, geometry: Geometry, frame: Frame, layout: &Layout) -> f64 {
        match geometry {
            Geometry::Along { axis, .. } => self.fitting_margin(frame, layout, axis),
            Geometry::Ring => 0.0,
        }
    }

    /// Bounds of the distance of "next to", in units of the longer side.
    pub fn distance_bounds(&self, frame: Frame) -> [f64; 2] {
        [
            self.near * frame.shorter_side(),
            self.far * frame.shorter_side(),
        ]
    }
}

/// Projects today's centroids onto all gaps and the frame.
///
/// `centroids` are (x, y) in frame units, one for each object of a valid
/// layout. Each shortfall is split between the two objects; what one of them
/// can't do, because it stands at the frame (shrunk by the half-width) or was
/// given its place, is handed to the other. Sweeps until all hold, or 20 times.
/// An axis that no relation of the object speaks of is left alone.
pub fn project(
    frame: Frame,
    layout: &Layout,
    gaps: &Gaps,
    centroids: &[[f64; 2]],
) -> Vec<[f64; 2]> {
    let mut projection = Projection::new(frame, layout, gaps, centroids);
    let margins = Axis::BOTH
        .map(|axis| gaps.fitting_margin(frame, layout, axis) * frame.extent()[axis.index()]);
    for _ in 0..SWEEPS {
        let mut worst = 0.0f64;
        for axis in Axis::BOTH {
            for (first, second) in layout.ordered_pairs(axis) {
                worst = worst.max(projection.separate(
                    axis.index(),
                    first,
                    second,
                    margins[axis.index()],
                ));
            }
        }
        for relation in &layout.relations {
            match relation.kind.geometry() {
                // Done above, all of an axis together.
                Geometry::Along { .. } => {}
                Geometry::Ring => {
                    let bounds = gaps.distance_bounds(frame);
                    let (subject, object) = (relation.subject, relation.object);
                    worst = worst.max(projection.keep_distance(subject, object, bounds));
                }
            }
        }
        if worst <= TOLERANCE {
            break;
        }
    }
    projection.places
}

struct Projection {
    places: Vec<[f64; 2]>,
    /// Smallest and largest coordinate of each object on each axis.
    bounds: Vec<[[f64; 2]; 2]>,
}

impl Projection {
    fn new(frame: Frame, layout: &Layout, gaps: &Gaps, centroids: &[[f64; 2]]) -> Self {
        let half_width = gaps.half_width * frame.shorter_side();
        let inside = frame.extent().map(|side| {
            [
                half_width.min(0.5 * side),
                (side - half_width).max(0.5 * side),
            ]
        });
        let mut bounds = vec![[[f64::NEG_INFINITY, f64::INFINITY]; 2]; centroids.len()];
        for relation in &layout.relations {
            for object in [relation.subject, relation.object] {
                for axis in Axis::BOTH {
                    if relation.kind.geometry().speaks_of(axis) {
                        bounds[object][axis.index()] = inside[axis.index()];
                    }
                }
            }
        }
        for target in layout.targets.iter() {
            let Some(place) = target.point() else {
                continue;
            };
            let place = frame.from_fractions(place);
            for axis in [0, 1] {
                let fixed = place[axis].clamp(inside[axis][0], inside[axis][1]);
                bounds[target.object][axis] = [fixed, fixed];
            }
        }
        let places = centroids
            .iter()
            .zip(&bounds)
            .map(|(centroid, bound)| [0, 1].map(|a| centroid[a].clamp(bound[a][0], bound[a][1])))
            .collect();
        Self { places, bounds }
    }

    /// Moves `object` by up to `distance` along `axis`; returns what was moved.
    fn shift(&mut self, object: usize, axis: usize, distance: f64) -> f64 {
        let [low, high] = self.bounds[object][axis];
        let before = self.places[object][axis];
        let after = (before + distance).clamp(low, high);
        self.places[object][axis] = after;
        after - before
    }

    /// Makes `second − first ≥ gap` along an axis; returns the shortfall found.
    fn separate(&mut self, axis: usize, first: usize, second: usize, gap: f64) -> f64 {
        let shortfall = gap - (self.places[second][axis] - self.places[first][axis]);
        if shortfall <= TOLERANCE {
            return 0.0;
        }
        let by_second = self.shift(second, axis, 0.5 * shortfall);
        let by_first = -self.shift(first, axis, by_second - shortfall);
        self.shift(second, axis, shortfall - by_second - by_first);
        shortfall
    }

    /// Brings the distance of two objects between two bounds, along the line
    /// that joins them; returns the shortfall found.
    fn keep_distance(&mut self, subject: usize, object: usize, [near, far]: [f64; 2]) -> f64 {
        let difference = [0, 1].map(|axis| self.places[object][axis] - self.places[subject][axis]);
        let distance = difference[0].hypot(difference[1]);
        let change = distance.clamp(near, far) - distance;
        if change.abs() <= TOLERANCE {
            return 0.0;
        }
        // Two objects in one place part sideways, where most pictures have room.
        let direction = if distance > TOLERANCE {
            difference.map(|d| d / distance)
        } else {
            [1.0, 0.0]
        };
        for (axis, part) in direction.into_iter().enumerate() {
            let wanted = part * change;
            let by_object = self.shift(object, axis, 0.5 * wanted);
            let by_subject = -self.shift(subject, axis, by_object - wanted);
            self.shift(object, axis, wanted - by_object - by_subject);
        }
        change.abs()
    }
}

/// A Gaussian blob `[rows, columns]` that sums to 1.
///
/// `centre` and `deviation` are in frame units. The blob is cut at the frame
/// and floored at 1e-6 of its peak.
pub fn blob(frame: Frame, centre: [f64; 2], deviation: f64) -> Vec<f64> {
    let exponent = -0.5 / (deviation * deviation);
    let mut weights: Vec<f64> = (0..frame.cells())
        .map(|index| {
            let [x, y] = frame.position(index);
            let square = (x - centre[0]).powi(2) + (y - centre[1]).powi(2);
            (exponent * square).exp().max(FLOOR)
        })
        .collect();
    let scale = 1.0 / weights.iter().sum::<f64>();
    weights.iter_mut().for_each(|weight| *weight *= scale);
    weights
}

//! Where the objects should go: target centroids and target distributions.
//!
//! The centroids are the nearest ones that satisfy all relations at once inside
//! the frame; the distribution is a Gaussian blob at such a centroid.

use super::frame::Frame;
use super::relation::{Axis, Layout, RelationKind};

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
            if relation.kind == RelationKind::NextTo {
                let bounds = gaps.distance_bounds(frame);
                worst =
                    worst.max(projection.keep_distance(relation.subject, relation.object, bounds));
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
                    if relation
                        .kind
                        .axis()
                        .is_none_or(|spoken_of| spoken_of == axis)
                    {
                        bounds[object][axis.index()] = inside[axis.index()];
                    }
                }
            }
        }
        for target in &layout.free_targets {
            let place = frame.from_fractions([target.x, target.y]);
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

#[cfg(test)]
mod tests {
    use super::super::relation::{FreeTarget, ObjectTokens, Relation};
    use super::RelationKind::*;
    use super::*;
    use proptest::prelude::*;

    const GAPS: Gaps = Gaps {
        margin: 0.35,
        near: 0.3,
        far: 0.45,
        half_width: 0.12,
        chain_room: 0.9,
    };
    const SQUARE: Frame = Frame {
        rows: 16,
        columns: 16,
    };

    fn layout(count: usize, relations: &[(usize, RelationKind, usize)]) -> Layout {
        Layout {
            objects: (0..count)
                .map(|i| ObjectTokens {
                    tokens: vec![i + 1],
                    attributes: vec![],
                    label: i.to_string(),
                })
                .collect(),
            relations: relations
                .iter()
                .map(|&(subject, kind, object)| Relation {
                    subject,
                    kind,
                    object,
                })
                .collect(),
            free_targets: vec![],
        }
    }

    fn assert_places(found: &[[f64; 2]], expected: &[[f64; 2]]) {
        for (f, e) in found.iter().zip(expected) {
            assert!(
                (f[0] - e[0]).abs() < 1e-9 && (f[1] - e[1]).abs() < 1e-9,
                "{found:?} instead of {expected:?}"
            );
        }
    }

    #[test]
    fn a_shortfall_is_split_between_both() {
        let places = project(
            SQUARE,
            &layout(2, &[(0, LeftOf, 1)]),
            &GAPS,
            &[[0.5, 0.3], [0.55, 0.95]],
        );
        // 0.35 − 0.05 = 0.3, half to each side; y stays, even outside the frame.
        assert_places(&places, &[[0.35, 0.3], [0.7, 0.95]]);
    }

    #[test]
    fn what_holds_is_left_alone() {
        let today = [[0.7, 0.5], [0.2, 0.5]];
        let places = project(SQUARE, &layout(2, &[(0, RightOf, 1)]), &GAPS, &today);
        assert_places(&places, &today);
    }

    #[test]
    fn what_is_stuck_at_the_frame_hands_on() {
        let places = project(
            SQUARE,
            &layout(2, &[(0, Above, 1)]),
            &GAPS,
            &[[0.5, 0.17], [0.5, 0.3]],
        );
        assert_places(&places, &[[0.5, 0.12], [0.5, 0.47]]);
    }

    #[test]
    fn a_given_place_stays_and_the_other_moves() {
        let mut with_place = layout(2, &[(0, Below, 1)]);
        with_place.free_targets = vec![FreeTarget {
            object: 1,
            x: 0.5,
            y: 0.4,
        }];
        let places = project(SQUARE, &with_place, &GAPS, &[[0.2, 0.5], [0.9, 0.9]]);
        assert_places(&places, &[[0.2, 0.75], [0.5, 0.4]]);
    }

    #[test]
    fn next_to_has_two_bounds() {
        let relations = layout(2, &[(0, NextTo, 1)]);
        let apart = project(SQUARE, &relations, &GAPS, &[[0.2, 0.2], [0.8, 0.8]]);
        let distance = |p: &[[f64; 2]]| (p[0][0] - p[1][0]).hypot(p[0][1] - p[1][1]);
        assert!((distance(&apart) - 0.45).abs() < 1e-9);
        assert!((apart[0][0] + apart[1][0] - 1.0).abs() < 1e-9);
        let same = project(SQUARE, &relations, &GAPS, &[[0.5, 0.5], [0.5, 0.5]]);
        assert_places(&same, &[[0.35, 0.5], [0.65, 0.5]]);
        let cornered = project(SQUARE, &relations, &GAPS, &[[0.02, 0.1], [0.1, 0.05]]);
        assert!(distance(&cornered) > 0.3 - 1e-6);
    }

    #[test]
    fn a_long_chain_asks_for_the_room_there_is() {
        let chain = layout(4, &[(0, LeftOf, 1), (1, LeftOf, 2), (3, RightOf, 2)]);
        let margin = GAPS.fitting_margin(SQUARE, &chain, Axis::Horizontal);
        assert!((margin - 0.9 * 0.76 / 3.0).abs() < 1e-12);
        assert_eq!(GAPS.fitting_margin(SQUARE, &chain, Axis::Vertical), 0.35);
        let places = project(SQUARE, &chain, &GAPS, &[[0.5, 0.5]; 4]);
        for pair in places.windows(2) {
            assert!(pair[1][0] - pair[0][0] > margin - 0.02, "{places:?}");
        }
    }

    #[test]
    fn targets_lie_beyond_what_is_required() {
        let required = Gaps::required(0.35, [0.3, 0.45], 0.12);
        assert_eq!(required.for_targets(0.0), required);
        let targets = required.for_targets(0.1);
        let pair = layout(2, &[(0, LeftOf, 1)]);
        let places = project(SQUARE, &pair, &targets, &[[0.5, 0.3], [0.55, 0.6]]);
        assert_places(&places, &[[0.3, 0.3], [0.75, 0.6]]);
        let near = layout(2, &[(0, NextTo, 1)]);
        let places = project(SQUARE, &near, &targets, &[[0.5, 0.5], [0.6, 0.5]]);
        let distance = places[1][0] - places[0][0];
        assert!((distance - 0.3375).abs() < 1e-9, "{distance}");
        // A chain that fills the frame has as much beyond as there is room for.
        let chain = layout(3, &[(0, LeftOf, 1), (1, LeftOf, 2)]);
        let gap = |gaps: &Gaps| gaps.fitting_margin(SQUARE, &chain, Axis::Horizontal);
        assert!((gap(&required) - 0.8 * 0.38).abs() < 1e-12);
        assert!((gap(&targets) - 0.9 * 0.38).abs() < 1e-12);
    }

    #[test]
    fn a_blob_sums_to_one_at_its_centre_and_leaves_no_cell_empty() {
        let weights = blob(SQUARE, [0.4, 0.6], 0.08);
        assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        let centre = SQUARE.centroid(&weights);
        assert!((centre[0] - 0.4).abs() < 1e-3 && (centre[1] - 0.6).abs() < 1e-3);
        let largest = weights.iter().copied().fold(0.0, f64::max);
        let smallest = weights.iter().copied().fold(1.0, f64::min);
        assert!(smallest > 0.9e-6 * largest && smallest < 1.5e-6 * largest);
    }

    proptest! {
        #[test]
        fn the_gap_of_any_pair_fits_into_any_frame(
            rows in 2usize..40,
            columns in 2usize..40,
            kind in prop::sample::select(RelationKind::ALL.to_vec()),
            fractions in prop::array::uniform4(0.0f64..1.0),
        ) {
            let frame = Frame { rows, columns };
            let pair = layout(2, &[(0, kind, 1)]);
            let [a, b, c, d] = fractions;
            let today = [[a, b], [c, d]].map(|place| frame.from_fractions(place));
            let places = project(frame, &pair, &GAPS, &today);
            let [width, height] = frame.extent();
            for place in &places {
                prop_assert!((0.0..=width).contains(&place[0]));
                prop_assert!((0.0..=height).contains(&place[1]));
            }
            let difference = [0, 1].map(|i| places[1][i] - places[0][i]);
            match kind.axis() {
                Some(axis) => {
                    let sign = if kind.object_comes_later() { 1.0 } else { -1.0 };
                    let side = frame.extent()[axis.index()];
                    let gap = GAPS.fitting_margin(frame, &pair, axis) * side;
                    prop_assert!(sign * difference[axis.index()] >= gap - 1e-9);
                }
                None => {
                    let distance = difference[0].hypot(difference[1]) / frame.shorter_side();
                    prop_assert!((0.299..=0.451).contains(&distance), "{}", distance);
                }
            }
        }
    }
}

//! What a relation asks of the places of its two objects.
//!
//! Whoever measures, reaches or judges a relation matches on its geometry and
//! leaves none out, so that a new one is named by the compiler in every place;
//! what only needs the two places stands here.

use super::relation::Axis;

/// The form of a relation. Its sizes, margin and bounds, are
/// [`Gaps`](super::target::Gaps).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Geometry {
    /// The centres are apart along an axis, in this order.
    Along {
        axis: Axis,
        /// Whether the subject has the smaller coordinate.
        subject_first: bool,
    },
    /// The centres' distance lies between two bounds, in whatever direction.
    Ring,
}

impl Geometry {
    /// Whether it says on which side the subject is.
    pub fn is_direction(self) -> bool {
        match self {
            Self::Along { .. } => true,
            Self::Ring => false,
        }
    }

    /// Whether it says anything about where along this axis the objects are.
    pub fn speaks_of(self, axis: Axis) -> bool {
        match self {
            Self::Along { axis: own, .. } => own == axis,
            Self::Ring => true,
        }
    }

    /// The order that it asks for along an axis: whether the subject comes first.
    pub fn subject_first_along(self, axis: Axis) -> Option<bool> {
        match self {
            Self::Along {
                axis: own,
                subject_first,
            } => (own == axis).then_some(subject_first),
            Self::Ring => None,
        }
    }

    /// Positive when the relation is true of the centres (x, y) of subject and
    /// object, which are in units in which the picture is `extent` wide and high:
    /// along an axis their distance as a fraction of that side, for a ring how far
    /// their distance is inside `bounds`, as fractions of the shorter side.
    pub fn signed_distance(
        self,
        extent: [f64; 2],
        [subject, object]: [[f64; 2]; 2],
        [near, far]: [f64; 2],
    ) -> f64 {
        match self {
            Self::Along {
                axis,
                subject_first,
            } => {
                let index = axis.index();
                let difference = (object[index] - subject[index]) / extent[index];
                let sign = if subject_first { 1.0 } else { -1.0 };
                sign * difference
            }
            Self::Ring => {
                let distance = (object[0] - subject[0]).hypot(object[1] - subject[1]);
                let distance = distance / extent[0].min(extent[1]);
                (distance - near).min(far - distance)
            }
        }
    }

    /// The slope of [`Geometry::signed_distance`] by the object's centre; the
    /// subject's is its opposite.
    pub fn slope(
        self,
        extent: [f64; 2],
        [subject, object]: [[f64; 2]; 2],
        [near, far]: [f64; 2],
    ) -> [f64; 2] {
        match self {
            Self::Along {
                axis,
                subject_first,
            } => {
                let sign = if subject_first { 1.0 } else { -1.0 };
                let mut slope = [0.0; 2];
                slope[axis.index()] = sign / extent[axis.index()];
                slope
            }
            Self::Ring => {
                let shorter_side = extent[0].min(extent[1]);
                let difference = [object[0] - subject[0], object[1] - subject[1]];
                let distance = difference[0].hypot(difference[1]);
                // Two objects in one place part sideways.
                let direction = match distance > 0.0 {
                    true => difference.map(|d| d / distance),
                    false => [1.0, 0.0],
                };
                let is_near = distance / shorter_side < 0.5 * (near + far);
                let sign = if is_near { 1.0 } else { -1.0 };
                direction.map(|d| sign * d / shorter_side)
            }
        }
    }

    /// Whether it is true of the centres of subject and object, fractions of a
    /// picture that is `width_to_height` as wide as high, however little they
    /// differ: along an axis VISOR's rule (Gokhale et al. 2022).
    pub fn is_true_of(
        self,
        centres: [[f64; 2]; 2],
        width_to_height: f64,
        bounds: [f64; 2],
    ) -> bool {
        match self {
            Self::Along { .. } => self.signed_distance([1.0; 2], centres, bounds) > 0.0,
            Self::Ring => {
                // In shorter sides.
                let extent = [width_to_height.max(1.0), 1.0 / width_to_height.min(1.0)];
                let centres = centres.map(|[x, y]| [x * extent[0], y * extent[1]]);
                self.signed_distance(extent, centres, bounds) >= 0.0
            }
        }
    }

    /// Whether the given places of subject and object leave it possible; a
    /// distance is not held against places, since they are exact and it is not.
    pub fn allows(self, [subject, object]: [[f64; 2]; 2]) -> bool {
        match self {
            Self::Along {
                axis,
                subject_first,
            } => {
                let distance = object[axis.index()] - subject[axis.index()];
                distance != 0.0 && (distance > 0.0) == subject_first
            }
            Self::Ring => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::relation::RelationKind::{self, *};

    const BOUNDS: [f64; 2] = [0.3, 0.45];

    fn is_true(kind: RelationKind, subject: [f64; 2], object: [f64; 2], ratio: f64) -> bool {
        let geometry = kind.geometry();
        geometry.is_true_of([subject, object], ratio, BOUNDS)
    }

    #[test]
    fn a_direction_is_true_however_little_the_centres_differ_and_its_inverse_is_not() {
        for (kind, object) in [
            (LeftOf, [0.50001, 0.9]),
            (RightOf, [0.49999, 0.9]),
            (Above, [0.1, 0.50001]),
            (Below, [0.1, 0.49999]),
        ] {
            assert!(is_true(kind, [0.5, 0.5], object, 1.5), "{kind}");
            assert!(!is_true(kind.inverse(), [0.5, 0.5], object, 1.5), "{kind}");
            // In one place neither holds.
            assert!(!is_true(kind, object, object, 1.5), "{kind}");
        }
    }

    #[test]
    fn the_slope_is_that_of_the_signed_distance() {
        let extent = [1.0, 0.6];
        for (subject, object) in [([0.2, 0.3], [0.31, 0.35]), ([0.2, 0.3], [0.7, 0.1])] {
            for &kind in RelationKind::ALL {
                let at = |object| {
                    let geometry = kind.geometry();
                    geometry.signed_distance(extent, [subject, object], BOUNDS)
                };
                let slope = kind.geometry().slope(extent, [subject, object], BOUNDS);
                for axis in [0, 1] {
                    let (mut up, mut down) = (object, object);
                    up[axis] += 1e-6;
                    down[axis] -= 1e-6;
                    let numeric = (at(up) - at(down)) / 2e-6;
                    assert!((slope[axis] - numeric).abs() < 1e-6, "{kind}, axis {axis}");
                }
            }
        }
    }

    #[test]
    fn next_to_is_measured_in_shorter_sides() {
        // A fifth of the width: 0.2 of a square's side, 0.4 where it is twice as wide as high,
        // still 0.2 where the width is the shorter side.
        let is_next = |ratio| is_true(NextTo, [0.4, 0.5], [0.6, 0.5], ratio);
        assert_eq!([1.0, 2.0, 0.5].map(is_next), [false, true, false]);
    }

    #[test]
    fn given_places_contradict_a_direction_but_no_distance() {
        let [left, right] = [[0.2, 0.5], [0.8, 0.5]];
        assert!(LeftOf.geometry().allows([left, right]));
        assert!(!RightOf.geometry().allows([left, right]));
        assert!(!Above.geometry().allows([left, right]));
        assert!(NextTo.geometry().allows([left, right]));
    }
}

//! Where a body may lie as it likes: the costs of carrying attention into boxes and
//! regions.

use super::{Body, square};
use crate::storm::frame::Frame;
use crate::storm::object_target::{ObjectTarget, Shape};

/// Half of a box's side, in the extent of a body whose size nobody asked for: a blob
/// is wider than its two deviations.
const HALF_OF_A_BLOB: f64 = 0.8;
/// The longest region that one object fills, as the ratio of its sides; a little more
/// than two, for what a hand drew.
const LONGEST: f64 = 2.05;
/// The least of its bounding box that such a region takes; an ellipse takes 0.785.
const FULLEST: f64 = 0.7;
/// How many times more it costs to lie beyond an edge that a size puts there: with the
/// default radius and 16 cells a side it is sharp to a fifth of a cell, where others are
/// soft to more than half of one.
const EDGE_OF_A_SIZE: f64 = 10.0;

impl Body {
    /// Half of the side of its box.
    pub(in crate::storm) fn half_side(&self, has_size: bool) -> f64 {
        let share = if has_size { 0.5 } else { HALF_OF_A_BLOB };
        share * self.extent
    }

    /// The squared distance of every cell from its box `[cells]`.
    pub(in crate::storm) fn away(&self, frame: Frame, has_size: bool) -> Vec<f64> {
        let half = self.half_side(has_size);
        let cells = (0..frame.cells()).map(|cell| {
            let place = frame.position(cell);
            let beyond = |axis: usize| ((place[axis] - self.centre[axis]).abs() - half).max(0.0);
            beyond(0).powi(2) + beyond(1).powi(2)
        });
        cells.collect()
    }
}

/// Of every home of an object, the squared distance of every cell from it; from one of a
/// size [`EDGE_OF_A_SIZE`] times that. None of an object that is to fill its region, was
/// given a place, to which it is held, or has copies of no size: blobs keep those apart,
/// where boxes touch.
pub(super) fn homes(
    frame: Frame,
    target: &ObjectTarget,
    coverage: Option<&[f64]>,
    bodies: &[Body],
) -> Vec<Vec<f64>> {
    let has_size = target.size.is_some();
    let region = coverage.filter(|_| target.keep_inside);
    match (region, coverage) {
        (Some(region), _) if bodies.len() == 1 && !has_size => {
            match target.fill && is_fillable(frame, &target.shape, region) {
                true => Vec::new(),
                false => vec![away_from(frame, region)],
            }
        }
        (None, Some(_)) => Vec::new(),
        _ if !has_size && (bodies.len() > 1 || matches!(target.shape, Shape::Points(_))) => {
            Vec::new()
        }
        _ => {
            let outside = region.map(|region| away_from(frame, region));
            let boxes = bodies.iter().map(|body| {
                let mut away = body.away(frame, has_size);
                if has_size {
                    away.iter_mut().for_each(|away| *away *= EDGE_OF_A_SIZE);
                }
                if let Some(outside) = &outside {
                    let both = away.iter_mut().zip(outside);
                    both.for_each(|(away, outside)| *away = away.max(*outside));
                }
                away
            });
            boxes.collect()
        }
    }
}

/// The squared distance of every cell to the nearest one that the region takes at least
/// half as much of as of any.
pub(in crate::storm) fn away_from(frame: Frame, region: &[f64]) -> Vec<f64> {
    let largest = region.iter().copied().fold(0.0, f64::max);
    let inside: Vec<[f64; 2]> = (0..region.len())
        .filter(|cell| region[*cell] >= 0.5 * largest)
        .map(|cell| frame.position(cell))
        .collect();
    let cells = (0..region.len()).map(|cell| {
        let place = frame.position(cell);
        let squares = inside.iter().map(|inside| square(*inside, place));
        squares.fold(f64::INFINITY, f64::min)
    });
    cells.collect()
}

/// Whether one object can fill a region: it is not long, and takes most of its bounding
/// box. A longer or a bent one is filled by several instead.
fn is_fillable(frame: Frame, shape: &Shape, coverage: &[f64]) -> bool {
    let Some([low, high]) = shape.bounds() else {
        return false;
    };
    let sides = [0, 1].map(|axis| (high[axis] - low[axis]) * frame.extent()[axis]);
    let (shorter, longer) = (sides[0].min(sides[1]), sides[0].max(sides[1]));
    let area = coverage.iter().sum::<f64>() * frame.cell().powi(2);
    longer <= LONGEST * shorter && area >= FULLEST * shorter * longer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storm::object_target::{Area, Size};

    const FRAME: Frame = Frame {
        rows: 8,
        columns: 8,
    };

    fn rectangle(x: f64, y: f64, width: f64, height: f64) -> ObjectTarget {
        let area = Area {
            x,
            y,
            width,
            height,
        };
        ObjectTarget {
            shape: Shape::Rectangle(area),
            ..ObjectTarget::default()
        }
    }

    fn homes_of(target: &ObjectTarget, bodies: &[Body]) -> Vec<Vec<f64>> {
        let coverage = target.shape.is_region();
        let coverage = coverage.then(|| target.shape.coverage(FRAME));
        homes(FRAME, target, coverage.as_deref(), bodies)
    }

    const BODY: Body = Body {
        centre: [0.5, 0.5],
        extent: 0.5,
    };

    #[test]
    fn a_box_costs_nothing_inside_and_the_square_of_the_way_outside() {
        let target = ObjectTarget {
            size: Some(Size::Extent(0.5)),
            ..ObjectTarget::default()
        };
        let [away] = &homes_of(&target, &[BODY])[..] else {
            panic!("one home");
        };
        // The box reaches from 0.25 to 0.75; the first cell's centre is at 0.0625.
        assert_eq!(away[8 * 4 + 4], 0.0);
        assert!((away[0] - 10.0 * 2.0 * 0.1875f64.powi(2)).abs() < 1e-12);
        assert!((away[4] - 10.0 * 0.1875f64.powi(2)).abs() < 1e-12);
        // Without a size it is the blob's.
        let [away] = &homes_of(&ObjectTarget::default(), &[BODY])[..] else {
            panic!("one home");
        };
        assert!((away[4] - (0.4375f64 - 0.4).powi(2)).abs() < 1e-12);
    }

    #[test]
    fn only_a_region_that_one_object_can_fill_is_to_be_filled() {
        let has_home = |target: &ObjectTarget| !homes_of(target, &[BODY]).is_empty();
        assert!(!has_home(&rectangle(0.1, 0.1, 0.5, 0.5)));
        assert!(!has_home(&rectangle(0.1, 0.1, 0.75, 0.375)));
        assert!(has_home(&rectangle(0.0, 0.7, 1.0, 0.3)));
        let inside_only = ObjectTarget {
            fill: false,
            ..rectangle(0.1, 0.1, 0.5, 0.5)
        };
        assert!(has_home(&inside_only));
        let Shape::Rectangle(area) = rectangle(0.2, 0.2, 0.5, 0.5).shape else {
            unreachable!()
        };
        let ellipse = ObjectTarget {
            shape: Shape::Ellipse(area),
            ..ObjectTarget::default()
        };
        assert!(!has_home(&ellipse));
    }

    #[test]
    fn copies_in_a_region_have_a_box_each_cut_by_it() {
        let target = ObjectTarget {
            copies: 2,
            size: Some(Size::Extent(0.48)),
            ..rectangle(0.0, 0.0, 0.5, 1.0)
        };
        let bodies = [0.25, 0.75].map(|y| Body {
            centre: [0.45, y],
            extent: 0.48,
        });
        let homes = homes_of(&target, &bodies);
        assert_eq!(homes.len(), 2);
        let unsized_copies = ObjectTarget {
            size: None,
            ..target
        };
        assert!(homes_of(&unsized_copies, &bodies).is_empty());
        // In the first box and in the region; in the box only; in neither.
        assert_eq!(homes[0][8 * 2 + 3], 0.0);
        assert!((homes[0][8 * 2 + 4] - 0.125f64.powi(2)).abs() < 1e-12);
        assert!(homes[0][8 * 7 + 3] > 0.1 && homes[1][8 * 7 + 3] == 0.0);
    }
}

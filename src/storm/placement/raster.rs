//! From placed bodies to weights of the frame's cells.

use super::homes::homes;
use super::{Body, Placement, Usual, fills, square};
use crate::storm::frame::Frame;
use crate::storm::object_target::ObjectTarget;

/// Standard deviation of a copy of no size, as a share of the way to the next one.
const OF_THE_WAY: f64 = 0.24;
/// The same of the way to the frame.
const OF_THE_BORDER: f64 = 0.46;
/// Smallest weight of a distribution before normalisation, of its largest.
const FLOOR: f64 = 1e-6;
/// Standard deviation of the bell over a region, in the region's own.
const BELL: f64 = 1.2;
/// Width of a disc's edge, in cells.
const EDGE: f64 = 0.5;

/// Rasterises one object; `all` are the bodies of every object.
pub(super) fn placement(
    frame: Frame,
    target: &ObjectTarget,
    bodies: Vec<Body>,
    all: &[Body],
    usual: Usual,
) -> Placement {
    let coverage = target
        .shape
        .is_region()
        .then(|| target.shape.coverage(frame));
    let region = coverage.as_ref().filter(|_| target.keep_inside);
    let spread = if fills(Some(target)) {
        coverage.as_deref().map(|it| gathered(frame, it))
    } else if coverage.is_some() && target.copies == 1 && target.size.is_none() {
        None
    } else {
        let mut weights = vec![0.0; frame.cells()];
        for body in &bodies {
            let deviation = deviation(frame, body, all, usual);
            let own: Vec<f64> = (0..frame.cells())
                .map(|cell| match target.size {
                    Some(_) => disc(frame, body, cell),
                    None => {
                        (-0.5 * square(frame.position(cell), body.centre) / deviation.powi(2)).exp()
                    }
                })
                .collect();
            let total: f64 = own.iter().sum();
            let scale = if total > 0.0 { 1.0 / total } else { 0.0 };
            weights
                .iter_mut()
                .zip(own)
                .for_each(|(w, own)| *w += scale * own);
        }
        if let Some(region) = region {
            weights
                .iter_mut()
                .zip(region)
                .for_each(|(w, part)| *w *= part);
        }
        Some(weights)
    };
    Placement {
        homes: homes(frame, target, coverage.as_deref(), &bodies),
        bodies,
        spread: spread.map(normalised),
        region: region.cloned().map(normalised),
        is_filled: fills(Some(target)),
        only_fills: coverage.is_some() && !target.keep_inside,
    }
}

/// The standard deviation of a copy of no size: smaller where the next one, or the
/// frame, is near.
fn deviation(frame: Frame, body: &Body, all: &[Body], usual: Usual) -> f64 {
    let others = all.iter().map(|other| square(other.centre, body.centre));
    let next = others
        .filter(|square| *square > 0.0)
        .fold(f64::INFINITY, f64::min)
        .sqrt();
    let border = [0, 1]
        .map(|axis| {
            let place = body.centre[axis];
            place.min(frame.extent()[axis] - place)
        })
        .into_iter()
        .fold(f64::INFINITY, f64::min);
    let usual = usual.deviation * frame.shorter_side();
    let least = 0.5 * frame.cell();
    usual
        .min(OF_THE_WAY * next)
        .min(OF_THE_BORDER * border)
        .max(least)
}

/// A region that one object is to fill, weighted by the bell of its own moments: flat
/// weights are answered as well by two objects, one at each end.
fn gathered(frame: Frame, coverage: &[f64]) -> Vec<f64> {
    let total = coverage.iter().sum::<f64>().max(f64::MIN_POSITIVE);
    let places = || (0..coverage.len()).map(|cell| frame.position(cell));
    let mean = |of: &dyn Fn([f64; 2]) -> f64| {
        let weighted = places().zip(coverage).map(|(place, part)| part * of(place));
        weighted.sum::<f64>() / total
    };
    let centre = [mean(&|place| place[0]), mean(&|place| place[1])];
    let away = |place: [f64; 2]| [0, 1].map(|axis| place[axis] - centre[axis]);
    // Half a cell, so that a line has a width.
    let least = (0.5 * frame.cell()).powi(2);
    let squares = [0, 1].map(|axis| mean(&|place| away(place)[axis].powi(2)).max(least));
    let both = mean(&|place| away(place)[0] * away(place)[1]);
    let determinant = (squares[0] * squares[1] - both * both).max(least * least);
    let bell = |place: [f64; 2]| {
        let [x, y] = away(place);
        let square = squares[1] * x * x - 2.0 * both * x * y + squares[0] * y * y;
        (-0.5 * square / (determinant * BELL * BELL)).exp()
    };
    let weighted = places().zip(coverage);
    weighted.map(|(place, part)| part * bell(place)).collect()
}

/// How much of a cell a body's disc takes, 0 to 1, with a soft edge.
fn disc(frame: Frame, body: &Body, cell: usize) -> f64 {
    let distance = square(frame.position(cell), body.centre).sqrt();
    let outside = (distance - 0.5 * body.extent) / (EDGE * frame.cell());
    1.0 / (1.0 + outside.exp())
}

fn normalised(mut weights: Vec<f64>) -> Vec<f64> {
    let largest = weights.iter().copied().fold(0.0, f64::max);
    let floor = if largest > 0.0 { FLOOR * largest } else { 1.0 };
    weights
        .iter_mut()
        .for_each(|weight| *weight = weight.max(floor));
    let total: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|weight| *weight /= total);
    weights
}

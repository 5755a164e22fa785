//! The highest responses in an object's boxes and beyond them: the two terms of BoxDiff
//! (Xie et al. 2023, arXiv 2307.10816, section 3.2), a rival and a part of the default
//! objective.
//!
//! Transport is of a map's shape, whatever its height. That a second cat stands out in its
//! box, and that nothing stands out around a small one, these say.

use super::frame::Frame;
use super::object_target::ObjectTarget;
use super::placement::Placement;

/// Share of a box's cells whose mean is raised, and of those outside whose mean is
/// lowered.
const INNER_SHARE: f64 = 0.2;
const OUTER_SHARE: f64 = 0.1;

/// The cells of every copy's box, 0 to 1.
pub(super) struct Boxes(Vec<Vec<f64>>);

impl Boxes {
    /// A box for every copy, cut by the region; the region itself where the object is
    /// to fill it, or to lie in it as it comes.
    pub(super) fn of(frame: Frame, target: Option<&ObjectTarget>, placement: &Placement) -> Self {
        let shape = target.map(|target| &target.shape);
        let coverage = shape
            .filter(|shape| shape.is_region())
            .map(|shape| shape.coverage(frame));
        let has_size = target.is_some_and(|target| target.size.is_some());
        if let (Some(coverage), [_], false) = (&coverage, &placement.bodies[..], has_size) {
            return Self(vec![coverage.clone()]);
        }
        let boxes = placement.bodies.iter().map(|body| {
            let half = body.half_side(has_size);
            let cells = (0..frame.cells()).map(|cell| {
                let place = frame.position(cell);
                let is_inside = (0..2).all(|axis| (place[axis] - body.centre[axis]).abs() < half);
                let part = coverage.as_ref().map_or(1.0, |coverage| coverage[cell]);
                if is_inside { part } else { 0.0 }
            });
            cells.collect()
        });
        Self(boxes.collect())
    }

    pub(super) fn each(&self) -> &[Vec<f64>] {
        &self.0
    }

    /// The cells of any box.
    pub(super) fn together(&self) -> Vec<f64> {
        let mut all = self.0[0].clone();
        for other in &self.0[1..] {
            all.iter_mut().zip(other).for_each(|(a, b)| *a = a.max(*b));
        }
        all
    }
}

/// Whether the default objective asks for them beside the transport: of sizes, of several
/// copies and of what is only held together. A region that is filled would be left bare
/// around its peaks, and plain relations are true without them.
pub(super) fn has_peaks(target: &ObjectTarget, placement: &Placement) -> bool {
    match target.shape.is_region() {
        true => !placement.homes.is_empty(),
        false => target.size.is_some() || target.copies > 1,
    }
}

/// The mean over the boxes of 1 − the mean of the highest responses in each, and the mean
/// of the highest ones outside of all; its slopes by the response `[cells]`.
pub(super) fn peaks(response: &[f64], boxes: &Boxes) -> (f64, Vec<f64>) {
    let count = boxes.each().len() as f64;
    let mut slopes = vec![0.0; response.len()];
    let mut value = 0.0;
    for inside in boxes.each() {
        let (mean, weights) = top_mean(response, inside, INNER_SHARE);
        value += (1.0 - mean) / count;
        add(&mut slopes, &weights, -1.0 / count);
    }
    let outside: Vec<f64> = boxes.together().iter().map(|part| 1.0 - part).collect();
    let (mean, weights) = top_mean(response, &outside, OUTER_SHARE);
    add(&mut slopes, &weights, 1.0);
    (value + mean, slopes)
}

/// The mean of the highest values within a mask, of as many cells as a share of the
/// mask has, and the weight of every cell in it.
fn top_mean(values: &[f64], mask: &[f64], share: f64) -> (f64, Vec<f64>) {
    let count = (share * mask.iter().sum::<f64>()).max(1.0);
    let mut order: Vec<usize> = (0..values.len()).filter(|&cell| mask[cell] > 0.0).collect();
    order.sort_by(|&a, &b| (values[b] * mask[b]).total_cmp(&(values[a] * mask[a])));
    let mut weights = vec![0.0; values.len()];
    for (index, &cell) in order.iter().enumerate() {
        let part = (count - index as f64).clamp(0.0, 1.0);
        weights[cell] = part * mask[cell] / count;
    }
    let mean = values
        .iter()
        .zip(&weights)
        .map(|(value, weight)| value * weight);
    (mean.sum(), weights)
}

fn add(slopes: &mut [f64], part: &[f64], weight: f64) {
    slopes
        .iter_mut()
        .zip(part)
        .for_each(|(slope, part)| *slope += weight * part);
}

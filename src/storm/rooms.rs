//! How much of the frame each object may use, and how copies spread over it.

use super::frame::Frame;
use super::layout::{Layout, LayoutError};
use super::object_target::{ObjectTarget, Shape};
use super::placement::{Usual, extent_of, sketch};
use super::relation::Axis;
use super::target::Gaps;

/// Rounds of spreading copies over a region that is no rectangle.
const ROUNDS: usize = 30;
/// Least distance of two copies, in their extent, that still makes them two.
const LEAST_APART: f64 = 0.7;
/// Least distance of two objects in a relation, in the one at which they touch.
const LEAST_BESIDE: f64 = 0.6;
/// Least extent of a copy of no size, in the usual one's.
const LEAST_EXTENT: f64 = 0.65;

/// The part of the frame that an object may use: lowest and highest coordinate on
/// each axis, in frame units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Room {
    pub sides: [[f64; 2]; 2],
}

/// The rooms of all objects: the frame or their regions, less what the relations
/// give to others. `extents` are those of one copy of each object.
pub(super) fn rooms(frame: Frame, layout: &Layout, gaps: &Gaps, extents: &[f64]) -> Vec<Room> {
    let mut rooms: Vec<Room> = (0..layout.objects.len())
        .map(|object| own_room(frame, layout.targets.of(object)))
        .collect();
    for axis in Axis::BOTH {
        let index = axis.index();
        let pairs: Vec<(usize, usize)> = layout.ordered_pairs(axis).collect();
        if pairs.is_empty() {
            continue;
        }
        let fixed = |object: usize| {
            let shape = layout.targets.of(object).map(|it| &it.shape);
            shape.is_some_and(|shape| *shape != Shape::Anywhere)
        };
        let margin = gaps.fitting_margin(frame, layout, axis) * frame.extent()[index];
        let need = |object: usize| extents[object].min(frame.extent()[index]);
        // What those before and after leave, settled after as many rounds as there
        // are objects; a fixed one leaves what lies beyond its middle.
        let mut low: Vec<f64> = rooms.iter().map(|room| room.sides[index][0]).collect();
        let mut high: Vec<f64> = rooms.iter().map(|room| room.sides[index][1]).collect();
        for _ in 0..layout.objects.len() {
            for &(first, second) in &pairs {
                let step = need(first).max(margin - 0.5 * (need(second) - need(first)));
                if !fixed(second) {
                    low[second] = low[second].max(low[first] + step);
                }
                let step = need(second).max(margin - 0.5 * (need(first) - need(second)));
                if !fixed(first) {
                    high[first] = high[first].min(high[second] - step);
                }
            }
        }
        for (object, room) in rooms.iter_mut().enumerate() {
            let is_related = pairs.iter().any(|&(a, b)| a == object || b == object);
            if !is_related || fixed(object) {
                continue;
            }
            let left = [low[object], high[object]];
            let side = frame.extent()[index];
            room.sides[index] = share_of(layout, &pairs, object, left, need(object))
                .map(|part| part.clamp(0.0, side));
        }
    }
    rooms
}

/// The part of what the others leave that an object takes: all of it if it is one,
/// else its share of the slack, so that copies leave room for those of others.
fn share_of(
    layout: &Layout,
    pairs: &[(usize, usize)],
    object: usize,
    [low, high]: [f64; 2],
    need: f64,
) -> [f64; 2] {
    if high - low <= need {
        let middle = 0.5 * (low + high);
        return [middle - 0.5 * need, middle + 0.5 * need];
    }
    let copies = |object: usize| layout.targets.of(object).map_or(1, |it| it.copies) as f64;
    if copies(object) == 1.0 {
        return [low, high];
    }
    let mut others: Vec<usize> = pairs.iter().flat_map(|&(a, b)| [a, b]).collect();
    others.sort_unstable();
    others.dedup();
    let total: f64 = others.into_iter().map(copies).sum();
    let width = need + (high - low - need) * copies(object) / total;
    let is_first = !pairs.iter().any(|&(_, second)| second == object);
    let is_last = !pairs.iter().any(|&(first, _)| first == object);
    match (is_first, is_last) {
        (true, _) => [low, low + width],
        (_, true) => [high - width, high],
        _ => {
            let middle = 0.5 * (low + high);
            [middle - 0.5 * width, middle + 0.5 * width]
        }
    }
}

fn own_room(frame: Frame, target: Option<&ObjectTarget>) -> Room {
    let extent = frame.extent();
    let whole = [[0.0, extent[0]], [0.0, extent[1]]];
    let bounds = target.and_then(|target| match &target.shape {
        // One coordinate each, as far as the others are concerned.
        Shape::Points(places) if !places.is_empty() => {
            let along = |axis: usize| {
                let values = || places.iter().map(|place| place[axis] * extent[axis]);
                [
                    values().fold(f64::INFINITY, f64::min),
                    values().fold(f64::NEG_INFINITY, f64::max),
                ]
            };
            // Copies without a place may be anywhere.
            (places.len() == target.copies).then(|| [along(0), along(1)])
        }
        shape => {
            let [low, high] = shape.bounds()?;
            Some([0, 1].map(|axis| [low[axis] * extent[axis], high[axis] * extent[axis]]))
        }
    });
    Room {
        sides: bounds.unwrap_or(whole),
    }
}

/// Spreads `copies` evenly over a room, and over a region in it if there is one.
pub(super) fn arrange(
    frame: Frame,
    room: &Room,
    copies: usize,
    region: Option<&Shape>,
) -> Vec<[f64; 2]> {
    let [[left, right], [top, bottom]] = room.sides;
    let (width, height) = (right - left, bottom - top);
    // In so many rows: the widest spacing, of which the walls need half.
    let spacing = |rows: usize| {
        let columns = copies.div_ceil(rows) as f64;
        (width / columns).min(height / rows as f64)
    };
    let rows = (1..=copies).fold(1, |best, rows| {
        if spacing(rows) > spacing(best) + 1e-9 {
            rows
        } else {
            best
        }
    });
    let mut places = Vec::with_capacity(copies);
    for row in 0..rows {
        // The fuller rows come first.
        let columns = copies / rows + usize::from(row < copies % rows);
        for column in 0..columns {
            places.push([
                left + width * (column as f64 + 0.5) / columns as f64,
                top + height * (row as f64 + 0.5) / rows as f64,
            ]);
        }
    }
    match region {
        Some(shape @ (Shape::Ellipse(_) | Shape::Mask(_))) => spread_over(frame, shape, places),
        _ => places,
    }
}

/// Lloyd's method: every place moves to the middle of the cells that are nearest to it.
fn spread_over(frame: Frame, shape: &Shape, mut places: Vec<[f64; 2]>) -> Vec<[f64; 2]> {
    let coverage = shape.coverage(frame);
    let cells: Vec<[f64; 2]> = (0..coverage.len())
        .filter(|cell| coverage[*cell] >= 0.5)
        .map(|cell| frame.position(cell))
        .collect();
    if cells.is_empty() {
        return places;
    }
    let square = |a: [f64; 2], b: [f64; 2]| (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2);
    let nearest_cell = |place: [f64; 2]| {
        let nearest = cells.iter().copied();
        let nearest = nearest.min_by(|a, b| square(*a, place).total_cmp(&square(*b, place)));
        nearest.expect("there is a cell")
    };
    // Begun in the region, each as far as can be from those before.
    for index in 0..places.len() {
        places[index] = match index {
            0 => nearest_cell(places[0]),
            _ => {
                let apart = |cell: &[f64; 2]| {
                    let before = places[..index].iter().map(|place| square(*place, *cell));
                    before.fold(f64::INFINITY, f64::min)
                };
                let farthest = cells.iter().copied();
                let farthest = farthest.max_by(|a, b| apart(a).total_cmp(&apart(b)));
                farthest.expect("there is a cell")
            }
        };
    }
    for _ in 0..ROUNDS {
        let mut sums = vec![[0.0; 3]; places.len()];
        for (cell, weight) in coverage.iter().enumerate() {
            let [x, y] = frame.position(cell);
            let distance = |place: &[f64; 2]| (place[0] - x).powi(2) + (place[1] - y).powi(2);
            let nearest = places
                .iter()
                .enumerate()
                .min_by(|(_, a), (_, b)| distance(a).total_cmp(&distance(b)));
            if let Some((nearest, _)) = nearest {
                let [sum_x, sum_y, mass] = &mut sums[nearest];
                *sum_x += weight * x;
                *sum_y += weight * y;
                *mass += weight;
            }
        }
        for (place, [x, y, mass]) in places.iter_mut().zip(sums) {
            if mass > 0.0 {
                *place = [x / mass, y / mass];
            }
        }
    }
    // The middle of cells around a corner may lie outside.
    places.into_iter().map(nearest_cell).collect()
}

impl Layout {
    /// Refuses what has no room on a frame of maps: regions finer than its cells, and
    /// copies or sizes that do not fit where they must lie.
    ///
    /// # Errors
    /// [`LayoutError::RegionTooFine`] or [`LayoutError::NoRoom`].
    pub fn check_room(&self, frame: Frame, gaps: &Gaps, usual: Usual) -> Result<(), LayoutError> {
        if !self.has_distributions() {
            return Ok(());
        }
        let label = |object: usize| self.objects[object].label.clone();
        for target in self.targets.iter() {
            let Some([low, high]) = target.shape.bounds() else {
                continue;
            };
            let cells = [frame.columns, frame.rows];
            let is_fine =
                [0, 1].map(|axis| (high[axis] - low[axis]) * (cells[axis] as f64) < 0.999);
            if is_fine.contains(&true) {
                return Err(LayoutError::RegionTooFine {
                    label: label(target.object),
                    columns: frame.columns,
                    rows: frame.rows,
                });
            }
            let extent = extent_of(frame, Some(target), usual);
            let room = own_room(frame, Some(target));
            let least = match (target.size, target.copies) {
                (Some(_), _) => 0.8 * extent,
                (None, 1) => 0.0,
                (None, _) => LEAST_EXTENT * LEAST_APART * extent,
            };
            if room.sides.iter().any(|[low, high]| high - low < least) {
                return Err(self.no_room(target));
            }
        }
        let placed = sketch(frame, self, gaps, usual);
        for target in self.targets.iter().filter(|target| target.copies > 1) {
            let bodies = &placed[target.object];
            let extent = match target.size {
                Some(_) => bodies[0].extent,
                None => LEAST_EXTENT * bodies[0].extent,
            };
            for (index, one) in bodies.iter().enumerate() {
                let is_near = bodies[index + 1..].iter().any(|other| {
                    let [a, b] = [one.centre, other.centre];
                    (a[0] - b[0]).hypot(a[1] - b[1]) < LEAST_APART * extent
                });
                if is_near {
                    return Err(self.no_room(target));
                }
            }
        }
        self.check_order(&placed)
    }

    /// Refuses sizes with which a relation has no room.
    fn check_order(&self, placed: &[Vec<super::placement::Body>]) -> Result<(), LayoutError> {
        for axis in Axis::BOTH {
            let index = axis.index();
            for (first, second) in self.ordered_pairs(axis) {
                let along = |object: usize| placed[object].iter().map(|body| body.centre[index]);
                let last = along(first).fold(f64::NEG_INFINITY, f64::max);
                let next = along(second).fold(f64::INFINITY, f64::min);
                let touch = 0.5 * (placed[first][0].extent + placed[second][0].extent);
                if next - last < LEAST_BESIDE * touch {
                    let one = self.targets.of(first).or(self.targets.of(second));
                    if let Some(target) = one {
                        return Err(self.no_room(target));
                    }
                }
            }
        }
        Ok(())
    }

    fn no_room(&self, target: &ObjectTarget) -> LayoutError {
        LayoutError::NoRoom {
            label: self.objects[target.object].label.clone(),
            copies: target.copies,
        }
    }
}

//! From wishes to distributions: where every copy of every object is to lie, on the
//! frame of the maps.
//!
//! Copies are bodies with a centre and an extent. Relations give each object a room,
//! copies spread evenly over it, and one joint projection brings all of them inside
//! the frame, to their sides and apart. What is rasterised is what the transport
//! carries a word's map to.

mod homes;
mod raster;

use super::frame::Frame;
use super::geometry::Geometry;
use super::layout::Layout;
use super::object_target::{ObjectTarget, Shape, Size};
use super::relation::Axis;
use super::rooms::{Room, arrange, rooms};
use super::target::Gaps;
pub(super) use homes::away_from;

/// Sweeps of the projection.
const SWEEPS: usize = 60;
/// Shortfall that counts as none, in units of the longer side.
const TOLERANCE: f64 = 1e-6;
/// Distance of two copies of one object, in their mean extent: they do not touch.
const APART: f64 = 1.05;
/// The same of two objects that no relation joins.
const BESIDE: f64 = 0.9;

/// One copy of an object, in frame units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Body {
    pub centre: [f64; 2],
    /// Its diameter.
    pub extent: f64,
}

/// Where an object is to lie.
#[derive(Debug, Clone, PartialEq)]
pub struct Placement {
    /// Its copies.
    pub bodies: Vec<Body>,
    /// What its map is to become `[cells]`, with sum 1; `None` where only
    /// [`region`](Self::region) is asked for.
    pub spread: Option<Vec<f64>>,
    /// Where its map may lie `[cells]`, with sum 1; `None`: everywhere.
    pub region: Option<Vec<f64>>,
    /// Whether one object is to take all of its region.
    pub is_filled: bool,
    /// What lies elsewhere does no harm.
    pub only_fills: bool,
    /// Where its copies may lie as they like, each with the same share of the map: the
    /// squared distance of every cell from each, `[homes][cells]`, more where a size makes
    /// the edge. Empty where [`spread`](Self::spread) is what it is carried to.
    pub homes: Vec<Vec<f64>>,
}

/// The sizes that bodies have where nobody asks for one.
#[derive(Debug, Clone, Copy)]
pub struct Usual {
    /// Standard deviation of a blob, as a fraction of the shorter side.
    pub deviation: f64,
}

impl Usual {
    /// The diameter of a body, as a fraction of the shorter side.
    pub(super) fn extent(self) -> f64 {
        2.0 * self.deviation
    }
}

/// Places all objects of a valid layout whose sizes are extents; `centroids` are
/// where the objects are today, in frame units.
pub fn place(
    frame: Frame,
    layout: &Layout,
    gaps: &Gaps,
    usual: Usual,
    centroids: &[[f64; 2]],
) -> Vec<Placement> {
    let bodies = Bodies::new(frame, layout, gaps, usual, centroids);
    let placed = bodies.settled(layout, gaps);
    let centres: Vec<Body> = placed.iter().flatten().copied().collect();
    let nothing = ObjectTarget::default();
    placed
        .into_iter()
        .enumerate()
        .map(|(object, bodies)| {
            let target = layout.targets.of(object).unwrap_or(&nothing);
            raster::placement(frame, target, bodies, &centres, usual)
        })
        .collect()
}

/// The same before there is a map: every object begins in the middle.
pub fn sketch(frame: Frame, layout: &Layout, gaps: &Gaps, usual: Usual) -> Vec<Vec<Body>> {
    let middle = frame.extent().map(|side| 0.5 * side);
    let centroids = vec![middle; layout.objects.len()];
    Bodies::new(frame, layout, gaps, usual, &centroids).settled(layout, gaps)
}

/// Diameter of every copy of an object, in frame units.
pub(super) fn extent_of(frame: Frame, target: Option<&ObjectTarget>, usual: Usual) -> f64 {
    let size = target.and_then(|target| target.size);
    let extent = match (size, target.map(|target| &target.shape)) {
        (Some(Size::Extent(extent)), _) => extent,
        (Some(size), _) => size.extent(usual.extent()),
        (None, Some(shape)) if fills(target) => {
            let share = shape.coverage(frame).iter().sum::<f64>() * frame.cell().powi(2);
            return 2.0 * (share / std::f64::consts::PI).sqrt();
        }
        _ => usual.extent(),
    };
    extent * frame.shorter_side()
}

/// Whether the object is to take all of its region itself.
fn fills(target: Option<&ObjectTarget>) -> bool {
    target.is_some_and(|it| it.shape.is_region() && it.fill && it.copies == 1 && it.size.is_none())
}

struct Bodies {
    frame: Frame,
    /// By object.
    bodies: Vec<Vec<Body>>,
    /// Smallest and largest centre on each axis, by object and copy.
    bounds: Vec<Vec<[[f64; 2]; 2]>>,
    /// How far each object's copies can be apart.
    spacing: Vec<f64>,
}

impl Bodies {
    fn new(
        frame: Frame,
        layout: &Layout,
        gaps: &Gaps,
        usual: Usual,
        centroids: &[[f64; 2]],
    ) -> Self {
        let extents: Vec<f64> = (0..layout.objects.len())
            .map(|object| extent_of(frame, layout.targets.of(object), usual))
            .collect();
        let rooms = rooms(frame, layout, gaps, &extents);
        let mut all = Self {
            frame,
            bodies: Vec::new(),
            bounds: Vec::new(),
            spacing: Vec::new(),
        };
        for (object, room) in rooms.iter().enumerate() {
            all.add_object(
                layout.targets.of(object),
                room,
                extents[object],
                centroids[object],
            );
        }
        all
    }

    /// Adds an object's copies where they begin.
    fn add_object(
        &mut self,
        target: Option<&ObjectTarget>,
        room: &Room,
        extent: f64,
        centroid: [f64; 2],
    ) {
        let frame = self.frame;
        let half = 0.5 * extent;
        let within = [0, 1].map(|axis| {
            let [low, high] = room.sides[axis];
            let half = half.min(0.5 * (high - low));
            [low + half, high - half]
        });
        let copies = target.map_or(1, |target| target.copies);
        let given: Vec<[f64; 2]> = match target.map(|target| &target.shape) {
            Some(Shape::Points(places)) => {
                places.iter().map(|it| frame.from_fractions(*it)).collect()
            }
            _ => Vec::new(),
        };
        let clamped = |place: [f64; 2]| [0, 1].map(|a| place[a].clamp(within[a][0], within[a][1]));
        let mut places: Vec<[f64; 2]> = match (target, copies) {
            (Some(it), 1) if fills(target) => vec![centre_of(frame, &it.shape)],
            (Some(it), _) if it.shape.is_region() => arrange(frame, room, copies, Some(&it.shape)),
            (_, 1) => vec![clamped(centroid)],
            _ => arrange(frame, room, copies, None),
        };
        if !fills(target) {
            places.iter_mut().for_each(|place| *place = clamped(*place));
        }
        let pairs = (0..copies).flat_map(|p| (0..p).map(move |q| (p, q)));
        let distances = pairs.map(|(p, q)| square(places[p], places[q]));
        self.spacing
            .push(distances.fold(f64::INFINITY, f64::min).sqrt());
        let mut bounds = vec![within; copies];
        if fills(target) {
            bounds = vec![places[0].map(|part| [part, part])];
        }
        // Each place takes the nearest copy that has none yet.
        let mut free: Vec<usize> = (0..copies).collect();
        for place in given {
            let distance = |copy: &usize| square(places[*copy], place);
            let nearest = free
                .iter()
                .copied()
                .min_by(|a, b| distance(a).total_cmp(&distance(b)));
            if let Some(copy) = nearest {
                free.retain(|other| *other != copy);
                // The whole object stays in the picture, if it can.
                let inside = frame.extent().map(|side| {
                    let half = half.min(0.5 * side);
                    [half, side - half]
                });
                let place = [0, 1].map(|a| place[a].clamp(inside[a][0], inside[a][1]));
                places[copy] = place;
                bounds[copy] = place.map(|part| [part, part]);
            }
        }
        let bodies = places.into_iter().map(|centre| Body { centre, extent });
        self.bodies.push(bodies.collect());
        self.bounds.push(bounds);
    }

    /// Sweeps over everything that is asked until all of it holds, or it has tried
    /// long enough.
    fn settled(mut self, layout: &Layout, gaps: &Gaps) -> Vec<Vec<Body>> {
        for _ in 0..SWEEPS {
            let mut worst = 0.0f64;
            for axis in Axis::BOTH {
                let margin = gaps.fitting_margin(self.frame, layout, axis)
                    * self.frame.extent()[axis.index()];
                for (first, second) in layout.ordered_pairs(axis) {
                    worst = worst.max(self.separate(axis.index(), first, second, margin));
                }
            }
            for relation in &layout.relations {
                if relation.kind.geometry() == Geometry::Ring {
                    let bounds = gaps.distance_bounds(self.frame);
                    worst = worst.max(self.keep_near(relation.subject, relation.object, bounds));
                }
            }
            worst = worst.max(self.keep_apart(layout));
            if worst <= TOLERANCE {
                break;
            }
        }
        self.bodies
    }

    /// Every copy of `first` comes before every copy of `second` along an axis.
    fn separate(&mut self, axis: usize, first: usize, second: usize, margin: f64) -> f64 {
        let mut worst = 0.0f64;
        for p in 0..self.bodies[first].len() {
            for q in 0..self.bodies[second].len() {
                let (a, b) = (self.bodies[first][p], self.bodies[second][q]);
                let widest = self.bounds[second][q][axis][1] - self.bounds[first][p][axis][0];
                let gap = margin.max(0.5 * (a.extent + b.extent)).min(widest.max(0.0));
                let shortfall = gap - (b.centre[axis] - a.centre[axis]);
                if shortfall > TOLERANCE {
                    let mut by = [0.0; 2];
                    by[axis] = shortfall;
                    self.push_apart((first, p), (second, q), by);
                    worst = worst.max(shortfall);
                }
            }
        }
        worst
    }

    /// The nearest copies of two objects are as far apart as “next to” says, or as
    /// their extents need.
    fn keep_near(&mut self, subject: usize, object: usize, [near, far]: [f64; 2]) -> f64 {
        let pairs = (0..self.bodies[subject].len())
            .flat_map(|p| (0..self.bodies[object].len()).map(move |q| (p, q)));
        let distance = |&(p, q): &(usize, usize)| {
            square(
                self.bodies[subject][p].centre,
                self.bodies[object][q].centre,
            )
        };
        let Some((p, q)) = pairs.min_by(|a, b| distance(a).total_cmp(&distance(b))) else {
            return 0.0;
        };
        let (a, b) = (self.bodies[subject][p], self.bodies[object][q]);
        let touch = 0.5 * (a.extent + b.extent);
        let found = distance(&(p, q)).sqrt();
        let change = found.clamp(near.max(touch), far.max(touch + 0.1 * far)) - found;
        if change.abs() <= TOLERANCE {
            return 0.0;
        }
        let direction = direction(a.centre, b.centre);
        self.push_apart(
            (subject, p),
            (object, q),
            direction.map(|part| part * change),
        );
        change.abs()
    }

    /// No two bodies lie on each other, except where their objects are joined by a
    /// relation, which says it better.
    fn keep_apart(&mut self, layout: &Layout) -> f64 {
        let all: Vec<(usize, usize)> = self
            .bodies
            .iter()
            .enumerate()
            .flat_map(|(object, bodies)| (0..bodies.len()).map(move |copy| (object, copy)))
            .collect();
        let mut worst = 0.0f64;
        for (index, &one) in all.iter().enumerate() {
            for &other in &all[index + 1..] {
                let is_related = layout.relations.iter().any(|it| {
                    [it.subject, it.object] == [one.0, other.0]
                        || [it.object, it.subject] == [one.0, other.0]
                });
                if is_related {
                    continue;
                }
                let (a, b) = (self.bodies[one.0][one.1], self.bodies[other.0][other.1]);
                let least = match one.0 == other.0 {
                    true => (APART * a.extent).min(self.spacing[one.0]),
                    false => 0.5 * BESIDE * (a.extent + b.extent),
                };
                let shortfall = least - square(a.centre, b.centre).sqrt();
                if shortfall > TOLERANCE {
                    let by = direction(a.centre, b.centre).map(|part| part * shortfall);
                    let moved = self.push_apart(one, other, by);
                    worst = worst.max(moved);
                }
            }
        }
        worst
    }

    /// Moves two bodies apart by a vector, each half of it; what one can't do is
    /// handed to the other. Returns how far they moved.
    fn push_apart(&mut self, one: (usize, usize), other: (usize, usize), by: [f64; 2]) -> f64 {
        let mut moved = 0.0;
        for (axis, by) in by.into_iter().enumerate() {
            let by_other = self.shift(other, axis, 0.5 * by);
            let by_one = -self.shift(one, axis, by_other - by);
            let rest = self.shift(other, axis, by - by_other - by_one);
            moved += by_other.abs() + by_one.abs() + rest.abs();
        }
        moved
    }

    fn shift(&mut self, (object, copy): (usize, usize), axis: usize, by: f64) -> f64 {
        let [low, high] = self.bounds[object][copy][axis];
        let place = &mut self.bodies[object][copy].centre[axis];
        let before = *place;
        *place = (before + by).clamp(low, high);
        *place - before
    }
}

fn square(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2)
}

/// The unit vector from one place to another; sideways if they are one.
fn direction(from: [f64; 2], to: [f64; 2]) -> [f64; 2] {
    let length = square(from, to).sqrt();
    match length > TOLERANCE {
        true => [0, 1].map(|axis| (to[axis] - from[axis]) / length),
        false => [1.0, 0.0],
    }
}

/// The centroid of a region, in frame units.
fn centre_of(frame: Frame, shape: &Shape) -> [f64; 2] {
    let coverage = shape.coverage(frame);
    let total: f64 = coverage.iter().sum();
    if total == 0.0 {
        return frame.extent().map(|side| 0.5 * side);
    }
    let shares: Vec<f64> = coverage.iter().map(|part| part / total).collect();
    frame.centroid(&shares)
}

#[cfg(test)]
mod tests;

//! Everything asked of one picture, and why it may be impossible.
//!
//! Checking happens once, before a picture is started; the objectives rely on
//! a layout that passed.

mod error;

use serde::{Deserialize, Serialize};

use super::object_target::{EXTENTS, MOST_COPIES, ObjectTarget, Shape, Size, SizeExtents, Targets};
use super::relation::{Axis, ObjectTokens, Relation};

pub use error::LayoutError;

/// Everything asked of one picture.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Layout {
    /// The objects that must be in the picture.
    pub objects: Vec<ObjectTokens>,
    /// Relations between them.
    #[serde(default)]
    pub relations: Vec<Relation>,
    /// Places, regions, sizes and numbers of objects.
    #[serde(flatten)]
    pub targets: Targets,
}

impl Layout {
    /// Whether a relation or a target moves an object.
    pub fn moves(&self, object: usize) -> bool {
        let is_related =
            |relation: &Relation| [relation.subject, relation.object].contains(&object);
        self.relations.iter().any(is_related) || self.targets.of(object).is_some()
    }

    /// How many objects and copies are moved, those of a size twice; all objects if none is.
    pub fn bodies(&self) -> usize {
        let moved = (0..self.objects.len()).filter(|&object| self.moves(object));
        let of_target = |it: &ObjectTarget| it.copies * (1 + usize::from(it.size.is_some()));
        let changes = |object| self.targets.of(object).map_or(1, of_target);
        match moved.map(changes).sum() {
            0 => self.objects.len(),
            moved => moved,
        }
    }

    /// Checks the layout against a text of `tokens` positions (77 for CLIP).
    ///
    /// # Errors
    /// The first [`LayoutError`] found.
    pub fn validate(&self, tokens: usize) -> Result<(), LayoutError> {
        if self.objects.is_empty() {
            return Err(LayoutError::Empty);
        }
        for object in &self.objects {
            validate_object(object, tokens)?;
        }
        for relation in &self.relations {
            self.validate_relation(relation)?;
        }
        self.validate_targets()?;
        for axis in Axis::BOTH {
            if let Some(cycle) = self.cycle(axis) {
                return Err(LayoutError::Cycle {
                    axis,
                    labels: cycle.into_iter().map(|i| self.label(i)).collect(),
                });
            }
        }
        Ok(())
    }

    /// The place of an object that is given no more than one, as fractions of the frame.
    pub fn point(&self, object: usize) -> Option<[f64; 2]> {
        self.targets.of(object)?.point()
    }

    /// The layout for a method that knows relations only: no wishes, and no objects
    /// that are there for their sake.
    #[must_use]
    pub fn relations_alone(&self) -> Self {
        if self.targets.is_empty() || self.relations.is_empty() {
            return Self {
                targets: Targets::default(),
                ..self.clone()
            };
        }
        let is_related = |object: &usize| {
            let mut relations = self.relations.iter();
            relations.any(|it| [it.subject, it.object].contains(object))
        };
        let kept: Vec<usize> = (0..self.objects.len()).filter(is_related).collect();
        let index = |object: usize| kept.partition_point(|&other| other < object);
        Self {
            objects: kept.iter().map(|&it| self.objects[it].clone()).collect(),
            relations: self
                .relations
                .iter()
                .map(|relation| Relation {
                    subject: index(relation.subject),
                    object: index(relation.object),
                    ..*relation
                })
                .collect(),
            targets: Targets::default(),
        }
    }

    /// Whether anything is asked for beyond relations and plain places.
    pub fn has_distributions(&self) -> bool {
        self.targets.iter().any(ObjectTarget::is_distribution)
    }

    /// The layout with every size as an extent: `usual` is how large each object
    /// usually comes, as a fraction of the shorter side.
    #[must_use]
    pub fn with_extents(&self, usual: impl Fn(usize) -> f64) -> Self {
        let mut layout = self.clone();
        for target in &mut layout.targets.0 {
            let extent = target.size.map(|size| size.extent(usual(target.object)));
            target.size = extent.map(Size::Extent);
        }
        layout
    }

    /// The layout with “small” and “big” as a model's own extents.
    #[must_use]
    pub fn with_sizes(&self, own: SizeExtents) -> Self {
        let mut layout = self.clone();
        for target in &mut layout.targets.0 {
            let extent = match target.size {
                Some(Size::Small) => own.small,
                Some(Size::Big) => own.big,
                _ => continue,
            };
            target.size = Some(Size::Extent(extent.clamp(*EXTENTS.start(), *EXTENTS.end())));
        }
        layout
    }

    /// Whether a size is seen from how large the object usually comes.
    pub fn has_relative_sizes(&self) -> bool {
        let mut sizes = self.targets.iter().filter_map(|target| target.size);
        sizes.any(|size| !matches!(size, Size::Extent(_)))
    }

    /// The ordered pairs along an axis: the first comes before the second.
    pub fn ordered_pairs(&self, axis: Axis) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.relations.iter().filter_map(move |relation| {
            let Relation {
                subject,
                kind,
                object,
            } = *relation;
            let subject_first = kind.geometry().subject_first_along(axis)?;
            Some(match subject_first {
                true => (subject, object),
                false => (object, subject),
            })
        })
    }

    /// The largest number of relations in a row along an axis: 2 for
    /// "a left of b left of c". The layout must be free of cycles.
    pub fn longest_chain(&self, axis: Axis) -> usize {
        let mut depth = vec![0usize; self.objects.len()];
        // Each round settles at least one more object of an acyclic order.
        for _ in 0..self.objects.len() {
            for (first, second) in self.ordered_pairs(axis) {
                depth[second] = depth[second].max(depth[first] + 1);
            }
        }
        depth.into_iter().max().unwrap_or(0)
    }

    fn label(&self, object: usize) -> String {
        self.objects[object].label.clone()
    }

    fn validate_relation(&self, relation: &Relation) -> Result<(), LayoutError> {
        let Relation {
            subject,
            kind,
            object,
        } = *relation;
        for index in [subject, object] {
            self.validate_index(index)?;
        }
        if subject == object {
            return Err(LayoutError::SelfRelation {
                label: self.label(subject),
                kind,
            });
        }
        let object_tokens = &self.objects[object].tokens;
        let shared = self.objects[subject]
            .tokens
            .iter()
            .find(|token| object_tokens.contains(token));
        match shared {
            None => Ok(()),
            Some(&token) => Err(LayoutError::SharedToken {
                subject: self.label(subject),
                object: self.label(object),
                token,
            }),
        }
    }

    fn validate_index(&self, index: usize) -> Result<(), LayoutError> {
        if index < self.objects.len() {
            return Ok(());
        }
        Err(LayoutError::UnknownObject {
            index,
            count: self.objects.len(),
        })
    }

    fn validate_targets(&self) -> Result<(), LayoutError> {
        for (position, target) in self.targets.iter().enumerate() {
            self.validate_index(target.object)?;
            validate_target(target, || self.label(target.object))?;
            let earlier = &self.targets[..position];
            if earlier.iter().any(|other| other.object == target.object) {
                return Err(LayoutError::TwoTargets {
                    label: self.label(target.object),
                });
            }
        }
        self.relations
            .iter()
            .try_for_each(|relation| self.validate_places(relation))
    }

    /// Refuses a relation that the given places or regions leave no room for.
    fn validate_places(&self, relation: &Relation) -> Result<(), LayoutError> {
        let Relation {
            subject,
            kind,
            object,
        } = *relation;
        let labels = || [self.label(subject), self.label(object)];
        let places = [subject, object].map(|it| self.point(it));
        if let [Some(subject), Some(object)] = places
            && !kind.geometry().allows([subject, object])
        {
            let [subject, object] = labels();
            return Err(LayoutError::TargetsContradict {
                subject,
                kind,
                object,
            });
        }
        for axis in Axis::BOTH {
            let Some(subject_first) = kind.geometry().subject_first_along(axis) else {
                continue;
            };
            let [first, second] = match subject_first {
                true => [subject, object],
                false => [object, subject],
            };
            let leaves_room = match (self.reach(first), self.reach(second)) {
                // What lies at one place is there as a whole.
                (Some(first), Some(second)) => first[0][axis.index()] < second[1][axis.index()],
                _ => true,
            };
            if !leaves_room {
                let [subject, object] = labels();
                return Err(LayoutError::RegionsContradict {
                    subject,
                    kind,
                    object,
                });
            }
        }
        Ok(())
    }

    /// The smallest and largest (x, y) that an object is given; `None` if it may be
    /// anywhere.
    fn reach(&self, object: usize) -> Option<[[f64; 2]; 2]> {
        let target = self.targets.of(object)?;
        if let Shape::Points(places) = &target.shape {
            let along = |axis: usize, pick: fn(f64, f64) -> f64| {
                places.iter().map(|place| place[axis]).reduce(pick)
            };
            let low = [along(0, f64::min)?, along(1, f64::min)?];
            let high = [along(0, f64::max)?, along(1, f64::max)?];
            // All copies of one come before all of the other.
            return Some([high, low]);
        }
        target.shape.bounds()
    }

    /// A cycle along the axis, if there is one.
    fn cycle(&self, axis: Axis) -> Option<Vec<usize>> {
        let pairs: Vec<(usize, usize)> = self.ordered_pairs(axis).collect();
        // Objects without an open predecessor are removed until none is left;
        // what remains holds a cycle.
        let mut open: Vec<bool> = vec![true; self.objects.len()];
        let predecessor = |open: &[bool], object: usize| {
            pairs
                .iter()
                .find(|&&(first, second)| second == object && open[first])
                .map(|&(first, _)| first)
        };
        while let Some(free) =
            (0..open.len()).find(|&object| open[object] && predecessor(&open, object).is_none())
        {
            open[free] = false;
        }
        let mut path = vec![open.iter().position(|&is_open| is_open)?];
        loop {
            let last = path[path.len() - 1];
            let previous = predecessor(&open, last)?;
            if let Some(start) = path.iter().position(|&object| object == previous) {
                path.drain(..start);
                path.reverse();
                return Some(path);
            }
            path.push(previous);
        }
    }
}

/// Whether both coordinates lie in the picture; written so that NaN does not.
fn is_inside(place: [f64; 2]) -> bool {
    place.iter().all(|part| (0.0..=1.0).contains(part))
}

fn validate_target(target: &ObjectTarget, label: impl Fn() -> String) -> Result<(), LayoutError> {
    let copies = target.copies;
    if !(1..=MOST_COPIES).contains(&copies) {
        let label = label();
        return Err(LayoutError::Copies { label, copies });
    }
    if let Some(Size::Extent(extent)) = target.size
        && !EXTENTS.contains(&extent)
    {
        return Err(LayoutError::Extent {
            label: label(),
            percent: 100.0 * extent,
        });
    }
    match &target.shape {
        Shape::Anywhere => return Ok(()),
        Shape::Points(places) => {
            if !places.iter().all(|place| is_inside(*place)) {
                return Err(LayoutError::TargetOutside { label: label() });
            }
            if places.len() > copies {
                return Err(LayoutError::TooManyPlaces {
                    label: label(),
                    places: places.len(),
                    copies,
                });
            }
            return Ok(());
        }
        Shape::Ellipse(area) | Shape::Rectangle(area) => {
            let far = [area.x + area.width, area.y + area.height].map(|part| part - 1e-9);
            if !(is_inside([area.x, area.y]) && is_inside(far.map(|part| part.max(0.0)))) {
                return Err(LayoutError::TargetOutside { label: label() });
            }
        }
        Shape::Mask(_) => {}
    }
    let has_room = |[low, high]: [[f64; 2]; 2]| high[0] > low[0] && high[1] > low[1];
    if !target.shape.bounds().is_some_and(has_room) {
        return Err(LayoutError::EmptyRegion { label: label() });
    }
    if !target.keep_inside && !target.fill {
        return Err(LayoutError::IdleRegion { label: label() });
    }
    Ok(())
}

fn validate_object(object: &ObjectTokens, tokens: usize) -> Result<(), LayoutError> {
    for word in std::iter::once(&object.tokens).chain(&object.attributes) {
        if word.is_empty() {
            return Err(LayoutError::NoTokens {
                label: object.label.clone(),
            });
        }
        // Position 0 is the start token, the last one never holds a word.
        let last = tokens.saturating_sub(2);
        if let Some(&token) = word.iter().find(|&&token| token == 0 || token > last) {
            return Err(LayoutError::TokenOutOfRange {
                label: object.label.clone(),
                token,
                last,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;

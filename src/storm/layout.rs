//! Everything asked of one picture, and why it may be impossible.
//!
//! Checking happens once, before a picture is started; the objectives rely on
//! a layout that passed.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::relation::{Axis, FreeTarget, ObjectTokens, Relation, RelationKind};

/// Everything asked of one picture.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Layout {
    /// The objects that must be in the picture.
    pub objects: Vec<ObjectTokens>,
    /// Relations between them.
    #[serde(default)]
    pub relations: Vec<Relation>,
    /// Places given by the person.
    #[serde(default)]
    pub free_targets: Vec<FreeTarget>,
}

/// Why a layout can't be drawn.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum LayoutError {
    /// There is no object.
    #[error("no object is chosen; choose at least one word of the prompt")]
    Empty,
    /// An object or attribute has no token.
    #[error("“{label}” has a word without tokens; choose its word in the prompt again")]
    NoTokens {
        /// The object.
        label: String,
    },
    /// A token position is the start token or can't hold a word.
    #[error(
        "“{label}” points at token {token}, which is not a word of the prompt; words stand at 1 to {last}"
    )]
    TokenOutOfRange {
        /// The object.
        label: String,
        /// The position.
        token: usize,
        /// Last position that can hold a word.
        last: usize,
    },
    /// A relation or free target names an object that does not exist.
    #[error("object number {index} does not exist; there are {count} objects")]
    UnknownObject {
        /// The index used.
        index: usize,
        /// Number of objects.
        count: usize,
    },
    /// A relation of an object with itself.
    #[error("“{label}” can't be {} itself; choose another object", kind.phrase())]
    SelfRelation {
        /// The object.
        label: String,
        /// The relation.
        kind: RelationKind,
    },
    /// Subject and object share a token.
    #[error("“{subject}” and “{object}” share token {token}; choose two different words")]
    SharedToken {
        /// The subject.
        subject: String,
        /// The object.
        object: String,
        /// The position they share.
        token: usize,
    },
    /// The relations along one axis contradict each other.
    #[error(
        "the relations contradict each other: {path}; remove one of them",
        path = describe_cycle(*axis, labels)
    )]
    Cycle {
        /// The axis.
        axis: Axis,
        /// The objects of the cycle, from left to right or top to bottom.
        labels: Vec<String>,
    },
    /// A free target lies outside the picture.
    #[error("the place of “{label}” lies outside the picture; drag it back inside")]
    TargetOutside {
        /// The object.
        label: String,
    },
    /// Two free targets for one object.
    #[error("“{label}” has two places; remove one of them")]
    TwoTargets {
        /// The object.
        label: String,
    },
    /// A relation can't hold between two objects whose places are given.
    #[error(
        "“{subject}” can't be {} “{object}” at the places given; move one of them or remove the relation",
        kind.phrase()
    )]
    TargetsContradict {
        /// The subject.
        subject: String,
        /// The relation.
        kind: RelationKind,
        /// The object.
        object: String,
    },
}

fn describe_cycle(axis: Axis, labels: &[String]) -> String {
    let word = match axis {
        Axis::Horizontal => " left of ",
        Axis::Vertical => " above ",
    };
    let quoted: Vec<String> = labels
        .iter()
        .chain(labels.first())
        .map(|label| format!("“{label}”"))
        .collect();
    quoted.join(word)
}

impl Layout {
    /// Whether a relation or a free target moves an object.
    pub fn moves(&self, object: usize) -> bool {
        let is_related =
            |relation: &Relation| [relation.subject, relation.object].contains(&object);
        self.relations.iter().any(is_related)
            || self.free_targets.iter().any(|it| it.object == object)
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
        self.validate_free_targets()?;
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

    /// The free target of an object, as fractions of the frame.
    pub fn free_target(&self, object: usize) -> Option<[f64; 2]> {
        self.free_targets
            .iter()
            .find(|target| target.object == object)
            .map(|target| [target.x, target.y])
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

    fn validate_free_targets(&self) -> Result<(), LayoutError> {
        for (position, target) in self.free_targets.iter().enumerate() {
            self.validate_index(target.object)?;
            let label = || self.label(target.object);
            // Written so that NaN fails too.
            if !((0.0..=1.0).contains(&target.x) && (0.0..=1.0).contains(&target.y)) {
                return Err(LayoutError::TargetOutside { label: label() });
            }
            let earlier = &self.free_targets[..position];
            if earlier.iter().any(|other| other.object == target.object) {
                return Err(LayoutError::TwoTargets { label: label() });
            }
        }
        for relation in &self.relations {
            let places = [relation.subject, relation.object].map(|it| self.free_target(it));
            if let [Some(subject), Some(object)] = places
                && !relation.kind.geometry().allows([subject, object])
            {
                return Err(LayoutError::TargetsContradict {
                    subject: self.label(relation.subject),
                    kind: relation.kind,
                    object: self.label(relation.object),
                });
            }
        }
        Ok(())
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

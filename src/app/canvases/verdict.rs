//! The verdict under a canvas: whether the relations are true, in words.
//!
//! A finished picture is judged by the model's detector, which looks at it, where
//! there is one; a picture on its way, or of another model, by the centres of
//! the words' attention.

use crate::engine::Sighted;
use crate::storm::Layout;
use crate::storm::objective::Reading;
use crate::storm::relation::RelationKind;

/// One relation, judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Index into the layout's objects.
    pub subject: usize,
    /// What is the case, between subject and object.
    pub phrase: String,
    pub object: usize,
    /// Whether that is what was asked for.
    pub is_true: bool,
}

impl Verdict {
    fn new([subject, object]: [usize; 2], kind: RelationKind, seen: Seen) -> Self {
        Self {
            subject,
            phrase: match seen {
                Seen::Missing => "is not seen together with".to_string(),
                Seen::True => kind.statement(),
                Seen::False => kind.denial(),
            },
            object,
            is_true: seen == Seen::True,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    True,
    False,
    /// One of the two is nowhere.
    Missing,
}

/// Judges every relation of `layout` by where the maps put the objects; one
/// whose object the maps don't show says so.
pub fn by_attention(layout: &Layout, reading: &Reading) -> Vec<Verdict> {
    let relations = layout.relations.iter().zip(&reading.relations);
    relations
        .map(|(relation, found)| {
            let pair = [relation.subject, relation.object];
            let is_missing = |&object: &usize| {
                let object = reading.objects.get(object);
                object.is_none_or(|object| object.absent)
            };
            let seen = match pair.iter().any(is_missing) {
                true => Seen::Missing,
                false if found.signed_distance > 0.0 => Seen::True,
                false => Seen::False,
            };
            Verdict::new(pair, relation.kind, seen)
        })
        .collect()
}

/// What the detector says of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetectorVerdicts {
    /// One for each relation of the layout.
    pub verdicts: Vec<Verdict>,
    /// Objects of the layout that are there more than once, with their number.
    pub repeated: Vec<(usize, usize)>,
}

/// Judges every relation of `layout` by what the detector found in a picture of
/// `width_to_height`; `None` if it does not know one of the objects. "Next to"
/// holds between `bounds`, in fractions of the shorter side.
pub fn by_detector(
    layout: &Layout,
    sighted: &Sighted,
    width_to_height: f64,
    bounds: [f64; 2],
) -> Option<DetectorVerdicts> {
    let label = |object: usize| layout.objects.get(object).map(|it| it.label.as_str());
    let is_known = |object: usize| {
        label(object).is_some_and(|label| sighted.names.iter().any(|name| name == label))
    };
    let mut pairs = layout
        .relations
        .iter()
        .flat_map(|it| [it.subject, it.object]);
    if layout.relations.is_empty() || !pairs.all(is_known) {
        return None;
    }
    let count = |object: usize| {
        let name = label(object);
        let found = sighted.found.iter();
        found
            .filter(|found| Some(found.name.as_str()) == name)
            .count()
    };
    // The most certain comes first.
    let place = |object: usize| {
        let name = label(object);
        let mut found = sighted.found.iter();
        found.find(|found| Some(found.name.as_str()) == name)
    };
    let verdicts = layout.relations.iter().map(|relation| {
        let pair = [relation.subject, relation.object];
        let seen = match pair.map(place) {
            [Some(subject), Some(object)]
                if relation.kind.geometry().is_true_of(
                    [subject, object].map(|it| [it.x, it.y]),
                    width_to_height,
                    bounds,
                ) =>
            {
                Seen::True
            }
            [Some(_), Some(_)] => Seen::False,
            _ => Seen::Missing,
        };
        Verdict::new(pair, relation.kind, seen)
    });
    let objects = 0..layout.objects.len();
    let repeated = objects.map(|object| (object, count(object)));
    Some(DetectorVerdicts {
        verdicts: verdicts.collect(),
        repeated: repeated.filter(|&(_, count)| count > 1).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::FoundObject;
    use crate::storm::objective::{ObjectReading, RelationReading};
    use crate::storm::relation::{ObjectTokens, Relation};

    /// A cat and a dog in a relation.
    fn layout(kind: RelationKind) -> Layout {
        let object = |label: &str| ObjectTokens {
            tokens: vec![1],
            attributes: Vec::new(),
            label: label.to_string(),
        };
        Layout {
            objects: vec![object("cat"), object("dog")],
            relations: vec![Relation {
                subject: 0,
                kind,
                object: 1,
            }],
            free_targets: Vec::new(),
        }
    }

    fn judged(kind: RelationKind, signed_distance: f64, absent: bool) -> Verdict {
        let seen = |absent| ObjectReading {
            centroid: [0.5, 0.5],
            target: [0.5, 0.5],
            presence: 1.0,
            absent,
            spread: 0.1,
        };
        let reading = Reading {
            objects: vec![seen(false), seen(absent)],
            relations: vec![RelationReading {
                signed_distance,
                margin: 0.35,
                holds: false,
            }],
            satisfied: false,
        };
        by_attention(&layout(kind), &reading).remove(0)
    }

    #[test]
    fn the_verdict_says_what_is_the_case() {
        let phrase = |kind, distance| judged(kind, distance, false).phrase;
        assert_eq!(phrase(RelationKind::LeftOf, 0.2), "is left of");
        assert_eq!(phrase(RelationKind::LeftOf, -0.2), "is right of");
        assert_eq!(phrase(RelationKind::Above, -0.1), "is below");
        assert_eq!(phrase(RelationKind::NextTo, -0.1), "is not next to");
        assert!(judged(RelationKind::Below, 0.1, false).is_true);
        assert!(!judged(RelationKind::Below, -0.1, false).is_true);
    }

    #[test]
    fn an_object_that_is_nowhere_is_not_judged_by_its_place() {
        let verdict = judged(RelationKind::LeftOf, 0.4, true);
        assert!(!verdict.is_true);
        assert_eq!(verdict.phrase, "is not seen together with");
    }

    /// What a detector of cats and dogs sees: names with their places.
    fn sighted(found: &[(&str, f64, f64)]) -> Sighted {
        let found = found.iter().map(|&(name, x, y)| FoundObject {
            name: name.to_string(),
            confidence: 0.9,
            x,
            y,
        });
        Sighted {
            names: vec!["cat".to_string(), "dog".to_string()],
            found: found.collect(),
        }
    }

    #[test]
    fn the_detector_compares_the_most_certain_of_each_along_the_relations_axis() {
        let seen = sighted(&[("cat", 0.3, 0.8), ("dog", 0.6, 0.2), ("cat", 0.9, 0.1)]);
        let judged = |kind| by_detector(&layout(kind), &seen, 1.0, [0.3, 0.45]).unwrap();
        let left = judged(RelationKind::LeftOf);
        assert!(left.verdicts[0].is_true);
        assert_eq!(left.repeated, [(0, 2)]);
        let above = judged(RelationKind::Above);
        assert_eq!(above.verdicts[0].phrase, "is below");
        assert!(!above.verdicts[0].is_true);
        assert!(!judged(RelationKind::NextTo).verdicts[0].is_true);
    }

    #[test]
    fn next_to_is_measured_in_the_shorter_side() {
        let seen = sighted(&[("cat", 0.4, 0.5), ("dog", 0.6, 0.5)]);
        let is_next = |ratio| {
            let layout = layout(RelationKind::NextTo);
            by_detector(&layout, &seen, ratio, [0.3, 0.45])
                .unwrap()
                .verdicts[0]
                .is_true
        };
        // A fifth of the width: 0.2 of a square's side, 0.4 where it is twice as wide as high,
        // still 0.2 where the width is the shorter side.
        assert_eq!([1.0, 2.0, 0.5].map(is_next), [false, true, false]);
    }

    #[test]
    fn what_the_detector_misses_is_not_seen_and_what_it_does_not_know_it_leaves() {
        let alone = sighted(&[("cat", 0.3, 0.8)]);
        let kind = RelationKind::LeftOf;
        let judged = by_detector(&layout(kind), &alone, 1.0, [0.3, 0.45]).unwrap();
        assert_eq!(judged.verdicts[0].phrase, "is not seen together with");
        let mut unicorn = layout(kind);
        unicorn.objects[1].label = "unicorn".to_string();
        assert_eq!(by_detector(&unicorn, &alone, 1.0, [0.3, 0.45]), None);
    }
}

//! The verdict under a canvas: what the maps say about the relations, in words.

use crate::storm::Layout;
use crate::storm::objective::Reading;
use crate::storm::relation::RelationKind;

/// One relation, judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Index into the layout's objects.
    pub subject: usize,
    /// What is the case, between subject and object.
    pub phrase: &'static str,
    pub object: usize,
    /// Whether that is what was asked for.
    pub is_true: bool,
}

/// Judges every relation of `layout`; one whose object the maps don't show
/// says so.
pub fn verdicts(layout: &Layout, reading: &Reading) -> Vec<Verdict> {
    let relations = layout.relations.iter().zip(&reading.relations);
    relations
        .map(|(relation, found)| {
            let missing = [relation.subject, relation.object].iter().any(|&object| {
                reading
                    .objects
                    .get(object)
                    .is_none_or(|object| object.absent)
            });
            let is_true = found.signed_distance > 0.0 && !missing;
            let phrase = match (missing, is_true, relation.kind) {
                (true, _, _) => "is not seen together with",
                (_, true, kind) => said(kind),
                (_, false, RelationKind::NextTo) => "is not next to",
                (_, false, kind) => said(kind.inverse()),
            };
            Verdict {
                subject: relation.subject,
                phrase,
                object: relation.object,
                is_true,
            }
        })
        .collect()
}

fn said(kind: RelationKind) -> &'static str {
    match kind {
        RelationKind::LeftOf => "is left of",
        RelationKind::RightOf => "is right of",
        RelationKind::Above => "is above",
        RelationKind::Below => "is below",
        RelationKind::NextTo => "is next to",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storm::objective::{ObjectReading, RelationReading};
    use crate::storm::relation::{ObjectTokens, Relation};

    fn judged(kind: RelationKind, signed_distance: f64, absent: bool) -> Verdict {
        let object = |label: &str| ObjectTokens {
            tokens: vec![1],
            attributes: Vec::new(),
            label: label.to_string(),
        };
        let layout = Layout {
            objects: vec![object("cat"), object("dog")],
            relations: vec![Relation {
                subject: 0,
                kind,
                object: 1,
            }],
            free_targets: Vec::new(),
        };
        let seen = |absent| ObjectReading {
            centroid: [0.5, 0.5],
            target: [0.5, 0.5],
            presence: 1.0,
            absent,
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
        verdicts(&layout, &reading).remove(0)
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
}

//! What verdicts say of readings and sightings.

use super::*;
use crate::engine::FoundObject;
use crate::storm::objective::{ObjectReading, RelationReading};
use crate::storm::relation::ObjectTokens;

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
        targets: Default::default(),
    }
}

/// The first relation's verdict, where the detector knows its objects.
fn first(judged: &DetectorVerdicts) -> &Verdict {
    judged.verdicts[0].as_ref().expect("both are known")
}

fn judged(kind: RelationKind, signed_distance: f64, absent: bool) -> Verdict {
    let seen = |absent| ObjectReading {
        centroid: [0.5, 0.5],
        target: [0.5, 0.5],
        presence: 1.0,
        absent,
        spread: 0.1,
        distance: None,
        extent: None,
    };
    let reading = Reading {
        objects: vec![seen(false), seen(absent)],
        relations: vec![RelationReading {
            signed_distance,
            margin: 0.35,
            holds: false,
        }],
        satisfied: false,
        copies: Vec::new(),
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
    assert_eq!(verdict.phrase, "is not seen with");
}

/// What a detector of cats and dogs sees: names with their places.
fn sighted(found: &[(&str, f64, f64)]) -> Sighted {
    let found = found.iter().map(|&(name, x, y)| FoundObject {
        name: name.to_string(),
        confidence: 0.9,
        x,
        y,
        width: 0.3,
        height: 0.2,
        colours: Vec::new(),
    });
    Sighted {
        names: vec!["cat".to_string(), "dog".to_string()],
        found: found.collect(),
        undecided: Vec::new(),
    }
}

#[test]
fn the_detector_compares_the_most_certain_of_each_along_the_relations_axis() {
    let seen = sighted(&[("cat", 0.3, 0.8), ("dog", 0.6, 0.2), ("cat", 0.9, 0.1)]);
    let judged = |kind| by_detector(&layout(kind), &seen, 1.0, [0.3, 0.45]).unwrap();
    let left = judged(RelationKind::LeftOf);
    assert!(first(&left).is_true);
    assert_eq!(left.repeated, [(0, 2)]);
    let above = judged(RelationKind::Above);
    assert_eq!(first(&above).phrase, "is below");
    assert!(!first(&above).is_true);
    assert!(!first(&judged(RelationKind::NextTo)).is_true);
}

#[test]
fn next_to_is_measured_in_the_shorter_side() {
    let seen = sighted(&[("cat", 0.4, 0.5), ("dog", 0.6, 0.5)]);
    let is_next = |ratio| {
        let layout = layout(RelationKind::NextTo);
        by_detector(&layout, &seen, ratio, [0.3, 0.45])
            .unwrap()
            .verdicts[0]
            .as_ref()
            .unwrap()
            .is_true
    };
    // A fifth of the width: 0.2 of a square's side, 0.4 where it is twice as wide as high,
    // still 0.2 where the width is the shorter side.
    assert_eq!([1.0, 2.0, 0.5].map(is_next), [false, true, false]);
}

#[test]
fn numbers_sizes_and_regions_are_judged_beside_the_relations() {
    use crate::storm::objective::CopyReading;
    use crate::storm::{Area, Size};

    let mut layout = layout(RelationKind::LeftOf);
    layout.objects[0].label = "cats".to_owned();
    layout.targets.edit(0, |target| target.copies = 2);
    layout.targets.edit(1, |target| {
        target.size = Some(Size::Big);
        target.shape = Shape::Rectangle(Area {
            x: 0.5,
            y: 0.0,
            width: 0.5,
            height: 1.0,
        });
    });
    let seen = |extent: f64, distance: f64| ObjectReading {
        centroid: [0.5, 0.5],
        target: [0.5, 0.5],
        presence: 1.0,
        absent: false,
        spread: 0.1,
        distance: Some(distance),
        extent: Some(extent),
    };
    let judged = |extent: f64, distance: f64, found: &[(&str, f64, f64)]| -> Vec<(String, bool)> {
        let copy = CopyReading {
            object: 1,
            centre: [0.7, 0.5],
            extent: 0.45,
        };
        let reading = Reading {
            objects: vec![seen(0.3, 0.0), seen(0.9, distance)],
            relations: Vec::new(),
            satisfied: false,
            copies: vec![copy],
        };
        // What the detector sees counts, not how far the attention spreads.
        let mut sighted = sighted(found);
        for it in &mut sighted.found {
            it.width = extent;
        }
        let verdicts = wishes(&layout, &reading, Some(&sighted), [1.0, 1.0]);
        verdicts
            .into_iter()
            .map(|it| (it.phrase, it.is_true))
            .collect()
    };
    let said = |words: &[(&str, bool)]| -> Vec<(String, bool)> {
        words
            .iter()
            .map(|(text, is_true)| (text.to_string(), *is_true))
            .collect()
    };
    let two = [("cat", 0.2, 0.2), ("cat", 0.2, 0.8), ("dog", 0.7, 0.5)];
    assert_eq!(
        judged(0.5, 0.001, &two),
        said(&[("2 ×", true), ("is big", true), ("is in its region", true)])
    );
    assert_eq!(
        judged(0.2, 0.2, &two[1..]),
        said(&[
            ("1 ×", false),
            ("is smaller than asked", false),
            ("is not in its region", false)
        ])
    );
}

#[test]
fn what_the_detector_misses_is_not_seen_and_what_it_does_not_know_it_leaves() {
    let alone = sighted(&[("cat", 0.3, 0.8)]);
    let kind = RelationKind::LeftOf;
    let judged = by_detector(&layout(kind), &alone, 1.0, [0.3, 0.45]).unwrap();
    assert_eq!(first(&judged).phrase, "is not seen with");
    let mut unicorn = layout(kind);
    unicorn.objects[1].label = "unicorn".to_string();
    assert_eq!(by_detector(&unicorn, &alone, 1.0, [0.3, 0.45]), None);
    // It still judges the relations whose objects it knows.
    unicorn.objects.push(ObjectTokens {
        label: "dog".to_string(),
        ..unicorn.objects[0].clone()
    });
    unicorn.relations.push(Relation {
        subject: 0,
        kind,
        object: 2,
    });
    let judged = by_detector(&unicorn, &alone, 1.0, [0.3, 0.45]).unwrap();
    let is_judged: Vec<bool> = judged.verdicts.iter().map(Option::is_some).collect();
    assert_eq!(is_judged, [false, true]);
}

#[test]
fn words_in_the_plural_are_known_and_what_is_uncertain_is_said_to_be() {
    let mut cats = layout(RelationKind::LeftOf);
    cats.objects[0].label = "cats".to_string();
    let mut seen = sighted(&[("cat", 0.3, 0.8), ("dog", 0.6, 0.8)]);
    let judged = |seen: &Sighted| {
        let judged = by_detector(&cats, seen, 1.0, [0.3, 0.45]).unwrap();
        first(&judged).clone()
    };
    assert!(judged(&seen).is_true);
    seen.found.pop();
    seen.undecided = vec!["dog".to_string()];
    let uncertain = judged(&seen);
    assert!(!uncertain.is_true);
    assert_eq!(uncertain.phrase, "is not seen for certain with");
}

#[test]
fn a_relation_of_copies_is_true_of_all_of_them() {
    let mut cats = layout(RelationKind::LeftOf);
    let seen = sighted(&[("cat", 0.3, 0.8), ("dog", 0.6, 0.2), ("cat", 0.9, 0.1)]);
    let is_true = |layout: &Layout| {
        let judged = by_detector(layout, &seen, 1.0, [0.3, 0.45]).unwrap();
        first(&judged).is_true
    };
    assert!(is_true(&cats), "the most certain cat is left of the dog");
    cats.targets.edit(0, |target| target.copies = 2);
    assert!(!is_true(&cats));
    let judged = by_detector(&cats, &seen, 1.0, [0.3, 0.45]).unwrap();
    assert_eq!(first(&judged).phrase, "are right of");
}

//! Assignments through edits, and their token positions.

use proptest::prelude::*;

use super::*;
use crate::prompt::tokenizer::tests::SD1;
use crate::storm::relation::ObjectTarget;
use crate::storm::relation::RelationKind::{Above, LeftOf};

const TEXT: &str = "a red cat to the left of a blue dog and above a car";

fn proposed(text: &str) -> Assignment {
    Assignment::proposed(&SD1.encode(text))
}

/// Each object as "attributes noun".
fn described(assignment: &Assignment, text: &str) -> Vec<String> {
    let objects = assignment.objects.iter().map(|object| {
        let spans = object.attributes.iter().chain([&object.noun]);
        let words: Vec<&str> = spans.map(|span| &text[span.clone()]).collect();
        words.join(" ")
    });
    objects.collect()
}

fn relation(subject: usize, kind: crate::storm::relation::RelationKind, object: usize) -> Relation {
    Relation {
        subject,
        kind,
        object,
    }
}

#[test]
fn the_proposal_becomes_spans_and_token_positions() {
    let assignment = proposed(TEXT);
    assert_eq!(described(&assignment, TEXT), ["red cat", "blue dog", "car"]);
    let layout = assignment.layout(&SD1.encode(TEXT)).unwrap();
    assert_eq!(layout.validate(77), Ok(()));
    let nouns: Vec<&[usize]> = layout
        .objects
        .iter()
        .map(|it| it.tokens.as_slice())
        .collect();
    assert_eq!(nouns, [&[3][..], &[10], &[14]]);
    assert_eq!(layout.objects[0].attributes, [[2]]);
    assert_eq!(layout.objects[1].label, "dog");
    assert_eq!(
        layout.relations,
        [relation(0, LeftOf, 1), relation(0, Above, 2)]
    );
}

#[test]
fn words_of_several_tokens_give_all_their_positions() {
    let text = "an unphotographable teddy bear left of a dog";
    let layout = proposed(text).layout(&SD1.encode(text)).unwrap();
    assert_eq!(layout.objects[0].tokens, [7]);
    assert_eq!(layout.objects[0].attributes, [[2, 3, 4, 5]]);
    assert_eq!(layout.objects[0].label, "bear");
}

#[test]
fn an_edit_keeps_what_remains() {
    let assignment = proposed(TEXT);
    for (new, objects, relations) in [
        (
            "Photo: a red Cat, to the left of a blue dog and above a car!",
            &["red Cat", "blue dog", "car"][..],
            2,
        ),
        (
            "a cat to the left of a dog and above a car",
            &["cat", "dog", "car"],
            2,
        ),
        (
            "a red cat to the left of a blue dog",
            &["red cat", "blue dog"],
            1,
        ),
        ("a blue dog and above a car", &["blue dog", "car"], 0),
        (
            "a red cats to the left of a blue dog and above a car",
            &["red cats", "blue dog", "car"],
            2,
        ),
        (
            "a red bird to the left of a blue dog and above a car",
            &["blue dog", "car"],
            0,
        ),
        ("", &[], 0),
    ] {
        let rebased = assignment.rebase(TEXT, new);
        assert_eq!(described(&rebased, new), objects, "{new}");
        assert_eq!(rebased.relations.len(), relations, "{new}");
    }
    // The first object is gone; what remains of the relations has new indices.
    let mut chain = assignment.clone();
    chain.relations = vec![relation(0, LeftOf, 1), relation(1, Above, 2)];
    chain.targets = vec![
        ObjectTarget::at(0, [0.2, 0.5]),
        ObjectTarget::at(2, [0.8, 0.5]),
    ]
    .into();
    let rebased = chain.rebase(TEXT, "the blue dog and above a car");
    assert_eq!(rebased.relations, [relation(0, Above, 1)]);
    assert_eq!(*rebased.targets, [ObjectTarget::at(1, [0.8, 0.5])]);
}

#[test]
fn a_noun_of_several_words_must_stay_together() {
    let text = "a teddy bear left of a dog";
    let mut assignment = proposed(text);
    assignment.objects[0].noun = 2..12;
    let moved = "a dog; a big teddy bear left of a dog";
    assert_eq!(
        described(&assignment.rebase(text, moved), moved),
        ["teddy bear", "dog"]
    );
    let parted = "a teddy blue bear left of a dog";
    assert_eq!(described(&assignment.rebase(text, parted), parted), ["dog"]);
}

#[test]
fn roles_are_found_by_word() {
    let assignment = proposed(TEXT);
    let role = |word: &str| {
        let start = TEXT.find(word).unwrap();
        assignment.role_of(&(start..start + word.len()))
    };
    assert_eq!(role("red"), Some(WordRole::Attribute(0)));
    assert_eq!(role("dog"), Some(WordRole::Noun(1)));
    assert_eq!(role("left"), None);
}

#[test]
fn lost_and_foreign_words_are_errors() {
    let text = format!("a cat left of {}a dog", "very ".repeat(80));
    // The proposal leaves the dog alone; a person may have chosen it.
    assert_eq!(proposed(&text), Assignment::default());
    let noun = |word: &str| {
        let start = text.find(word).unwrap();
        AssignedObject {
            noun: start..start + word.len(),
            attributes: Vec::new(),
        }
    };
    let assignment = Assignment {
        objects: vec![noun("cat"), noun("dog")],
        relations: vec![relation(0, LeftOf, 1)],
        targets: Default::default(),
    };
    let error = assignment.layout(&SD1.encode(&text)).unwrap_err();
    assert_eq!(
        error,
        AssignmentError::CutOff {
            word: "dog".to_owned(),
            length: 77
        }
    );
    let foreign = proposed(TEXT).layout(&SD1.encode("猫"));
    assert_eq!(foreign, Err(AssignmentError::NotInPrompt));
}

#[test]
fn it_survives_json() {
    let assignment = proposed(TEXT);
    let json = serde_json::to_string(&assignment).unwrap();
    assert_eq!(
        serde_json::from_str::<Assignment>(&json).unwrap(),
        assignment
    );
}

proptest! {
    #[test]
    fn after_any_edit_spans_are_the_same_words(
        kept in prop::collection::vec(any::<bool>(), 13),
        inserted in prop::collection::vec(prop::sample::select(vec!["", "x ", "cat ", "🐱", "猫, "]), 13),
    ) {
        let assignment = proposed(TEXT);
        let mut new = String::new();
        for ((word, keep), insertion) in TEXT.split(' ').zip(kept).zip(inserted) {
            new.push_str(insertion);
            if keep {
                new.push_str(word);
                new.push(' ');
            }
        }
        let rebased = assignment.rebase(TEXT, &new);
        let before = described(&assignment, TEXT);
        for object in described(&rebased, &new) {
            let noun = object.split(' ').next_back().unwrap();
            prop_assert!(before.iter().any(|it| it.ends_with(noun)), "{object} of {new}");
        }
        let layout = rebased.layout(&SD1.encode(&new)).unwrap();
        for relation in &layout.relations {
            prop_assert!(relation.subject.max(relation.object) < layout.objects.len());
        }
    }
}

#[test]
fn numbers_sizes_and_places_are_proposed_as_wishes_of_their_objects() {
    use crate::prompt::target_texts;

    let wishes = |text: &str| -> Vec<String> {
        let layout = proposed(text).layout(&SD1.encode(text)).unwrap();
        if !layout.objects.is_empty() {
            assert_eq!(layout.validate(77), Ok(()), "{text}");
        }
        let texts = target_texts(&layout);
        let said = texts.iter().map(|it| format!("{} {it}", it.option()));
        said.collect()
    };
    for (text, expected) in [
        ("two cats", &["--copies cats 2"][..]),
        ("three red apples left of a dog", &["--copies apples 3"]),
        (
            "a big dog beside a tiny house",
            &["--size-of dog big", "--size-of house small"],
        ),
        (
            "two cats left of a large bird",
            &["--copies cats 2", "--size-of bird big"],
        ),
        ("a cat in the top left corner", &["--place cat 25% 25%"]),
        ("a tree at the bottom", &["--place tree 50% 75%"]),
        ("a cat on the left, a dog on the right", &[]),
        ("a cat left of a dog", &[]),
        ("a photo of one cat", &[]),
    ] {
        assert_eq!(wishes(text), expected, "{text}");
    }
    let relations = |text: &str| proposed(text).relations.len();
    assert_eq!(relations("two cats left of a large bird"), 1);
    assert_eq!(relations("a cat on the left, a dog on the right"), 1);
    assert_eq!(relations("two cats"), 0);
}

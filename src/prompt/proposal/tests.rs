//! Sentences as people write them, and what should be found in each.

use proptest::prelude::*;

use super::*;
use crate::prompt::tokenizer::tests::SD1;

mod wishes;

/// Objects as "attribute attribute noun", relations as "subject kind object".
fn found(prompt: &str) -> (Vec<String>, Vec<String>) {
    let words = SD1.encode(prompt).words;
    let proposal = propose(&words);
    let text = |index: usize| words[index].text.as_str();
    let noun = |object: &PromptObject| object.noun.clone().map(text).collect::<Vec<_>>().join(" ");
    let objects = proposal.objects.iter().map(|object| {
        let attributes = object.attributes.iter().map(|&index| text(index));
        attributes
            .chain([noun(object).as_str()])
            .collect::<Vec<_>>()
            .join(" ")
    });
    let relations = proposal.relations.iter().map(|relation| {
        let [subject, object] =
            [relation.subject, relation.object].map(|i| noun(&proposal.objects[i]));
        format!("{subject} {} {object}", relation.kind)
    });
    (objects.collect(), relations.collect())
}

fn check(prompt: &str, objects: &[&str], relations: &[&str]) {
    let (found_objects, found_relations) = found(prompt);
    assert_eq!(found_relations, relations, "relations of “{prompt}”");
    assert_eq!(found_objects, objects, "objects of “{prompt}”");
}

#[test]
fn every_phrase_is_understood() {
    for (phrases, kind) in [
        (
            &[
                "to the left of",
                "left of",
                "on the left side of",
                "on the left of",
            ][..],
            "left-of",
        ),
        (
            &[
                "to the right of",
                "right of",
                "on the right side of",
                "on the right-hand side of",
            ],
            "right-of",
        ),
        (&["above", "over", "on top of", "atop"], "above"),
        (&["below", "under", "beneath", "underneath"], "below"),
        (
            &["next to", "beside", "near", "by the side of", "close to"],
            "next-to",
        ),
    ] {
        for phrase in phrases {
            let relation = format!("cat {kind} dog");
            check(
                &format!("a cat {phrase} a dog"),
                &["cat", "dog"],
                &[&relation],
            );
            check(
                &format!("A photo of a cat, {phrase} the dog."),
                &["cat", "dog"],
                &[&relation],
            );
            check(
                &format!("cat is directly {phrase} dog"),
                &["cat", "dog"],
                &[&relation],
            );
        }
    }
}

#[test]
fn attributes_are_adjectives_before_or_after_the_noun() {
    check(
        "a red cat to the left of a blue dog",
        &["red cat", "blue dog"],
        &["cat left-of dog"],
    );
    check(
        "a very big, fluffy cat above a small wooden table",
        &["big fluffy cat", "small wooden table"],
        &["cat above table"],
    );
    check(
        "a black and white cat next to the striped ball",
        &["black white cat", "striped ball"],
        &["cat next-to ball"],
    );
    check(
        "an enchanted vase under a Victorian desk",
        &["enchanted vase", "Victorian desk"],
        &["vase below desk"],
    );
    check(
        "a dark-haired woman beside a (red:1.2) car",
        &["dark-haired woman", "red car"],
        &["woman next-to car"],
    );
    check(
        "a (red car) beside \"blue bus\"",
        &["red car", "blue bus"],
        &["car next-to bus"],
    );
    check(
        "an orange left of a banana",
        &["orange", "banana"],
        &["orange left-of banana"],
    );
    check(
        "epic scenery cat left of dog",
        &["epic cat", "dog"],
        &["cat left-of dog"],
    );
}

#[test]
fn a_noun_is_the_head_of_its_phrase() {
    check(
        "a brown teddy bear left of a fire hydrant",
        &["brown bear", "hydrant"],
        &["bear left-of hydrant"],
    );
    check(
        "a hot dog above a wine glass",
        &["dog", "glass"],
        &["dog above glass"],
    );
}

#[test]
fn the_subject_is_what_the_sentence_is_about() {
    check(
        "a cat sitting in a box to the left of a dog",
        &["cat", "dog"],
        &["cat left-of dog"],
    );
    check(
        "a woman with a hat left of a car",
        &["woman", "car"],
        &["woman left-of car"],
    );
    check(
        "a cup of coffee right of a bowl of soup",
        &["cup", "bowl"],
        &["cup right-of bowl"],
    );
    check(
        "a pair of zebras below a bird flying high",
        &["zebras", "bird"],
        &["zebras below bird"],
    );
    check(
        "a bird flying over a house",
        &["bird", "house"],
        &["bird above house"],
    );
    check(
        "a sleeping dog near a parked car",
        &["sleeping dog", "parked car"],
        &["dog next-to car"],
    );
    check(
        "the girl's cat on top of a piano",
        &["cat", "piano"],
        &["cat above piano"],
    );
    check(
        "To the left of a dog is a cat",
        &["dog", "cat"],
        &["cat left-of dog"],
    );
    check(
        "on a table, a cat left of a dog",
        &["cat", "dog"],
        &["cat left-of dog"],
    );
}

#[test]
fn several_relations_are_found() {
    check(
        "a cat left of a dog and above a car",
        &["cat", "dog", "car"],
        &["cat left-of dog", "cat above car"],
    );
    check(
        "a cat left of a dog, right of a tree",
        &["cat", "dog", "tree"],
        &["cat left-of dog", "cat right-of tree"],
    );
    check(
        "a cat left of a dog that is above a car",
        &["cat", "dog", "car"],
        &["cat left-of dog", "dog above car"],
    );
    check(
        "a cat left of a dog and a bird above a car",
        &["cat", "dog", "bird", "car"],
        &["cat left-of dog", "bird above car"],
    );
    check(
        "a cat left of a dog. The dog is below a red kite",
        &["cat", "dog", "red kite"],
        &["cat left-of dog", "dog below kite"],
    );
    check(
        "a cat left of a dog in a basket and sitting above a car",
        &["cat", "dog", "car"],
        &["cat left-of dog", "cat above car"],
    );
    check(
        "a cat left of (a dog:1.2), and a jar placed above it",
        &["cat", "dog"],
        &["cat left-of dog"],
    );
    check("a cat next to a cat", &["cat", "cat"], &["cat next-to cat"]);
}

#[test]
fn sides_and_reciprocals_give_relations() {
    check(
        "a cat on the left and a red dog on the right",
        &["cat", "red dog"],
        &["cat left-of dog"],
    );
    check(
        "a dog on the right side of the image, a cat on the left of the image",
        &["dog", "cat"],
        &["cat left-of dog"],
    );
    check(
        "on the left, a cat. On the right, a dog",
        &["cat", "dog"],
        &["cat left-of dog"],
    );
    check(
        "a sun at the top and a boat at the bottom",
        &["sun", "boat"],
        &["sun above boat"],
    );
    check(
        "a cat and a dog next to each other",
        &["cat", "dog"],
        &["cat next-to dog"],
    );
    check(
        "a cat and a dog side by side",
        &["cat", "dog"],
        &["cat next-to dog"],
    );
}

#[test]
fn two_things_without_a_relation_are_objects() {
    check("a cat and a dog", &["cat", "dog"], &[]);
    check(
        "A photo of a red cat and a blue dog in a park",
        &["red cat", "blue dog"],
        &[],
    );
    check("cat and dog", &["cat", "dog"], &[]);
    check("a man with a guitar", &["man", "guitar"], &[]);
    check(
        "a cat, a dog, oil painting, best quality",
        &["cat", "dog"],
        &[],
    );
}

#[test]
fn prompts_without_two_things_give_nothing() {
    for prompt in [
        "",
        "   ",
        "a cat",
        "a cat in a park",
        "masterpiece, best quality, 1girl, solo",
        "left of",
        "to the left of a dog",
        "a cat above",
        "a cat under a starry night sky",
        "!!!",
        "🐱",
        "猫と犬",
        "above above above",
        "and and with",
    ] {
        let mut proposal = propose(&SD1.encode(prompt).words);
        proposal.notes.clear();
        assert_eq!(proposal, Proposal::default(), "“{prompt}”");
    }
}

#[test]
fn what_cannot_be_steered_is_said() {
    let notes = |prompt: &str| -> Vec<String> {
        let notes = propose(&SD1.encode(prompt).words).notes;
        notes.iter().map(ToString::to_string).collect()
    };
    for (prompt, said) in [
        ("a cat in front of a dog", "“in front of”"),
        ("a tree Behind a house", "“Behind”"),
        ("a cat between two dogs", "“between”"),
        ("a ball inside a box", "“inside”"),
        ("a cat north of a dog", "“north of”"),
        ("a dog not to the left of a cat", "“not to the left of”"),
        ("no cat left of a dog", "“no cat left of”"),
        ("a lamp left or right of a bed", "“left or right of”"),
        ("a cat under a starry sky", "“sky”"),
        ("a dog on the right of it, a cat", "“it”"),
        ("a cat left of a dog, and a jar placed above it", "“it”"),
        ("to the left of a dog", "“to the left of”"),
        (
            "a cat left of a dog, the cat is right of the dog",
            "“cat right of dog”",
        ),
    ] {
        let notes = notes(prompt);
        assert_eq!(notes.len(), 1, "{prompt}: {notes:?}");
        assert!(notes[0].contains(said), "{prompt}: {notes:?}");
    }
    for prompt in [
        "",
        "a cat",
        "a cat left of a dog",
        "a cat and a dog in a park",
    ] {
        assert!(notes(prompt).is_empty(), "{prompt}");
    }
}

#[test]
fn words_beyond_the_text_encoder_take_part_in_nothing() {
    let prompt = format!(
        "a cat left of a bird, {}a dog above a car",
        "very ".repeat(80)
    );
    let proposal = propose(&SD1.encode(&prompt).words);
    assert_eq!(proposal.relations.len(), 1);
    assert_eq!(proposal.objects.len(), 2);
    let noun = "dog".to_owned();
    assert_eq!(proposal.notes, [Note::CutOff { noun }]);
}

/// Relations between valid objects, each word used once, no contradiction.
fn is_sound(words: &[Word]) -> Result<(), TestCaseError> {
    let proposal = propose(words);
    let mut seen = std::collections::HashSet::new();
    for object in &proposal.objects {
        for word in object.noun.clone().chain(object.attributes.iter().copied()) {
            prop_assert!(word < words.len());
            prop_assert!(seen.insert(word), "a word is used twice");
        }
    }
    for relation in &proposal.relations {
        prop_assert!(relation.subject < proposal.objects.len());
        prop_assert!(relation.object < proposal.objects.len());
        prop_assert_ne!(relation.subject, relation.object);
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_text_gives_a_sound_proposal(text in r"\PC{0,200}") {
        is_sound(&SD1.encode(&text).words)?;
    }

    #[test]
    fn any_order_of_words_gives_valid_indices(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                "a", "the", "cat", "dog", "red", "big", "teddy bear", "photo", "left of", "above", "near",
                "on the left", "on the right", "each other", "side by side", "and", "with", "of", ",",
                "sitting", "is", "very", "(", "sky", "dog's", "2", "猫", "it", "them", "its", "which",
                "that", "not", "no", "or", "behind", "on", "in", "to", "left", "right", "top", ".", ":",
                "🐱", "<lora:", ">", "to the dog's left", "photo of", "by", "who", "stands", "black",
            ]),
            0..60,
        )
    ) {
        is_sound(&SD1.encode(&pieces.join(" ")).words)?;
    }
}

//! What the prompts of the tasks say, and that each can be judged.

use super::*;
use crate::evaluate::prompts::parse_pairs;

fn texts(task: Task, wording: Wording) -> Vec<String> {
    let pairs = parse_pairs("cat:house,apple:fish").unwrap();
    let prompts = task_prompts(task, &pairs, wording);
    prompts.into_iter().map(|prompt| prompt.text).collect()
}

#[test]
fn every_task_is_said_plainly_and_in_full() {
    assert_eq!(
        texts(Task::Chain, Wording::Full)[..2],
        [
            "a cat left of a house left of an apple",
            "a cat above a house above an apple"
        ]
    );
    assert_eq!(texts(Task::Relation, Wording::Plain).len(), 8);
    assert_eq!(texts(Task::Count, Wording::Plain)[..2], ["a cat", "a cat"]);
    assert_eq!(
        texts(Task::Count, Wording::Full)[1..3],
        ["three cats", "two apples"]
    );
    assert_eq!(
        texts(Task::Size, Wording::Full),
        ["a small cat", "an apple"]
    );
    assert_eq!(
        texts(Task::Mixed, Wording::Full),
        [
            "two cats left of a big house",
            "two apples right of a big fish"
        ]
    );
    assert_eq!(texts(Task::Mixed, Wording::Plain)[0], "a cat and a house");
    assert_eq!(
        texts(Task::Region, Wording::Plain),
        ["a cat", "a house", "an apple", "a fish"]
    );
}

#[test]
fn every_prompt_is_a_valid_layout_and_has_a_key_of_its_own() {
    use strum::VariantArray;

    let pairs = parse_pairs("tuning").unwrap();
    for &task in Task::VARIANTS {
        for wording in [Wording::Plain, Wording::Full] {
            let prompts = task_prompts(task, &pairs, wording);
            let mut keys: Vec<String> = prompts.iter().map(TaskPrompt::key).collect();
            let count = keys.len();
            keys.sort();
            keys.dedup();
            // Two pairs can share their first noun.
            assert!(keys.len() * 2 > count, "{task}");
            for prompt in &prompts {
                let assignment = prompt.assignment();
                let objects = assignment.objects.iter().enumerate();
                let layout = Layout {
                    objects: objects
                        .map(|(index, object)| ObjectTokens {
                            tokens: vec![index + 1],
                            attributes: Vec::new(),
                            label: prompt.text[object.noun.clone()].to_owned(),
                        })
                        .collect(),
                    relations: assignment.relations,
                    targets: assignment.targets,
                };
                assert_eq!(layout.validate(77), Ok(()), "{}", prompt.key());
                let frame = crate::storm::frame::Frame {
                    rows: 16,
                    columns: 16,
                };
                let readings = crate::storm::ReadingParameters::default();
                let usual = crate::storm::placement::Usual {
                    deviation: readings.blob,
                };
                let checked = layout.check_room(frame, &readings.gaps(), usual);
                assert_eq!(checked, Ok(()), "{}", prompt.key());
                for (object, wanted) in layout.objects.iter().zip(&prompt.objects) {
                    assert!(object.label.starts_with(&wanted.noun), "{object:?}");
                }
            }
        }
    }
}

#[test]
fn plurals_and_extents_are_those_of_the_embedded_model() {
    let source = crate::checkpoint::CheckpointSource::Embedded;
    let vocabulary = source.vocabulary().unwrap().unwrap();
    for object in &vocabulary.objects {
        assert_eq!(object.plural, Some(plural(&object.word)));
    }
    let own = vocabulary.extents.unwrap();
    // Told in two digits, as a person would.
    for (ours, theirs) in [
        (EXTENTS[0], own.small),
        (EXTENTS[2], own.big),
        (BIG, own.big),
    ] {
        assert!((ours - theirs).abs() < 0.005, "{ours} {theirs}");
    }
}

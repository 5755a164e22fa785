//! Pairs, colours, texts and assignments of the benchmark's prompts.

use super::*;

fn texts(pairs: &str, colours: bool) -> Vec<String> {
    let pairs = parse_pairs(pairs).unwrap();
    let prompts = prompts(&pairs, colours);
    prompts.iter().map(SpatialPrompt::text).collect()
}

#[test]
fn a_pair_makes_four_prompts_in_that_order() {
    assert_eq!(
        texts("cat:house,apple:ball", false),
        [
            "a cat left of a house",
            "a cat right of a house",
            "a cat above a house",
            "a cat below a house",
            "an apple left of a ball",
            "an apple right of a ball",
            "an apple above a ball",
            "an apple below a ball",
        ]
    );
}

#[test]
fn the_article_follows_the_sound_of_the_next_word() {
    let first = |pair: &str| texts(pair, false)[0].clone();
    assert_eq!(first("umbrella:unicorn"), "an umbrella left of a unicorn");
    assert_eq!(
        first("red apple:orange ball"),
        "a red apple left of an orange ball"
    );
    assert_eq!(
        first("hourglass:eucalyptus"),
        "an hourglass left of a eucalyptus"
    );
    assert_eq!(
        first("oven:traffic light"),
        "an oven left of a traffic light"
    );
}

#[test]
fn what_is_no_pair_is_refused_in_words() {
    assert!(matches!(
        "cat".parse::<Pair>(),
        Err(PromptError::NotAPair(_))
    ));
    assert!(matches!(
        "cat:".parse::<Pair>(),
        Err(PromptError::NotAPair(_))
    ));
    assert!(matches!(
        "red cat:blue cat".parse::<Pair>(),
        Err(PromptError::SameTwice(_))
    ));
    assert_eq!(parse_pairs("held-out").unwrap().len(), 32);
}

#[test]
fn colours_are_two_and_never_the_object_s_own() {
    let pairs = parse_pairs("held-out").unwrap();
    let prompts = prompts(&pairs, true);
    let mut counts = [0; 8];
    for prompt in &prompts {
        let colour = |object: &NamedObject| object.colour.expect("every object has one");
        let (subject, object) = (colour(&prompt.subject), colour(&prompt.object));
        assert_ne!(subject, object);
        for (object, colour) in [(&prompt.subject, subject), (&prompt.object, object)] {
            assert!(!natural_colours(&object.noun).contains(&colour));
            counts[colour as usize] += 1;
        }
    }
    assert!(counts.iter().all(|&count| count > 20), "{counts:?}");
    // A colour that was asked for stays.
    assert_eq!(
        texts("red ball:clock", true)[0],
        "a red ball left of an orange clock"
    );
}

#[test]
fn the_assignment_names_the_words_of_the_text() {
    let pair: Pair = "apple:yellow traffic light".parse().unwrap();
    let prompt = &prompts(&[pair], false)[1];
    let text = prompt.text();
    let assignment = prompt.assignment();
    let word = |span: &Range<usize>| &text[span.clone()];
    assert_eq!(word(&assignment.objects[0].noun), "apple");
    assert!(assignment.objects[0].attributes.is_empty());
    assert_eq!(word(&assignment.objects[1].noun), "traffic light");
    assert_eq!(word(&assignment.objects[1].attributes[0]), "yellow");
    assert_eq!(assignment.relations[0].kind, RelationKind::RightOf);
}

#[test]
fn colours_objects_and_words_are_those_of_the_embedded_model() {
    use std::collections::HashSet;

    use crate::checkpoint::CheckpointSource;
    use crate::evaluate::tasks::Wording;
    use crate::models::ObjectDetector;

    let detector = ObjectDetector::embedded().unwrap();
    let vocabulary = CheckpointSource::Embedded.vocabulary().unwrap().unwrap();
    let (colours, own) = detector.colours();
    let names: Vec<&str> = Colour::ALL.iter().map(|colour| colour.name()).collect();
    assert_eq!(names, colours);
    assert_eq!(names, vocabulary.colours);
    for (object, own) in detector.names().iter().zip(own) {
        let natural = natural_colours(object).iter();
        let natural: HashSet<&str> = natural.map(|colour| colour.name()).collect();
        assert_eq!(
            natural,
            own.iter().map(String::as_str).collect(),
            "{object}"
        );
    }
    for set in [
        crate::evaluate::pairs::TUNING,
        crate::evaluate::pairs::HELD_OUT,
    ] {
        for pair in parse_pairs(set).unwrap() {
            for object in [pair.subject, pair.object] {
                assert!(detector.names().contains(&object.noun), "{object}");
            }
        }
    }
    let objects: Vec<&String> = vocabulary.objects.iter().map(|it| &it.word).collect();
    assert_eq!(objects, detector.names().iter().collect::<Vec<_>>());
    assert_eq!(Wording::for_model(Some(&vocabulary)), Wording::Full);
    assert_eq!(Wording::for_model(None), Wording::Full);
    let plain = br#"{"objects": [{"word": "cat"}], "filler": ["a"]}"#;
    let plain = crate::prompt::ModelVocabulary::from_json(plain).unwrap();
    assert_eq!(Wording::for_model(Some(&plain)), Wording::Plain);
}

//! Vocabularies read from files, and what is said of prompts with them.

use super::*;
use crate::prompt::{
    Assignment, CLIP_MERGES, ClipTokenizer, KnownWord, KnownWords, PromptWeights, TokenizerFiles,
    propose,
};

/// As a model's folder has it.
const TOYS: &str = r#"{
    "objects": [
        {"word": "cat", "plural": "cats"}, {"word": "dog", "plural": "dogs"},
        {"word": "rabbit", "plural": "rabbits"}, {"word": "elephant", "plural": "elephants"},
        {"word": "bird", "plural": "birds"}, {"word": "fish", "plural": "fish"},
        {"word": "apple", "plural": "apples"}, {"word": "house"}
    ],
    "colours": ["red", "blue"],
    "sizes": {"small": ["small", "little"], "big": ["big", "large"]},
    "extents": {"small": 0.2, "normal": 0.3, "big": 0.4},
    "numbers": [{"word": "one", "count": 1}, {"word": "two", "count": 2}, {"word": "three", "count": 3}],
    "most_objects": 3,
    "filler": [",", ":", "a", "an", "and", "above", "left", "next", "of", "right", "the", "to"],
    "made by": "a later version"
}"#;

fn toys() -> ModelVocabulary {
    ModelVocabulary::from_json(TOYS.as_bytes()).unwrap()
}

fn tokenizer() -> ClipTokenizer {
    ClipTokenizer::from_files(TokenizerFiles {
        merges: Some(CLIP_MERGES),
        ..TokenizerFiles::default()
    })
    .unwrap()
}

fn unknown(prompt: &TokenizedPrompt) -> Vec<&str> {
    let words = toys().unknown_words(prompt).into_iter();
    words.map(|word| prompt.words[word].text.as_str()).collect()
}

fn notes(prompt: &str) -> Vec<String> {
    let prompt = tokenizer().read(prompt, PromptWeights::A1111);
    let notes = toys().notes("toys", &prompt, &Layout::default());
    notes.iter().map(ToString::to_string).collect()
}

#[test]
fn a_file_may_lack_every_part_and_is_otherwise_typed() {
    let empty = ModelVocabulary::from_json(b"{}").unwrap();
    assert!(!empty.names_words());
    let prompt = tokenizer().encode("a dragon above a castle");
    // Who names no objects marks none.
    assert!(empty.unknown_words(&prompt).is_empty());
    assert!(empty.notes("empty", &prompt, &Layout::default()).is_empty());
    for wrong in [r#"{"extents": 3}"#, r#"{"objects": ["cat"]}"#, "cat", ""] {
        assert!(
            ModelVocabulary::from_json(wrong.as_bytes()).is_err(),
            "{wrong}"
        );
    }
    let extents = toys().extents.unwrap();
    assert_eq!((extents.small, extents.big), (0.2, 0.4));
    assert_eq!(toys().objects[7].plural, None);
}

#[test]
fn words_of_every_kind_are_known_in_any_capitals() {
    let toys = toys();
    for known in [
        "cat", "Cats", "RED", "little", "Large", "two", "to", ",", "”…", "dog's", "left-of",
        "left_of", "Dog’s",
    ] {
        assert!(toys.knows(known), "{known}");
    }
    for strange in [
        "dragon",
        "houses",
        "2",
        "catfish",
        "red-haired",
        "🐱",
        "猫",
        "normal",
    ] {
        assert!(!toys.knows(strange), "{strange}");
    }
}

#[test]
fn what_was_never_seen_is_found_and_names_and_tags_are_not() {
    let read = |text: &str, weights| {
        let known = KnownWords::new([KnownWord {
            name: "toystyle".to_owned(),
            tokens: 2,
        }]);
        tokenizer().read_with(text, weights, &known)
    };
    let text = "a (Dragon:1.3) above a cat, toystyle <lora:shiny dragons:0.8>";
    assert_eq!(unknown(&read(text, PromptWeights::A1111)), ["Dragon"]);
    // Read literally, weights and names are words, and the tag is none all the same.
    assert_eq!(
        unknown(&read(text, PromptWeights::Literal)),
        ["Dragon", "1.3", "toystyle"]
    );
    let plain = "two red cats and a little dog to the left of the house";
    assert!(unknown(&read(plain, PromptWeights::A1111)).is_empty());
}

#[test]
fn one_sentence_offers_what_to_write_instead() {
    assert_eq!(
        notes("a dragon above a cat, a Dragon and a castle"),
        [
            "toys knows cat, dog, rabbit, elephant, bird and 3 more; it has never seen “dragon” and \
          “castle”"
        ]
    );
    // A colour is met with colours.
    assert_eq!(
        notes("a white cat above a dog"),
        ["toys knows the colours red and blue; it has never seen “white”"]
    );
    let many = notes("dragon castle knight sword shield banner tower moat");
    assert!(
        many[0].ends_with("“sword”, “shield” and 3 more"),
        "{many:?}"
    );
    assert!(notes("a cat to the left of a dog").is_empty());
    assert!(notes("").is_empty());
}

#[test]
fn more_objects_than_a_picture_has_are_said() {
    let said = |most: usize| {
        [format!(
            "toys paints 3 objects at most; {most} are asked for"
        )]
    };
    assert_eq!(notes("two cats and two dogs"), said(4));
    assert_eq!(notes("three cats above a dog"), said(4));
    // Several without a number are two at least.
    assert_eq!(notes("cats and dogs"), said(4));
    assert_eq!(notes("a cat, a dog, a bird, an apple"), said(4));
    for fits in [
        "three cats",
        "a cat above a house, a dog to the right of the house",
        "a cat and a dog and a fish",
        "two cats and a dog",
    ] {
        assert!(notes(fits).is_empty(), "{fits}: {:?}", notes(fits));
    }
    // Asked for by hand, whatever the word says.
    let prompt = tokenizer().read("a cat above a dog", PromptWeights::A1111);
    let by_hand = |copies: usize| {
        let mut asked = Assignment::proposed(&prompt);
        asked.targets.edit(0, |cat| cat.copies = copies);
        toys().notes("toys", &prompt, &asked.layout(&prompt).unwrap())
    };
    assert!(by_hand(2).is_empty());
    assert_eq!(by_hand(3)[0].to_string(), said(4)[0]);
    // What is denied is not asked for.
    let denied = notes("a cat, a dog and a bird, no apple");
    assert!(
        denied.iter().all(|note| !note.contains("at most")),
        "{denied:?}"
    );
}

#[test]
fn everything_that_can_be_asked_for_is_listed() {
    assert_eq!(
        toys().lines(),
        [
            "8 objects (cat, dog, rabbit, elephant, bird, fish, apple, house)",
            "2 colours (red, blue)",
            "2 sizes (big or large, small or little)",
            "3 numbers (one, two, three)",
            "3 objects at most in one picture",
        ]
    );
}

/// Every example can be run as it is: it names a relation, a number or a size.
fn assert_can_be_run(prompts: &[String]) {
    let tokenizer = tokenizer();
    for prompt in prompts {
        let proposal = propose(&tokenizer.encode(prompt).words);
        let asks = !proposal.relations.is_empty() || !proposal.wishes.is_empty();
        assert!(asks && proposal.notes.is_empty(), "{prompt}: {proposal:?}");
    }
}

#[test]
fn examples_are_of_words_that_the_model_knows() {
    let examples = example_prompts(Some(&toys()));
    assert_eq!(
        examples,
        [
            "a cat to the left of a dog",
            "a cat to the left of a blue dog",
            "two rabbits",
            "a big elephant and a small bird",
            "a red fish above a blue apple",
            "a house above a cat, a dog to the right of the cat",
        ]
    );
    assert_can_be_run(&examples);
    let said: Vec<String> = examples.iter().flat_map(|example| notes(example)).collect();
    assert!(said.is_empty(), "{said:?}");
    // What a model lacks is in no example.
    let few = r#"{"objects": [{"word": "apple"}, {"word": "cat"}],
                  "filler": ["a", "an", "to", "the", "left", "of"]}"#;
    let few = ModelVocabulary::from_json(few.as_bytes()).unwrap();
    assert_eq!(
        example_prompts(Some(&few)),
        ["an apple to the left of a cat"]
    );
}

#[test]
fn models_that_say_nothing_have_general_examples() {
    let examples = example_prompts(None);
    assert!(examples.len() > 3);
    assert_can_be_run(&examples);
    let silent = ModelVocabulary::from_json(b"{}").unwrap();
    assert_eq!(example_prompts(Some(&silent)), examples);
}

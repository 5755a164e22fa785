//! Wishes read from text and said again.

use super::*;
use crate::prompt::tokenizer::tests::SD1;

fn read(texts: &[Result<TargetText, TargetTextError>]) -> Layout {
    let prompt = SD1.encode("a cat left of a big dog, and a tree");
    let mut assignment = Assignment::proposed(&prompt);
    assignment.targets = Default::default();
    let texts: Vec<TargetText> = texts.iter().cloned().map(Result::unwrap).collect();
    add_targets(&mut assignment, &texts, &prompt).unwrap();
    assignment.layout(&prompt).unwrap()
}

#[test]
fn every_wish_is_read_and_said_again() {
    let layout = read(&[
        TargetText::copies("cat 2"),
        TargetText::place("cat 25% 60%"),
        TargetText::place("cat 75%, 0.6"),
        TargetText::size("big dog 40%"),
        TargetText::region("tree ellipse 0%,40%,30%,60% inside"),
    ]);
    // The tree was no part of the relation.
    assert_eq!(layout.objects.len(), 3);
    assert_eq!(layout.validate(77), Ok(()));
    let cat = layout.targets.of(0).unwrap();
    assert_eq!(cat.shape, Shape::Points(vec![[0.25, 0.6], [0.75, 0.6]]));
    assert_eq!(cat.copies, 2);
    let tree = layout.targets.of(2).unwrap();
    assert!(tree.keep_inside && !tree.fill);
    let said: Vec<String> = target_texts(&layout)
        .iter()
        .map(|text| format!("{} \"{text}\"", text.option()))
        .collect();
    assert_eq!(
        said,
        [
            "--copies \"cat 2\"",
            "--place \"cat 25% 60%\"",
            "--place \"cat 75% 60%\"",
            "--size-of \"dog 40%\"",
            "--region \"tree ellipse 0%,40%,30%,60% inside\"",
        ]
    );
}

#[test]
fn objects_are_named_by_words_or_tokens_and_sizes_by_words() {
    let layout = read(&[TargetText::size("2 small"), TargetText::size("dog big")]);
    assert_eq!(layout.targets.of(0).unwrap().size, Some(Size::Small));
    assert_eq!(layout.targets.of(1).unwrap().size, Some(Size::Big));
    assert!(layout.has_relative_sizes());
    let resolved = layout.with_extents(|_| 0.4);
    assert_eq!(
        resolved.targets.of(1).unwrap().size,
        Some(Size::Extent(0.4 * 1.5))
    );
}

#[test]
fn what_the_prompt_proposes_is_switched_off() {
    let prompt = SD1.encode("two cats and a big dog at the bottom");
    let mut assignment = Assignment::proposed(&prompt);
    assert_eq!(assignment.targets.len(), 2);
    let texts = [
        TargetText::copies("cats 1"),
        TargetText::size("dog usual"),
        TargetText::place("dog anywhere"),
        TargetText::place("cats anywhere"),
    ]
    .map(Result::unwrap);
    add_targets(&mut assignment, &texts, &prompt).unwrap();
    assert!(assignment.targets.is_empty(), "{:?}", assignment.targets);
}

#[test]
fn what_is_no_wish_is_told_with_an_example() {
    let mask = |text: &str| TargetText::mask(text, |_| Ok(Mask::empty(1.0)));
    for (error, example) in [
        (TargetText::place("cat 25%").unwrap_err(), "cat 25% 60%"),
        (TargetText::place("25% 60%").unwrap_err(), "cat 25% 60%"),
        (TargetText::region("cat 1,2,3").unwrap_err(), "ellipse"),
        (TargetText::copies("cat two").unwrap_err(), "cat 2"),
        (TargetText::copies("2").unwrap_err(), "cat 2"),
        (TargetText::size("dog huge").unwrap_err(), "dog big"),
        (mask("mask.png").unwrap_err(), "cat mask.png"),
    ] {
        assert!(error.to_string().contains(example), "{error}");
    }
    let prompt = SD1.encode("a cat");
    let text = TargetText::copies("bird 2").unwrap();
    let error = add_targets(&mut Assignment::default(), &[text], &prompt).unwrap_err();
    assert_eq!(error, TokenIndicesError::UnknownWord("bird".to_owned()));
}

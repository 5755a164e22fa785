//! The notation itself, and its way to words and back.

use proptest::prelude::*;

use super::*;
use crate::prompt::tokenizer::tests::SD1;

fn indices(nouns: [&[usize]; 2], attributes: [&[usize]; 2]) -> TokenIndices {
    TokenIndices {
        nouns: nouns.map(<[usize]>::to_vec),
        attributes: attributes.map(<[usize]>::to_vec),
    }
}

#[test]
fn all_spellings_are_read() {
    let expected = indices([&[2], &[9]], [&[], &[8]]);
    for text in [
        "[[2,9],[None,8]]",
        "[[2, 9], [None, 8]]",
        " [ [2,9] , [null , 8] ]\n",
        "[[2,9],[none,8]]",
        "[[[2],9],[[],[8]]]",
        "[[2,9],[NULL,[8]]]",
    ] {
        assert_eq!(text.parse(), Ok(expected.clone()), "{text}");
    }
    assert_eq!("[[2,9]]".parse(), Ok(indices([&[2], &[9]], [&[], &[]])));
    assert_eq!(
        "[[[2,3],9],[[1,4],None]]".parse(),
        Ok(indices([&[2, 3], &[9]], [&[1, 4], &[]]))
    );
}

#[test]
fn what_is_not_the_notation_is_refused() {
    for text in [
        "",
        "[]",
        "[[2]]",
        "[[2,9],[8]]",
        "[[2,9,11],[None,8,None]]",
        "[2,9]",
        "[[2,9],[None,8]",
        "[[-2,9]]",
        "[[2.5,9]]",
        "[[None,9],[None,8]]",
        "[[2,9],[None,8],[1,1]]",
        "[[\"cat\",9]]",
        "[[[[2]],9]]",
        "2,9",
        "[[99999999999999999999999,9]]",
    ] {
        let error = text.parse::<TokenIndices>().unwrap_err();
        assert!(
            matches!(error, TokenIndicesError::Notation { .. }),
            "{text}: {error}"
        );
        assert!(error.to_string().contains("[[2,9],[None,8]]"));
    }
}

#[test]
fn positions_are_the_proposals_words() {
    let prompt = SD1.encode("a cat left of the small blue dog");
    let mut assignment = Assignment::proposed(&prompt);
    // The notation has no words for sizes.
    assignment.targets = Default::default();
    let found = TokenIndices::of(&assignment, &prompt).unwrap();
    assert_eq!(found.to_string(), "[[2,8],[None,[6,7]]]");
    let kind = Some(RelationKind::LeftOf);
    assert_eq!(found.assignment(&prompt, kind), Ok(assignment.clone()));
    // Subject and object change places with the relation.
    let mut swapped = assignment;
    swapped.relations[0].subject = 1;
    swapped.relations[0].object = 0;
    let found = TokenIndices::of(&swapped, &prompt).unwrap();
    assert_eq!(found.to_string(), "[[8,2],[[6,7],None]]");
}

#[test]
fn a_position_inside_a_word_means_the_word() {
    let prompt = SD1.encode("an unphotographable cat near a dog");
    let part: TokenIndices = "[[6,9],[3,None]]".parse().unwrap();
    let assignment = part.assignment(&prompt, None).unwrap();
    assert_eq!(
        assignment.objects[0].attributes,
        std::slice::from_ref(&(3..19))
    );
    assert!(assignment.relations.is_empty());
    let whole = TokenIndices::of(&assignment, &prompt).unwrap();
    assert_eq!(whole.to_string(), "[[6,9],[[2,3,4,5],None]]");
}

#[test]
fn wrong_positions_are_told() {
    use TokenIndicesError::*;
    let prompt = SD1.encode("a cat left of a blue dog");
    let error = |text: &str| {
        let indices: TokenIndices = text.parse().unwrap();
        indices.assignment(&prompt, None).unwrap_err()
    };
    assert_eq!(
        error("[[2,77]]"),
        OutOfRange {
            position: 77,
            last: 7
        }
    );
    for position in [0, 8, 76] {
        let text = format!("[[2,{position}],[None,6]]");
        assert!(matches!(error(&text), Special { position: it, last: 7, .. } if it == position));
    }
    let repeated = |position, word: &str| Repeated {
        position,
        word: word.to_owned(),
    };
    assert_eq!(error("[[2,2],[None,6]]"), repeated(2, "cat"));
    assert_eq!(error("[[2,7],[7,None]]"), repeated(7, "dog"));
    assert_eq!(error("[[2,7],[6,6]]"), repeated(6, "blue"));
    assert_eq!(error("[[[2,2],7]]"), repeated(2, "cat"));
    assert!(matches!(error("[[[2,7],6]]"), Apart { .. }));
}

#[test]
fn what_the_notation_cannot_say_has_no_positions() {
    let of = |text: &str| {
        let prompt = SD1.encode(text);
        TokenIndices::of(&Assignment::proposed(&prompt), &prompt)
    };
    assert_eq!(of("a cat left of a dog and above a car"), None);
    assert_eq!(of("a cat"), None);
    assert_eq!(
        of("a cat and a dog"),
        Some(indices([&[2], &[5]], [&[], &[]]))
    );
}

proptest! {
    #[test]
    fn printing_and_reading_are_inverse(
        nouns in prop::array::uniform2(prop::collection::vec(0usize..200, 1..4)),
        attributes in prop::array::uniform2(prop::collection::vec(0usize..200, 0..4)),
    ) {
        let indices = TokenIndices { nouns, attributes };
        prop_assert_eq!(indices.to_string().parse(), Ok(indices));
    }

    #[test]
    fn any_text_is_read_or_refused(text in r"[\[\]0-9,noneNULl ]{0,40}|.*") {
        if let Ok(indices) = text.parse::<TokenIndices>() {
            // Whatever was read has two nouns and doesn't crash.
            prop_assert!(indices.nouns.iter().all(|noun| !noun.is_empty()));
            let _ = indices.assignment(&SD1.encode("a cat left of a blue dog"), None);
        }
        let _ = text.parse::<crate::prompt::RelationText>();
    }
}

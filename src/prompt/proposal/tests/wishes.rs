//! What is asked of single objects.

use super::*;

#[test]
fn sizes_are_those_of_things_and_not_of_where_they_are() {
    let sized = |prompt: &str| -> Vec<String> {
        let words = SD1.encode(prompt).words;
        let wishes = propose(&words).wishes.into_iter();
        let sized = wishes.filter(|wish| wish.size.is_some());
        sized.map(|wish| wish.object.noun_text(&words)).collect()
    };
    for (prompt, expected) in [
        ("a big cat to the left of a tiny dog", vec!["cat", "dog"]),
        ("a tiny mouse in a big box", vec!["mouse", "box"]),
        ("a cat to the left of a dog in a small room", vec![]),
        ("a small kitchen with a big cat", vec!["cat"]),
        ("two cats on a large lawn, a small dog", vec!["dog"]),
        ("a cat above a huge ocean", vec![]),
        ("a cat and a large window", vec!["window"]),
    ] {
        assert_eq!(sized(prompt), expected, "“{prompt}”");
    }
}

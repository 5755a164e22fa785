//! What was said of one prompt, said of another that was made from it: a sweep changes
//! words, and every cell asks for the same of its own.

use std::ops::Range;

use super::assignment::{AssignedObject, Assignment, AssignmentError};
use super::tokenized_prompt::TokenizedPrompt;
use super::word_diff::moved_words;
use crate::storm::Layout;

/// The layout of `new`, a changed prompt. What was read in the old one is read in the new
/// one as well; what a person said stays with its words, and where those gave way, with
/// the words in their place. An object without any goes, with its relations.
///
/// # Errors
/// [`AssignmentError`] if a word is cut off.
pub fn carried_layout(
    layout: &Layout,
    old: &TokenizedPrompt,
    new: &TokenizedPrompt,
) -> Result<Layout, AssignmentError> {
    if let Ok(proposed) = Assignment::proposed(old).layout(old) {
        let read = || Assignment::proposed(new).layout(new);
        if proposed == *layout {
            return read();
        }
        if proposed.relations_alone() == *layout {
            return Ok(read()?.relations_alone());
        }
    }
    let places = places(old, new);
    let mut assignment = Assignment {
        objects: Vec::new(),
        relations: layout.relations.clone(),
        targets: layout.targets.clone(),
    };
    let span = |tokens: &[usize]| -> Option<Range<usize>> {
        let words = old.words.iter().zip(&places);
        let is_meant = |range: &Range<usize>| tokens.iter().any(|token| range.contains(token));
        let meant = words.filter(|(word, _)| is_meant(&word.tokens));
        let found: Vec<usize> = meant.filter_map(|(_, place)| *place).collect();
        let (first, last) = (*found.first()?, *found.last()?);
        Some(new.words[first].span.start..new.words[last].span.end)
    };
    let mut gone = Vec::new();
    for (index, object) in layout.objects.iter().enumerate() {
        let noun = span(&object.tokens);
        if noun.is_none() {
            gone.push(index);
        }
        let attributes = object.attributes.iter();
        assignment.objects.push(AssignedObject {
            noun: noun.unwrap_or(0..0),
            attributes: attributes.filter_map(|tokens| span(tokens)).collect(),
        });
    }
    for index in gone.into_iter().rev() {
        assignment.remove_object(index);
    }
    assignment.layout(new)
}

/// For each old word the new one that it is, or that stands in its place: of words that
/// gave way to others the last is the last, since names end with the object.
fn places(old: &TokenizedPrompt, new: &TokenizedPrompt) -> Vec<Option<usize>> {
    let spans = |prompt: &TokenizedPrompt| -> Vec<Range<usize>> {
        prompt.words.iter().map(|word| word.span.clone()).collect()
    };
    let (old_spans, new_spans) = (spans(old), spans(new));
    let moved = moved_words((&old.text, &old_spans), (&new.text, &new_spans));
    let in_gap = |index: usize| {
        let before = moved[..index].iter().rev().find_map(|place| *place);
        let behind = moved[index..].iter();
        let behind = behind
            .enumerate()
            .find_map(|(steps, place)| Some((steps, (*place)?)));
        let start = before.map_or(0, |place| place + 1);
        let (from_end, end) = behind.unwrap_or((moved.len() - index, new_spans.len()));
        end.checked_sub(from_end).filter(|place| *place >= start)
    };
    let indices = moved.iter().enumerate();
    indices
        .map(|(index, place)| place.or_else(|| in_gap(index)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::tokenizer::tests::SD1;
    use crate::prompt::{RelationText, assignment_of_relations};
    use crate::storm::relation::RelationKind;

    const OLD: &str = "a cat left of a dog";

    fn said(relation: &str) -> Layout {
        let prompt = SD1.encode(OLD);
        let relation: RelationText = relation.parse().unwrap();
        let assignment = assignment_of_relations(&[relation], &prompt).unwrap();
        assignment.layout(&prompt).unwrap()
    }

    fn carried(layout: &Layout, new: &str) -> Layout {
        carried_layout(layout, &SD1.encode(OLD), &SD1.encode(new)).unwrap()
    }

    fn names(layout: &Layout) -> Vec<(&str, &[usize])> {
        let objects = layout.objects.iter();
        objects
            .map(|object| (object.label.as_str(), object.tokens.as_slice()))
            .collect()
    }

    #[test]
    fn what_was_read_is_read_again() {
        let proposed = Assignment::proposed(&SD1.encode(OLD));
        let layout = proposed.layout(&SD1.encode(OLD)).unwrap();
        let above = carried(&layout, "a red horse above a dog");
        assert_eq!(names(&above), [("horse", &[3][..]), ("dog", &[6])]);
        assert_eq!(above.relations[0].kind, RelationKind::Above);
        assert_eq!(above.objects[0].attributes, [[2]]);
        assert!(carried(&layout, "a sky").relations.is_empty());
    }

    #[test]
    fn what_was_said_stays_with_the_words_and_with_those_in_their_place() {
        let layout = said("dog above cat");
        for (prompt, objects) in [
            (OLD, [("dog", &[6][..]), ("cat", &[2])]),
            ("a cat left of a horse", [("horse", &[6]), ("cat", &[2])]),
            (
                "a teddy bear left of a dog",
                [("dog", &[7]), ("bear", &[3])],
            ),
            ("a fine cat near a dog", [("dog", &[6]), ("cat", &[3])]),
        ] {
            let carried = carried(&layout, prompt);
            assert_eq!(names(&carried), objects, "{prompt}");
            assert_eq!(carried.relations, layout.relations);
        }
        let alone = carried(&layout, "a cat left of");
        assert_eq!(names(&alone), [("cat", &[2][..])]);
        assert!(alone.relations.is_empty());
    }
}

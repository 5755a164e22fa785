//! What a click on a word of the prompt does: subject, then object, then their
//! attributes; a second click clears.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::DraftContent;
use crate::prompt::{AssignedObject, Assignment, WordRole};
use crate::storm::Shape;
use crate::storm::relation::{Relation, RelationKind};

/// A relation that is not complete yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextRelation {
    /// Index of its subject, once chosen.
    pub subject: Option<usize>,
    pub kind: RelationKind,
}

/// What a click will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WordClick {
    MakeSubject,
    /// Of the relation with this kind.
    MakeObject(RelationKind),
    /// Of the object with this index.
    MakeAttribute(usize),
    Clear,
    /// There is nothing that it could belong to.
    Nothing,
}

/// What a click on `word` will do.
pub fn effect_of_click(content: &DraftContent, word: &Range<usize>) -> WordClick {
    let assignment = &content.assignment;
    let role = assignment.role_of(word);
    match (open_relation(content), role) {
        (_, Some(WordRole::Attribute(_))) => WordClick::Clear,
        (Some(open), Some(WordRole::Noun(index))) => match open.subject {
            None => WordClick::MakeSubject,
            Some(subject) if subject == index => WordClick::Clear,
            Some(_) => WordClick::MakeObject(open.kind),
        },
        (Some(open), None) => match open.subject {
            None => WordClick::MakeSubject,
            Some(_) => WordClick::MakeObject(open.kind),
        },
        (None, Some(WordRole::Noun(_))) => WordClick::Clear,
        (None, None) => match nearest_object(assignment, word) {
            Some(object) => WordClick::MakeAttribute(object),
            None => WordClick::Nothing,
        },
    }
}

/// Does what [`effect_of_click`] says.
pub fn click(content: &mut DraftContent, word: &Range<usize>) {
    let effect = effect_of_click(content, word);
    let open = open_relation(content);
    match effect {
        WordClick::MakeSubject => {
            let subject = noun(&mut content.assignment, word);
            let kind = open.map_or(RelationKind::LeftOf, |open| open.kind);
            content.next_relation = Some(NextRelation {
                subject: Some(subject),
                kind,
            });
        }
        WordClick::MakeObject(kind) => {
            let object = noun(&mut content.assignment, word);
            if let Some(subject) = open.and_then(|open| open.subject) {
                content.assignment.relations.push(Relation {
                    subject,
                    kind,
                    object,
                });
            }
            content.next_relation = None;
        }
        WordClick::MakeAttribute(object) => {
            content.assignment.objects[object]
                .attributes
                .push(word.clone());
        }
        WordClick::Clear => clear(content, word),
        WordClick::Nothing => return,
    }
    content.is_proposed = false;
}

/// Takes what a word was assigned to away.
pub fn clear(content: &mut DraftContent, word: &Range<usize>) {
    match content.assignment.role_of(word) {
        Some(WordRole::Noun(index)) => {
            content.assignment.remove_object(index);
            content.next_relation = content.next_relation.and_then(|next| {
                let subject = match next.subject {
                    Some(subject) if subject == index => return None,
                    Some(subject) if subject > index => Some(subject - 1),
                    subject => subject,
                };
                Some(NextRelation { subject, ..next })
            });
        }
        Some(WordRole::Attribute(index)) => {
            let overlaps = |span: &Range<usize>| span.start < word.end && word.start < span.end;
            let attributes = &mut content.assignment.objects[index].attributes;
            attributes.retain(|span| !overlaps(span));
        }
        None => {}
    }
    content.is_proposed = false;
}

/// Makes `word` an attribute of `object`, whatever it was before.
pub fn make_attribute(content: &mut DraftContent, word: &Range<usize>, object: &Range<usize>) {
    clear(content, word);
    if let Some(WordRole::Noun(index)) = content.assignment.role_of(object) {
        content.assignment.objects[index]
            .attributes
            .push(word.clone());
    }
}

/// Joins `word` to the noun beside it, so that "teddy bear" is one object.
pub fn join(content: &mut DraftContent, word: &Range<usize>, noun: &Range<usize>) {
    clear(content, word);
    if let Some(WordRole::Noun(index)) = content.assignment.role_of(noun) {
        let span = &mut content.assignment.objects[index].noun;
        *span = span.start.min(word.start)..span.end.max(word.end);
    }
}

/// Gives an object a place, as fractions of the picture; the other objects of
/// its relations follow it.
pub fn place(content: &mut DraftContent, object: usize, [x, y]: [f64; 2]) {
    content.is_proposed = false;
    content.next_relation = None;
    let assignment = &mut content.assignment;
    assignment.targets.edit(object, |target| {
        target.shape = Shape::Points(vec![[x, y]]);
    });
}

/// The relation that the next clicks complete: the one begun, or the first one
/// while there is none.
pub fn open_relation(content: &DraftContent) -> Option<NextRelation> {
    let assignment = &content.assignment;
    content.next_relation.or_else(|| {
        let is_first = assignment.relations.is_empty() && assignment.targets.is_empty();
        is_first.then(|| NextRelation {
            // An object that lost its partner waits for another one.
            subject: (!assignment.objects.is_empty()).then_some(0),
            kind: RelationKind::LeftOf,
        })
    })
}

/// The object whose noun `word` is, made if there is none.
fn noun(assignment: &mut Assignment, word: &Range<usize>) -> usize {
    if let Some(WordRole::Noun(index)) = assignment.role_of(word) {
        return index;
    }
    assignment.objects.push(AssignedObject {
        noun: word.clone(),
        attributes: Vec::new(),
    });
    assignment.objects.len() - 1
}

/// The object that an attribute at `word` describes: in English the noun that
/// comes next, else the one before.
fn nearest_object(assignment: &Assignment, word: &Range<usize>) -> Option<usize> {
    let nouns = assignment
        .objects
        .iter()
        .map(|object| &object.noun)
        .enumerate();
    let after = nouns.clone().filter(|(_, noun)| noun.start >= word.end);
    let before = nouns.filter(|(_, noun)| noun.end <= word.start);
    after
        .min_by_key(|(_, noun)| noun.start)
        .or(before.max_by_key(|(_, noun)| noun.end))
        .map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "red cat and blue dog by tree";

    fn span(word: &str) -> Range<usize> {
        let start = TEXT.find(word).unwrap();
        start..start + word.len()
    }

    fn empty() -> DraftContent {
        DraftContent {
            prompt: TEXT.to_string(),
            ..DraftContent::default()
        }
    }

    fn clicked(words: &[&str]) -> DraftContent {
        let mut content = empty();
        for word in words {
            click(&mut content, &span(word));
        }
        content
    }

    fn relation(subject: usize, object: usize) -> Relation {
        Relation {
            subject,
            kind: RelationKind::LeftOf,
            object,
        }
    }

    #[test]
    fn clicks_make_subject_then_object_then_attributes() {
        let content = clicked(&["cat", "dog", "blue", "red"]);
        let assignment = &content.assignment;
        assert_eq!(assignment.relations, [relation(0, 1)]);
        assert_eq!(assignment.objects[0].noun, span("cat"));
        assert_eq!(assignment.objects[0].attributes, [span("red")]);
        assert_eq!(assignment.objects[1].attributes, [span("blue")]);
        assert!(!content.is_proposed);
    }

    #[test]
    fn a_second_click_clears() {
        let content = clicked(&["cat", "dog", "blue", "blue"]);
        assert!(content.assignment.objects[1].attributes.is_empty());
        let content = clicked(&["cat", "cat"]);
        assert!(content.assignment.objects.is_empty());
        // Clearing one of a pair leaves the other waiting for a partner.
        let content = clicked(&["cat", "dog", "cat"]);
        assert_eq!(content.assignment.objects[0].noun, span("dog"));
        assert_eq!(
            effect_of_click(&content, &span("tree")),
            WordClick::MakeObject(RelationKind::LeftOf)
        );
    }

    #[test]
    fn a_second_relation_may_use_an_object_again() {
        let mut content = clicked(&["cat", "dog"]);
        content.next_relation = Some(NextRelation {
            subject: None,
            kind: RelationKind::Above,
        });
        click(&mut content, &span("dog"));
        click(&mut content, &span("tree"));
        let last = content.assignment.relations[1];
        assert_eq!(
            (last.subject, last.kind, last.object),
            (1, RelationKind::Above, 2)
        );
        assert_eq!(content.next_relation, None);
    }

    #[test]
    fn words_can_be_joined_and_described_by_hand() {
        let mut content = clicked(&["cat", "dog"]);
        join(&mut content, &span("blue"), &span("dog"));
        assert_eq!(content.assignment.objects[1].noun, span("blue dog"));
        make_attribute(&mut content, &span("red"), &span("dog"));
        assert_eq!(content.assignment.objects[1].attributes, [span("red")]);
    }
}

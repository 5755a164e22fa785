//! Which words of the prompt are objects, attributes and relations. Spans of
//! the text, so that an edit or another tokenizer keeps what was assigned to
//! the words that remain; token positions are derived on demand.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::proposal::{PromptObject, propose};
use super::tokenized_prompt::TokenizedPrompt;
use super::word_diff::moved_words;
use super::words::word_spans;
use crate::storm::relation::{Layout, ObjectTokens, Relation, Targets};
use crate::storm::{Area, Shape};

/// An object of the prompt, by bytes of its text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AssignedObject {
    /// The noun, one word or several neighbours.
    pub noun: Range<usize>,
    /// One span for each attribute.
    #[serde(default)]
    pub attributes: Vec<Range<usize>>,
}

/// Objects, relations and places that a person, or the proposal, assigned.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Assignment {
    /// The objects in the order of their assignment.
    pub objects: Vec<AssignedObject>,
    /// Relations between them, by index.
    #[serde(default)]
    pub relations: Vec<Relation>,
    /// Places, regions, sizes and numbers of objects, by index.
    #[serde(flatten)]
    pub targets: Targets,
}

/// What a word is assigned to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WordRole {
    /// Noun of the object with this index.
    Noun(usize),
    /// Attribute of the object with this index.
    Attribute(usize),
}

/// Why an assignment has no token positions.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AssignmentError {
    /// The word is beyond the last position.
    #[error(
        "“{word}” lies beyond the {length} tokens that the text encoder reads; shorten the prompt or move the word forward"
    )]
    CutOff {
        /// The word.
        word: String,
        /// Positions of the text encoder.
        length: usize,
    },
    /// The span holds no word of this text.
    #[error("a word that was chosen is no longer in the prompt; choose its object again")]
    NotInPrompt,
}

impl Assignment {
    /// What is read in the prompt.
    pub fn proposed(prompt: &TokenizedPrompt) -> Self {
        let proposal = propose(&prompt.words);
        let objects = proposal.objects.iter();
        let relations = proposal.relations.iter().map(|relation| Relation {
            subject: relation.subject,
            kind: relation.kind,
            object: relation.object,
        });
        let mut assignment = Self {
            objects: objects
                .map(|object| AssignedObject::new(object, prompt))
                .collect(),
            relations: relations.collect(),
            targets: Targets::default(),
        };
        for wish in &proposal.wishes {
            let object = AssignedObject::new(&wish.object, prompt);
            let known = assignment.objects.iter();
            let known = known.clone().position(|other| other.noun == object.noun);
            let index = known.unwrap_or_else(|| {
                assignment.objects.push(object);
                assignment.objects.len() - 1
            });
            assignment.targets.edit(index, |target| {
                target.copies = wish.copies.unwrap_or(1);
                target.size = wish.size;
                if let Some(place) = wish.place {
                    target.shape = match target.copies {
                        1 => Shape::Points(vec![place]),
                        // Copies keep to that part of the picture.
                        _ => Shape::Rectangle(around(place)),
                    };
                    target.fill = target.copies == 1;
                }
            });
        }
        assignment
    }

    /// What a word with this span is assigned to.
    pub fn role_of(&self, word: &Range<usize>) -> Option<WordRole> {
        let overlaps = |span: &Range<usize>| span.start < word.end && word.start < span.end;
        self.objects.iter().enumerate().find_map(|(index, object)| {
            if overlaps(&object.noun) {
                Some(WordRole::Noun(index))
            } else if object.attributes.iter().any(overlaps) {
                Some(WordRole::Attribute(index))
            } else {
                None
            }
        })
    }

    /// Takes an object away, with its relations and place.
    ///
    /// # Panics
    /// If there is no object with this index.
    pub fn remove_object(&mut self, index: usize) {
        self.objects.remove(index);
        let is_free = |object: usize| object != index;
        let moved = |object: usize| object - usize::from(object > index);
        self.relations
            .retain(|relation| is_free(relation.subject) && is_free(relation.object));
        for relation in &mut self.relations {
            relation.subject = moved(relation.subject);
            relation.object = moved(relation.object);
        }
        self.targets.remove_object(index);
    }

    /// The same assignment after an edit of the text: words that remain keep
    /// what they were assigned, also when they moved or changed case; a deleted
    /// noun takes its object along.
    #[must_use]
    pub fn rebase(&self, old: &str, new: &str) -> Self {
        if old == new {
            return self.clone();
        }
        let (old_words, new_words) = (word_spans(old), word_spans(new));
        let moved = moved_words((old, &old_words), (new, &new_words));
        let rebased = |span: &Range<usize>| -> Option<Range<usize>> {
            let first = old_words.partition_point(|word| word.end <= span.start);
            let last = old_words.partition_point(|word| word.start < span.end);
            let places = moved.get(first..last)?;
            let start = (*places.first()?)?;
            let stays_together = places
                .iter()
                .enumerate()
                .all(|(offset, place)| *place == Some(start + offset));
            let end = start + places.len() - 1;
            stays_together.then(|| new_words[start].start..new_words[end].end)
        };
        let mut result = self.clone();
        for index in (0..self.objects.len()).rev() {
            let Some(noun) = rebased(&self.objects[index].noun) else {
                result.remove_object(index);
                continue;
            };
            let attributes = self.objects[index].attributes.iter();
            result.objects[index] = AssignedObject {
                noun,
                attributes: attributes.filter_map(rebased).collect(),
            };
        }
        result
    }

    /// Token positions for one tokenizer's reading of the text.
    ///
    /// # Errors
    /// [`AssignmentError`] if a word was cut off or the spans are of another text.
    pub fn layout(&self, prompt: &TokenizedPrompt) -> Result<Layout, AssignmentError> {
        let objects = self.objects.iter().map(|object| {
            let attributes = object.attributes.iter();
            Ok(ObjectTokens {
                tokens: tokens_of(&object.noun, prompt)?,
                attributes: attributes
                    .map(|span| tokens_of(span, prompt))
                    .collect::<Result<_, _>>()?,
                label: prompt.text_in(&object.noun),
            })
        });
        Ok(Layout {
            objects: objects.collect::<Result<_, _>>()?,
            relations: self.relations.clone(),
            targets: self.targets.clone(),
        })
    }
}

impl AssignedObject {
    /// The spans of an object given by words of the prompt.
    pub fn new(object: &PromptObject, prompt: &TokenizedPrompt) -> Self {
        let words = &prompt.words[object.noun.clone()];
        let bounds = words.first().zip(words.last());
        let (first, last) = bounds.expect("a noun has at least one word");
        let attributes = object.attributes.iter();
        Self {
            noun: first.span.start..last.span.end,
            attributes: attributes
                .map(|&word| prompt.words[word].span.clone())
                .collect(),
        }
    }
}

/// The part of the picture on the side of a place: a half, or a quarter in a corner.
fn around([x, y]: [f64; 2]) -> Area {
    let half = |part: f64| match part {
        part if part < 0.45 => (0.0, 0.5),
        part if part > 0.55 => (0.5, 0.5),
        _ => (0.0, 1.0),
    };
    let ((x, width), (y, height)) = (half(x), half(y));
    Area {
        x,
        y,
        width,
        height,
    }
}

/// The token positions of a span, of which there is at least one.
fn tokens_of(span: &Range<usize>, prompt: &TokenizedPrompt) -> Result<Vec<usize>, AssignmentError> {
    let word = prompt.text.get(span.clone());
    let word = word.filter(|_| !prompt.words_in(span).is_empty());
    let word = word.ok_or(AssignmentError::NotInPrompt)?;
    let tokens = prompt.tokens_in(span);
    if tokens.is_empty() {
        return Err(AssignmentError::CutOff {
            word: word.to_owned(),
            length: prompt.ids.len(),
        });
    }
    Ok(tokens)
}

#[cfg(test)]
mod tests;

//! Proposes objects, attributes and relations of a prompt, so that most
//! prompts need no clicking. What it proposes is a start that the person can
//! change; [`Note`]s say what the prompt asks for and can't be placed.

use std::ops::Range;

use super::note::Note;
use super::reading::{self, Thing};
use super::tokenized_prompt::Word;
use crate::storm::relation::RelationKind;

/// A thing that the prompt speaks of, by indices into the prompt's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptObject {
    /// The noun. Proposed is one word, the head of its phrase: "light" of "a
    /// traffic light"; a person may join several.
    pub noun: Range<usize>,
    /// Its colour, material, size and the like.
    pub attributes: Vec<usize>,
}

/// `subject` stands in relation `kind` to `object`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProposedRelation {
    /// Index into [`Proposal::objects`].
    pub subject: usize,
    /// Where the subject is, seen from the object.
    pub kind: RelationKind,
    /// Index into [`Proposal::objects`].
    pub object: usize,
}

/// What was found in a prompt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proposal {
    /// The objects of the relations; if there are none, the first two things
    /// named beside each other. In the order of the prompt.
    pub objects: Vec<PromptObject>,
    /// The relations in the order of the prompt, without contradictions.
    pub relations: Vec<ProposedRelation>,
    /// What the prompt says of places and can't be steered.
    pub notes: Vec<Note>,
}

impl PromptObject {
    /// The noun as the prompt spells it, without a possessive's ending.
    pub fn noun_text(&self, words: &[Word]) -> String {
        let nouns = words[self.noun.clone()].iter();
        let texts: Vec<&str> = nouns.map(|word| word.text.as_str()).collect();
        let text = texts.join(" ");
        let owner = text.strip_suffix("'s").or(text.strip_suffix("’s"));
        owner.map_or(text.clone(), str::to_owned)
    }
}

impl From<&Thing> for PromptObject {
    fn from(thing: &Thing) -> Self {
        Self {
            noun: thing.noun..thing.noun + 1,
            attributes: thing.attributes.clone(),
        }
    }
}

/// Finds objects and relations in the words of an English prompt. Words that
/// the text encoder doesn't read take part in no relation.
pub fn propose(words: &[Word]) -> Proposal {
    let mut reading = reading::read(words);
    let is_read = |thing: usize| !words[reading.things[thing].noun].tokens.is_empty();
    let mut notes = std::mem::take(&mut reading.notes);
    let mut found = Vec::new();
    for &(subject, kind, object) in &reading.relations {
        match [subject, object].into_iter().find(|&thing| !is_read(thing)) {
            None => found.push((subject, kind, object)),
            Some(lost) => {
                let noun = PromptObject::from(&reading.things[lost]).noun_text(words);
                let note = Note::CutOff { noun };
                if !notes.contains(&note) {
                    notes.push(note);
                }
            }
        }
    }
    let mut things: Vec<usize> = found.iter().flat_map(|&(s, _, o)| [s, o]).collect();
    if things.is_empty() {
        let beside = reading
            .beside
            .iter()
            .copied()
            .filter(|&thing| is_read(thing));
        things = beside.take(2).collect();
        if things.len() < 2 {
            things.clear();
        }
    }
    things.sort_unstable();
    things.dedup();
    let index_of = |thing| {
        things
            .binary_search(&thing)
            .expect("all things of relations were collected")
    };
    let relations = found
        .iter()
        .map(|&(subject, kind, object)| ProposedRelation {
            subject: index_of(subject),
            kind,
            object: index_of(object),
        });
    let relations = relations.collect();
    let objects = things.iter().map(|&thing| {
        let mut object = PromptObject::from(&reading.things[thing]);
        object
            .attributes
            .retain(|&word| !words[word].tokens.is_empty());
        object
    });
    Proposal {
        objects: objects.collect(),
        relations,
        notes,
    }
}

/// The first spatial phrase of a prompt, whatever it stands between.
pub fn first_relation(words: &[Word]) -> Option<RelationKind> {
    reading::first_relation(words)
}

/// The object that a word of the prompt is the noun of, with the attributes
/// that the prompt gives it; a word that is no noun stands for itself.
pub fn object_at(words: &[Word], word: usize) -> PromptObject {
    let things = reading::read(words).things;
    let thing = things.iter().find(|thing| thing.noun == word);
    thing.map_or(
        PromptObject {
            noun: word..word + 1,
            attributes: Vec::new(),
        },
        PromptObject::from,
    )
}

#[cfg(test)]
mod tests;

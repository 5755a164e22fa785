//! Proposes objects, attributes and relations of a prompt, so that most
//! prompts need no clicking. What it proposes is a start that the person can
//! change; [`Note`]s say what the prompt asks for and can't be placed.

use std::ops::Range;

use super::note::Note;
use super::reading::{self, Thing};
use super::tokenized_prompt::Word;
use crate::storm::Size;
use crate::storm::object_target::MOST_COPIES;
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
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Proposal {
    /// The objects of the relations; if there are none, the first two things
    /// named beside each other. In the order of the prompt.
    pub objects: Vec<PromptObject>,
    /// The relations in the order of the prompt, without contradictions.
    pub relations: Vec<ProposedRelation>,
    /// Numbers, sizes and places of single objects, in the order of the prompt.
    pub wishes: Vec<ProposedWish>,
    /// What the prompt says of places and can't be steered.
    pub notes: Vec<Note>,
}

/// What a prompt asks of one object beside its relations: "two cats", "a big dog", "a
/// tree in the top left corner".
#[derive(Debug, Clone, PartialEq)]
pub struct ProposedWish {
    /// Which may be none of [`Proposal::objects`].
    pub object: PromptObject,
    /// How many of it, from 2.
    pub copies: Option<usize>,
    pub size: Option<Size>,
    /// As fractions of width and height.
    pub place: Option<[f64; 2]>,
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
    let objects = objects.collect();
    let wishes = reading
        .things
        .iter()
        .filter(|it| !words[it.noun].tokens.is_empty());
    Proposal {
        objects,
        relations,
        wishes: wishes.filter_map(|thing| wish_of(thing, words)).collect(),
        notes,
    }
}

/// What is asked of a thing itself, if anything is.
fn wish_of(thing: &Thing, words: &[Word]) -> Option<ProposedWish> {
    let mut object = PromptObject::from(thing);
    object
        .attributes
        .retain(|&word| !words[word].tokens.is_empty());
    let attributes = thing.attributes.iter();
    let size = attributes
        .filter_map(|&word| size_word(&words[word].text))
        .next();
    // A "small room" is around the others, and no smaller in the picture.
    let size = size.filter(|_| !thing.is_setting);
    let copies = thing
        .number
        .filter(|number| (2..=MOST_COPIES).contains(number));
    let asks = size.is_some() || copies.is_some() || thing.place.is_some();
    asks.then_some(ProposedWish {
        object,
        copies,
        size,
        place: thing.place,
    })
}

/// The size that an adjective means.
fn size_word(word: &str) -> Option<Size> {
    match word.to_lowercase().as_str() {
        "big" | "large" | "huge" | "giant" | "enormous" | "gigantic" => Some(Size::Big),
        "small" | "little" | "tiny" | "miniature" => Some(Size::Small),
        _ => None,
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

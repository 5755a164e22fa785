//! Proposes objects, attributes and relations of a prompt, so that most
//! prompts need no clicking. Word lists only; what it proposes is a start
//! that the person can change.

use std::ops::Range;

use super::phrases::{Article, Item, NounPhrase, items};
use super::tokenized_prompt::Word;
use super::word_lists::{SCENERY, contains};
use crate::storm::relation::RelationKind;

/// A thing that the prompt speaks of, by indices into the prompt's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptObject {
    /// The noun: one word, or two that name one thing ("teddy bear").
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
    /// The relations in the order of the prompt.
    pub relations: Vec<ProposedRelation>,
}

/// Finds objects and relations in the words of an English prompt; a prompt
/// that names fewer than two things gives an empty proposal.
pub fn propose(words: &[Word]) -> Proposal {
    let structure = Structure {
        words,
        items: items(words),
    };
    let mut found = structure.relations();
    found.extend(structure.sides());
    let mut nouns: Vec<usize> = found.iter().flat_map(|&(s, _, o)| [s, o]).collect();
    if nouns.is_empty() {
        nouns = structure.things_beside_each_other();
    }
    nouns.sort_unstable();
    nouns.dedup();
    let index_of = |noun| {
        nouns
            .binary_search(&noun)
            .expect("all nouns were collected")
    };
    let mut relations: Vec<ProposedRelation> = Vec::new();
    for (subject, kind, object) in found {
        let relation = ProposedRelation {
            subject: index_of(subject),
            kind,
            object: index_of(object),
        };
        if !relations.contains(&relation) {
            relations.push(relation);
        }
    }
    let objects = nouns.iter().map(|&noun| {
        let phrase = structure.noun(noun).expect("only nouns were collected");
        PromptObject {
            noun: phrase.noun.clone(),
            attributes: phrase.attributes.clone(),
        }
    });
    Proposal {
        objects: objects.collect(),
        relations,
    }
}

/// The first spatial phrase of a prompt, whatever it stands between.
pub fn first_relation(words: &[Word]) -> Option<RelationKind> {
    items(words).into_iter().find_map(|item| match item {
        Item::Relation(kind) => Some(kind),
        _ => None,
    })
}

/// The object that a word of the prompt is the noun of, with the attributes
/// that the prompt gives it; a word that is no noun stands for itself.
pub fn object_at(words: &[Word], word: usize) -> PromptObject {
    let found = items(words).into_iter().find_map(|item| match item {
        Item::Noun(phrase) if phrase.noun.contains(&word) => Some(PromptObject {
            noun: phrase.noun,
            attributes: phrase.attributes,
        }),
        _ => None,
    });
    found.unwrap_or(PromptObject {
        noun: word..word + 1,
        attributes: Vec::new(),
    })
}

/// Subject, kind, object, as indices of noun items.
type Found = (usize, RelationKind, usize);

struct Structure<'a> {
    words: &'a [Word],
    items: Vec<Item>,
}

impl Structure<'_> {
    fn noun(&self, item: usize) -> Option<&NounPhrase> {
        match self.items.get(item) {
            Some(Item::Noun(phrase)) => Some(phrase),
            _ => None,
        }
    }

    /// The nouns before an item, nearest first.
    fn nouns_before(&self, item: usize) -> impl Iterator<Item = usize> + '_ {
        (0..item).rev().filter(|&index| self.noun(index).is_some())
    }

    fn nouns_after(&self, item: usize) -> impl Iterator<Item = usize> + '_ {
        (item + 1..self.items.len()).filter(|&index| self.noun(index).is_some())
    }

    /// Relations that are spelled out between nouns.
    fn relations(&self) -> Vec<Found> {
        let mut found: Vec<Found> = Vec::new();
        for (item, content) in self.items.iter().enumerate() {
            let kind = match content {
                Item::Relation(kind) => *kind,
                Item::Together => RelationKind::NextTo,
                _ => continue,
            };
            let of_each_other = matches!(self.items.get(item + 1), Some(Item::Reciprocal));
            let pair = if of_each_other || *content == Item::Together {
                let mut before = self.nouns_before(item);
                let second = before.next();
                before.next().zip(second)
            } else {
                self.subject_and_object(item, kind, found.last())
            };
            if let Some((subject, object)) = pair {
                let (subject, object) = (self.first_mention(subject), self.first_mention(object));
                if subject != object {
                    found.push((subject, kind, object));
                }
            }
        }
        found
    }

    fn subject_and_object(
        &self,
        relation: usize,
        kind: RelationKind,
        previous: Option<&Found>,
    ) -> Option<(usize, usize)> {
        let object = self.noun(relation + 1).map(|_| relation + 1)?;
        if kind.geometry().is_direction() && self.is_scenery(object) {
            return None;
        }
        // "left of a dog and above a car": the second has the first's subject.
        let mut before = self.items[..relation].iter().rev();
        let before = before.find(|item| **item != Item::Attach);
        let follows_object = |&(_, _, object): &Found| {
            self.nouns_before(relation)
                .next()
                .map(|noun| self.head(noun))
                == Some(object)
        };
        let shares_subject =
            matches!(before, Some(Item::And | Item::Break)) && previous.is_some_and(follows_object);
        if shares_subject {
            return previous.map(|&(subject, _, _)| (subject, object));
        }
        let subject = match self.nouns_before(relation).next() {
            Some(nearest) => self.head(nearest),
            // "Left of a dog is a cat."
            None => self.nouns_after(object).next()?,
        };
        Some((subject, object))
    }

    /// The noun that a noun describes: the cat, for the box of "a cat in a box".
    fn head(&self, mut noun: usize) -> usize {
        while noun >= 2
            && matches!(self.items[noun - 1], Item::Attach | Item::With)
            && self.noun(noun - 2).is_some()
        {
            noun -= 2;
        }
        noun
    }

    /// "the dog" after "a dog" is the same dog.
    fn first_mention(&self, noun: usize) -> usize {
        let text = |phrase: &NounPhrase| -> Vec<String> {
            let words = &self.words[phrase.noun.clone()];
            words.iter().map(|word| word.text.to_lowercase()).collect()
        };
        let Some(phrase) = self.noun(noun).filter(|it| it.article == Article::Definite) else {
            return noun;
        };
        let name = text(phrase);
        let mut earlier = (0..noun).filter_map(|index| Some((index, self.noun(index)?)));
        earlier
            .find(|(_, other)| text(other) == name)
            .map_or(noun, |(index, _)| index)
    }

    fn is_scenery(&self, noun: usize) -> bool {
        self.noun(noun).is_some_and(|phrase| {
            let last = &self.words[phrase.noun.end - 1].text;
            contains(SCENERY, &last.to_lowercase())
        })
    }

    /// Relations that follow from two objects' sides of the picture: "a cat
    /// on the left, a dog on the right".
    fn sides(&self) -> Vec<Found> {
        let mut placed: Vec<(usize, RelationKind)> = Vec::new();
        for (item, content) in self.items.iter().enumerate() {
            let of_the_picture = matches!(self.items.get(item + 1), Some(Item::Picture));
            let kind = match content {
                Item::Side(kind) => *kind,
                Item::Relation(kind) if of_the_picture && kind.geometry().is_direction() => *kind,
                _ => continue,
            };
            let before = self.nouns_before(item).next().filter(|&noun| {
                let between = &self.items[noun + 1..item];
                !between
                    .iter()
                    .any(|it| matches!(it, Item::Break | Item::And | Item::Side(_)))
            });
            if let Some(noun) = before
                .map(|noun| self.head(noun))
                .or(self.nouns_after(item).next())
            {
                placed.push((noun, kind));
            }
        }
        let first = [RelationKind::LeftOf, RelationKind::Above];
        let pairs = first.into_iter().filter_map(|kind| {
            let of = |kind| {
                placed
                    .iter()
                    .find(|&&(_, it)| it == kind)
                    .map(|&(noun, _)| noun)
            };
            Some((of(kind)?, kind, of(kind.inverse())?))
        });
        pairs
            .filter(|(subject, _, object)| subject != object)
            .collect()
    }

    /// The first two nouns joined by "and", "with" or a comma, where at least
    /// an article or an "and" shows that they are things and not style words.
    fn things_beside_each_other(&self) -> Vec<usize> {
        let mut things = (0..self.items.len()).filter(|&item| {
            let Some(phrase) = self.noun(item) else {
                return false;
            };
            let before = item.checked_sub(1).map(|index| &self.items[index]);
            let describes = matches!(before, Some(Item::Attach)) && self.head(item) != item;
            let joined = matches!(before, Some(Item::And | Item::With))
                || matches!(self.items.get(item + 1), Some(Item::And | Item::With));
            !describes && !self.is_scenery(item) && (phrase.article != Article::None || joined)
        });
        match (things.next(), things.next()) {
            (Some(first), Some(second)) => vec![first, second],
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;

//! What hangs on what: the head of a phrase, things joined by "and", what "it"
//! and "the dog" stand for.

use super::items::{Article, Item, Link, Located, Mark, Side};
use super::lexicon::{AREAS, WORN};
use super::{Note, NounPhrase};
use crate::prompt::tokenized_prompt::Word;
use crate::storm::Geometry;
use crate::storm::relation::{Axis, RelationKind};

/// Subject, kind, object, as indices of noun items.
pub(super) type Found = (usize, RelationKind, usize);

pub(super) struct Structure<'a> {
    pub words: &'a [Word],
    pub items: Vec<Located>,
    pub found: Vec<Found>,
    pub notes: Vec<Note>,
    /// Nouns that are seen from: the object of a place.
    pub is_object: Vec<bool>,
    /// What the last place was said of, and what it was seen from.
    pub last_said: Option<(Vec<usize>, usize)>,
    /// What "it" stood for last.
    pub topic: Option<usize>,
    /// Nouns that a place was said of.
    pub is_placed: Vec<bool>,
    /// Sides of the picture on which nouns are, and no relation follows.
    pub sided: Vec<(usize, Side)>,
}

impl<'a> Structure<'a> {
    pub(super) fn new(words: &'a [Word], items: Vec<Located>) -> Self {
        let count = items.len();
        Self {
            words,
            items,
            found: Vec::new(),
            notes: Vec::new(),
            last_said: None,
            topic: None,
            is_object: vec![false; count],
            is_placed: vec![false; count],
            sided: Vec::new(),
        }
    }

    pub(super) fn item(&self, index: usize) -> Option<&Item> {
        self.items.get(index).map(|located| &located.item)
    }

    pub(super) fn before(&self, index: usize) -> Option<&Item> {
        self.item(index.checked_sub(1)?)
    }

    pub(super) fn noun(&self, index: usize) -> Option<&NounPhrase> {
        match self.item(index) {
            Some(Item::Noun(phrase)) => Some(phrase),
            _ => None,
        }
    }

    pub(super) fn is_noun(&self, index: usize) -> bool {
        self.noun(index).is_some()
    }

    /// The nouns before an item, nearest first.
    pub(super) fn nouns_before(&self, index: usize) -> impl Iterator<Item = usize> + '_ {
        let end = index.min(self.items.len());
        (0..end).rev().filter(|&index| self.is_noun(index))
    }

    pub(super) fn nouns_after(&self, index: usize) -> impl Iterator<Item = usize> + '_ {
        (index + 1..self.items.len()).filter(|&index| self.is_noun(index))
    }

    /// First item of the sentence that an item stands in.
    pub(super) fn sentence_start(&self, index: usize) -> usize {
        let stop = |&at: &usize| self.items[at].item == Item::Break(Mark::Stop);
        (0..index).rev().find(stop).map_or(0, |stop| stop + 1)
    }

    /// The words of items as the prompt spells them.
    pub(super) fn phrase(&self, first: usize, last: usize) -> String {
        let (start, end) = (self.items[first].words.0, self.items[last].words.1);
        let words = self.words.get(start..=end.max(start)).unwrap_or_default();
        let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
        texts.join(" ")
    }

    pub(super) fn note(&mut self, note: Note) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// The noun that a noun describes or belongs to, one step up: the box, for
    /// the lid of "a cat in a box with a lid".
    pub(super) fn link(&self, noun: usize) -> Option<usize> {
        let previous = self.nouns_before(noun).next()?;
        let between = &self.items[previous + 1..noun];
        let holds = |item: &Item| {
            matches!(
                item,
                Item::Attach(_) | Item::Copula { .. } | Item::Relative | Item::Unsupported
            )
        };
        // "the boat on the left has a sail"
        let has = between.iter().any(|it| it.item == Item::Attach(Link::With));
        let passes = |item: &Item| {
            holds(item)
                || matches!(item, Item::Adjectives(_) | Item::Not)
                || has && matches!(item, Item::Side(_))
        };
        let is_fronted = self.is_object[previous] && self.starts_with_place(previous);
        let is_linked =
            between.iter().any(|it| holds(&it.item)) && between.iter().all(|it| passes(&it.item));
        (is_linked && !is_fronted).then_some(previous)
    }

    /// Whether the object of a place has the place at the start of its clause.
    fn starts_with_place(&self, object: usize) -> bool {
        let is_place = matches!(
            self.before(object),
            Some(Item::Place(_) | Item::Attach(Link::On))
        );
        is_place
            && matches!(
                object.checked_sub(2).map(|index| &self.items[index].item),
                None | Some(Item::Break(_) | Item::And)
            )
    }

    /// The noun that a phrase is about: the cat, for "a cat in a box".
    pub(super) fn head(&self, mut noun: usize) -> usize {
        while let Some(upper) = self.link(noun) {
            // "watching a bird flying over a house": the bird has a place.
            let is_perceived = self.items[upper..noun].iter().any(|it| {
                matches!(
                    it.item,
                    Item::Attach(Link::Verb {
                        perceives: true,
                        ..
                    })
                )
            });
            // "a room with a chair left of a table": the chair.
            let is_area = self.noun(upper).is_some_and(|it| AREAS.has(&it.name));
            if is_area && matches!(self.before(noun), Some(Item::Attach(Link::With))) {
                break;
            }
            let acts = matches!(self.item(noun + 1), Some(Item::Attach(Link::Verb { .. })));
            if is_perceived && acts {
                break;
            }
            noun = upper;
        }
        noun
    }

    /// "in a park," before anything else: where the scene is.
    pub(super) fn is_setting(&self, noun: usize) -> bool {
        let mut at = noun;
        let mut is_attached = false;
        while let Some(item) = self.before(at) {
            match item {
                Item::Attach(Link::Verb { .. }) if !is_attached => return false,
                Item::Attach(_) | Item::Unsupported => is_attached = true,
                Item::Break(_) => return is_attached,
                _ => return false,
            }
            at -= 1;
        }
        is_attached
    }

    /// The things that a noun is joined with by "and", in the order of the
    /// prompt: "a cat, a horse and a dog". `head` is the last of them.
    pub(super) fn coordinated(&self, head: usize) -> Vec<usize> {
        let mut group = vec![head];
        let mut at = head;
        let mut is_joined = false;
        let mut has_comma = false;
        while let Some(before) = at.checked_sub(1) {
            let mut end = before;
            match self.items[before].item {
                Item::And => {
                    is_joined = true;
                    if end > 0 && self.items[end - 1].item == Item::Break(Mark::Comma) {
                        end -= 1;
                        has_comma = true;
                    }
                }
                Item::Break(Mark::Comma) if is_joined => {}
                _ => break,
            }
            let Some(nearest) = self.noun_ending_at(end) else {
                break;
            };
            let other = self.head(nearest);
            if !self.can_join(other, nearest, at) {
                break;
            }
            group.push(other);
            at = other;
        }
        // "a cat, and a dog left of a bird": the comma ends a clause.
        if has_comma && group.len() == 2 {
            group.pop();
        }
        group.reverse();
        group
    }

    /// The noun that ends right before an item, adjectives left aside.
    fn noun_ending_at(&self, mut end: usize) -> Option<usize> {
        while end > 0 && matches!(self.items[end - 1].item, Item::Adjectives(_)) {
            end -= 1;
        }
        end.checked_sub(1).filter(|&index| self.is_noun(index))
    }

    /// Whether a thing can be joined with the one after it in one subject.
    fn can_join(&self, other: usize, nearest: usize, next: usize) -> bool {
        let is_free = |noun: usize| !self.is_object[noun] && !self.is_placed[noun];
        let has_article = |noun: usize| self.noun(noun).map(|it| it.article != Article::None);
        let after_comma = matches!(self.before(next), Some(Item::Break(_)));
        let is_alike = !after_comma || has_article(other) == has_article(next);
        // "a cat on a sofa and a dog": the cat has a place of its own.
        let described = self.items[other..nearest]
            .iter()
            .enumerate()
            .all(|(offset, it)| {
                let worn = || {
                    let noun = self.nouns_after(other + offset).next();
                    noun.and_then(|noun| self.noun(noun))
                        .is_some_and(|it| WORN.has(&it.name))
                };
                match it.item {
                    Item::Attach(Link::In) => worn(),
                    Item::Attach(Link::On | Link::Other)
                    | Item::Side(_)
                    | Item::Unsupported
                    | Item::Copula { .. } => false,
                    _ => true,
                }
            });
        is_free(other) && is_free(nearest) && !self.is_setting(other) && is_alike && described
    }

    /// Whether "and" joins parts of what a noun has on: "with a hat and a coat".
    pub(super) fn joins_what_is_worn(&self, noun: usize) -> Option<usize> {
        if self.before(noun) != Some(&Item::And) {
            return None;
        }
        let other = self.noun_ending_at(noun - 1)?;
        let is_worn = |noun: usize| self.noun(noun).is_some_and(|it| WORN.has(&it.name));
        (is_worn(noun) && is_worn(other) && self.link(other).is_some()).then_some(other)
    }

    /// Adds a relation, unless it is known or contradicts those before.
    pub(super) fn add(&mut self, subject: usize, kind: RelationKind, object: usize) {
        let subject_first = self.first_mention(subject, None);
        let object_first = self.first_mention(object, Some(subject_first));
        // "the ball left of the ball" are two.
        let object = if object_first == subject_first {
            object
        } else {
            object_first
        };
        let subject = subject_first;
        if subject == object {
            return;
        }
        let is_known = self.found.iter().any(|&(s, k, o)| {
            (s, k, o) == (subject, kind, object) || (o, k.inverse(), s) == (subject, kind, object)
        });
        if is_known {
            return;
        }
        if let Geometry::Along { axis, .. } = kind.geometry() {
            let (first, second) = ordered(subject, kind, object);
            if self.comes_before(axis, second, first) {
                let noun = |index: usize| {
                    self.words[self.noun(index).map_or(0, |it| it.noun)]
                        .text
                        .as_str()
                };
                let relation = format!("{} {} {}", noun(subject), kind.phrase(), noun(object));
                self.note(Note::Contradiction { relation });
                return;
            }
        }
        self.found.push((subject, kind, object));
    }

    /// Whether the relations put one thing before another along an axis.
    fn comes_before(&self, axis: Axis, first: usize, second: usize) -> bool {
        let mut seen = vec![first];
        let mut next = 0;
        while let Some(&from) = seen.get(next) {
            next += 1;
            for &(subject, kind, object) in &self.found {
                if kind.geometry().subject_first_along(axis).is_none() {
                    continue;
                }
                let (a, b) = ordered(subject, kind, object);
                if a == from && !seen.contains(&b) {
                    seen.push(b);
                }
            }
        }
        seen.contains(&second)
    }
}

/// The two things in the order of the axis.
fn ordered(subject: usize, kind: RelationKind, object: usize) -> (usize, usize) {
    match kind.geometry() {
        Geometry::Along {
            subject_first: false,
            ..
        } => (object, subject),
        _ => (subject, object),
    }
}

//! From places between nouns to relations: which noun is the subject, which
//! the object of "to the left of".

use super::Note;
use super::items::{Article, Item, Link, Mark, Side};
use super::lexicon::{ALWAYS_SCENERY, LAMPS, NO_PLACE, ONLOOKERS, SCENERY};
use super::structure::Structure;
use crate::storm::relation::{Axis, RelationKind};

/// What a place is seen from.
pub(super) enum Object {
    Nouns(Vec<usize>),
    Pronoun {
        index: usize,
        is_plural: bool,
    },
    /// "each other"
    Reciprocal,
    /// "to the left of which"
    Relative,
}

impl Structure<'_> {
    /// Finds the relations that are spelled out between nouns.
    pub(super) fn find_relations(&mut self) {
        // Places that share the object of the next: "above and to the left of".
        let mut waiting: Vec<RelationKind> = Vec::new();
        let mut waiting_from = 0;
        for index in 0..self.items.len() {
            match self.items[index].item.clone() {
                Item::Place(kinds) => {
                    if waiting.is_empty() {
                        waiting_from = index;
                    }
                    if self.shares_the_next_object(index) {
                        waiting.extend(kinds);
                        continue;
                    }
                    let mut all = std::mem::take(&mut waiting);
                    all.extend(kinds);
                    self.read_place(waiting_from, index, &all);
                }
                Item::Together => {
                    let nouns = self.pair_before(index);
                    self.add_pairs(&nouns, RelationKind::NextTo);
                }
                Item::Unsupported => {
                    let phrase = self.phrase(index, index);
                    self.note(Note::Unsupported { phrase });
                }
                Item::Alternatives => {
                    let phrase = self.phrase(index, index);
                    self.note(Note::Alternatives { phrase });
                }
                _ => {}
            }
        }
    }

    /// "above and to the left of a dog": the first has the second's object.
    fn shares_the_next_object(&self, place: usize) -> bool {
        let mut next = place + 1;
        if self.item(next) == Some(&Item::Break(Mark::Comma)) {
            next += 1;
        }
        let is_joined = matches!(self.item(next), Some(Item::And | Item::Or));
        is_joined && matches!(self.item(next + 1), Some(Item::Place(_)))
    }

    /// Index of what follows a place; a mark before it counts only where the
    /// place could stand without an object.
    fn follower(&self, place: usize) -> usize {
        let is_comma = self.item(place + 1) == Some(&Item::Break(Mark::Comma));
        let last = &self.words[self.items[place].words.1].text;
        let wants = ["of", "to", "from", "with", "than"].contains(&last.to_lowercase().as_str())
            || last.contains('-');
        place + 1 + usize::from(is_comma && wants && self.is_noun(place + 2))
    }

    /// One place, or several with one object; `first` is where they begin.
    fn read_place(&mut self, first: usize, place: usize, kinds: &[RelationKind]) {
        let phrase = self.phrase(first, place);
        if let Some(from) = self.denial(first) {
            let phrase = self.phrase(from, place);
            self.remember(from, place);
            return self.note(Note::Denied { phrase });
        }
        let between = &self.items[first..place];
        let is_choice = between.iter().any(|it| it.item == Item::Or)
            || kinds
                .iter()
                .any(|kind| kind.geometry().is_direction() && kinds.contains(&kind.inverse()));
        if is_choice {
            self.mark_object(place);
            return self.note(Note::Alternatives { phrase });
        }
        let Some(object) = self.object_after(place) else {
            return self.read_bare_place(place, kinds, phrase);
        };
        let subjects = self.subjects(first, place, &object);
        let Some(subjects) = subjects.filter(|it| !it.is_empty()) else {
            self.mark_object(place);
            if matches!(object, Object::Pronoun { .. }) {
                return self.note_unclear(place + 1);
            }
            return self.note(Note::Incomplete { phrase });
        };
        if let Object::Reciprocal = object {
            for &kind in kinds {
                self.add_pairs(&subjects, kind);
            }
            return;
        }
        let is_companion =
            matches!(object, Object::Pronoun { .. }) && self.companion_before(first).is_some();
        let Some(objects) = self.objects(place, object, &subjects) else {
            return;
        };
        for &object in &objects {
            self.is_object[object] = true;
        }
        // "a cat with a dog to its right": the cat is left of the dog.
        if is_companion && kinds == [RelationKind::RightOf] {
            return self.relate(&objects, &[RelationKind::LeftOf], &subjects, &phrase);
        }
        self.relate(&subjects, kinds, &objects, &phrase);
    }

    /// Where it begins to say that a place is not so.
    fn denial(&self, first: usize) -> Option<usize> {
        let mut at = first;
        while let Some(Item::Copula { .. } | Item::Attach(Link::Verb { .. })) = self.before(at) {
            at -= 1;
        }
        if self.before(at) == Some(&Item::Not) {
            return Some(at - 1);
        }
        // "don't put a cat left of a dog" is denied as a whole.
        let start = self.sentence_start(first);
        (self.items[start].item == Item::Not).then_some(start)
    }

    /// Of what a place was said that isn't so, for the place after it.
    fn remember(&mut self, from: usize, place: usize) {
        self.mark_object(place);
        let subjects = self.subjects_before(from);
        let object = self.follower(place);
        if let Some(subjects) = subjects.filter(|_| self.is_noun(object)) {
            self.last_said = Some((subjects, object));
        }
    }

    pub(super) fn relate(
        &mut self,
        subjects: &[usize],
        kinds: &[RelationKind],
        objects: &[usize],
        phrase: &str,
    ) {
        if let Some(&object) = objects.last() {
            self.last_said = Some((subjects.to_vec(), object));
        }
        for &subject in subjects {
            self.is_placed[subject] = true;
            for &object in objects {
                if self.is_denied(subject) || self.is_denied(object) {
                    let denied = if self.is_denied(subject) {
                        subject
                    } else {
                        object
                    };
                    let noun = self.phrase(denied, denied);
                    let phrase = format!("no {noun} {phrase}");
                    self.note(Note::Denied { phrase });
                    continue;
                }
                for &kind in kinds {
                    if let Some(noun) = self.everywhere(object, kind) {
                        self.note(Note::Everywhere { noun });
                    } else {
                        self.add(subject, kind, object);
                    }
                }
            }
        }
    }

    fn is_denied(&self, noun: usize) -> bool {
        self.noun(noun).is_some_and(|it| it.is_denied)
    }

    /// The name of an object that is all over the picture, or outside of it.
    fn everywhere(&self, object: usize, kind: RelationKind) -> Option<String> {
        let phrase = self.noun(object)?;
        let name = phrase.name.as_str();
        let words = self.items[object].words;
        let is_alone = phrase.attributes.is_empty() && words.0 == words.1;
        let is_vertical = kind
            .geometry()
            .subject_first_along(Axis::Vertical)
            .is_some();
        let is_scenery = kind.geometry().is_direction() && ALWAYS_SCENERY.has(name)
            || is_vertical
                && SCENERY.has(name)
                && (phrase.article == Article::None || !LAMPS.has(name))
                && phrase.article != Article::Indefinite
                && is_alone;
        let is_outside = is_alone
            && phrase.article != Article::Indefinite
            && (NO_PLACE.has(name) || !kind.geometry().is_direction() && ONLOOKERS.has(name));
        (is_scenery || is_outside).then(|| self.words[phrase.noun].text.clone())
    }

    /// What stands after a place belongs to it, whether it is used or not.
    fn mark_object(&mut self, place: usize) {
        let object = self.follower(place);
        if self.is_noun(object) {
            self.is_object[object] = true;
        }
    }

    fn object_after(&self, place: usize) -> Option<Object> {
        let index = self.follower(place);
        match self.item(index)? {
            Item::Noun(_) => Some(Object::Nouns(self.joined_objects(index))),
            Item::Pronoun { is_plural } => Some(Object::Pronoun {
                index,
                is_plural: *is_plural,
            }),
            Item::Reciprocal => Some(Object::Reciprocal),
            Item::Relative => Some(Object::Relative),
            _ => None,
        }
    }

    /// "left of a dog and a bird": both, unless the bird begins a clause.
    fn joined_objects(&self, first: usize) -> Vec<usize> {
        let mut objects = vec![first];
        let mut at = first;
        while self.item(at + 1) == Some(&Item::And) && self.is_noun(at + 2) {
            let next = at + 2;
            let ends = match self.item(next + 1) {
                None | Some(Item::Break(_) | Item::And) => true,
                Some(Item::Attach(Link::Of | Link::In)) => {
                    let after = self.item(next + 3);
                    matches!(after, None | Some(Item::Break(_)))
                }
                _ => false,
            };
            let article = |noun: usize| self.noun(noun).map(|it| it.article != Article::None);
            // "a dog and rain": only what is said alike.
            let is_alike = article(first) == article(next) || article(next) == Some(false);
            let begins_more =
                matches!(self.item(next + 1), Some(Item::And)) && !self.is_noun(next + 2);
            if !ends || !is_alike || begins_more {
                break;
            }
            objects.push(next);
            at = next;
        }
        objects
    }

    /// A place without an object: "a dog with a bird above", "a kite above, a
    /// boat below".
    fn read_bare_place(&mut self, place: usize, kinds: &[RelationKind], phrase: String) {
        let mut at = place;
        while let Some(Item::Copula { .. } | Item::Attach(Link::Verb { .. })) = self.before(at) {
            at -= 1;
        }
        let subject = at.checked_sub(1).filter(|&index| self.is_noun(index));
        let owner = subject.and_then(|noun| {
            let is_companion = matches!(self.before(noun), Some(Item::Attach(Link::With)));
            is_companion.then(|| self.link(noun)).flatten()
        });
        if let (Some(subject), Some(owner)) = (subject, owner) {
            let owner = self.head(owner);
            return self.relate(&[subject], kinds, &[owner], &phrase);
        }
        let vertical = match kinds {
            [RelationKind::Above] => Some(-1),
            [RelationKind::Below] => Some(1),
            _ => None,
        };
        match vertical {
            Some(side) if subject.is_some() || self.is_noun(place + 2) => {
                self.items[place].item = Item::Side(Side {
                    vertical: Some(side),
                    horizontal: None,
                });
            }
            _ => self.note(Note::Incomplete { phrase }),
        }
    }

    /// Relates each of a row of nouns to the next.
    fn add_pairs(&mut self, nouns: &[usize], kind: RelationKind) {
        for pair in nouns.windows(2) {
            self.add(pair[0], kind, pair[1]);
        }
    }
}

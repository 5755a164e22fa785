//! Of what a place is said: what stands before it, or after it where the place
//! comes first.

use super::items::{Article, Item, Link, Mark};
use super::lexicon::SCENERY;
use super::relations::Object;
use super::structure::Structure;

impl Structure<'_> {
    /// The nouns that a place is said of.
    pub(super) fn subjects(
        &self,
        first: usize,
        place: usize,
        object: &Object,
    ) -> Option<Vec<usize>> {
        if let Object::Reciprocal = object {
            return Some(self.pair_before(first));
        }
        let after = match object {
            Object::Nouns(nouns) => *nouns.last()?,
            _ => place + 1,
        };
        if let Object::Relative = object {
            return self.thing_after(after).map(|noun| vec![noun]);
        }
        if self.is_fronted(first, after)
            && let Some(noun) = self.thing_after(after)
        {
            return Some(self.joined_after(noun));
        }
        if let Object::Pronoun { .. } = object
            && let Some(companion) = self.companion_before(first)
        {
            return Some(vec![companion]);
        }
        let mut subjects = self.subjects_before(first)?;
        // "a box and a cat on top of it": the cat on the box.
        if matches!(
            object,
            Object::Pronoun {
                is_plural: false,
                ..
            }
        ) {
            subjects.drain(..subjects.len().saturating_sub(1));
        }
        Some(subjects)
    }

    /// The dog of "a cat with a dog to its right", where "its" is the cat's.
    pub(super) fn companion_before(&self, place: usize) -> Option<usize> {
        let noun = self.nouns_before(place).next()?;
        let is_companion = matches!(
            self.before(noun),
            Some(Item::Attach(Link::With | Link::Verb { rests: false, .. }) | Item::Unsupported)
        );
        let is_direct = self.items[noun + 1..place].iter().all(|it| {
            matches!(
                it.item,
                Item::Attach(Link::Verb { .. }) | Item::Adjectives(_)
            )
        });
        (is_companion && is_direct && self.link(noun).is_some()).then_some(noun)
    }

    /// "To the left of a dog is a cat": the subject comes after.
    fn is_fronted(&self, first: usize, after: usize) -> bool {
        let start = self.sentence_start(first);
        let mut before = (start..first).filter(|&index| self.is_noun(index));
        let next = self.item(after + 1);
        if !before.any(|noun| !self.is_setting(noun)) {
            return !matches!(self.before(first), Some(Item::Pronoun { .. }));
        }
        if !matches!(self.before(first), Some(Item::Break(_) | Item::And)) {
            return false;
        }
        let is_named = |index: usize| {
            self.noun(index)
                .is_some_and(|it| it.article != Article::None || it.is_plural)
        };
        match next {
            Some(Item::Noun(_)) => true,
            Some(Item::Copula { .. } | Item::Attach(Link::Verb { .. })) => is_named(after + 2),
            // "a cat, on the left of it, a dog"
            Some(Item::Break(Mark::Comma)) => {
                matches!(self.item(after), Some(Item::Pronoun { .. })) && is_named(after + 2)
            }
            _ => false,
        }
    }

    /// The first thing after a fronted place that does not describe another.
    fn thing_after(&self, after: usize) -> Option<usize> {
        let end = (after + 1..self.items.len())
            .find(|&index| self.items[index].item == Item::Break(Mark::Stop))
            .unwrap_or(self.items.len());
        let direct = match self.item(after + 1) {
            Some(Item::Copula { .. } | Item::Attach(Link::Verb { .. })) => after + 2,
            _ => after + 1,
        };
        if self.is_noun(direct) {
            return Some(direct);
        }
        let mut nouns = self.nouns_after(after).take_while(|&noun| noun < end);
        nouns.find(|&noun| {
            let is_attached = matches!(
                self.before(noun),
                Some(Item::Attach(_) | Item::Unsupported | Item::Place(_))
            );
            !is_attached
        })
    }

    /// "on the left of a dog are a cat and a bird": both.
    fn joined_after(&self, noun: usize) -> Vec<usize> {
        let mut nouns = vec![noun];
        let mut at = noun;
        while self.item(at + 1) == Some(&Item::And)
            && self.is_noun(at + 2)
            && matches!(self.item(at + 3), None | Some(Item::Break(_) | Item::And))
        {
            at += 2;
            nouns.push(at);
        }
        nouns
    }

    pub(super) fn subjects_before(&self, first: usize) -> Option<Vec<usize>> {
        let mut at = first;
        let mut is_finite = false;
        let mut is_of_one = false;
        while let Some(item) = self.before(at) {
            match item {
                Item::Copula { is_of_one: one } => {
                    is_finite = true;
                    is_of_one = *one;
                }
                Item::Attach(Link::Verb {
                    is_finite: finite, ..
                }) => is_finite |= *finite,
                Item::Adjectives(_) | Item::Attach(Link::On | Link::Other) => {}
                // "is wooden and left of"
                Item::And if at >= 2 && matches!(self.items[at - 2].item, Item::Adjectives(_)) => {}
                _ => break,
            }
            at -= 1;
        }
        let nearest = self.nouns_before(at).next();
        let continues = self.is_object_of_last(nearest);
        let last_subjects = || {
            self.last_said
                .as_ref()
                .map(|(subjects, _)| subjects.clone())
        };
        match self.before(at) {
            Some(Item::Pronoun { is_plural }) => self.antecedent_of_subject(at - 1, *is_plural),
            Some(Item::Relative) => {
                let noun = nearest?;
                // "a bowl of soup that is left of a cup"
                let is_part = matches!(self.before(noun), Some(Item::Attach(Link::Of)));
                Some(vec![if is_part { self.head(noun) } else { noun }])
            }
            Some(Item::And | Item::Break(Mark::Comma | Mark::Colon)) if continues => {
                last_subjects()
            }
            Some(Item::Noun(_)) if continues && is_finite => last_subjects(),
            _ => {
                let nearest = nearest?;
                let nearest = self.joins_what_is_worn(nearest).unwrap_or(nearest);
                let head = self.head(nearest);
                if self.is_setting(head) && self.noun(head).is_some_and(|it| SCENERY.has(&it.name))
                {
                    return self.thing_after(first + 1).map(|noun| vec![noun]);
                }
                if is_of_one && is_finite || !matches!(self.before(at), Some(Item::Noun(_))) {
                    return Some(vec![head]);
                }
                Some(self.coordinated(head))
            }
        }
    }

    /// Whether a noun, or what it describes, is the object of the last relation.
    fn is_object_of_last(&self, noun: Option<usize>) -> bool {
        let Some((_, object)) = &self.last_said else {
            return false;
        };
        noun.is_some_and(|noun| {
            let head = self.head(noun);
            head == *object
                || self.is_object[head]
                    && self.first_mention(head, None) == self.first_mention(*object, None)
        })
    }

    /// The nouns that "each other" speaks of.
    pub(super) fn pair_before(&self, index: usize) -> Vec<usize> {
        let Some(last) = self.nouns_before(index).next() else {
            return Vec::new();
        };
        let group = self.coordinated(self.head(last));
        if group.len() > 1 {
            return group;
        }
        let mut nouns = self.nouns_before(index);
        let second = nouns.next();
        let pair = nouns.next().zip(second);
        pair.map_or(Vec::new(), |(first, second)| vec![first, second])
    }
}

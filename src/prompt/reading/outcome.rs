//! What comes out of a reading: things with their attributes, relations, notes.

use std::collections::HashSet;

use super::items::{Article, Item, Link, Mark};
use super::lexicon::{AREAS, NO_SUPPORT, SCENERY};
use super::structure::Structure;
use super::{Reading, Thing};

impl Structure<'_> {
    /// Adjectives that stand apart go to their noun; so do those of a second
    /// mention.
    fn attributes(&self) -> Vec<Vec<usize>> {
        let mut attributes: Vec<Vec<usize>> = vec![Vec::new(); self.items.len()];
        for index in 0..self.items.len() {
            if let Item::Noun(phrase) = &self.items[index].item {
                attributes[self.first_mention(index, None)].extend(&phrase.attributes);
            }
            let Item::Adjectives(words) = &self.items[index].item else {
                continue;
            };
            // "A cat. It is black."
            if let Some(noun) = self.pronoun_described(index) {
                attributes[noun].extend(words);
                continue;
            }
            let Some(noun) = self.nouns_before(index).next() else {
                continue;
            };
            let between = &self.items[noun + 1..index];
            let has = |wanted: fn(&Item) -> bool| between.iter().any(|it| wanted(&it.item));
            let is_denied = has(|item| matches!(item, Item::Not));
            let is_apart = has(|item| matches!(item, Item::And | Item::Break(Mark::Stop)));
            if is_denied || is_apart {
                continue;
            }
            let is_main_clause = has(|item| matches!(item, Item::Copula { .. }))
                && !has(|item| matches!(item, Item::Relative));
            let noun = if is_main_clause {
                self.head(noun)
            } else {
                noun
            };
            attributes[self.first_mention(noun, None)].extend(words);
        }
        for words in &mut attributes {
            words.sort_unstable();
            // Said again of a second mention, it says nothing new.
            let mut said = HashSet::new();
            words.retain(|&word| said.insert(self.words[word].text.to_lowercase()));
        }
        attributes
    }

    /// What adjectives after "it is" describe.
    fn pronoun_described(&self, adjectives: usize) -> Option<usize> {
        let copula = adjectives.checked_sub(1)?;
        let (Item::Copula { .. }, Item::Pronoun { is_plural }) =
            (self.item(copula)?, self.before(copula)?)
        else {
            return None;
        };
        match self.antecedents(copula - 1, *is_plural, &[])[..] {
            [only] => Some(only),
            _ => None,
        }
    }

    pub(super) fn into_reading(self) -> Reading {
        let attributes = self.attributes();
        let nouns: Vec<usize> = (0..self.items.len())
            .filter(|&it| self.is_noun(it))
            .collect();
        let index_of = |noun: usize| nouns.binary_search(&noun).expect("it is a noun");
        let things = nouns.iter().filter_map(|&index| {
            let phrase = self.noun(index)?;
            let mut attributes = attributes[index].clone();
            attributes.retain(|&word| word != phrase.noun);
            if attributes.is_empty() {
                attributes.clone_from(&phrase.attributes);
            }
            Some(Thing {
                noun: phrase.noun,
                number: self.number_of(phrase.noun, &attributes),
                place: self.place_of(index),
                is_mentioned_before: self.first_mention(index, None) != index,
                is_denied: phrase.is_denied,
                is_setting: self.surrounds(index),
                attributes,
            })
        });
        let found = self.found.iter();
        Reading {
            things: things.collect(),
            relations: found
                .map(|&(s, kind, o)| (index_of(s), kind, index_of(o)))
                .collect(),
            beside: self.beside_each_other().into_iter().map(index_of).collect(),
            notes: self.notes.clone(),
        }
    }

    /// Whether a noun is where other things are, and no thing beside them.
    fn surrounds(&self, noun: usize) -> bool {
        let holds = matches!(self.before(noun), Some(Item::Attach(Link::In | Link::On)));
        self.noun(noun).is_some_and(|phrase| {
            AREAS.has(&phrase.name)
                || SCENERY.has(&phrase.name)
                || holds && NO_SUPPORT.has(&phrase.name)
        })
    }

    /// Nouns joined by "and", "with" or a comma, where at least an article or
    /// an "and" shows that they are things and not words of style.
    fn beside_each_other(&self) -> Vec<usize> {
        let mut things = Vec::new();
        for (index, located) in self.items.iter().enumerate() {
            let Item::Noun(phrase) = &located.item else {
                continue;
            };
            let with =
                |item: Option<&Item>| matches!(item, Some(Item::And | Item::Attach(Link::With)));
            let is_joined = with(self.before(index)) || with(self.item(index + 1));
            // "a car in front of a house": two things, though not where.
            let is_companion = matches!(
                self.before(index),
                Some(Item::Attach(Link::With) | Item::Unsupported)
            );
            let describes = self.link(index).is_some() && !is_companion;
            let is_thing = !SCENERY.has(&phrase.name) && !phrase.is_denied;
            let is_new = self.first_mention(index, None) == index;
            if is_thing && is_new && !describes && (phrase.article != Article::None || is_joined) {
                things.push(index);
            }
        }
        things
    }
}

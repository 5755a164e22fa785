//! What stands for something named before: "it", "them", "the dog".

use super::Note;
use super::NounPhrase;
use super::items::Article;
use super::lexicon::SCENERY;
use super::relations::Object;
use super::structure::Structure;

impl Structure<'_> {
    /// "the dog" after "a dog" is the same dog, unless it is `not`.
    pub(super) fn first_mention(&self, noun: usize, not: Option<usize>) -> usize {
        let Some(phrase) = self.noun(noun) else {
            return noun;
        };
        if phrase.article == Article::Indefinite {
            return noun;
        }
        let is_same = |&index: &usize| {
            let other = self.noun(index).expect("only nouns are asked");
            other.name == phrase.name
                && Some(index) != not
                && self.is_described_by(other, &phrase.attributes)
        };
        let earlier: Vec<usize> = self.nouns_before(noun).collect();
        let first = earlier.into_iter().rev().find(|index| is_same(index));
        first.unwrap_or(noun)
    }

    /// Whether a thing has all these attributes, or none that it could differ in.
    fn is_described_by(&self, thing: &NounPhrase, attributes: &[usize]) -> bool {
        let text = |&word: &usize| self.words[word].text.to_lowercase();
        let own: Vec<String> = thing.attributes.iter().map(text).collect();
        own.is_empty() && attributes.is_empty()
            || attributes.iter().all(|word| own.contains(&text(word)))
    }

    /// Things that "it" before an item may stand for: those that are about
    /// something, not the subject itself.
    pub(super) fn antecedents(&self, index: usize, is_plural: bool, not: &[usize]) -> Vec<usize> {
        let mut heads: Vec<usize> = Vec::new();
        let nouns: Vec<usize> = self.nouns_before(index).collect();
        for &noun in nouns.iter().rev() {
            let first = self.first_mention(noun, None);
            let is_head = self.head(noun) == noun && !self.is_setting(noun);
            let is_thing = self.noun(noun).is_some_and(|it| !SCENERY.has(&it.name));
            if is_head && is_thing && !heads.contains(&first) {
                heads.push(first);
            }
        }
        heads.retain(|head| {
            let agrees = self.noun(*head).is_some_and(|it| it.is_plural == is_plural);
            agrees && !not.contains(head)
        });
        heads
    }

    /// "it is left of": what the sentence before is about.
    pub(super) fn antecedent_of_subject(
        &self,
        pronoun: usize,
        is_plural: bool,
    ) -> Option<Vec<usize>> {
        let found = self.antecedents(pronoun, is_plural, &[]);
        match found.as_slice() {
            [] if is_plural => Some(self.pair_before(pronoun)),
            [] => None,
            [only] => Some(vec![*only]),
            [first, ..] => {
                let is_topic = self
                    .found
                    .last()
                    .is_none_or(|&(subject, ..)| subject == *first);
                is_topic.then(|| vec![*first])
            }
        }
    }

    pub(super) fn objects(
        &mut self,
        place: usize,
        object: Object,
        subjects: &[usize],
    ) -> Option<Vec<usize>> {
        match object {
            Object::Nouns(nouns) => Some(nouns),
            Object::Reciprocal => None,
            Object::Relative => {
                let noun = self
                    .nouns_before(place)
                    .find(|noun| !subjects.contains(noun))?;
                Some(vec![noun])
            }
            Object::Pronoun { index, is_plural } => {
                let subject = subjects[0];
                // "a table with a cat under it"
                let owner = self.link(subject).map(|upper| self.head(upper));
                let owner = owner.filter(|&it| {
                    self.noun(it)
                        .is_some_and(|noun| noun.is_plural == is_plural)
                });
                if let Some(owner) = owner {
                    return Some(vec![owner]);
                }
                let found = self.antecedents(place, is_plural, subjects);
                // "To its left, a bench. To its right, a lamp.": still the same.
                let topic = self.topic.filter(|topic| found.contains(topic));
                let only = topic.or(match found[..] {
                    [only] => Some(only),
                    _ => None,
                });
                self.topic = only.or(self.topic);
                match found.as_slice() {
                    _ if only.is_some() => only.map(|only| vec![only]),
                    [] if is_plural => {
                        let pair = self.antecedents(place, false, subjects);
                        (pair.len() == 2).then_some(pair)
                    }
                    _ => None,
                }
                .or_else(|| {
                    self.note_unclear(index);
                    None
                })
            }
        }
    }

    pub(super) fn note_unclear(&mut self, pronoun: usize) {
        let pronoun = self.phrase(pronoun, pronoun);
        // "to its left" is one phrase; the word in it is what is unclear.
        let words = pronoun.split(' ');
        let known = ["it", "its", "them", "their", "him", "his", "her"];
        let word = words
            .into_iter()
            .find(|word| known.contains(&word.to_lowercase().as_str()));
        let pronoun = word.map_or(pronoun.clone(), str::to_owned);
        self.note(Note::Unclear { pronoun });
    }
}

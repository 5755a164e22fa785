//! What a small model knows, where its folder says so (`vocabulary.json`): the objects,
//! colours, sizes and numbers that it was taught, so that other words can be told from them.
//!
//! A model of the web's captions knows no bounds and has no such file.

mod examples;
mod note;

use std::collections::{BTreeMap, HashSet};

use serde::Deserialize;

pub use examples::example_prompts;
pub use note::VocabularyNote;

use super::reading::{self, Thing};
use super::spelling::normalised;
use super::syntax::network_tags;
use super::tokenized_prompt::TokenizedPrompt;
use super::words::is_punctuation;
use crate::storm::{Layout, SizeExtents};

/// The words that a model was taught, all in small letters.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelVocabulary {
    /// What it can paint.
    pub objects: Vec<ObjectWord>,
    pub colours: Vec<String>,
    /// Words for a size, by what they mean (“small”, “big”).
    pub sizes: BTreeMap<String, Vec<String>>,
    /// How large its small and big objects are.
    pub extents: Option<SizeExtents>,
    pub numbers: Vec<NumberWord>,
    /// So many objects fit in one of its pictures.
    pub most_objects: Option<usize>,
    /// The other words of its captions: “a”, “left”, “of”.
    pub filler: Vec<String>,
    /// All of them, each word by itself.
    words: HashSet<String>,
}

/// One kind of object.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ObjectWord {
    pub word: String,
    /// Several of it, if that has a word: “mice”.
    #[serde(default)]
    pub plural: Option<String>,
}

/// A word for a number.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NumberWord {
    pub word: String,
    pub count: usize,
}

/// `vocabulary.json`; every part of it may be absent.
#[derive(Default, Deserialize)]
#[serde(default)]
struct VocabularyFile {
    objects: Vec<ObjectWord>,
    colours: Vec<String>,
    sizes: BTreeMap<String, Vec<String>>,
    extents: Option<SizeExtents>,
    numbers: Vec<NumberWord>,
    most_objects: Option<usize>,
    filler: Vec<String>,
}

impl ModelVocabulary {
    /// # Errors
    /// If the text is not the JSON of a vocabulary.
    pub fn from_json(text: &[u8]) -> Result<Self, serde_json::Error> {
        let file: VocabularyFile = serde_json::from_slice(text)?;
        let small = |words: Vec<String>| -> Vec<String> {
            let words = words.iter().map(|word| normalised(word.trim()));
            words.filter(|word| !word.is_empty()).collect()
        };
        let objects = file.objects.into_iter().map(|object| ObjectWord {
            word: normalised(object.word.trim()),
            plural: small(object.plural.into_iter().collect()).pop(),
        });
        let numbers = file.numbers.into_iter().map(|number| NumberWord {
            word: normalised(number.word.trim()),
            count: number.count,
        });
        let sizes = file.sizes.into_iter();
        let mut vocabulary = Self {
            objects: objects.filter(|object| !object.word.is_empty()).collect(),
            colours: small(file.colours),
            sizes: sizes
                .map(|(meaning, words)| (normalised(&meaning), small(words)))
                .collect(),
            extents: file.extents,
            numbers: numbers.filter(|number| !number.word.is_empty()).collect(),
            most_objects: file.most_objects,
            filler: small(file.filler),
            words: HashSet::new(),
        };
        let words = vocabulary.all().flat_map(str::split_whitespace);
        vocabulary.words = words.map(str::to_owned).collect();
        Ok(vocabulary)
    }

    /// Everything that it names; a name may be several words.
    fn all(&self) -> impl Iterator<Item = &str> {
        let objects = self.objects.iter();
        let objects = objects.flat_map(|it| [Some(&it.word), it.plural.as_ref()]);
        let others = self.colours.iter().chain(&self.filler);
        let others = others.chain(self.sizes.values().flatten());
        let others = others.chain(self.numbers.iter().map(|number| &number.word));
        objects.flatten().chain(others).map(String::as_str)
    }

    /// Whether it says which words the model knows.
    pub fn names_words(&self) -> bool {
        !self.objects.is_empty()
    }

    /// Whether the model was taught a word, in any capitals; signs are no words, and of
    /// “dog's” and “left-of” the parts count.
    pub fn knows(&self, word: &str) -> bool {
        let word = normalised(word);
        let word = word.strip_suffix("'s").unwrap_or(&word);
        let is_known = |word: &str| self.words.contains(word) || is_punctuation(word);
        is_known(word) || word.split('-').all(is_known)
    }

    /// Indices of a prompt's words that the model has never seen. Words that are cut off,
    /// textual inversions and what belongs to a tag are none of them.
    pub fn unknown_words(&self, prompt: &TokenizedPrompt) -> Vec<usize> {
        if !self.names_words() {
            return Vec::new();
        }
        // Read literally, tags are words as well.
        let tags = network_tags(&prompt.text);
        let words = prompt.words.iter().enumerate();
        let unknown = words.filter(|(_, word)| {
            let of_tag = |span: &std::ops::Range<usize>| {
                span.start <= word.span.start && word.span.end <= span.end
            };
            let first = prompt.tokens[word.tokens.clone()].first();
            first.is_some_and(|token| token.vector.is_none())
                && !tags.iter().any(|tag| of_tag(&tag.span))
                && !self.knows(&word.text)
        });
        unknown.map(|(index, _)| index).collect()
    }

    /// What is to be said of a prompt for a model of this name, where `layout` asks for
    /// copies beside it.
    pub fn notes(
        &self,
        model: &str,
        prompt: &TokenizedPrompt,
        layout: &Layout,
    ) -> Vec<VocabularyNote> {
        if !self.names_words() {
            return Vec::new();
        }
        let things = reading::read(&prompt.words).things;
        let never_seen = self.never_seen(model, prompt, &things);
        let asked = things
            .iter()
            .map(|thing| self.count(thing, prompt, layout))
            .sum();
        let too_many = self.most_objects.filter(|most| asked > *most);
        let too_many = too_many.map(|most| VocabularyNote::TooMany {
            model: model.to_owned(),
            most,
            asked,
        });
        never_seen.into_iter().chain(too_many).collect()
    }

    fn never_seen(
        &self,
        model: &str,
        prompt: &TokenizedPrompt,
        things: &[Thing],
    ) -> Option<VocabularyNote> {
        let unknown = self.unknown_words(prompt);
        let mut words: Vec<String> = Vec::new();
        for &index in &unknown {
            let word = prompt.words[index].text.to_lowercase();
            if !words.contains(&word) {
                words.push(word);
            }
        }
        let describes = |word| things.iter().any(|thing| thing.attributes.contains(word));
        let offers_colours = !self.colours.is_empty() && unknown.iter().all(describes);
        let objects = self.objects.iter().map(|object| object.word.clone());
        (!words.is_empty()).then(|| VocabularyNote::NeverSeen {
            model: model.to_owned(),
            words,
            offered: match offers_colours {
                true => self.colours.clone(),
                false => objects.collect(),
            },
            are_colours: offers_colours,
        })
    }

    /// How many of its objects a thing of the prompt is, or is asked to be.
    fn count(&self, thing: &Thing, prompt: &TokenizedPrompt, layout: &Layout) -> usize {
        let word = &prompt.words[thing.noun];
        if thing.is_mentioned_before || thing.is_denied || word.tokens.is_empty() {
            return 0;
        }
        let noun = normalised(&word.text);
        let noun = noun.strip_suffix("'s").unwrap_or(&noun);
        // The last word of a name of several is its noun.
        let is_noun = |name: &str| name.split_whitespace().next_back() == Some(noun);
        let plural = |object: &ObjectWord| object.plural.as_deref().is_some_and(is_noun);
        let objects = self.objects.iter();
        let found = objects.clone().find(|object| is_noun(&object.word));
        let Some(object) = found.or_else(|| objects.clone().find(|object| plural(object))) else {
            return 0;
        };
        let said = match thing.number {
            Some(number) => number,
            None if is_noun(&object.word) => 1,
            None => 2,
        };
        // A noun of several words ends with this one.
        let is_this = |object: usize| {
            let last = layout.objects.get(object).and_then(|it| it.tokens.last());
            last.is_some_and(|token| word.tokens.contains(token))
        };
        let asked = layout.targets.iter().filter(|it| is_this(it.object));
        asked.map(|target| target.copies).fold(said, usize::max)
    }

    /// Everything that can be asked for, a line for each kind.
    pub fn lines(&self) -> Vec<String> {
        let objects = self.objects.iter().map(|object| object.word.as_str());
        let objects: Vec<&str> = objects.collect();
        let sizes = self.sizes.values().filter(|words| !words.is_empty());
        let sizes: Vec<String> = sizes.map(|words| words.join(" or ")).collect();
        let numbers = self.numbers.iter().map(|number| number.word.as_str());
        let numbers: Vec<&str> = numbers.collect();
        let most = self.most_objects;
        let most = most.map(|most| format!("{} at most in one picture", count_of(most, "object")));
        [
            (objects.len(), "object", objects.join(", ")),
            (self.colours.len(), "colour", self.colours.join(", ")),
            (sizes.len(), "size", sizes.join(", ")),
            (numbers.len(), "number", numbers.join(", ")),
        ]
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, kind, words)| format!("{} ({words})", count_of(count, kind)))
        .chain(most)
        .collect()
    }
}

/// “1 object”, “2 objects”.
fn count_of(count: usize, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

#[cfg(test)]
mod tests;

//! Reads a prompt's words into noun phrases and what stands between them, by
//! word lists alone: enough for the short English sentences that prompts are.

use std::ops::Range;

use super::tokenized_prompt::Word;
use super::word_lists as lists;
use crate::storm::relation::RelationKind;

/// A noun with its attributes, as word indices.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct NounPhrase {
    /// One word, or two that name one thing ("teddy bear").
    pub noun: Range<usize>,
    pub attributes: Vec<usize>,
    pub article: Article,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Article {
    None,
    Indefinite,
    Definite,
}

/// One step of a prompt's surface structure.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Item {
    Noun(NounPhrase),
    /// The picture itself: "photo", "image", "frame".
    Picture,
    /// "left of", "next to": between two noun phrases.
    Relation(RelationKind),
    /// "on the left": of the picture.
    Side(RelationKind),
    /// "side by side", said of the two nouns before.
    Together,
    /// "each other", in place of a noun phrase.
    Reciprocal,
    /// "and", "or".
    And,
    /// "with": its noun may be a part or a companion.
    With,
    /// A preposition, a verb or both: the next noun describes the one before.
    Attach,
    /// Punctuation or a pronoun.
    Break,
}

/// The structure of a prompt.
pub(super) fn items(words: &[Word]) -> Vec<Item> {
    let lower: Vec<String> = words.iter().map(|word| word.text.to_lowercase()).collect();
    let mut reader = Reader {
        words: &lower,
        open: Vec::new(),
        article: Article::None,
        items: Vec::new(),
    };
    let mut index = 0;
    while index < lower.len() {
        index += reader.read(index);
    }
    reader.close();
    reader.items
}

struct Reader<'a> {
    words: &'a [String],
    /// Words of the noun phrase being read.
    open: Vec<usize>,
    article: Article,
    items: Vec<Item>,
}

impl Reader<'_> {
    /// Reads what begins at a word; returns how many words it took.
    fn read(&mut self, index: usize) -> usize {
        if let Some((item, length)) = self.phrase_at(index) {
            self.close_with(item);
            return length;
        }
        if self.is_weight(index) {
            return 2;
        }
        let word = self.words[index].as_str();
        let among = |list| lists::contains(list, word);
        if among(lists::INDEFINITE) || word.chars().all(|c| c.is_ascii_digit()) {
            self.begin(Article::Indefinite);
        } else if among(lists::DEFINITE) || is_possessive(word) {
            self.begin(Article::Definite);
        } else if among(lists::CONJUNCTIONS) {
            if !self.joins_adjectives(index) {
                self.close_with(Item::And);
            }
        } else if word == "with" {
            self.close_with(Item::With);
        } else if among(lists::PREPOSITIONS) || self.is_verb_here(word) {
            self.close_with(Item::Attach);
        } else if among(lists::PRONOUNS) {
            self.close_with(Item::Break);
        } else if among(lists::LINKS) {
            self.close();
        } else if word.contains(char::is_alphanumeric) {
            if !among(lists::ADVERBS) {
                self.open.push(index);
            }
        } else if !(is_transparent(word) || word == "," && self.joins_adjectives(index)) {
            self.close_with(Item::Break);
        }
        1
    }

    /// The longest listed phrase that begins at a word.
    fn phrase_at(&self, index: usize) -> Option<(Item, usize)> {
        let relations = lists::RELATIONS
            .iter()
            .map(|&(phrase, kind)| (phrase, Item::Relation(kind)));
        let sides = lists::SIDES
            .iter()
            .map(|&(phrase, kind)| (phrase, Item::Side(kind)));
        let together = lists::TOGETHER
            .iter()
            .map(|&phrase| (phrase, Item::Together));
        let reciprocal = lists::RECIPROCAL
            .iter()
            .map(|&phrase| (phrase, Item::Reciprocal));
        relations
            .chain(sides)
            .chain(together)
            .chain(reciprocal)
            .filter_map(|(phrase, item)| Some((item, self.matches(index, phrase)?)))
            .max_by_key(|&(_, length)| length)
    }

    /// Number of words of `phrase` if it stands at a word.
    fn matches(&self, index: usize, phrase: &str) -> Option<usize> {
        let mut length = 0;
        for part in phrase.split(' ') {
            if self.words.get(index + length)? != part {
                return None;
            }
            length += 1;
        }
        Some(length)
    }

    /// Whether ":1.3" of "(red:1.3) cat" stands here.
    fn is_weight(&self, index: usize) -> bool {
        matches!(&self.words[index..], [colon, weight, close, ..]
            if colon == ":" && weight.parse::<f32>().is_ok() && close.starts_with(')'))
    }

    fn begin(&mut self, article: Article) {
        self.close();
        self.article = article;
    }

    fn close_with(&mut self, item: Item) {
        self.close();
        let attaches_twice =
            self.items.last() == Some(&Item::Attach) && matches!(item, Item::Attach | Item::With);
        if !attaches_twice {
            self.items.push(item);
        }
    }

    /// Ends the open noun phrase.
    fn close(&mut self) {
        let article = std::mem::replace(&mut self.article, Article::None);
        let words = std::mem::take(&mut self.open);
        let Some(&last) = words.last() else { return };
        let noun = self.words[last].as_str();
        if lists::contains(lists::PICTURE, noun) {
            self.items.push(Item::Picture);
        } else if !lists::contains(lists::NO_OBJECT, noun) {
            self.items
                .push(Item::Noun(self.noun_phrase(&words, article)));
        }
    }

    /// Splits the words of a noun phrase into noun and attributes.
    fn noun_phrase(&self, words: &[usize], article: Article) -> NounPhrase {
        let last = words[words.len() - 1];
        let is_compound = words.len() > 1 && words[words.len() - 2] + 1 == last && {
            let pair = format!("{} {}", self.words[last - 1], self.words[last]);
            lists::COMPOUNDS
                .split(", ")
                .any(|compound| compound == pair)
        };
        let noun = last - usize::from(is_compound)..last + 1;
        let before = &words[..words.len() - noun.len()];
        let listed: Vec<usize> = before
            .iter()
            .copied()
            .filter(|&index| is_adjective(&self.words[index]))
            .collect();
        let attributes = if listed.is_empty() && article != Article::None {
            before.to_vec()
        } else {
            listed
        };
        NounPhrase {
            noun,
            attributes,
            article,
        }
    }

    /// Whether a comma or "and" stands between adjectives of one noun: "black and white cat".
    fn joins_adjectives(&self, index: usize) -> bool {
        let mut open = self.open.iter();
        let next = self.words.get(index + 1);
        !self.open.is_empty()
            && open.all(|&index| is_adjective(&self.words[index]))
            && next.is_some_and(|word| is_adjective(word))
    }

    /// Whether a word is a verb because a noun stands before it.
    fn is_verb_here(&self, word: &str) -> bool {
        let follows_noun = self
            .open
            .last()
            .is_some_and(|&index| !is_adjective(&self.words[index]));
        let is_verb = lists::contains(lists::VERBS, word)
            || word.len() > 4
                && word.ends_with("ing")
                && !lists::contains(lists::NOUNS_IN_ING, word);
        // After an article it describes: "a sitting cat", "a parked car".
        is_verb && (follows_noun || self.open.is_empty() && self.article == Article::None)
    }
}

fn is_possessive(word: &str) -> bool {
    word.ends_with("'s") || word.ends_with("’s")
}

/// Brackets and quotation marks, which may stand within a noun phrase.
fn is_transparent(word: &str) -> bool {
    word.chars().all(|c| "()[]{}<>\"'“”„‘’«»*_".contains(c))
}

fn is_adjective(word: &str) -> bool {
    let first_part = word.split('-').next().unwrap_or(word);
    lists::contains(lists::ADJECTIVES, word)
        || word.contains('-')
            && (lists::contains(lists::ADJECTIVES, first_part)
                || ["ed", "ing", "style"].iter().any(|end| word.ends_with(end)))
}

//! Reads lexemes into items: collects the words of a noun phrase until
//! something ends it, and says what that is.

use std::ops::Range;

use super::items::{Article, Item, Link, Located, Mark};
use super::lexemes::{Lexeme, LexemeKind};
use super::lexicon::{self, *};
use super::places::{Before, Phrase, phrase_at};
use crate::storm::relation::RelationKind;

/// What stands before the noun and says how many and which.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Determiner {
    pub article: Article,
    /// Whether it says one or several; "the" says neither.
    pub is_plural: Option<bool>,
    pub is_denied: bool,
    /// "a flock of": one, of several things.
    pub is_collective: bool,
    /// Any word stood there.
    pub is_set: bool,
}

pub(super) struct Chunker<'a> {
    pub lexemes: &'a [Lexeme],
    /// Lexemes of the noun phrase being read.
    pub open: Vec<usize>,
    pub determiner: Determiner,
    pub items: Vec<Located>,
    /// Word of the lexeme being read.
    word: usize,
}

/// The surface structure of a prompt.
pub(super) fn items(lexemes: &[Lexeme]) -> Vec<Located> {
    let mut chunker = Chunker {
        lexemes,
        open: Vec::new(),
        determiner: Determiner::default(),
        items: Vec::new(),
        word: 0,
    };
    let mut at = 0;
    while at < lexemes.len() {
        at += chunker.read(at);
    }
    chunker.close(at);
    chunker.items
}

impl Chunker<'_> {
    pub(super) fn text(&self, at: usize) -> &str {
        self.lexemes.get(at).map_or("", |lexeme| &lexeme.text)
    }

    pub(super) fn last_item(&self) -> Option<&Item> {
        self.items.last().map(|located| &located.item)
    }

    /// Reads what begins at a lexeme; returns how many lexemes it took.
    pub(super) fn read(&mut self, at: usize) -> usize {
        self.word = self.lexemes[at].word;
        match self.lexemes[at].kind {
            LexemeKind::Comma if self.joins_adjectives(at) => {}
            LexemeKind::Comma => self.end_with(at, Item::Break(Mark::Comma)),
            LexemeKind::Colon => self.end_with(at, Item::Break(Mark::Colon)),
            LexemeKind::Stop => self.end_with(at, Item::Break(Mark::Stop)),
            LexemeKind::Emoji => self.read_emoji(at),
            LexemeKind::Word => return self.read_word(at),
        }
        1
    }

    pub(super) fn read_word(&mut self, at: usize) -> usize {
        if self.is_request(at) {
            return 1;
        }
        if let Some((phrase, length)) = phrase_at(self.lexemes, at, self.before())
            && self.read_phrase(at, phrase, length)
        {
            return length;
        }
        if self.is_measure(at) {
            self.determiner = Determiner::default();
            self.open
                .retain(|&it| !is_adjective(&self.lexemes[it].text));
            return 1;
        }
        if let Some(length) = self.read_closed(at) {
            return length;
        }
        if let Some(link) = self.verb(at) {
            self.end_with(at, Item::Attach(link));
        } else if !self.is_adverb(at) {
            self.open.push(at);
        }
        1
    }

    pub(super) fn before(&self) -> Before {
        let is_noun = match self.open.last() {
            Some(&last) => !is_pure_adjective(self.text(last)),
            None => {
                !self.determiner.is_set
                    && matches!(self.last_item(), Some(Item::Noun(_) | Item::Copula { .. }))
            }
        };
        let is_open = self.open.iter().all(|&it| is_pure_adjective(self.text(it)));
        Before {
            wants_noun: is_open
                && self.determiner.article == Article::Indefinite
                && self.determiner.is_plural == Some(false),
            is_determiner: self.open.is_empty() && self.determiner.is_set,
            is_noun,
            is_start: self.open.is_empty()
                && !self.determiner.is_set
                && matches!(self.last_item(), None | Some(Item::Break(_) | Item::And)),
        }
    }

    /// Takes a phrase of place, unless it is none here.
    fn read_phrase(&mut self, at: usize, phrase: Phrase, length: usize) -> bool {
        let last = self.lexemes[at + length - 1].word;
        let item = match phrase {
            Phrase::Nothing => {
                self.close(at);
                return true;
            }
            Phrase::Side(_) if self.follows_directional(at) => {
                self.close(at);
                return true;
            }
            Phrase::Place(kinds) if kinds.is_empty() => Item::Unsupported,
            Phrase::Place(kinds) => Item::Place(kinds),
            Phrase::Side(side) => Item::Side(side),
            Phrase::Owned(kinds, owner) => {
                self.read_owned(at, kinds, owner, last);
                return true;
            }
            Phrase::Unsupported => Item::Unsupported,
            Phrase::Alternatives => Item::Alternatives,
            Phrase::Together => Item::Together,
            Phrase::Reciprocal => Item::Reciprocal,
            Phrase::And => Item::And,
        };
        self.close(at);
        // "the left of the dog": the article is the phrase's.
        self.determiner = Determiner::default();
        self.items.push(Located {
            item,
            words: (self.word, last),
        });
        true
    }

    /// "to its left" is a place and what it is seen from.
    fn read_owned(
        &mut self,
        at: usize,
        kinds: Vec<RelationKind>,
        owner: Range<usize>,
        last: usize,
    ) {
        self.close(at);
        let item = if kinds.is_empty() {
            Item::Unsupported
        } else {
            Item::Place(kinds)
        };
        self.items.push(Located {
            item,
            words: (self.word, last),
        });
        let first = self.text(owner.start).to_owned();
        if OWNERS.has(&first) {
            let is_plural = first == "their";
            self.push(Item::Pronoun { is_plural });
            return;
        }
        for at in owner.clone() {
            if lexicon::is_determiner(self.text(at)) {
                self.begin(at);
            } else {
                self.open.push(at);
            }
        }
        self.close(owner.end);
    }

    /// "looking to the left" places nothing.
    fn follows_directional(&self, at: usize) -> bool {
        let is_to = ["to", "toward", "towards", "left", "right"].contains(&self.text(at));
        let directional = |item: &Item| {
            matches!(
                item,
                Item::Attach(Link::Verb {
                    is_directional: true,
                    ..
                })
            )
        };
        is_to && self.open.is_empty() && self.last_item().is_some_and(directional)
    }

    fn read_emoji(&mut self, at: usize) {
        let has_noun = self.open.iter().any(|&open| !is_adjective(self.text(open)));
        if has_noun {
            self.close(at);
        }
        self.open.push(at);
        self.close(at + 1);
    }

    /// "Draw a cat": what the person asks for, not what the picture shows.
    fn is_request(&self, at: usize) -> bool {
        let is_start = self.open.is_empty()
            && !self.determiner.is_set
            && matches!(self.last_item(), None | Some(Item::Break(Mark::Stop)));
        let next = self.text(at + 1);
        is_start
            && REQUESTS.has(self.text(at))
            && (lexicon::is_determiner(next) || SPEAKERS.has(next) || next == "to")
    }

    /// "two meters left of": the distance is no thing.
    fn is_measure(&self, at: usize) -> bool {
        let follows = matches!(
            self.last_item(),
            Some(Item::Noun(_) | Item::Copula { .. } | Item::Attach(Link::Verb { .. }))
        );
        let skipped = usize::from(["away", "off", "up", "down"].contains(&self.text(at + 1)));
        follows
            && (self.determiner.is_set || self.open.is_empty())
            && MEASURES.has(self.text(at))
            && self.open.iter().all(|&open| is_adjective(self.text(open)))
            && matches!(
                phrase_at(self.lexemes, at + 1 + skipped, Before::default()),
                Some((
                    Phrase::Place(_) | Phrase::Owned(..) | Phrase::Unsupported,
                    _
                ))
            )
    }

    pub(super) fn begin(&mut self, at: usize) {
        if !self.open.is_empty() {
            self.close(at);
        }
        let word = self.text(at);
        let is_number = word.starts_with(|letter: char| letter.is_ascii_digit());
        let is_plural = if ONE_INDEFINITE.has(word) || word == "1" {
            Some(false)
        } else if SEVERAL_INDEFINITE.has(word) || SEVERAL_DEFINITE.has(word) || is_number {
            Some(true)
        } else {
            None
        };
        let article = if DEFINITE.has(word) || word == "that" || word == "her" {
            Article::Definite
        } else {
            Article::Indefinite
        };
        let is_denied = word == "no";
        let earlier = self.determiner;
        self.determiner = if earlier.is_set {
            Determiner {
                article: if article == Article::Definite {
                    article
                } else {
                    earlier.article
                },
                is_plural: is_plural.or(earlier.is_plural),
                is_denied: earlier.is_denied || is_denied,
                is_collective: earlier.is_collective,
                is_set: true,
            }
        } else {
            Determiner {
                article,
                is_plural,
                is_denied,
                is_set: true,
                ..Determiner::default()
            }
        };
    }

    pub(super) fn end_with(&mut self, at: usize, item: Item) {
        self.close(at);
        // A determiner without a noun says nothing.
        self.determiner = Determiner::default();
        self.push(item);
    }

    pub(super) fn push(&mut self, item: Item) {
        self.items.push(Located {
            item,
            words: (self.word, self.word),
        });
    }
}

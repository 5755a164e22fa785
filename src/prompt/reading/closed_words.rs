//! Words that name nothing and build the sentence: articles, prepositions,
//! pronouns, conjunctions.

use super::chunker::{Chunker, Determiner};
use super::items::{Article, Item, Link, Mark};
use super::lexicon::{self, *};
use super::places::{Before, Phrase, phrase_at};
use crate::storm::relation::RelationKind;

impl Chunker<'_> {
    /// Words of the closed classes; `None` for all others.
    pub(super) fn read_closed(&mut self, at: usize) -> Option<usize> {
        let text = self.text(at).to_owned();
        let next = self.text(at + 1).to_owned();
        let word = text.as_str();
        if word == "upside" && next == "down" {
            return Some(2);
        }
        if word == "close" && next == "up" {
            self.end_with(at, Item::Picture);
            return Some(2);
        }
        if word == "there" && (lexicon::is_copula(&next)) {
            self.close(at);
            return Some(2);
        }
        let is_modal = MODALS.has(word)
            && !(self.open.is_empty() && self.determiner.is_set)
            && (["be", "not"].contains(&next.as_str())
                || self.open.is_empty()
                    && matches!(lexicon::verb_form(&next), Some((VerbForm::Base, _))));
        if is_modal {
            self.close(at);
        } else if text.ends_with("'s") {
            self.read_possessive(at);
        } else if self.is_ellipsis(at, &next) {
            self.open.clear();
            self.determiner = Determiner::default();
        } else if word == "that" || word == "her" {
            return self.read_that_or_her(at, &next);
        } else if lexicon::is_determiner(word) {
            self.begin(at);
        } else if AND.has(word) {
            if !self.joins_adjectives(at) {
                self.end_with(at, Item::And);
            }
        } else if word == "or" {
            self.end_with(at, Item::Or);
        } else if NEGATIONS.has(word) {
            self.end_with(at, Item::Not);
        } else {
            return self.read_joint(at, &next);
        }
        Some(1)
    }

    /// "the one on the left", "a short one": what it is was said elsewhere.
    fn is_ellipsis(&self, at: usize, next: &str) -> bool {
        let describes = |&lexeme: &usize| lexicon::is_adjective(self.text(lexeme));
        let ends = next.is_empty() || lexicon::is_closed(next) && next != "of";
        ["one", "ones"].contains(&self.text(at))
            && ends
            && self.open.iter().all(describes)
            && !lexicon::is_determiner(next)
    }

    /// Words that join what stands around them.
    fn read_joint(&mut self, at: usize, next: &str) -> Option<usize> {
        let text = self.text(at).to_owned();
        let word = text.as_str();
        if word == "of" {
            self.read_of(at);
        } else if let Some(link) = self.link(at, next) {
            if self.is_showing(at) {
                self.determiner = Determiner::default();
            } else {
                self.end_with(at, Item::Attach(link));
            }
        } else if lexicon::is_copula(word) {
            let is_of_one = COPULAS_OF_ONE.has(word);
            self.end_with(at, Item::Copula { is_of_one });
        } else if RELATIVES.has(word) {
            self.end_with(at, Item::Relative);
        } else if CLAUSE.has(word) {
            if !self.is_showing(at) {
                self.end_with(at, Item::Break(Mark::Comma));
            }
        } else if PRONOUNS_OF_ONE.has(word) || PRONOUNS_OF_SEVERAL.has(word) {
            let is_plural = PRONOUNS_OF_SEVERAL.has(word);
            self.end_with(at, Item::Pronoun { is_plural });
        } else if SPEAKERS.has(word) {
            self.close(at);
        } else if word == "by" {
            let item = if self.by_is_beside(at) {
                Item::Place(vec![RelationKind::NextTo])
            } else {
                Item::Attach(Link::Other)
            };
            self.end_with(at, item);
        } else {
            return None;
        }
        Some(1)
    }

    /// Prepositions that hang a noun on the one before.
    pub(super) fn link(&self, at: usize, next: &str) -> Option<Link> {
        let word = self.text(at);
        Some(match word {
            "with" => Link::With,
            "has" | "have" | "had" | "having" if next != "been" => Link::With,
            "has" | "have" | "had" => Link::Other,
            "on" | "upon" => Link::On,
            "in" => Link::In,
            "without" | "whose" => Link::Other,
            _ if PREPOSITIONS.has(word) => Link::Other,
            _ => return None,
        })
    }

    fn read_that_or_her(&mut self, at: usize, next: &str) -> Option<usize> {
        let names = !next.is_empty() && !lexicon::is_closed(next);
        let word = self.text(at);
        if word == "her" {
            if names {
                self.begin(at);
            } else {
                self.end_with(at, Item::Pronoun { is_plural: false });
            }
            return Some(1);
        }
        self.close(at);
        let follows_noun = matches!(
            self.last_item(),
            Some(Item::Noun(_) | Item::Picture | Item::Adjectives(_) | Item::Pronoun { .. })
        );
        let is_clause = lexicon::is_copula(next)
            || lexicon::verb_form(next).is_some_and(|(form, _)| form == VerbForm::Third);
        if follows_noun || is_clause {
            self.push(Item::Relative);
        } else {
            self.begin(at);
        }
        Some(1)
    }

    /// "the girl's cat" is a cat; "the cat's left of the dog" is a cat too.
    fn read_possessive(&mut self, at: usize) {
        let is_verb = matches!(
            phrase_at(self.lexemes, at + 1, Before::default()),
            Some((Phrase::Place(_), _))
        );
        if is_verb {
            self.open.push(at);
            self.end_with(at + 1, Item::Copula { is_of_one: true });
        } else {
            self.open.clear();
            self.determiner = Determiner {
                article: Article::Definite,
                is_set: true,
                ..Determiner::default()
            };
        }
    }

    /// "a pair of shoes", "one of the dogs", "a photo of a cat": what follows
    /// is meant; else it hangs on the noun before.
    fn read_of(&mut self, at: usize) {
        let counts = match self.open.as_slice() {
            [] => self.determiner.is_set,
            [.., last] => {
                let is_collective = COLLECTIVES.has(self.text(*last));
                let before = &self.open[..self.open.len() - 1];
                is_collective && before.iter().all(|&it| is_adjective(self.text(it)))
            }
        };
        if counts {
            let is_one = self.open.is_empty() && self.determiner.is_plural == Some(false);
            self.open.clear();
            self.determiner = Determiner {
                article: Article::Indefinite,
                is_plural: (!is_one).then_some(true),
                is_denied: self.determiner.is_denied,
                is_collective: !is_one,
                is_set: true,
            };
        } else if !self.is_showing(at) {
            self.end_with(at, Item::Attach(Link::Of));
        }
    }

    /// Whether a word tells what a picture shows.
    fn is_showing(&mut self, at: usize) -> bool {
        if SHOWING.has(self.text(at)) {
            self.close(at);
            return matches!(self.last_item(), Some(Item::Picture));
        }
        false
    }
}

//! Whether a word is a verb where it stands. Number decides most: "a music
//! stand" has no verb, "two cats stand" and "a cat stands" do.

use super::chunker::Chunker;
use super::items::{Article, Item, Link};
use super::lexemes::LexemeKind;
use super::lexicon::{self, *};

/// What follows a word.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Next {
    /// A mark or the end.
    End,
    /// A word that may belong to the noun phrase.
    Open,
    /// A word of the grammar.
    Closed,
}

/// Persons, animals and vehicles.
fn moves_by_itself(noun: &str) -> bool {
    let singular = noun.strip_suffix('s').unwrap_or(noun);
    let persons = [
        "men", "women", "children", "people", "mice", "geese", "wolves",
    ];
    [noun, singular]
        .iter()
        .any(|noun| ANIMATE.has(noun) || MOVING.has(noun))
        || persons.contains(&noun)
        || ["man", "woman", "men", "person"]
            .iter()
            .any(|ending| singular.ends_with(ending))
}

impl Chunker<'_> {
    /// How what follows hangs on what stands before, if the word is a verb.
    pub fn verb(&self, at: usize) -> Option<Link> {
        let word = self.text(at);
        let form = lexicon::verb_form(word);
        let is_verb = if self.open.is_empty() {
            self.is_verb_without_noun(at, form)
        } else {
            self.is_verb_after(at, form)
        };
        is_verb.then(|| Link::Verb {
            is_finite: form.is_none_or(|(form, _)| match form {
                VerbForm::Ing => false,
                // "parked" is said like an adjective, "stood" is not.
                VerbForm::Past => !word.ends_with("ed"),
                VerbForm::Third | VerbForm::Base => true,
            }),
            perceives: lexicon::is_perceiving(word),
            is_directional: lexicon::is_directional(word),
            rests: lexicon::is_resting(word),
        })
    }

    fn next(&self, at: usize) -> Next {
        match self.lexemes.get(at + 1) {
            Some(next) if next.kind != LexemeKind::Word => Next::End,
            None => Next::End,
            Some(next) if lexicon::is_closed(&next.text) => Next::Closed,
            Some(_) => {
                let before = super::places::Before {
                    is_noun: true,
                    ..Default::default()
                };
                match super::places::phrase_at(self.lexemes, at + 1, before) {
                    Some(_) => Next::Closed,
                    None => Next::Open,
                }
            }
        }
    }

    /// No word of a noun phrase stands before it: "sleeping next to",
    /// "a sleeping cat".
    fn is_verb_without_noun(&self, at: usize, form: Option<(VerbForm, bool)>) -> bool {
        if self.determiner.is_set {
            return false;
        }
        let word = self.text(at);
        if matches!(self.last_item(), Some(Item::Relative)) {
            return !is_adjective(word);
        }
        let Some((form, noun_like)) = form else {
            return false;
        };
        let next = self.next(at);
        let says = matches!(
            self.last_item(),
            Some(Item::Copula { .. } | Item::Not | Item::Adjectives(_) | Item::Noun(_))
        );
        match form {
            // "is striped" describes, "is parked" is a verb.
            VerbForm::Ing | VerbForm::Past if says => !is_pure_adjective(word),
            // ", wearing hat," but "near washing machine"
            VerbForm::Ing => {
                let is_aside = matches!(self.last_item(), Some(Item::Break(_)));
                next != Next::Open || is_aside && lexicon::is_transitive(word)
            }
            VerbForm::Past => {
                next != Next::Open && !matches!(self.last_item(), Some(Item::Place(_)))
            }
            // "on the left sits a cat", "and sits next to"
            VerbForm::Third | VerbForm::Base => {
                let follows = matches!(
                    self.last_item(),
                    Some(
                        Item::And
                            | Item::Side(_)
                            | Item::Noun(_)
                            | Item::Pronoun { .. }
                            | Item::Not
                    )
                );
                // "the left half shows a cat"
                let is_shown = matches!(self.last_item(), Some(Item::Side(_)));
                follows && (!noun_like || is_shown) && next == Next::Closed
            }
        }
    }

    /// Whether a noun stands before a word that doesn't make one thing with it.
    fn may_be_verb(&self, at: usize, form: Option<(VerbForm, bool)>) -> bool {
        let word = self.text(at);
        let noun = self.text(self.open[self.open.len() - 1]);
        let has_noun =
            !is_pure_adjective(noun) && !is_ing(noun) && (is_adjective(noun) || !is_past(noun));
        // "a lady in white walking"
        let is_dress =
            !self.determiner.is_set && matches!(self.last_item(), Some(Item::Attach(Link::In)));
        // "the music stands are": no verb has another after it.
        let is_third = form.is_some_and(|(form, _)| form == VerbForm::Third);
        let is_subject = is_third && lexicon::is_copula(self.text(at + 1));
        // "a plant stands": the article and the -s are not of one noun.
        let is_one_thing = looks_plural(word)
            && (self.determiner.is_plural == Some(false)
                || self.determiner.article == Article::Definite);
        let names = lexicon::makes_a_thing(noun, word)
            && !is_one_thing
            && !lexicon::is_determiner(self.text(at + 1));
        (has_noun || is_dress) && !is_subject && !names
    }

    fn is_verb_after(&self, at: usize, form: Option<(VerbForm, bool)>) -> bool {
        if !self.may_be_verb(at, form) {
            return false;
        }
        let word = self.text(at);
        let noun = self.text(self.open[self.open.len() - 1]);
        let next = self.next(at);
        let Some((form, noun_like)) = form else {
            return self.must_be_verb(at, next) || self.is_unlisted_verb(at, next);
        };
        // "near two mugs stands a lamp": no noun has an article right after it.
        let is_inverted = !noun_like
            && matches!(form, VerbForm::Third | VerbForm::Base)
            && lexicon::is_determiner(self.text(at + 1));
        if is_inverted {
            return true;
        }
        let is_one = self.determiner.is_plural == Some(false) || !is_plural(noun);
        let moves = moves_by_itself(noun);
        let is_fit = !noun_like || moves;
        let follows_place = matches!(self.last_item(), Some(Item::Place(_)));
        match form {
            // "an ice skating rink"
            VerbForm::Ing => next != Next::Open || moves || lexicon::is_transitive(word),
            VerbForm::Past => {
                next != Next::Open
                    || lexicon::NAMED.has(word)
                    || is_adjective(self.text(at + 1)) && !self.describes_more(at + 1)
            }
            VerbForm::Third if self.determiner.is_collective => is_fit,
            VerbForm::Third if self.determiner.is_plural == Some(true) => false,
            VerbForm::Third => {
                self.must_be_verb(at, next)
                    || is_one
                        && is_fit
                        && (next != Next::Open || moves || !noun_like)
                        && !(follows_place && next == Next::End)
            }
            VerbForm::Base => {
                let several = is_plural(noun) || self.joins_a_noun();
                several
                    && is_fit
                    && (next == Next::Closed || moves && next == Next::Open)
                    && !follows_place
            }
        }
    }

    /// "a cat yawns": the article wants one thing, and this has a plural's -s.
    fn must_be_verb(&self, at: usize, next: Next) -> bool {
        let noun = self.text(self.open[self.open.len() - 1]);
        let wants = if self.determiner.is_collective {
            // "a flock of ravens circles above"
            looks_plural(noun)
        } else {
            self.determiner.is_plural == Some(false)
        };
        wants && next == Next::Closed && looks_plural(self.text(at))
    }

    /// "people gather next to", "a kid building a castle": forms that nouns
    /// can't have there.
    fn is_unlisted_verb(&self, at: usize, next: Next) -> bool {
        let (noun, word) = (self.text(self.open[self.open.len() - 1]), self.text(at));
        let moves = moves_by_itself(noun);
        if lexicon::GERUNDS.has(word) {
            let next_word = self.text(at + 1);
            let goes_on = ["on", "in", "at", "into", "onto", "with"].contains(&next_word);
            return lexicon::is_determiner(next_word) || moves && (next == Next::Open || goes_on);
        }
        let are_many = looks_plural(noun) || ["men", "women", "children", "people"].contains(&noun);
        // "a fireman rescues kittens", but "a baby clothes rack"
        let is_act = self.determiner.is_plural == Some(false)
            && looks_plural(word)
            && next == Next::Open
            && !["clothes", "toys", "shoes", "sports", "games", "goods"].contains(&word);
        moves && (is_act || are_many && !is_plural(word) && next == Next::Closed)
    }

    /// "a cat and a dog sit": the verb is said of both.
    fn joins_a_noun(&self) -> bool {
        let mut items = self.items.iter().rev().map(|located| &located.item);
        items.next() == Some(&Item::And) && matches!(items.next(), Some(Item::Noun(_)))
    }

    /// Whether a noun follows the adjectives that begin at a lexeme.
    fn describes_more(&self, at: usize) -> bool {
        let rest = self.lexemes.get(at..).unwrap_or_default().iter();
        let mut rest = rest.skip_while(|it| it.kind == LexemeKind::Word && is_adjective(&it.text));
        rest.next().is_some_and(|it| {
            it.kind == LexemeKind::Word
                && !lexicon::is_closed(&it.text)
                && !["left", "right", "next", "close"].contains(&it.text.as_str())
        })
    }

    /// "a lion by a zebra", not "a photo by Ansel Adams" or "held by a man".
    pub(super) fn by_is_beside(&self, at: usize) -> bool {
        let Some(next) = self.lexemes.get(at + 1) else {
            return false;
        };
        // A bare name is who made it: "a cat by greg rutkowski".
        let is_word = next.kind == LexemeKind::Word && !lexicon::is_closed(&next.text);
        let is_thing = lexicon::is_determiner(&next.text) || is_word && is_plural(&next.text);
        is_thing && self.can_be_beside()
    }

    /// Whether what stands before "by" is a thing that is somewhere.
    fn can_be_beside(&self) -> bool {
        if let Some(&last) = self.open.last() {
            let text = self.text(last);
            return !PICTURES.has(text) && (!is_past(text) || lexicon::is_placed(text));
        }
        let Some(located) = self.items.last() else {
            return false;
        };
        match &located.item {
            Item::Noun(phrase) => !PICTURES.has(&phrase.name),
            Item::Attach(Link::Verb { .. }) => {
                let verb = self
                    .lexemes
                    .iter()
                    .find(|lexeme| lexeme.word == located.words.1);
                verb.is_some_and(|verb| lexicon::is_placed(&verb.text) || !is_past(&verb.text))
            }
            Item::Copula { .. } => true,
            _ => false,
        }
    }
}

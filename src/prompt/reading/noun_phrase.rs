//! From the words of a noun phrase to its noun and attributes.

use super::chunker::{Chunker, Determiner};
use super::items::{Article, Item, Link, Located, NounPhrase};
use super::lexemes::LexemeKind;
use super::lexicon::{self, *};

impl Chunker<'_> {
    /// Ends the open noun phrase before the lexeme `at`.
    pub fn close(&mut self, at: usize) {
        let words = std::mem::take(&mut self.open);
        if words.is_empty() {
            return;
        }
        let determiner = std::mem::take(&mut self.determiner);
        let Some(item) = self.item_of(&words, determiner, at) else {
            return;
        };
        let word = |lexeme: usize| self.lexemes[lexeme].word;
        let bounds = (word(words[0]), word(words[words.len() - 1]));
        self.items.push(Located {
            item,
            words: bounds,
        });
    }

    /// What the words are; `None` if they name nothing.
    fn item_of(&self, words: &[usize], determiner: Determiner, at: usize) -> Option<Item> {
        let adjectives = |lexemes: &[usize]| -> Vec<usize> {
            let described = lexemes.iter().filter(|&&it| self.describes(it));
            described.map(|&it| self.lexemes[it].word).collect()
        };
        let is_bare = !determiner.is_set;
        let all_describe = words.iter().all(|&it| is_adjective(self.text(it)));
        let (after_copula, after_verb) = match self.last_item() {
            Some(Item::Copula { .. } | Item::Not) => (!self.is_inverted(), false),
            Some(Item::Attach(Link::Verb { .. })) => (false, true),
            _ => (false, false),
        };
        if is_bare && (after_copula || after_verb && all_describe && !self.after_transitive()) {
            let all: Vec<usize> = words.iter().map(|&it| self.lexemes[it].word).collect();
            return Some(Item::Adjectives(all));
        }
        let head = self.head(words);
        let is_pure = is_pure_adjective(self.text(words[head]));
        if is_pure && is_bare {
            match self.last_item() {
                Some(Item::Noun(_) | Item::Relative) => {
                    return Some(Item::Adjectives(adjectives(words)));
                }
                // Words of style: "a cat, cinematic, detailed".
                Some(Item::Break(_)) => return None,
                _ => {}
            }
        }
        let name = self.text(words[head]);
        let before = &words[..head];
        let stands_alone = before.iter().all(|&it| is_adjective(self.text(it)));
        if NO_OBJECT.has(name)
            || stands_alone && NO_OBJECT_ALONE.has(name)
            || stands_alone && is_side(name) && determiner.article != Article::Indefinite
        {
            return None;
        }
        if self.is_picture(words, head, determiner, at) {
            return Some(Item::Picture);
        }
        let mut attributes = adjectives(before);
        attributes.extend(adjectives(&words[head + 1..]));
        let is_fixed = head > 0
            && FIXED_COMPOUNDS.contains(&(self.text(words[head - 1]), name))
            && words[head - 1] + 1 == words[head];
        if is_fixed {
            let first = self.lexemes[words[head - 1]].word;
            attributes.retain(|&word| word != first);
        }
        let noun = self.lexemes[words[head]].word;
        attributes.retain(|&word| word != noun);
        attributes.dedup();
        Some(Item::Noun(NounPhrase {
            noun,
            name: name.strip_suffix("'s").unwrap_or(name).to_owned(),
            attributes,
            article: determiner.article,
            is_plural: determiner.is_plural.unwrap_or_else(|| is_plural(name)),
            is_denied: determiner.is_denied,
        }))
    }

    /// Place of the noun among the words: the last that is no adjective.
    fn head(&self, words: &[usize]) -> usize {
        let names = |&lexeme: &usize| {
            let text = self.text(lexeme);
            !is_pure_adjective(text) && (words.len() == 1 || !(is_past(text) || is_ing(text)))
        };
        words.iter().rposition(names).unwrap_or(words.len() - 1)
    }

    /// Whether a word before its noun is an attribute of it.
    fn describes(&self, lexeme: usize) -> bool {
        let text = self.text(lexeme);
        (is_adjective(text) || is_past(text) || is_ing(text) || ends_like_adjective(text))
            && !["left", "right", "other", "same"].contains(&text)
    }

    /// "a photo of", "oil painting,": the picture itself.
    fn is_picture(&self, words: &[usize], head: usize, determiner: Determiner, at: usize) -> bool {
        if !PICTURES.has(self.text(words[head])) || head + 1 < words.len() {
            return false;
        }
        let is_framed = words.iter().any(|&it| HANGING.has(self.text(it)));
        // What stands in a relation is a thing; so is what shares a place.
        let starts = matches!(
            self.last_item(),
            None | Some(Item::Break(_) | Item::Picture | Item::Adjectives(_))
        ) || matches!(self.last_item(), Some(Item::Attach(Link::Other | Link::In)));
        if is_framed || !starts {
            return false;
        }
        let next = self.lexemes.get(at);
        let ends =
            next.is_none_or(|next| !matches!(next.kind, LexemeKind::Word | LexemeKind::Emoji));
        if ends {
            return determiner.article != Article::Definite || self.items.is_empty();
        }
        let text = self.text(at);
        // "a view from above of"
        let is_seen = super::places::phrase_at(self.lexemes, at, Default::default());
        if matches!(is_seen, Some((super::places::Phrase::Nothing, _))) {
            return true;
        }
        if !SHOWING.has(text) && lexicon::verb_form(text).is_none_or(|_| !SHOWING.has(text)) {
            // "a photo a cat left of a dog"
            return self.items.is_empty() && lexicon::is_determiner(text);
        }
        match text {
            "of" => !self.hangs_later(at),
            // "a picture that is left of a mirror"
            "that" | "which" => {
                SHOWING.has(self.text(at + 1)) && !["in", "that"].contains(&self.text(at + 1))
            }
            "in" => self.text(at + 1) == "which",
            "with" => !self.is_a_thing_later(at),
            _ => true,
        }
    }

    /// "a picture with a gold frame", "a poster with a lamp to its left".
    fn is_a_thing_later(&self, at: usize) -> bool {
        let words = self.lexemes[at..]
            .iter()
            .take_while(|it| it.kind == LexemeKind::Word);
        let mut words = words.map(|it| it.text.as_str());
        words.any(|text| ["frame", "frames", "border", "its", "it"].contains(&text))
    }

    /// "a painting of a cat hanging above a sofa": the painting hangs.
    fn hangs_later(&self, at: usize) -> bool {
        let rest = self.lexemes[at..].iter();
        rest.take_while(|lexeme| lexeme.kind == LexemeKind::Word)
            .any(|lexeme| HANGING.has(&lexeme.text))
    }

    /// Whether the copula before stands after a place, as in "on the left is":
    /// then a thing follows it.
    fn is_inverted(&self) -> bool {
        let items = self.items.iter().rev().map(|located| &located.item);
        let mut items = items.skip_while(|item| {
            matches!(
                item,
                Item::Copula { .. }
                    | Item::Not
                    | Item::Noun(_)
                    | Item::Pronoun { .. }
                    | Item::Adjectives(_)
            )
        });
        let is_place = matches!(
            items.next(),
            Some(Item::Place(_) | Item::Side(_) | Item::Attach(Link::On | Link::In))
        );
        is_place && matches!(items.next(), None | Some(Item::Break(_) | Item::And))
    }

    /// Whether the verb before takes an object.
    fn after_transitive(&self) -> bool {
        let last = self.items.last().map(|located| located.words.1);
        let lexeme = self.lexemes.iter().find(|it| Some(it.word) == last);
        lexeme.is_some_and(|it| lexicon::is_transitive(&it.text))
    }

    /// Whether a comma or "and" stands between adjectives of one noun: "black
    /// and white cat".
    pub fn joins_adjectives(&self, at: usize) -> bool {
        let next = self.text(at + 1);
        let place = super::places::phrase_at(self.lexemes, at + 1, Default::default());
        let is_comma = self.lexemes[at].kind == LexemeKind::Comma;
        let describes = |&lexeme: &usize| {
            let text = self.text(lexeme);
            // "a glass, shiny": a glass; "a gold and silver ring": a ring.
            is_pure_adjective(text) || !is_comma && is_adjective(text) || is_past(text)
        };
        !self.open.is_empty()
            && place.is_none()
            && self.open.iter().all(describes)
            && (is_adjective(next) || is_past(next) && !lexicon::is_closed(next))
    }

    pub fn is_adverb(&self, at: usize) -> bool {
        let text = self.text(at);
        let is_manner = text.len() > 4
            && text.ends_with("ly")
            && !is_adjective(text)
            && !NOUNS_IN_LY.has(text)
            && !text.ends_with("fly");
        (ADVERBS.has(text) || is_manner) && !self.must_be_noun(at) && !self.names_a_height(at)
    }

    /// "a well": the article wants a noun, and nothing else can be it.
    fn must_be_noun(&self, at: usize) -> bool {
        let next = self.lexemes.get(at + 1);
        let ends = next.is_none_or(|next| {
            next.kind != LexemeKind::Word || lexicon::is_closed(&next.text) || is_ing(&next.text)
        });
        let place = super::places::phrase_at(self.lexemes, at + 1, Default::default());
        self.determiner.is_set
            && self.open.iter().all(|&it| is_adjective(self.text(it)))
            && (ends || place.is_some())
            && !["very", "just", "only", "quite"].contains(&self.text(at))
    }

    /// "the high chair" describes, "flying high" does not.
    fn names_a_height(&self, at: usize) -> bool {
        ["high", "low", "straight", "alone"].contains(&self.text(at))
            && self.open.is_empty()
            && self.determiner.is_set
    }
}

/// Sides of things, which are clothes and rooms where there is one of them: "a top".
fn is_side(noun: &str) -> bool {
    [
        "top", "bottom", "back", "front", "center", "centre", "interior", "exterior", "end",
    ]
    .contains(&noun)
}

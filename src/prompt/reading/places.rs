//! The phrases that say a place: a small grammar of sides ("to the far left
//! of", "on its left-hand side", "in the top right corner"), and lists of what
//! is always said the same way.

use std::ops::Range;

use super::items::Side;
use super::lexemes::{Lexeme, LexemeKind};
use super::lexicon::{self, DEFINITE, OWNERS, WHOLE_PICTURE, WITHOUT_OUTSIDE};
use crate::storm::relation::RelationKind::{self, NextTo};

/// A phrase of place.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Phrase {
    /// Stands between a subject and its object.
    Place(Vec<RelationKind>),
    Side(Side),
    /// "to its left", "on the dog's left": the object lies within, as lexemes.
    Owned(Vec<RelationKind>, Range<usize>),
    Unsupported,
    Alternatives,
    Together,
    Reciprocal,
    And,
    /// Looks like a place and is none: "seen from above".
    Nothing,
}

/// What stands before a phrase.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Before {
    /// An article or the like without its noun yet.
    pub is_determiner: bool,
    /// "a" with at most adjectives: a noun must follow.
    pub wants_noun: bool,
    /// A noun phrase, with nothing between.
    pub is_noun: bool,
    /// Nothing, or a mark.
    pub is_start: bool,
}

/// The longest phrase of place that begins at a lexeme, with its length.
pub(super) fn phrase_at(lexemes: &[Lexeme], at: usize, before: Before) -> Option<(Phrase, usize)> {
    let fixed = fixed_phrase(lexemes, at).filter(|_| !before.is_determiner);
    let side = SideReader {
        lexemes,
        at,
        before,
    }
    .read();
    // Of two of the same length the listed one is meant.
    [side, fixed]
        .into_iter()
        .flatten()
        .max_by_key(|&(_, length)| length)
}

fn fixed_phrase(lexemes: &[Lexeme], at: usize) -> Option<(Phrase, usize)> {
    let places = lexicon::PLACES
        .iter()
        .map(|&(phrase, kind)| (phrase, Phrase::Place(vec![kind])));
    let others = [
        (lexicon::UNSUPPORTED, Phrase::Unsupported),
        (lexicon::TOGETHER, Phrase::Together),
        (lexicon::RECIPROCAL, Phrase::Reciprocal),
        (lexicon::AND_PHRASES, Phrase::And),
        (lexicon::NOTHING, Phrase::Nothing),
    ];
    let others = others
        .into_iter()
        .flat_map(|(list, phrase)| list.iter().map(move |&text| (text, phrase.clone())));
    places
        .chain(others)
        .filter_map(|(text, phrase)| Some((phrase, matches(lexemes, at, text)?)))
        .max_by_key(|&(_, length)| length)
}

/// Number of lexemes of `phrase` if it stands there.
fn matches(lexemes: &[Lexeme], at: usize, phrase: &str) -> Option<usize> {
    let mut length = 0;
    for part in phrase.split(' ') {
        if lexemes.get(at + length)?.text != part {
            return None;
        }
        length += 1;
    }
    Some(length)
}

/// "far left-hand side", with what it means.
struct SideWords {
    side: Side,
    /// "side" alone, which is beside.
    is_beside: bool,
    /// "side", "half", "corner" stood in it.
    has_noun: bool,
    end: usize,
}

struct SideReader<'a> {
    lexemes: &'a [Lexeme],
    at: usize,
    before: Before,
}

impl SideReader<'_> {
    fn text(&self, at: usize) -> &str {
        self.lexemes.get(at).map_or("", |lexeme| &lexeme.text)
    }

    fn read(&self) -> Option<(Phrase, usize)> {
        let prepositions = [
            "to", "on", "at", "in", "by", "toward", "towards", "onto", "along",
        ];
        let found = if prepositions.contains(&self.text(self.at)) {
            if self.before.is_determiner {
                return None;
            }
            self.after_preposition()
        } else {
            self.without_preposition()
        };
        found.map(|(phrase, end)| (phrase, end - self.at))
    }

    /// "to the left of", "on its left", "at the dog's left side".
    fn after_preposition(&self) -> Option<(Phrase, usize)> {
        let start = self.at + 1;
        let first = self.text(start);
        if OWNERS.has(first) {
            let words = self.side_words(start + 1)?;
            let is_whole = words.has_noun || words.is_beside || !self.is_open(words.end);
            return is_whole.then(|| (Phrase::Owned(kinds(&words), start..start + 1), words.end));
        }
        if let Some(owner) = self.owner(start)
            && let Some(words) = self.side_words(owner.end)
            && (words.has_noun || words.is_beside || !self.is_open(words.end))
        {
            return Some((Phrase::Owned(kinds(&words), owner), words.end));
        }
        let has_article = ["the", "one", "a"].contains(&first);
        let words = self.side_words(if has_article { start + 1 } else { start })?;
        if first == "a" && !words.is_beside {
            return None;
        }
        let is_picture = self.of_the_picture(words.end);
        if let Some(end) = is_picture {
            return Some((Phrase::Side(words.side), end));
        }
        if let Some(found) = self.alternatives(&words) {
            return Some(found);
        }
        let end = words.end;
        let of = ["of", "from", "than"].contains(&self.text(end))
            || self.text(end) == "to" && self.before.is_noun && !words.is_beside;
        if of {
            return Some((Phrase::Place(kinds(&words)), end + 1));
        }
        // "by the left hand", "on the top shelf"
        let is_whole = !words.is_beside
            && self.text(self.at) != "by"
            && (words.has_noun || !has_article || !self.is_open(end) || self.is_verb(end));
        is_whole.then_some((Phrase::Side(words.side), end))
    }

    /// "left of", "left: a cat", "a cat left, a dog right".
    fn without_preposition(&self) -> Option<(Phrase, usize)> {
        // "a top left of a skirt"
        if self.before.wants_noun {
            return None;
        }
        let words = self.side_words(self.at)?;
        let is_vertical = words.side.horizontal.is_none();
        if words.side.horizontal == Some(0) {
            return None;
        }
        if let Some(end) = self.of_the_picture(words.end) {
            return (!words.is_beside).then_some((Phrase::Side(words.side), end));
        }
        if let Some(found) = self.alternatives(&words) {
            return Some(found);
        }
        let end = words.end;
        let is_of = ["of", "from", "than"].contains(&self.text(end))
            || self.text(end) == "to" && self.before.is_noun && self.is_determiner(end + 1);
        if is_of {
            // "the top of a mountain", "side of beef"
            let is_part = words.is_beside || is_vertical && !self.before.is_noun;
            return (!is_part).then_some((Phrase::Place(kinds(&words)), end + 1));
        }
        if words.is_beside || self.before.is_determiner && !words.has_noun {
            return None;
        }
        let next = self.lexemes.get(end);
        let is_boundary = next.is_none_or(|next| next.kind != LexemeKind::Word)
            || lexicon::AND.has(self.text(end));
        let is_colon = next.is_some_and(|next| next.kind == LexemeKind::Colon);
        let names = self.is_determiner(end) || lexicon::is_copula(self.text(end));
        let is_side = if self.before.is_noun {
            // "a tank top, a skirt"
            is_boundary && (!is_vertical || words.has_noun)
        } else if self.before.is_start {
            let is_named = is_boundary && self.is_determiner(end + 1);
            is_colon || names || is_named || words.has_noun && is_boundary
        } else {
            words.has_noun
                && self.before.is_determiner
                && (is_boundary || names || self.is_verb(end))
        };
        is_side.then_some((Phrase::Side(words.side), end))
    }

    /// "left or right of", "left and right of".
    fn alternatives(&self, words: &SideWords) -> Option<(Phrase, usize)> {
        let mut at = words.end;
        if !["or", "and"].contains(&self.text(at)) {
            return None;
        }
        at += 1;
        for skipped in ["to", "on", "the"] {
            at += usize::from(self.text(at) == skipped);
        }
        let other = self.side_words(at)?;
        let is_contrary = words.side.horizontal.is_some()
            && other.side.horizontal.is_some()
            && words.side != other.side;
        let is_of = self.text(other.end) == "of";
        (is_contrary && is_of).then_some((Phrase::Alternatives, other.end + 1))
    }

    /// "dog's" of "a big dog's left", with what stands before it.
    fn owner(&self, start: usize) -> Option<Range<usize>> {
        let length = (0..5).find(|&offset| {
            let text = self.text(start + offset);
            text.len() > 2 && text.ends_with("'s")
        })?;
        let inner = start..start + length;
        let is_plain = inner
            .clone()
            .all(|at| at == start && self.is_determiner(at) || self.is_open(at));
        is_plain.then_some(start..start + length + 1)
    }

    /// The end of "of the picture".
    fn of_the_picture(&self, at: usize) -> Option<usize> {
        if !["of", "in", "from"].contains(&self.text(at)) {
            return None;
        }
        let article = DEFINITE.has(self.text(at + 1)) && !OWNERS.has(self.text(at + 1));
        let noun = at + 1 + usize::from(article);
        let text = self.text(noun);
        let is_middle = ["center", "centre", "middle"].contains(&text);
        // "on the left of the photo" is in it, "left of the photo" beside it.
        let is_within = ["on", "at", "in"].contains(&self.text(self.at))
            || !lexicon::is_side(self.text(at - 1));
        let is_picture =
            WHOLE_PICTURE.has(text) && (is_within || WITHOUT_OUTSIDE.has(text)) || is_middle;
        (is_picture && !self.is_open(noun + 1)).then_some(noun + 1)
    }

    fn side_words(&self, start: usize) -> Option<SideWords> {
        let mut at = start;
        while [
            "far",
            "immediate",
            "very",
            "extreme",
            "direct",
            "near",
            "absolute",
        ]
        .contains(&self.text(at))
        {
            at += 1;
        }
        let mut side = Side::default();
        let mut is_beside = false;
        loop {
            let word = self.text(at);
            match (horizontal(word), vertical(word)) {
                (Some(place), _) if side.horizontal.is_none() => side.horizontal = Some(place),
                (_, Some(place)) if side.vertical.is_none() => side.vertical = Some(place),
                _ if side != Side::default() => break,
                _ if ["middle", "center", "centre"].contains(&word) => side.horizontal = Some(0),
                _ if word == "side" => is_beside = true,
                _ => break,
            }
            at += 1;
            if is_beside {
                break;
            }
        }
        if at == start || side == Side::default() && !is_beside {
            return None;
        }
        at += usize::from(["hand", "handed"].contains(&self.text(at)));
        let nouns = [
            "side", "half", "part", "edge", "corner", "end", "third", "portion", "section", "area",
            "quadrant", "margin", "panel",
        ];
        let has_noun = !is_beside && nouns.contains(&self.text(at));
        let last = self.text(at.saturating_sub(1));
        // "an upper", "a lower", "the leftmost" want a noun.
        if !has_noun && ["upper", "lower", "hand", "handed"].contains(&last) {
            return None;
        }
        Some(SideWords {
            side,
            is_beside,
            has_noun,
            end: at + usize::from(has_noun),
        })
    }

    fn is_determiner(&self, at: usize) -> bool {
        lexicon::is_determiner(self.text(at))
    }

    /// Whether a word that may belong to a noun phrase stands there.
    fn is_open(&self, at: usize) -> bool {
        let lexeme = self.lexemes.get(at);
        lexeme.is_some_and(|lexeme| {
            lexeme.kind == LexemeKind::Word && !lexicon::is_closed(&lexeme.text) && !self.shows(at)
        })
    }

    /// Whether a verb stands there: "on the left sits a cat".
    fn is_verb(&self, at: usize) -> bool {
        let form = lexicon::verb_form(self.text(at));
        form.is_some_and(|(_, noun_like)| !noun_like) || self.shows(at)
    }

    /// "the left half shows a cat"
    fn shows(&self, at: usize) -> bool {
        let form = lexicon::verb_form(self.text(at));
        matches!(form, Some((lexicon::VerbForm::Third, _))) && self.is_determiner(at + 1)
    }
}

/// −1 for words of left, 1 for words of right.
fn horizontal(word: &str) -> Option<i8> {
    match word {
        "left" | "lefthand" | "leftmost" | "leftward" | "leftwards" => Some(-1),
        "right" | "righthand" | "rightmost" | "rightward" | "rightwards" => Some(1),
        _ => None,
    }
}

/// −1 for words of top, 1 for words of bottom.
fn vertical(word: &str) -> Option<i8> {
    match word {
        "top" | "upper" | "uppermost" | "topmost" => Some(-1),
        "bottom" | "lower" | "bottommost" | "lowermost" => Some(1),
        _ => None,
    }
}

fn kinds(words: &SideWords) -> Vec<RelationKind> {
    if words.is_beside {
        vec![NextTo]
    } else {
        words.side.kinds()
    }
}

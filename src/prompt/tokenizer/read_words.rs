//! Words and tokens as they are gathered from a prompt's segments, before they are cut into chunks.

use std::ops::Range;

use crate::prompt::chunks::{Group, Unit};
use crate::prompt::known_words::{KnownPlace, KnownWord};
use crate::prompt::syntax::Segment;
use crate::prompt::tokenized_prompt::{Token, Word};
use crate::prompt::words::word_spans;

/// Stands where a vector of a known word takes the place of an embedding.
const STAND_IN: u32 = 0;

/// What is gathered from a prompt's segments.
#[derive(Default)]
pub(super) struct Reading {
    /// Tokens of words, in order.
    pub(super) pieces: Vec<Token>,
    pub(super) words: Vec<ReadWord>,
    pub(super) groups: Vec<Group>,
}

impl Reading {
    /// Takes tokens that stay together.
    pub(super) fn take(&mut self, unit: Unit, tokens: impl IntoIterator<Item = Token>) {
        let group = self.groups.last_mut();
        let group = group.expect("each segment begins its group first");
        group.units.push(unit);
        self.pieces.extend(tokens);
    }

    /// Takes a known word: as many tokens as it has vectors.
    pub(super) fn take_known(&mut self, segment: &Segment, place: &KnownPlace<'_>) {
        let KnownWord { name, tokens } = place.word;
        let span = segment.span_in_prompt(&place.span);
        let (word, first) = (self.words.len(), self.pieces.len());
        let unit = Unit {
            length: *tokens,
            is_comma: false,
        };
        let vectors = (0..*tokens).map(|row| Token {
            position: 0,
            id: STAND_IN,
            text: name.clone(),
            word: Some(word),
            vector: Some(row),
            span: span.clone(),
        });
        self.take(unit, vectors);
        self.words.push(ReadWord {
            text: name.clone(),
            span,
            weight: segment.weight,
            pieces: first..first + tokens,
            is_read: true,
        });
    }

    /// Takes the words of a segment for whose tokens there is no room.
    pub(super) fn lose(&mut self, segment: &Segment) {
        let end = self.pieces.len();
        let spans = word_spans(&segment.text).into_iter();
        self.words.extend(spans.map(|span| ReadWord {
            text: segment.text[span.clone()].to_owned(),
            span: segment.span_in_prompt(&span),
            weight: segment.weight,
            pieces: end..end,
            is_read: false,
        }));
    }
}

/// A word and its tokens among all that were read.
pub(super) struct ReadWord {
    pub(super) text: String,
    pub(super) span: Range<usize>,
    pub(super) weight: f32,
    pub(super) pieces: Range<usize>,
    /// Whether its tokens were looked for.
    pub(super) is_read: bool,
}

impl ReadWord {
    /// Whether not all of its tokens are among the first `kept`.
    pub(super) fn is_lost(&self, kept: usize) -> bool {
        !self.is_read || self.pieces.end > kept
    }

    pub(super) fn kept(self, kept: usize) -> Word {
        Word {
            text: self.text,
            span: self.span,
            tokens: self.pieces.start.min(kept) + 1..self.pieces.end.min(kept) + 1,
            weight: self.weight,
        }
    }
}

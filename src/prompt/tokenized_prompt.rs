//! A prompt as the text encoder reads it: ids, what each position holds, and
//! the words a person sees with their token positions.

use std::ops::Range;

use serde::Serialize;

use super::syntax::{NetworkTag, PromptWeights, SyntaxNote};

/// One position of the text encoder's input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Token {
    /// Place in [`TokenizedPrompt::ids`].
    pub position: usize,
    /// Number in the vocabulary.
    pub id: u32,
    /// For display: the token's text without the end-of-word mark; for a part
    /// of a character, the whole character.
    pub text: String,
    /// Index into [`TokenizedPrompt::words`]; none for start, end and padding.
    pub word: Option<usize>,
    /// Of a word that a person brought along which of its vectors stands here.
    pub vector: Option<usize>,
    /// Bytes of the prompt that it came from; empty for start, end and padding.
    pub span: Range<usize>,
}

impl Token {
    /// Whether it is the start, the end or padding, which name nothing in the picture.
    pub fn is_special(&self) -> bool {
        self.word.is_none()
    }
}

/// One word of the prompt as a person sees it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Word {
    /// As it is written in the prompt, without syntax.
    pub text: String,
    /// Its bytes in the prompt.
    pub span: Range<usize>,
    /// Positions of its tokens; empty if all were cut off.
    pub tokens: Range<usize>,
    /// What its brackets give it, 1 without any.
    pub weight: f32,
}

/// A prompt as the text encoder reads it.
///
/// The text encoder reads a long prompt in [`chunks`](Self::chunks), each with a
/// start and an end token of its own. Positions count through all of them: the
/// words come first, whatever chunk they are in.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TokenizedPrompt {
    /// The prompt, unchanged.
    pub text: String,
    /// Start, the prompt's tokens, ends and padding, then the last and first
    /// tokens of further chunks: the tokenizer's length (77) for each chunk.
    pub ids: Vec<u32>,
    /// What each position holds, padding included.
    pub tokens: Vec<Token>,
    /// All words of the prompt in order, also those that were cut off.
    pub words: Vec<Word>,
    /// Position behind that of the last word's last token, an end token's.
    pub end: usize,
    /// Words that the text encoder doesn't see whole because the prompt is too long.
    pub lost_words: Vec<String>,
    /// How its brackets were read, and what weights do.
    pub weighting: PromptWeights,
    /// Of each chunk the positions in the order in which the text encoder reads them.
    pub chunks: Vec<Vec<usize>>,
    /// So many of the chunks are the prompt's own; the others only make it as long
    /// as another prompt.
    pub own_chunks: usize,
    /// The networks that it asks for.
    pub networks: Vec<NetworkTag>,
    /// What was read otherwise than it may be meant.
    pub notes: Vec<SyntaxNote>,
}

impl TokenizedPrompt {
    /// A word of the prompt cut where its tokens meet, as it is written; tokens
    /// that are parts of one character make one piece.
    pub fn pieces(&self, word: &Word) -> Vec<&str> {
        let mut spans: Vec<Range<usize>> = Vec::new();
        for token in &self.tokens[word.tokens.clone()] {
            match spans.last_mut() {
                Some(last) if token.span.start < last.end => {
                    last.end = last.end.max(token.span.end)
                }
                _ => spans.push(token.span.clone()),
            }
        }
        let texts = spans.into_iter().filter_map(|span| self.text.get(span));
        texts.collect()
    }

    /// Indices of the words that have bytes in `span`.
    pub fn words_in(&self, span: &Range<usize>) -> Range<usize> {
        let first = self
            .words
            .partition_point(|word| word.span.end <= span.start);
        let last = self
            .words
            .partition_point(|word| word.span.start < span.end);
        first..last.max(first)
    }

    /// Positions of the tokens of the words in `span`, cut-off ones left out.
    pub fn tokens_in(&self, span: &Range<usize>) -> Vec<usize> {
        let words = &self.words[self.words_in(span)];
        words.iter().flat_map(|word| word.tokens.clone()).collect()
    }

    /// The words in `span` as they are written, without the syntax between them.
    pub fn text_in(&self, span: &Range<usize>) -> String {
        let mut text = String::new();
        let mut end = None;
        for word in &self.words[self.words_in(span)] {
            if let Some(end) = end {
                let between = self.text.get(end..word.span.start).unwrap_or_default();
                text.extend(between.chars().filter(|sign| sign.is_whitespace()));
            }
            text.push_str(&word.text);
            end = Some(word.span.end);
        }
        text
    }

    /// The tokens of words, in order.
    pub fn word_tokens(&self) -> &[Token] {
        &self.tokens[1..self.end]
    }

    /// Positions of words, ends and padding of the prompt's own chunks, without
    /// the first and the last of any chunk.
    pub fn inner_positions(&self) -> Range<usize> {
        let length = self.chunks.first().map_or(0, Vec::len);
        1..1 + self.own_chunks * length.saturating_sub(2)
    }

    /// The words that a person brought along, each once.
    pub fn known_words(&self) -> Vec<&str> {
        let tokens = self.word_tokens().iter().filter(|it| it.vector == Some(0));
        let mut names: Vec<&str> = tokens.map(|token| token.text.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The weight of each position, in the order of a chunk.
    pub fn weights_of(&self, chunk: usize) -> Vec<f32> {
        let weight = |&position: &usize| {
            let word = self.tokens[position].word;
            word.map_or(1.0, |word| self.words[word].weight)
        };
        self.chunks[chunk].iter().map(weight).collect()
    }
}

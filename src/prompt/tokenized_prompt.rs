//! A prompt as the text encoder reads it: ids, what each position holds, and
//! the words a person sees with their token positions.

use std::ops::Range;

use serde::Serialize;

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
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Word {
    /// As it is written in the prompt.
    pub text: String,
    /// Its bytes in the prompt.
    pub span: Range<usize>,
    /// Positions of its tokens; empty if all were cut off.
    pub tokens: Range<usize>,
}

/// A prompt as the text encoder reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TokenizedPrompt {
    /// The prompt, unchanged.
    pub text: String,
    /// Start, the prompt's tokens, end, padding: always the tokenizer's length (77).
    pub ids: Vec<u32>,
    /// What each position holds, padding included.
    pub tokens: Vec<Token>,
    /// All words of the prompt in order, also those that were cut off.
    pub words: Vec<Word>,
    /// Position of the end token.
    pub end: usize,
    /// Words that the text encoder doesn't see whole because the prompt is too long.
    pub lost_words: Vec<String>,
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
}

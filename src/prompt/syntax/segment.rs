//! A run of a prompt's text that has one weight, and where each of its bytes stands.

use std::ops::Range;

/// Text without syntax.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::prompt) struct Segment {
    /// As the text encoder reads it.
    pub text: String,
    pub weight: f32,
    /// So many breaks stand before it.
    pub breaks: usize,
    /// Pieces of the prompt whose bytes follow each other in `text`: where each
    /// begins in `text`, and its first byte in the prompt.
    pieces: Vec<(usize, usize)>,
}

impl Segment {
    pub fn new(weight: f32, breaks: usize) -> Self {
        Self {
            text: String::new(),
            weight,
            breaks,
            pieces: Vec::new(),
        }
    }

    /// Appends a piece of `prompt`.
    pub fn push(&mut self, prompt: &str, span: Range<usize>) {
        if span.is_empty() {
            return;
        }
        let is_joined = self
            .pieces
            .last()
            .is_some_and(|(start, source)| source + (self.text.len() - start) == span.start);
        if !is_joined {
            self.pieces.push((self.text.len(), span.start));
        }
        self.text.push_str(&prompt[span]);
    }

    /// Where in the prompt a span of the text stands, syntax in between included.
    pub fn span_in_prompt(&self, span: &Range<usize>) -> Range<usize> {
        if span.is_empty() {
            let place = self.source(span.start.min(self.text.len().saturating_sub(1)));
            return place..place;
        }
        self.source(span.start)..self.source(span.end - 1) + 1
    }

    /// The byte of the prompt that a byte of the text is.
    fn source(&self, byte: usize) -> usize {
        let after = self.pieces.partition_point(|(start, _)| *start <= byte);
        match after.checked_sub(1) {
            Some(index) => {
                let (start, source) = self.pieces[index];
                source + (byte - start)
            }
            None => 0,
        }
    }
}

//! Signs of a prompt's syntax, one after the other, before they are paired.

use std::ops::Range;

use super::PromptWeights;
use super::networks::NetworkTag;

/// Digits of a weight, at most.
const LONGEST_WEIGHT: usize = 32;

/// `(` or `[`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bracket {
    Round,
    Square,
}

/// A piece of the prompt.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Item {
    /// Its bytes in the prompt.
    Text(Range<usize>),
    Open {
        bracket: Bracket,
        /// That of the closing bracket.
        weight: Option<f64>,
        span: Range<usize>,
    },
    Close {
        bracket: Bracket,
        /// The number of `:1.3)`.
        weight: Option<f64>,
        span: Range<usize>,
    },
    /// A new chunk begins.
    Break,
}

/// Cuts a prompt into signs and text; `networks` are left out.
pub(super) fn items(prompt: &str, weights: PromptWeights, networks: &[NetworkTag]) -> Vec<Item> {
    let mut lexer = Lexer {
        prompt,
        knows_squares: weights == PromptWeights::A1111,
        items: Vec::new(),
        text: 0,
        place: 0,
    };
    let mut networks = networks.iter().peekable();
    while lexer.place < prompt.len() {
        match networks.next_if(|tag| tag.span.start == lexer.place) {
            Some(tag) => lexer.skip(tag.span.end),
            None => lexer.step(),
        }
    }
    lexer.end_text();
    lexer.items
}

struct Lexer<'a> {
    prompt: &'a str,
    knows_squares: bool,
    items: Vec<Item>,
    /// Where the text that is being read begins.
    text: usize,
    place: usize,
}

impl Lexer<'_> {
    fn step(&mut self) {
        let rest = &self.prompt[self.place..];
        let Some(sign) = rest.chars().next() else {
            return;
        };
        let length = sign.len_utf8();
        let span = self.place..self.place + length;
        match sign {
            '\\' => self.escape(),
            '(' => self.open(Bracket::Round, span),
            '[' if self.knows_squares => self.open(Bracket::Square, span),
            ')' => self.close(Bracket::Round, None, span),
            ']' if self.knows_squares => self.close(Bracket::Square, None, span),
            ':' => match weight_and_bracket(rest) {
                Some((weight, length)) => {
                    let span = self.place..self.place + length;
                    self.close(Bracket::Round, Some(weight), span);
                }
                None => self.place += length,
            },
            'B' if self.is_break(rest) => {
                self.skip(self.place + BREAK.len());
                self.items.push(Item::Break);
            }
            _ => self.place += length,
        }
    }

    /// `\(` is the sign itself. A1111 leaves out a backslash before anything
    /// else, ComfyUI keeps it.
    fn escape(&mut self) {
        let next = self.prompt[self.place + 1..].chars().next();
        let is_escape = match next {
            Some('(' | ')') => true,
            Some('[' | ']' | '\\') => self.knows_squares,
            _ => false,
        };
        if !is_escape {
            match self.knows_squares {
                true => self.skip(self.place + 1),
                false => self.place += 1,
            }
            return;
        }
        let sign = self.place + 1;
        self.skip(sign);
        // These are all one byte long.
        self.place = sign + 1;
    }

    fn open(&mut self, bracket: Bracket, span: Range<usize>) {
        self.skip(span.end);
        self.items.push(Item::Open {
            bracket,
            weight: None,
            span,
        });
    }

    fn close(&mut self, bracket: Bracket, weight: Option<f64>, span: Range<usize>) {
        self.skip(span.end);
        self.items.push(Item::Close {
            bracket,
            weight,
            span,
        });
    }

    /// Whether the word BREAK stands here by itself.
    fn is_break(&self, rest: &str) -> bool {
        let is_word = |sign: Option<char>| sign.is_some_and(|it| it.is_alphanumeric() || it == '_');
        let before = self.prompt[..self.place].chars().next_back();
        let after = rest.strip_prefix(BREAK).map(|after| after.chars().next());
        after.is_some_and(|after| !is_word(before) && !is_word(after))
    }

    /// Goes to `place` without the bytes up to it.
    fn skip(&mut self, place: usize) {
        self.end_text();
        self.text = place;
        self.place = place;
    }

    fn end_text(&mut self) {
        let span = self.text..self.place;
        if !span.is_empty() {
            self.items.push(Item::Text(span));
        }
    }
}

const BREAK: &str = "BREAK";

/// The number of a text that begins as `:1.3)`, and the length of that.
fn weight_and_bracket(text: &str) -> Option<(f64, usize)> {
    let after = &text[1..];
    let digits = after.trim_start();
    let sign = digits.strip_prefix(['+', '-']).map_or(0, |_| 1);
    let is_digit = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
    let count = digits.bytes().skip(sign).take_while(is_digit).count();
    if count == 0 || count > LONGEST_WEIGHT {
        return None;
    }
    let (number, rest) = digits.split_at(sign + count);
    let number = number.parse().ok()?;
    let rest = rest.trim_start().strip_prefix(')')?;
    Some((number, text.len() - rest.len()))
}

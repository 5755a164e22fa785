//! What stands in prompts and is no part of the sentence: LoRA names, weights,
//! switches, tags, and text that is to be read in the picture.

use super::lexemes::{LexemeKind, Lexer};
use super::lexicon::SAYING;
use crate::prompt::tokenized_prompt::Word;

/// Furthest that markup or quoted text reaches, in words.
const LONGEST_MARKUP: usize = 40;

impl Lexer<'_> {
    /// Number of words of something that is no part of the sentence.
    pub(super) fn markup(&self, index: usize) -> Option<usize> {
        self.angle_brackets(index)
            .or_else(|| self.weight(index))
            .or_else(|| self.switch(index))
            .or_else(|| self.quoted_text(index))
            .or_else(|| self.named_file(index))
    }

    /// `<lora:name:0.8>`, `<b>`
    fn angle_brackets(&self, index: usize) -> Option<usize> {
        let text = |offset: usize| {
            self.words
                .get(index + offset)
                .map(|word| word.text.as_str())
        };
        let first = text(0)?;
        let opens = (first.ends_with('<') || first.ends_with("</")) && self.touches_next(index);
        let goes_on = text(2)?.starts_with([':', '>']) && self.touches_next(index + 1);
        if !(opens && goes_on) {
            return None;
        }
        let inside = self.words[index + 1..].iter().take(LONGEST_MARKUP);
        let length = 1 + inside
            .into_iter()
            .position(|word| word.text.contains('>'))?;
        // "><lora:…" closes one and opens the next.
        let closing = &self.words[index + length].text;
        Some(length + usize::from(!closing.ends_with('<')))
    }

    /// `:1.3` in "(red:1.3) cat", `::2`.
    fn weight(&self, index: usize) -> Option<usize> {
        let mark = &self.words[index].text;
        let number = &self.words.get(index + 1)?.text;
        let is_mark = mark.trim_start_matches([')', ']']).trim_end_matches('-');
        let is_weight = [":", "::"].contains(&is_mark)
            && number.parse::<f32>().is_ok()
            && self.touches_next(index)
            && index > 0
            && self.touches_next(index - 1);
        // "left:2 cats" counts cats.
        let counts = !number.contains('.')
            && self
                .words
                .get(index + 2)
                .is_some_and(|word| word.text.contains(char::is_alphabetic));
        (is_weight && !counts).then_some(2)
    }

    /// `--ar 16:9`
    fn switch(&self, index: usize) -> Option<usize> {
        let is_switch = self.words[index].text == "--"
            && self.touches_next(index)
            && (index == 0 || !self.touches_next(index - 1));
        let values = self.words.get(index + 2..)?.iter();
        // "--no text, people" lists words.
        let lists = self.words[index + 1].text == "no";
        let is_value = |word: &&Word| match lists {
            true => !word.text.contains("--"),
            false => word
                .text
                .starts_with(|letter: char| letter.is_ascii_digit()),
        };
        let count = values.take_while(is_value).count();
        is_switch.then_some(2 + count)
    }

    /// "turn left" in `a sign that says "turn left"`.
    fn quoted_text(&self, index: usize) -> Option<usize> {
        const QUOTES: &str = "\"“”„«»'‘’";
        let is_quote = |word: &Word| {
            !word.text.contains(char::is_alphanumeric)
                && word.text.contains(|letter| QUOTES.contains(letter))
        };
        let says = self.lexemes.iter().rev().take(3);
        let mut says = says.filter(|lexeme| lexeme.kind == LexemeKind::Word);
        if !is_quote(&self.words[index]) || !says.any(|lexeme| SAYING.has(&lexeme.text)) {
            return None;
        }
        let after = self.words[index + 1..].iter().take(LONGEST_MARKUP);
        let length = after.into_iter().position(is_quote)?;
        Some(length + 2)
    }

    /// `embedding:name`
    fn named_file(&self, index: usize) -> Option<usize> {
        let is_name = self.words[index].text == "embedding"
            && self.words.get(index + 1)?.text == ":"
            && self.touches_next(index)
            && self.touches_next(index + 1);
        is_name.then_some(3)
    }
}

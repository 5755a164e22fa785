//! The prompt's words as the grammar reads them: one spelling, contractions
//! and hyphened phrases apart, and without [`markup`](super::markup).

use super::super::spelling::normalised;
use super::super::tokenized_prompt::Word;
use super::lexicon;

/// A word of a sentence, or a mark between words.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lexeme {
    /// Index of the prompt's word that it is, or is a part of.
    pub word: usize,
    /// Normalised; empty for marks.
    pub text: String,
    pub kind: LexemeKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LexemeKind {
    Word,
    /// A picture of a thing, which names it.
    Emoji,
    Comma,
    Colon,
    /// The end of a sentence or of a section.
    Stop,
}

/// Words of spatial phrases, which may be written together: "left-of".
const SPATIAL_PARTS: &str = "to the left right of on in at top bottom side next hand front above \
    below under over beneath near close by upper lower between beside middle center centre";

/// Most words of a description in brackets.
const LONGEST_DESCRIPTION: usize = 5;

/// The lexemes of a prompt.
pub(super) fn lexemes(words: &[Word]) -> Vec<Lexeme> {
    let mut lexer = Lexer {
        words,
        shouts: !words
            .iter()
            .any(|word| word.text.contains(char::is_lowercase)),
        lexemes: Vec::with_capacity(words.len()),
    };
    let mut index = 0;
    while index < words.len() {
        index += lexer.read(index);
    }
    lexer.lexemes
}

pub(super) struct Lexer<'a> {
    pub words: &'a [Word],
    /// The prompt is in capitals, so that capitals say nothing.
    shouts: bool,
    pub lexemes: Vec<Lexeme>,
}

impl Lexer<'_> {
    /// Reads what begins at a word; returns how many words it took.
    fn read(&mut self, index: usize) -> usize {
        if let Some(length) = self.markup(index) {
            return length;
        }
        let text = self.words[index].text.as_str();
        if is_emoji(text) {
            self.push(index, normalised(text), LexemeKind::Emoji);
        } else if text.contains(char::is_alphanumeric) {
            self.read_word(index);
        } else if !self.joins_a_phrase(index) {
            self.read_marks(index);
        }
        1
    }

    fn push(&mut self, word: usize, text: String, kind: LexemeKind) {
        self.lexemes.push(Lexeme { word, text, kind });
    }

    fn read_word(&mut self, index: usize) {
        let text = self.words[index].text.as_str();
        let is_keyword = match text {
            "BREAK" | "ADDCOMM" | "ADDBASE" | "ADDROW" | "ADDCOL" => true,
            "AND" => !self.shouts,
            _ => false,
        };
        if is_keyword {
            return self.push(index, String::new(), LexemeKind::Stop);
        }
        let spelled = normalised(text);
        for part in parts(&spelled) {
            self.push(index, part.to_owned(), LexemeKind::Word);
        }
    }

    /// "fountain (marble)" is "fountain which is marble".
    fn is_bracketed_description(&self, index: usize) -> bool {
        let rest = self.words[index + 1..].iter();
        let inside: Vec<String> = rest
            .take(LONGEST_DESCRIPTION)
            .map(|word| normalised(&word.text))
            .collect();
        let length = inside.iter().position(|word| word.starts_with(')'));
        self.words[index].text.ends_with('(')
            && self.follows_noun()
            && length.is_some_and(|length| {
                let describes =
                    |word: &String| word == "," || lexicon::is_adjective(word) && !is_spatial(word);
                length > 0 && inside[..length].iter().all(describes)
            })
    }

    fn follows_noun(&self) -> bool {
        self.lexemes.last().is_some_and(|last| {
            last.kind == LexemeKind::Word
                && !lexicon::is_closed(&last.text)
                && !lexicon::is_adjective(&last.text)
        })
    }

    /// "dog (masterpiece)": another thing than the dog.
    fn is_bracketed_tag(&self, index: usize) -> bool {
        let next = self.words.get(index + 1);
        let begins_a_phrase = next.is_none_or(|next| {
            let next = normalised(&next.text);
            is_spatial(&next) || lexicon::is_closed(&next)
        });
        self.words[index].text.ends_with(['(', '[', '{']) && self.follows_noun() && !begins_a_phrase
    }

    /// The strongest mark of a run of punctuation; brackets and quotation
    /// marks may stand within a noun phrase and are none.
    fn read_marks(&mut self, index: usize) {
        if self.is_bracketed_description(index) {
            self.push(index, "which".to_owned(), LexemeKind::Word);
            self.push(index, "is".to_owned(), LexemeKind::Word);
            return;
        }
        if self.is_bracketed_tag(index) {
            return self.push(index, String::new(), LexemeKind::Comma);
        }
        let text = self.words[index].text.as_str();
        let holds = |marks: &str| text.contains(|letter| marks.contains(letter));
        if holds(".;!?|。！？；") && !text.contains("..") {
            self.push(index, String::new(), LexemeKind::Stop);
        } else if holds(":：=") {
            self.push(index, String::new(), LexemeKind::Colon);
        } else if holds(",/\\–—-~→←>、，•·….") && !text.starts_with(['\'', '’']) {
            self.push(index, String::new(), LexemeKind::Comma);
        } else if holds("&+") {
            self.push(index, "&".to_owned(), LexemeKind::Word);
        }
    }

    /// Whether a dash stands in "left–of".
    fn joins_a_phrase(&self, index: usize) -> bool {
        let is_dash = ["-", "–", "—"].contains(&self.words[index].text.as_str());
        let is_part = |word: Option<&Word>| word.is_some_and(|word| is_spatial(&word.text));
        is_dash
            && index > 0
            && self.touches_next(index - 1)
            && self.touches_next(index)
            && is_part(self.words.get(index - 1))
            && is_part(self.words.get(index + 1))
    }

    /// Whether nothing stands between a word and the next.
    pub(super) fn touches_next(&self, index: usize) -> bool {
        let next = self.words.get(index + 1);
        next.is_some_and(|next| next.span.start == self.words[index].span.end)
    }
}

fn is_spatial(text: &str) -> bool {
    let text = normalised(text);
    SPATIAL_PARTS.split_whitespace().any(|part| part == text)
}

/// The words in a contraction or a hyphened phrase.
fn parts(word: &str) -> Vec<&str> {
    if let Some(verb) = word.strip_suffix("n't") {
        return match verb {
            "is" | "are" | "was" | "were" => vec![verb, "not"],
            _ => vec!["not"],
        };
    }
    let contracted = [
        ("'s", "is"),
        ("'re", "are"),
        ("'m", ""),
        ("'d", ""),
        ("'ll", ""),
        ("'ve", ""),
    ];
    for (ending, verb) in contracted {
        let stems = "it that there he she who what here where i you we they let";
        if let Some(stem) = word.strip_suffix(ending)
            && stems.split(' ').any(|it| it == stem)
        {
            return match (stem, verb) {
                ("let", _) => vec!["please"],
                (_, "") => vec![stem],
                _ => vec![stem, verb],
            };
        }
    }
    let is_phrase = word.contains('-') && word != "hand-in-hand" && word.split('-').all(is_spatial);
    if is_phrase {
        word.split('-').collect()
    } else {
        vec![word]
    }
}

/// Whether a word is an emoji that shows a thing, and no arrow or ornament.
fn is_emoji(text: &str) -> bool {
    let Some(first) = text.chars().next() else {
        return false;
    };
    match first as u32 {
        // Sparkles, arrows, and signs.
        0x2728 | 0x2934..=0x2935 | 0x2B05..=0x2B07 | 0x1F500..=0x1F503 | 0x1F519..=0x1F51D => false,
        0x2600..=0x27BF | 0x2B50..=0x2B55 | 0x1F1E6..=0x1F1FF | 0x1F300..=0x1FAFF => true,
        // Watch and hourglass.
        0x231A..=0x231B | 0x23F0..=0x23F3 => true,
        _ => false,
    }
}

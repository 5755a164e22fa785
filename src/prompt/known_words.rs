//! Words that a person brings along: names of textual inversions, each read as so
//! many tokens of its own.

use std::ops::Range;

use serde::Serialize;

/// Longest name that is looked for, in bytes.
const LONGEST_NAME: usize = 200;
/// Endings of files that people write behind a name.
const ENDINGS: [&str; 3] = [".safetensors", ".pt", ".bin"];
/// How ComfyUI marks a name.
const MARK: &str = "embedding:";

/// A name and how many tokens it stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KnownWord {
    pub name: String,
    pub tokens: usize,
}

/// Every name that prompts may use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownWords {
    /// In small letters, the longest first.
    words: Vec<(String, KnownWord)>,
}

/// Where a known word stands in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KnownPlace<'a> {
    /// With the mark and ending around it.
    pub span: Range<usize>,
    pub word: &'a KnownWord,
}

impl KnownWords {
    /// Of a name that comes twice the first counts.
    pub fn new(words: impl IntoIterator<Item = KnownWord>) -> Self {
        let mut known: Vec<(String, KnownWord)> = Vec::new();
        for word in words {
            let name = word.name.to_lowercase();
            let is_name = !name.trim().is_empty() && name.len() <= LONGEST_NAME;
            if is_name && word.tokens > 0 && !known.iter().any(|(other, _)| *other == name) {
                known.push((name, word));
            }
        }
        known.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        Self { words: known }
    }

    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The known words of a text, in order; a name counts where it stands by itself,
    /// whatever its capitals.
    pub(super) fn find(&self, text: &str) -> Vec<KnownPlace<'_>> {
        let mut places = Vec::new();
        if self.is_empty() {
            return places;
        }
        let mut after_word = false;
        let mut skip_to = 0;
        for (start, sign) in text.char_indices() {
            if start >= skip_to && !after_word {
                let rest = &text[start..];
                let found = self
                    .words
                    .iter()
                    .find_map(|(name, word)| Some((length_of(rest, name)?, word)));
                if let Some((length, word)) = found {
                    let span = start..start + length;
                    skip_to = span.end;
                    places.push(KnownPlace { span, word });
                }
            }
            after_word = is_of_a_word(sign);
        }
        places
    }
}

/// How much of the beginning of a text is that name by itself.
fn length_of(text: &str, name: &str) -> Option<usize> {
    let mark = match starts_with(text, MARK) {
        true => MARK.len(),
        false => 0,
    };
    let mut length = mark + same_length(&text[mark..], name)?;
    let ending = ENDINGS
        .iter()
        .find(|ending| starts_with(&text[length..], ending));
    length += ending.map_or(0, |ending| ending.len());
    let next = text[length..].chars().next();
    (!next.is_some_and(is_of_a_word)).then_some(length)
}

fn starts_with(text: &str, small: &str) -> bool {
    text.get(..small.len())
        .is_some_and(|begin| begin.eq_ignore_ascii_case(small))
}

/// How many bytes of a text are `small` in any capitals.
fn same_length(text: &str, small: &str) -> Option<usize> {
    let mut wanted = small.chars();
    let mut length = 0;
    for sign in text.chars() {
        for small in sign.to_lowercase() {
            if wanted.next() != Some(small) {
                return None;
            }
        }
        length += sign.len_utf8();
        if wanted.as_str().is_empty() {
            return Some(length);
        }
    }
    None
}

fn is_of_a_word(sign: char) -> bool {
    sign.is_alphanumeric() || matches!(sign, '_' | '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> KnownWords {
        let names = ["easynegative", "bad-hands-5", "bad", "猫 style"];
        KnownWords::new(names.map(|name| KnownWord {
            name: name.to_string(),
            tokens: 2,
        }))
    }

    #[test]
    fn names_are_found_by_themselves_in_any_capitals() {
        let known = known();
        let found = |text: &str| -> Vec<String> {
            let places = known.find(text).into_iter();
            places
                .map(|place| format!("{}={}", &text[place.span], place.word.name))
                .collect()
        };
        assert_eq!(found("EasyNegative, a cat"), ["EasyNegative=easynegative"]);
        assert_eq!(
            found("embedding:bad-hands-5 bad"),
            ["embedding:bad-hands-5=bad-hands-5", "bad=bad"]
        );
        assert_eq!(found("embedding:bad.pt,x"), ["embedding:bad.pt=bad"]);
        assert_eq!(found("a 猫 style"), ["猫 style=猫 style"]);
        assert!(found("badly notbad bad_x bad-hands").is_empty());
        assert!(KnownWords::default().find("bad").is_empty());
    }

    #[test]
    fn empty_and_repeated_names_are_left_out() {
        let word = |name: &str, tokens| KnownWord {
            name: name.to_string(),
            tokens,
        };
        let known = KnownWords::new([word("", 1), word("A", 1), word("a", 3), word("b", 0)]);
        assert_eq!(known.words.len(), 1);
        assert_eq!(known.find("a b")[0].word.tokens, 1);
    }
}

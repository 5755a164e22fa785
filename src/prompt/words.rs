//! The words of a prompt as a person sees them, which is what gets assigned:
//! BPE tokens are pieces of words, and a language without spaces still has words.

use std::ops::Range;
use std::sync::LazyLock;

use tokenizers::utils::SysRegex;

/// Letters of scripts that put spaces between words, and digits.
const LETTER: &str = r"[[\p{L}\p{N}]&&[^\p{Han}\p{Hiragana}\p{Katakana}ー]]";
/// The same with combining marks and the joiners of Indic and Persian words.
const LETTER_OR_MARK: &str =
    r"[[\p{L}\p{N}\p{M}\u{200C}\u{200D}]&&[^\p{Han}\p{Hiragana}\p{Katakana}ー\u{FE0F}\u{20E3}]]";
/// One emoji: skin tone, variation and tags, joined by zero-width joiners.
const EMOJI: &str =
    r"\p{Extended_Pictographic}[\p{Emoji_Modifier}\u{FE0F}\u{20E3}\u{E0020}-\u{E007F}]*";

/// A word: emoji, one Han character, a run of kana, a number such as 1.3 or
/// 16:9, letters with inner apostrophes, hyphens and underscores, or a run of
/// anything else that is visible.
static WORD: LazyLock<SysRegex> = LazyLock::new(|| {
    let pattern = [
        r"[0-9#*]\u{FE0F}?\u{20E3}".to_owned(),
        r"\p{Regional_Indicator}{2}".to_owned(),
        format!(r"{EMOJI}(?:\u{{200D}}{EMOJI})*"),
        r"\p{Han}\p{M}*".to_owned(),
        r"\p{Hiragana}[\p{Hiragana}\p{M}ー]*".to_owned(),
        r"[\p{Katakana}ー][\p{Katakana}\p{M}ー]*".to_owned(),
        r"\p{N}+(?:[.,:/]\p{N}+)+".to_owned(),
        format!("{LETTER}{LETTER_OR_MARK}*(?:['’_‐‑-]{LETTER}{LETTER_OR_MARK}*)*"),
        r"[^\s\p{L}\p{N}\p{Extended_Pictographic}\p{Regional_Indicator}]+".to_owned(),
        r"\S".to_owned(),
    ]
    .join("|");
    SysRegex::new(&pattern).expect("the pattern is fixed and valid")
});

/// Byte spans of the words of a text, in order, with no white space in them.
pub(super) fn word_spans(text: &str) -> Vec<Range<usize>> {
    let matches = WORD.find_iter(text);
    matches.map(|(start, end)| start..end).collect()
}

/// What makes a word more than signs.
static WRITTEN: LazyLock<SysRegex> = LazyLock::new(|| {
    let pattern = r"[\p{L}\p{N}\p{Extended_Pictographic}\p{Regional_Indicator}]";
    SysRegex::new(pattern).expect("the pattern is fixed and valid")
});

/// Whether a word is signs alone, with no letter, number or emoji.
pub(super) fn is_punctuation(word: &str) -> bool {
    WRITTEN.find_iter(word).next().is_none()
}

/// Unites words that share a token, so that every token belongs to one word:
/// CLIP has tokens for two emoji and for parts of two Han characters.
///
/// Both lists are in order of their place in the text.
pub(super) fn unite_words_of_one_token(
    words: &[Range<usize>],
    tokens: &[Range<usize>],
) -> Vec<Range<usize>> {
    let mut united: Vec<Range<usize>> = Vec::with_capacity(words.len());
    let mut tokens = tokens.iter().peekable();
    for word in words {
        // A token that starts before this word and reaches into it.
        let shared = tokens
            .peek()
            .is_some_and(|token| token.start < word.start && token.end > word.start);
        match united.last_mut() {
            Some(last) if shared => last.end = word.end,
            _ => united.push(word.clone()),
        }
        while tokens.next_if(|token| token.end <= word.end).is_some() {}
    }
    united
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        let spans = word_spans(text);
        spans.into_iter().map(|span| &text[span]).collect()
    }

    #[test]
    fn words_are_what_a_person_sees() {
        for (text, expected) in [
            ("a cat, a dog", &["a", "cat", ",", "a", "dog"][..]),
            (
                "the dog's red-haired boy",
                &["the", "dog's", "red-haired", "boy"],
            ),
            ("the dogs’ “bed”…", &["the", "dogs", "’", "“", "bed", "”…"]),
            (
                "(cat:1.3) 16:9 long_hair",
                &["(", "cat", ":", "1.3", ")", "16:9", "long_hair"],
            ),
            ("cat--dog -cat-", &["cat", "--", "dog", "-", "cat", "-"]),
            ("  \n\t", &[]),
            ("Ünïcödé e\u{301}tude", &["Ünïcödé", "e\u{301}tude"]),
            ("बिल्ली और कुत्ता", &["बिल्ली", "और", "कुत्ता"]),
            ("고양이 왼쪽의 개", &["고양이", "왼쪽의", "개"]),
            (
                "黒猫と犬のケーキ",
                &["黒", "猫", "と", "犬", "の", "ケーキ"],
            ),
            ("ab猫cd", &["ab", "猫", "cd"]),
            ("🐱🐶!", &["🐱", "🐶", "!"]),
            (
                "👩‍👩‍👧 🇨🇭🇯🇵 👍🏽ok 1️⃣ ❤️",
                &["👩‍👩‍👧", "🇨🇭", "🇯🇵", "👍🏽", "ok", "1️⃣", "❤️"],
            ),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
    }

    #[test]
    fn signs_alone_are_punctuation() {
        for signs in ["", ",", "”…", "--", "(", "、"] {
            assert!(is_punctuation(signs), "{signs}");
        }
        for word in ["cat", "1.3", "猫", "🐱", "🇨🇭", "1️⃣", "dog's"] {
            assert!(!is_punctuation(word), "{word}");
        }
    }

    #[test]
    fn words_that_share_a_token_are_one() {
        let words = [0..4, 4..8, 9..12, 12..16, 16..17];
        let apart = [0..2, 2..4, 4..8, 9..12, 12..16, 16..17];
        assert_eq!(unite_words_of_one_token(&words, &apart), words);
        let shared = [0..8, 9..10, 10..14, 12..16, 16..17];
        assert_eq!(
            unite_words_of_one_token(&words, &shared),
            [0..8, 9..16, 16..17]
        );
        let whole = Range { start: 0, end: 17 };
        let tokens = std::slice::from_ref(&whole);
        assert_eq!(unite_words_of_one_token(&words, tokens), tokens);
    }
}

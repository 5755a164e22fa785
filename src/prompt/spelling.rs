//! One spelling for words that look the same: composed or decomposed letters,
//! typographic apostrophes and hyphens, capitals.

use tokenizers::NormalizedString;

/// A word in lower case with composed letters (Unicode's NFC, as CLIP's
/// tokenizer has it), plain apostrophes and plain hyphens; an underscore is a
/// hyphen, and what can't be seen is left out.
pub(super) fn normalised(word: &str) -> String {
    let composed = if word.is_ascii() {
        word.to_lowercase()
    } else {
        let mut text = NormalizedString::from(word);
        text.nfc();
        text.get().to_lowercase()
    };
    composed.chars().filter_map(plain).collect()
}

fn plain(letter: char) -> Option<char> {
    match letter {
        '’' | '‘' | 'ʼ' | '`' | '´' | '＇' => Some('\''),
        '_' | '‐' | '‑' | '‒' | '−' | '﹣' | '－' => Some('-'),
        // Soft hyphen, zero-width space, word joiner, byte order mark.
        '\u{AD}' | '\u{200B}' | '\u{2060}' | '\u{FEFF}' => None,
        other => Some(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_look_the_same_are_the_same() {
        for (written, expected) in [
            ("Re\u{301}sume\u{301}", "résumé"),
            ("RÉSUMÉ", "résumé"),
            ("Dog’s", "dog's"),
            ("left‑of", "left-of"),
            ("left_of", "left-of"),
            ("ca\u{AD}t\u{200B}", "cat"),
            ("한", "한"),
            ("한", "한"),
        ] {
            assert_eq!(normalised(written), expected, "{written:?}");
        }
    }
}

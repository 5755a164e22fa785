//! CLIP's byte-level BPE vocabulary: the byte alphabet, `vocab.json`,
//! `merges.txt` and `tokenizer.json`. The merges alone are enough, because
//! OpenAI numbered the vocabulary in their order.

use std::collections::HashMap;

use serde::Deserialize;

use super::tokenizer_files::TokenizerError;

/// First token of every text.
pub(super) const START_TOKEN: &str = "<|startoftext|>";
/// Last token of every text; also what stands for unknown symbols.
pub(super) const END_TOKEN: &str = "<|endoftext|>";
/// Marks the token that ends a word.
pub(super) const END_OF_WORD: &str = "</w>";

/// Tokens by their text, and the merges in order of priority.
pub(super) struct Vocabulary {
    pub ids: HashMap<String, u32>,
    pub merges: Vec<(String, String)>,
}

impl Vocabulary {
    /// From `merges.txt` and, where there is one, `vocab.json`.
    pub fn from_merges(merges: &[u8], vocab: Option<&[u8]>) -> Result<Self, TokenizerError> {
        let merges = parse_merges(merges)?;
        let ids = match vocab {
            Some(bytes) => {
                serde_json::from_slice(bytes).map_err(|source| TokenizerError::Json {
                    file: "vocab.json",
                    source,
                })?
            }
            None => ids_in_order_of_merges(&merges),
        };
        Self { ids, merges }.checked("vocab.json")
    }

    /// From the `model` of a `tokenizer.json`; the rest of CLIP's pipeline is fixed.
    pub fn from_tokenizer_json(bytes: &[u8]) -> Result<Self, TokenizerError> {
        const FILE: &str = "tokenizer.json";
        let document: TokenizerJson = serde_json::from_slice(bytes)
            .map_err(|source| TokenizerError::Json { file: FILE, source })?;
        let merges = document
            .model
            .merges
            .into_iter()
            .map(|merge| match merge {
                Merge::Pair(left, right) => Ok((left, right)),
                Merge::Line(line) => parse_merge(&line).ok_or(TokenizerError::NotClip {
                    file: FILE,
                    reason: format!("the merge “{line}” is not a pair"),
                }),
            })
            .collect::<Result<_, _>>()?;
        let ids = document.model.vocab;
        Self { ids, merges }.checked(FILE)
    }

    /// Refuses vocabularies of another kind, in which text would silently become "unknown".
    fn checked(self, file: &'static str) -> Result<Self, TokenizerError> {
        let symbols = byte_alphabet().into_iter().map(String::from);
        let specials = [START_TOKEN, END_TOKEN].map(str::to_owned);
        let required = symbols
            .flat_map(|symbol| [format!("{symbol}{END_OF_WORD}"), symbol])
            .chain(specials);
        for token in required {
            if !self.ids.contains_key(&token) {
                return Err(TokenizerError::NotClip {
                    file,
                    reason: format!("it lacks the token “{token}”"),
                });
            }
        }
        Ok(self)
    }
}

/// The part of a `tokenizer.json` that differs between CLIP tokenizers.
#[derive(Deserialize)]
struct TokenizerJson {
    model: TokenizerJsonModel,
}

#[derive(Deserialize)]
struct TokenizerJsonModel {
    vocab: HashMap<String, u32>,
    merges: Vec<Merge>,
}

/// Merges are lines in older files and pairs in newer ones.
#[derive(Deserialize)]
#[serde(untagged)]
enum Merge {
    Pair(String, String),
    Line(String),
}

fn parse_merges(bytes: &[u8]) -> Result<Vec<(String, String)>, TokenizerError> {
    let not_clip = |reason: String| TokenizerError::NotClip {
        file: "merges.txt",
        reason,
    };
    let text = str::from_utf8(bytes).map_err(|error| not_clip(error.to_string()))?;
    text.lines()
        .enumerate()
        .filter(|(number, line)| !(line.is_empty() || *number == 0 && line.starts_with("#version")))
        .map(|(number, line)| {
            parse_merge(line).ok_or_else(|| not_clip(format!("line {} is not a pair", number + 1)))
        })
        .collect()
}

fn parse_merge(line: &str) -> Option<(String, String)> {
    let (left, right) = line.split_once(' ')?;
    let is_pair = !left.is_empty() && !right.is_empty() && !right.contains(' ');
    is_pair.then(|| (left.to_owned(), right.to_owned()))
}

/// CLIP's numbering: the 256 bytes, the same at the end of a word, the result
/// of each merge, start, end.
fn ids_in_order_of_merges(merges: &[(String, String)]) -> HashMap<String, u32> {
    let symbols = byte_alphabet().map(String::from);
    let ends = symbols.clone().map(|symbol| symbol + END_OF_WORD);
    let merged = merges.iter().map(|(left, right)| format!("{left}{right}"));
    let specials = [START_TOKEN, END_TOKEN].map(str::to_owned);
    symbols
        .into_iter()
        .chain(ends)
        .chain(merged)
        .chain(specials)
        .zip(0..)
        .collect()
}

/// The letter that stands for each byte in GPT-2's vocabularies, in their
/// order: printable Latin-1 bytes stand for themselves and come first, the
/// 68 others are U+0100 and the letters after it.
fn byte_alphabet() -> [char; 256] {
    let mut alphabet = ['\0'; 256];
    let (printable, other): (Vec<u8>, Vec<u8>) =
        (0..=u8::MAX).partition(|byte| stands_for_itself(*byte));
    let letters = printable
        .into_iter()
        .map(char::from)
        .chain(('\u{100}'..).take(other.len()));
    for (place, letter) in alphabet.iter_mut().zip(letters) {
        *place = letter;
    }
    alphabet
}

fn stands_for_itself(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF)
}

/// The bytes of a token's text, without the end-of-word mark; `None` if it
/// has letters outside the byte alphabet.
pub(super) fn token_bytes(token: &str) -> Option<Vec<u8>> {
    let token = token.strip_suffix(END_OF_WORD).unwrap_or(token);
    let other = (0..=u8::MAX).filter(|byte| !stands_for_itself(*byte));
    token
        .chars()
        .map(|letter| match u8::try_from(letter) {
            Ok(byte) => stands_for_itself(byte).then_some(byte),
            Err(_) => other.clone().nth(letter as usize - 0x100),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alphabet_starts_and_ends_as_gpt2s() {
        let alphabet = byte_alphabet();
        assert_eq!(alphabet[0], '!');
        assert_eq!(alphabet[93], '~');
        assert_eq!(alphabet[94], '¡');
        // Byte 0 is the first that has no letter of its own, the soft hyphen the last.
        assert_eq!(alphabet[188], 'Ā');
        assert_eq!(alphabet[255], '\u{143}');
        let distinct: std::collections::HashSet<char> = alphabet.into_iter().collect();
        assert_eq!(distinct.len(), 256);
    }

    #[test]
    fn token_bytes_reads_letters_back_as_utf8() {
        // U+0120 stands for the space in every GPT-2 vocabulary.
        assert_eq!(token_bytes("Ġcat</w>"), Some(b" cat".to_vec()));
        assert_eq!(token_bytes("ðŁĲ±</w>"), Some("🐱".as_bytes().to_vec()));
        assert_eq!(token_bytes("猫"), None);
        assert_eq!(token_bytes("a b"), None);
    }

    #[test]
    fn merges_alone_number_tokens_as_clip_does() {
        let vocabulary = Vocabulary::from_merges(b"#version: 0.2\ni n\nt h\nin g</w>\n", None);
        let ids = vocabulary.unwrap().ids;
        // From CLIP's vocab.json.
        for (token, id) in [("!", 0), ("!</w>", 256), ("a</w>", 320), ("in", 512)] {
            assert_eq!(ids[token], id, "{token}");
        }
        assert_eq!(ids["ing</w>"], 514);
        assert_eq!((ids[START_TOKEN], ids[END_TOKEN]), (515, 516));
    }

    #[test]
    fn foreign_files_are_refused() {
        let t5 = br#"{"model": {"type": "Unigram", "vocab": [["<pad>", 0.0]]}}"#;
        assert!(matches!(
            Vocabulary::from_tokenizer_json(t5),
            Err(TokenizerError::Json { .. })
        ));
        let merges = b"#version: 0.2\ni n\n";
        let word_level = br#"{"cat": 0, "dog": 1}"#;
        assert!(matches!(
            Vocabulary::from_merges(merges, Some(word_level)),
            Err(TokenizerError::NotClip { .. })
        ));
        for broken in [
            &b"i n g\n"[..],
            b"in\n",
            b"\xff\xfe",
            b"i n\n#version t\n x y\n",
        ] {
            assert!(matches!(
                Vocabulary::from_merges(broken, None),
                Err(TokenizerError::NotClip { .. })
            ));
        }
    }
}

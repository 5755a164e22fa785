//! CLIP's tokenizer as Stable Diffusion uses it: the same ids as Hugging Face's
//! `CLIPTokenizer`, and for each token the words and bytes of the prompt that
//! it came from.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use tokenizers::models::bpe::BPE;
use tokenizers::normalizers::{self, Lowercase, NFC, NormalizerWrapper, Replace};
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{AddedToken, SplitDelimiterBehavior, Tokenizer};

use super::tokenized_prompt::{Token, TokenizedPrompt, Word};
use super::tokenizer_files::{Settings, TokenizerError, TokenizerFiles};
use super::vocabulary::{END_OF_WORD, END_TOKEN, START_TOKEN, Vocabulary, token_bytes};
use super::words::{unite_words_of_one_token, word_spans};

/// How CLIP splits text before BPE: special tokens, contractions, runs of
/// letters, single digits, runs of anything else visible
/// (OpenAI's `simple_tokenizer.py`).
const CLIP_SPLIT: &str =
    r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+";

/// Turns prompts into token ids of one checkpoint's text encoder.
#[derive(Debug)]
pub struct ClipTokenizer {
    tokenizer: Tokenizer,
    length: usize,
    start: u32,
    end: u32,
    padding: u32,
    padding_text: String,
}

impl ClipTokenizer {
    /// From a checkpoint's `tokenizer` folder.
    ///
    /// # Errors
    /// [`TokenizerError`] if files are missing, unreadable or not of a CLIP tokenizer.
    pub fn from_folder(folder: &Path) -> Result<Self, TokenizerError> {
        let read = |name: &str| {
            let path = folder.join(name);
            match std::fs::read(&path) {
                Ok(bytes) => Ok(Some(bytes)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(source) => Err(TokenizerError::Read { path, source }),
            }
        };
        let tokenizer_json = read("tokenizer.json")?;
        let (merges, vocab) = match tokenizer_json {
            Some(_) => (None, None),
            None => (read("merges.txt")?, read("vocab.json")?),
        };
        if tokenizer_json.is_none() && merges.is_none() {
            return Err(TokenizerError::Missing(folder.to_owned()));
        }
        Self::from_files(TokenizerFiles {
            tokenizer_json: tokenizer_json.as_deref(),
            merges: merges.as_deref(),
            vocab: vocab.as_deref(),
            tokenizer_config: read("tokenizer_config.json")?.as_deref(),
            special_tokens_map: read("special_tokens_map.json")?.as_deref(),
            positions: None,
        })
    }

    /// From files in memory, as the embedded model and archives give them.
    ///
    /// # Errors
    /// [`TokenizerError`] if files are missing, damaged or not of a CLIP tokenizer.
    pub fn from_files(files: TokenizerFiles<'_>) -> Result<Self, TokenizerError> {
        let vocabulary = match (files.tokenizer_json, files.merges) {
            (Some(bytes), _) => Vocabulary::from_tokenizer_json(bytes)?,
            (None, Some(merges)) => Vocabulary::from_merges(merges, files.vocab)?,
            (None, None) => return Err(TokenizerError::Missing(PathBuf::from("the tokenizer"))),
        };
        let config = Settings::read("tokenizer_config.json", files.tokenizer_config)?;
        let specials = Settings::read("special_tokens_map.json", files.special_tokens_map)?;
        let length = config.length(files.positions);
        let padding_text = config
            .padding_token()
            .or(specials.padding_token())
            .unwrap_or_else(|| END_TOKEN.to_owned());
        let id_of = |token: &str| {
            vocabulary
                .ids
                .get(token)
                .copied()
                .ok_or_else(|| TokenizerError::NotClip {
                    file: "tokenizer_config.json",
                    reason: format!("its token “{token}” is not in the vocabulary"),
                })
        };
        Ok(Self {
            length,
            start: id_of(START_TOKEN)?,
            end: id_of(END_TOKEN)?,
            padding: id_of(&padding_text)?,
            tokenizer: clip_pipeline(vocabulary, &padding_text)?,
            padding_text,
        })
    }

    /// Positions of every encoded prompt, 77 for Stable Diffusion.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Tokens it knows; every id is below this.
    pub fn vocabulary_size(&self) -> usize {
        self.tokenizer.get_vocab_size(true)
    }

    /// Encodes a prompt; one that is too long loses its last words.
    pub fn encode(&self, prompt: &str) -> TokenizedPrompt {
        let encoding = self
            .tokenizer
            .encode(prompt, false)
            .expect("byte-level BPE with all byte symbols encodes every text");
        let spans: Vec<Range<usize>> = encoding
            .get_offsets()
            .iter()
            .map(|&(start, end)| start..end)
            .collect();
        let word_spans = unite_words_of_one_token(&word_spans(prompt), &spans);

        let kept = spans.len().min(self.length - 2);
        let end = kept + 1;
        let mut tokens = Vec::with_capacity(self.length);
        let special = |position, id, text: &str| Token {
            position,
            id,
            text: text.to_owned(),
            word: None,
            span: 0..0,
        };
        tokens.push(special(0, self.start, START_TOKEN));
        let pieces = encoding.get_ids().iter().zip(encoding.get_tokens());
        for ((&id, piece), span) in pieces.zip(&spans).take(kept) {
            let word = word_spans.partition_point(|word| word.end <= span.start);
            let span = span.start..end_with_marks(span, &spans, &word_spans[word]);
            tokens.push(Token {
                position: tokens.len(),
                id,
                text: display_text(piece, &prompt[span.clone()]),
                word: Some(word),
                span,
            });
        }
        tokens.push(special(end, self.end, END_TOKEN));
        tokens.extend(
            (end + 1..self.length).map(|place| special(place, self.padding, &self.padding_text)),
        );

        let (words, lost_words) = words_of_tokens(prompt, word_spans, &spans, kept);
        TokenizedPrompt {
            text: prompt.to_owned(),
            ids: tokens.iter().map(|token| token.id).collect(),
            tokens,
            words,
            end,
            lost_words,
        }
    }
}

/// Words with their token positions, and the texts of those that have tokens
/// beyond the first `kept`.
fn words_of_tokens(
    prompt: &str,
    word_spans: Vec<Range<usize>>,
    token_spans: &[Range<usize>],
    kept: usize,
) -> (Vec<Word>, Vec<String>) {
    let mut lost = Vec::new();
    let words = word_spans
        .into_iter()
        .map(|span| {
            let first = token_spans.partition_point(|token| token.start < span.start);
            let last = token_spans.partition_point(|token| token.start < span.end);
            let text = prompt[span.clone()].to_owned();
            if last > kept {
                lost.push(text.clone());
            }
            Word {
                text,
                span,
                tokens: first.min(kept) + 1..last.min(kept) + 1,
            }
        })
        .collect();
    (words, lost)
}

/// End of a token's bytes with what normalisation dropped behind it, such as
/// the accent of a decomposed letter: up to the next token of the word or its end.
fn end_with_marks(span: &Range<usize>, all: &[Range<usize>], word: &Range<usize>) -> usize {
    let next = all.partition_point(|other| other.start <= span.start);
    let next_start = all.get(next).map_or(word.end, |other| other.start);
    span.end.max(next_start.min(word.end))
}

/// A token's own text, or what it came from if it is only a part of a character.
fn display_text(token: &str, source: &str) -> String {
    if token == START_TOKEN || token == END_TOKEN {
        return token.to_owned();
    }
    token_bytes(token)
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .unwrap_or_else(|| source.to_owned())
}

/// Normalisation, splitting and BPE as in Hugging Face's `CLIPTokenizer`,
/// which takes nothing but vocabulary and merges from a checkpoint's files.
fn clip_pipeline(vocabulary: Vocabulary, padding: &str) -> Result<Tokenizer, TokenizerError> {
    let model = BPE::builder()
        .vocab_and_merges(
            vocabulary
                .ids
                .into_iter()
                .collect::<tokenizers::models::bpe::Vocab>(),
            vocabulary.merges,
        )
        .unk_token(END_TOKEN.to_owned())
        .continuing_subword_prefix(String::new())
        .end_of_word_suffix(END_OF_WORD.to_owned())
        .build()
        .map_err(|error| TokenizerError::NotClip {
            file: "merges.txt",
            reason: error.to_string(),
        })?;
    let mut tokenizer = Tokenizer::new(model);
    let white_space = normalizers::replace::ReplacePattern::Regex(r"\s+".to_owned());
    let normalizer = normalizers::Sequence::new(vec![
        NormalizerWrapper::NFC(NFC),
        Replace::new(white_space, " ")
            .expect("the pattern is fixed and valid")
            .into(),
        Lowercase.into(),
    ]);
    let split = Split::new(
        SplitPattern::Regex(CLIP_SPLIT.to_owned()),
        SplitDelimiterBehavior::Removed,
        true,
    )
    .expect("the pattern is fixed and valid");
    let bytes = ByteLevel::default().add_prefix_space(false);
    tokenizer.with_pre_tokenizer(Some(Sequence::new(vec![
        PreTokenizerWrapper::Split(split),
        bytes.into(),
    ])));
    // Special tokens are found in the prompt before anything else: SD 2.x pads
    // with "!", so there each exclamation mark becomes the padding token.
    let specials =
        [START_TOKEN, END_TOKEN, padding].map(|token| AddedToken::from(token.to_owned(), true));
    tokenizer
        .with_normalizer(Some(normalizer))
        .and_then(|tokenizer| tokenizer.add_special_tokens(specials))
        .map_err(|error| TokenizerError::NotClip {
            file: "tokenizer_config.json",
            reason: error.to_string(),
        })?;
    Ok(tokenizer)
}

#[cfg(test)]
pub(crate) mod tests;

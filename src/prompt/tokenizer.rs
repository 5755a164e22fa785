//! CLIP's tokenizer as Stable Diffusion uses it: the same ids as Hugging Face's
//! `CLIPTokenizer`, and for each token the words and bytes of the prompt that
//! it came from.

mod pipeline;
mod read_words;

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use tokenizers::Tokenizer;

use super::chunks::{Group, MOST_CHUNKS, Unit, chunk_counts, columns};
use super::known_words::KnownWords;
use super::syntax::{self, PromptWeights, Segment};
use super::tokenized_prompt::{Token, TokenizedPrompt};
use super::tokenizer_files::{Settings, TokenizerError, TokenizerFiles};
use super::vocabulary::{END_TOKEN, START_TOKEN, Vocabulary, token_bytes};
use super::words::{unite_words_of_one_token, word_spans};
use pipeline::clip_pipeline;
use read_words::{ReadWord, Reading};

/// A comma's token.
const COMMA: &str = ",</w>";
/// Turns prompts into token ids of one checkpoint's text encoder.
#[derive(Debug)]
pub struct ClipTokenizer {
    tokenizer: Tokenizer,
    length: usize,
    start: u32,
    end: u32,
    padding: u32,
    padding_text: String,
    /// Where a long prompt may be cut.
    comma: Option<u32>,
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
            comma: vocabulary.ids.get(COMMA).copied(),
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

    /// The token that prompts are filled up with.
    pub fn padding(&self) -> u32 {
        self.padding
    }

    /// The token at the end of a prompt.
    pub fn end(&self) -> u32 {
        self.end
    }

    /// Encodes a prompt whose every character counts as it is; one that is too long
    /// loses its last words.
    pub fn encode(&self, prompt: &str) -> TokenizedPrompt {
        self.read(prompt, PromptWeights::Literal)
    }

    /// Encodes a prompt as people write them. A long one has several chunks; one
    /// that is longer than [`MOST_CHUNKS`](super::chunks::MOST_CHUNKS) loses its
    /// last words.
    pub fn read(&self, prompt: &str, weighting: PromptWeights) -> TokenizedPrompt {
        self.read_with(prompt, weighting, &KnownWords::default())
    }

    /// As [`Self::read`], with words that a person brought along; literal prompts have
    /// none.
    pub fn read_with(
        &self,
        prompt: &str,
        weighting: PromptWeights,
        known: &KnownWords,
    ) -> TokenizedPrompt {
        let nothing = KnownWords::default();
        let known = match weighting {
            PromptWeights::Literal => &nothing,
            _ => known,
        };
        let parsed = syntax::parse(prompt, weighting);
        let mut reading = Reading::default();
        let most = (self.length - 2) * MOST_CHUNKS;
        for segment in &parsed.segments {
            match reading.pieces.len() < most {
                true => self.read_segment(segment, known, &mut reading),
                false => reading.lose(segment),
            }
        }
        let counts = chunk_counts(&reading.groups, weighting, self.length - 2);
        let kept: usize = counts.iter().sum();
        reading.pieces.truncate(kept);
        let words = reading.words;
        let lost_words = words.iter().filter(|word| word.is_lost(kept));
        let mut tokenized = TokenizedPrompt {
            text: prompt.to_owned(),
            lost_words: lost_words.map(|word| word.text.clone()).collect(),
            words: words.into_iter().map(|word| word.kept(kept)).collect(),
            end: kept + 1,
            weighting,
            own_chunks: counts.len(),
            networks: parsed.networks,
            notes: parsed.notes,
            ids: Vec::new(),
            tokens: Vec::new(),
            chunks: Vec::new(),
        };
        self.place(&mut tokenized, reading.pieces, &counts);
        tokenized
    }

    /// The same prompt with chunks of padding behind its own, `chunks` in all; one
    /// that has as many stays as it is.
    pub fn padded(&self, prompt: &TokenizedPrompt, chunks: usize) -> TokenizedPrompt {
        let mut padded = prompt.clone();
        let is_word = |&&position: &&usize| prompt.tokens[position].word.is_some();
        let own = prompt.chunks.iter();
        let mut counts: Vec<usize> = own
            .map(|positions| positions.iter().filter(is_word).count())
            .collect();
        counts.resize(chunks.max(counts.len()), 0);
        self.place(&mut padded, prompt.word_tokens().to_vec(), &counts);
        padded
    }

    /// The ids of the empty prompt, one chunk.
    pub fn empty_ids(&self) -> Vec<u32> {
        self.read("", PromptWeights::Literal).ids
    }

    /// Words and tokens of one stretch of weight, known words as their own tokens.
    fn read_segment(&self, segment: &Segment, known: &KnownWords, reading: &mut Reading) {
        reading.groups.push(Group {
            breaks: segment.breaks,
            units: Vec::new(),
        });
        let mut from = 0;
        for place in known.find(&segment.text) {
            // A chunk must hold all of it.
            if place.word.tokens <= self.length - 2 {
                self.read_text(segment, from..place.span.start, reading);
                from = place.span.end;
                reading.take_known(segment, &place);
            }
        }
        self.read_text(segment, from..segment.text.len(), reading);
    }

    /// Words and tokens of a part of a segment's text.
    fn read_text(&self, segment: &Segment, part: Range<usize>, reading: &mut Reading) {
        let (text, offset) = (&segment.text[part.clone()], part.start);
        let encoding = self
            .tokenizer
            .encode(text, false)
            .expect("byte-level BPE with all byte symbols encodes every text");
        let spans: Vec<Range<usize>> = encoding
            .get_offsets()
            .iter()
            .map(|&(start, end)| start..end)
            .collect();
        let word_spans = unite_words_of_one_token(&word_spans(text), &spans);
        let (first_word, first_piece) = (reading.words.len(), reading.pieces.len());
        let in_prompt =
            |span: &Range<usize>| segment.span_in_prompt(&(span.start + offset..span.end + offset));
        let pieces = encoding.get_ids().iter().zip(encoding.get_tokens());
        for ((&id, piece), span) in pieces.zip(&spans) {
            let word = word_spans.partition_point(|word| word.end <= span.start);
            let span = span.start..end_with_marks(span, &spans, &word_spans[word]);
            let unit = Unit {
                length: 1,
                is_comma: Some(id) == self.comma,
            };
            let token = Token {
                position: 0,
                id,
                text: display_text(piece, &text[span.clone()]),
                word: Some(first_word + word),
                vector: None,
                span: in_prompt(&span),
            };
            reading.take(unit, [token]);
        }
        reading.words.extend(word_spans.into_iter().map(|span| {
            let first = spans.partition_point(|token| token.start < span.start);
            let end = spans.partition_point(|token| token.start < span.end);
            ReadWord {
                text: text[span.clone()].to_owned(),
                span: in_prompt(&span),
                weight: segment.weight,
                pieces: first_piece + first..first_piece + end,
                is_read: true,
            }
        }));
    }

    /// Gives each token its position: `words` first, then the others.
    fn place(&self, prompt: &mut TokenizedPrompt, words: Vec<Token>, counts: &[usize]) {
        let room = self.length - 2;
        prompt.chunks = columns(counts, room);
        let special = |id, text: &str| Token {
            position: 0,
            id,
            text: text.to_owned(),
            word: None,
            vector: None,
            span: 0..0,
        };
        let mut tokens = vec![special(self.start, START_TOKEN)];
        tokens.extend(words);
        let padding = special(self.padding, &self.padding_text);
        tokens.resize(self.length * counts.len(), padding);
        for (positions, &count) in prompt.chunks.iter().zip(counts) {
            tokens[positions[0]] = special(self.start, START_TOKEN);
            tokens[positions[count + 1]] = special(self.end, END_TOKEN);
        }
        for (position, token) in tokens.iter_mut().enumerate() {
            token.position = position;
        }
        prompt.ids = tokens.iter().map(|token| token.id).collect();
        prompt.tokens = tokens;
    }
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

#[cfg(test)]
pub(crate) mod tests;

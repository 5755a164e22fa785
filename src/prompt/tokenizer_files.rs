//! The files a checkpoint's tokenizer is read from, the settings in them, and
//! what can be wrong with them.

use std::io;
use std::path::PathBuf;

use serde::Deserialize;
use thiserror::Error;

/// Positions of CLIP's text model, used where nothing names a sensible length.
const CLIP_LENGTH: usize = 77;

/// The merges of every Stable Diffusion 1.x and 2.x tokenizer, for checkpoints
/// that bring none.
pub const CLIP_MERGES: &[u8] = include_bytes!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/assets/clip/merges.txt"
));

/// Why a checkpoint's tokenizer can't be used.
#[derive(Debug, Error)]
pub enum TokenizerError {
    /// Neither `tokenizer.json` nor `merges.txt` was found.
    #[error(
        "{} has neither tokenizer.json nor merges.txt; download the checkpoint's tokenizer folder again",
        .0.display()
    )]
    Missing(PathBuf),
    /// A file is there but can't be read.
    #[error("{} can't be read ({source}); check the file and its permissions", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is not the JSON it should be.
    #[error("{file} is damaged or of another kind of tokenizer ({source}); download it again")]
    Json {
        /// Name of the file.
        file: &'static str,
        /// Where and why reading stopped.
        source: serde_json::Error,
    },
    /// A file is well formed but not of a CLIP tokenizer.
    #[error(
        "{file} is not of a CLIP tokenizer: {reason}; Stable Diffusion 1.x and 2.x need CLIP's"
    )]
    NotClip {
        /// Name of the file.
        file: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

/// A tokenizer's files as bytes; needed is `tokenizer_json` or `merges`.
///
/// CLIP's vocabulary follows from its merges, so `vocab` may be absent.
#[derive(Debug, Clone, Copy, Default)]
pub struct TokenizerFiles<'a> {
    /// `tokenizer.json`; takes precedence over the next two.
    pub tokenizer_json: Option<&'a [u8]>,
    /// `merges.txt`.
    pub merges: Option<&'a [u8]>,
    /// `vocab.json`.
    pub vocab: Option<&'a [u8]>,
    /// `tokenizer_config.json`: padding token and length.
    pub tokenizer_config: Option<&'a [u8]>,
    /// `special_tokens_map.json`: the padding token where the config has none.
    pub special_tokens_map: Option<&'a [u8]>,
    /// Positions that the text encoder knows, where no file names a sensible
    /// length; 77 without it.
    pub positions: Option<usize>,
}

/// What is read of `tokenizer_config.json` and `special_tokens_map.json`.
#[derive(Default, Deserialize)]
pub(super) struct Settings {
    pad_token: Option<SpecialToken>,
    /// Some files hold 1e30 for "no limit", hence a float.
    model_max_length: Option<f64>,
}

/// Plain text in some files, an object with flags in others.
#[derive(Deserialize)]
#[serde(untagged)]
enum SpecialToken {
    Text(String),
    Object { content: String },
}

impl Settings {
    pub fn read(file: &'static str, bytes: Option<&[u8]>) -> Result<Self, TokenizerError> {
        match bytes {
            None => Ok(Self::default()),
            Some(bytes) => serde_json::from_slice(bytes)
                .map_err(|source| TokenizerError::Json { file, source }),
        }
    }

    pub fn padding_token(self) -> Option<String> {
        self.pad_token.map(|token| match token {
            SpecialToken::Text(text) | SpecialToken::Object { content: text } => text,
        })
    }

    /// The length if it leaves room for a token and is not "no limit", else that
    /// of a text encoder with so many `positions`.
    pub fn length(&self, positions: Option<usize>) -> usize {
        match self.model_max_length {
            Some(length) if (3.0..=4096.0).contains(&length) => length as usize,
            _ => positions.unwrap_or(CLIP_LENGTH),
        }
    }
}

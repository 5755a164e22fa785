//! Textual inversions: words that a file teaches the text encoder, a few vectors each.
//!
//! They take the place of token embeddings (Gal et al. 2022). Read are the forms in
//! which A1111, ComfyUI and diffusers keep them as safetensors: one tensor, under
//! whatever name, or one for each text encoder of Stable Diffusion XL.

use std::path::{Path, PathBuf};

use super::CheckpointError;
use super::conversion::{WeightType, convert, is_weight};
use super::model_hash::sha256;
use super::recognition;
use super::weight_file::{StoredTensor, WeightFile};

/// Most vectors of one word: no chunk of CLIP's holds more.
const MOST_VECTORS: usize = 75;
/// The name of the tensor for CLIP in files of Stable Diffusion XL, beside which one for
/// the second text encoder lies.
const FIRST_OF_TWO: &str = "clip_l";
const SECOND_OF_TWO: &str = "clip_g";

/// Why a file teaches no word.
#[derive(Debug, thiserror::Error)]
pub enum InversionError {
    /// It cannot be read, or is no safetensors file.
    #[error(transparent)]
    File(#[from] CheckpointError),
    /// It is something else.
    #[error("{file} is {what}, not a textual inversion")]
    Other { file: String, what: String },
    /// Its tensor has no form that vectors of a word have.
    #[error(
        "{file}: the tensor {tensor} has the shape {found:?}; a word has 1 to {MOST_VECTORS} vectors"
    )]
    Shape {
        file: String,
        tensor: String,
        found: Vec<usize>,
    },
    /// Made for a text encoder of another width.
    #[error(
        "{file} was made for {made_for}, and the text encoder of this model has {width} numbers a \
         token"
    )]
    OtherFamily {
        file: String,
        made_for: String,
        width: usize,
    },
    /// A number that is none.
    #[error("{file}: the tensor {tensor} has values that are not finite; the file is damaged")]
    NotFinite { file: String, tensor: String },
}

/// An open file.
#[derive(Debug)]
pub struct TextualInversion {
    /// The file's name without its ending: the word.
    pub name: String,
    path: PathBuf,
    file: WeightFile,
    tensor: String,
    stored: StoredTensor,
}

impl TextualInversion {
    /// Opens the file at `path`; its numbers are not read.
    ///
    /// # Errors
    /// If it cannot be read or is something else.
    pub fn open(path: &Path) -> Result<Self, InversionError> {
        let shown = path.file_name().unwrap_or(path.as_os_str());
        let stem = path.file_stem().unwrap_or(shown);
        let file = WeightFile::open(path, &shown.to_string_lossy())?;
        let names: Vec<&String> = file.tensors.keys().collect();
        let tensor = match names.as_slice() {
            [only] => (*only).clone(),
            _ if file.tensors.contains_key(FIRST_OF_TWO) => FIRST_OF_TWO.to_string(),
            _ => return Err(other(&file)),
        };
        let stored = file.tensors[&tensor].clone();
        let is_word = match stored.shape.as_slice() {
            [width] => *width > 0,
            [vectors, width] => (1..=MOST_VECTORS).contains(vectors) && *width > 0,
            _ => return Err(other(&file)),
        };
        if !is_word || !is_weight(stored.dtype) {
            return Err(InversionError::Shape {
                file: file.name.clone(),
                tensor,
                found: stored.shape,
            });
        }
        Ok(Self {
            name: stem.to_string_lossy().into_owned(),
            path: path.to_path_buf(),
            tensor,
            stored,
            file,
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many tokens the word is read as.
    pub fn tokens(&self) -> usize {
        match self.stored.shape.as_slice() {
            [vectors, _] => *vectors,
            _ => 1,
        }
    }

    /// Numbers of each vector.
    pub fn width(&self) -> usize {
        self.stored.shape.last().copied().unwrap_or(0)
    }

    /// The models that it was made for, as far as its tensors tell.
    pub fn made_for(&self) -> String {
        if self.file.tensors.contains_key(SECOND_OF_TWO) {
            return "Stable Diffusion XL".to_string();
        }
        match self.width() {
            768 => "Stable Diffusion 1.x".to_string(),
            1024 => "Stable Diffusion 2.x".to_string(),
            1280 => "the second text encoder of Stable Diffusion XL".to_string(),
            width => format!("a text encoder with {width} numbers a token"),
        }
    }

    /// SHA-256 of the file in hexadecimal, whose first 10 digits A1111 writes.
    pub fn hash(&self) -> String {
        sha256([self.file.all_bytes()])
    }

    /// Its vectors [tokens, width], row-major, for a text encoder of `width` numbers a token.
    ///
    /// # Errors
    /// If it is of another width, or a number is not finite.
    pub fn vectors(&self, width: usize) -> Result<Vec<f32>, InversionError> {
        if self.width() != width {
            return Err(InversionError::OtherFamily {
                file: self.file.name.clone(),
                made_for: self.made_for(),
                width,
            });
        }
        let bytes = self.file.bytes(&self.stored);
        let stored = &self.stored;
        let data = convert(bytes, stored.dtype, &stored.shape, false, WeightType::F32);
        let numbers = data.and_then(|data| data.try_into_vec::<f32>().ok());
        numbers.ok_or_else(|| InversionError::NotFinite {
            file: self.file.name.clone(),
            tensor: self.tensor.clone(),
        })
    }
}

fn other(file: &WeightFile) -> InversionError {
    let what = match recognition::recognise(&file.tensors) {
        Err(CheckpointError::OtherModel { what }) => what,
        _ => "a whole model".to_string(),
    };
    InversionError::Other {
        file: file.name.clone(),
        what,
    }
}

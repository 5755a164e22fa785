//! What can be wrong with a checkpoint, in words that say what to do.

use std::path::PathBuf;

use crate::models::config::ConfigError;
use crate::prompt::TokenizerError;

/// Why a checkpoint could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The path given does not exist.
    #[error("there is no model at {}; give a diffusers folder (with model_index.json)", path.display())]
    NotFound { path: PathBuf },
    /// The path is something else than a folder.
    #[error(
        "{} is not a folder; give a diffusers folder (with model_index.json in it)",
        path.display()
    )]
    NotAFolder { path: PathBuf },
    /// A folder without the files of a diffusers checkpoint.
    #[error(
        "{} lacks {file}; a diffusers Stable Diffusion folder has tokenizer, text_encoder, \
         unet, vae and scheduler folders beside model_index.json",
        path.display()
    )]
    MissingFile { path: PathBuf, file: String },
    /// A file is there but cannot be read.
    #[error("cannot read {file}: {source}")]
    Read {
        file: String,
        source: std::io::Error,
    },
    /// A file is larger than anything of its kind.
    #[error("{file} is {bytes} bytes long, far too much for a file of its kind")]
    TooLarge { file: String, bytes: u64 },
    /// A pipeline of another kind.
    #[error(
        "this is a {class}; supported are Stable Diffusion 1.4, 1.5, 2.0 and 2.1 \
         text-to-image checkpoints (StableDiffusionPipeline)"
    )]
    OtherPipeline { class: String },
    /// model_index.json is not what diffusers writes.
    #[error("{file} is not valid JSON of a diffusers checkpoint: {source}")]
    Json {
        file: String,
        source: serde_json::Error,
    },
    /// A config describes a network that is not supported.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The tokenizer's files are damaged.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// A weight file is not safetensors, or is cut short.
    #[error("{file} cannot be read as safetensors ({reason}); download it again")]
    Damaged { file: String, reason: String },
    /// The model needs a tensor that the file does not have.
    #[error(
        "{file} lacks the tensor {tensor} ({count} missing in all); its config.json describes another model"
    )]
    MissingTensor {
        file: String,
        tensor: String,
        count: usize,
    },
    /// The file has a tensor that the model does not know.
    #[error(
        "{file} has the tensor {tensor}, which the model does not know ({count} unknown in all); its config.json describes another model"
    )]
    UnknownTensor {
        file: String,
        tensor: String,
        count: usize,
    },
    /// A tensor of the wrong shape or type.
    #[error("{file}: {reason}")]
    WrongTensor { file: String, reason: String },
    /// The networks do not fit each other.
    #[error("the parts of this checkpoint do not fit together: {reason}")]
    Mismatch { reason: String },
}

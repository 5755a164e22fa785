//! What can be wrong with a checkpoint, in words that say what to do.

use std::path::PathBuf;

use super::conversion::WeightType;
use super::family::supported;
use crate::diffusion::SchedulerError;
use crate::models::config::{ConfigError, json_remedy};
use crate::prompt::TokenizerError;

/// Why a checkpoint could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The path given does not exist.
    #[error(
        "there is no model at {}; give a diffusers folder (with model_index.json) or a \
         .safetensors file",
        path.display()
    )]
    NotFound { path: PathBuf },
    /// The path is neither a folder nor a regular file.
    #[error(
        "{} is neither a folder nor a file; give a diffusers folder (with model_index.json) or \
         a .safetensors file",
        path.display()
    )]
    NotAModel { path: PathBuf },
    /// A folder without the files of a diffusers checkpoint.
    #[error(
        "{} lacks {file}; a diffusers Stable Diffusion folder has tokenizer, text_encoder, \
         unet, vae and scheduler folders beside model_index.json",
        path.display()
    )]
    MissingFile { path: PathBuf, file: String },
    /// Only weights in a format that runs code are there.
    #[error(
        "{file} is a pickle, which can run code when it is read, and is not opened; convert it \
         where it came from: in Python, save_file of safetensors.torch with what torch.load \
         (weights_only=True) gives"
    )]
    Pickle { file: String },
    /// The file is something else, told by its first bytes.
    #[error("{file} is {what}; {}", supported())]
    OtherFile { file: String, what: &'static str },
    /// A file is there but cannot be read.
    #[error("cannot read {file}: {source}; check the file and its permissions")]
    Read {
        file: String,
        source: std::io::Error,
    },
    /// A file is larger than anything of its kind.
    #[error("{file} is {bytes} bytes long, far too much for a file of its kind")]
    TooLarge { file: String, bytes: u64 },
    /// The tensors or the class of the pipeline are those of another model.
    #[error("this is {what}; {}", supported())]
    OtherModel { what: String },
    /// A JSON file is not what diffusers writes.
    #[error(
        "{file} is not the JSON of a diffusers checkpoint ({source}); {}",
        json_remedy(.source)
    )]
    Json {
        file: String,
        source: serde_json::Error,
    },
    /// A list of shards that cannot be followed.
    #[error("{file} is not a list of weight files: {reason}; download it again")]
    ShardIndex { file: String, reason: String },
    /// A config describes a network that is not supported.
    #[error("{}{}", .0, after_config_error(.0))]
    Config(#[from] ConfigError),
    /// The scheduler's config asks for what is not supported.
    #[error("{0}; choose another model, or correct its scheduler/scheduler_config.json")]
    Scheduler(SchedulerError),
    /// The tokenizer's files are damaged.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// A weight file is not safetensors, or is cut short.
    #[error("{file} cannot be read as safetensors ({reason}); download it again")]
    Damaged { file: String, reason: String },
    /// The model needs a tensor that the file does not have.
    #[error(
        "{file} lacks the tensor {tensor} ({count} missing in all); the file is incomplete or \
         of another model than its config says"
    )]
    MissingTensor {
        file: String,
        tensor: String,
        count: usize,
    },
    /// The file has a tensor that the model does not know.
    #[error(
        "{file} has the tensor {tensor}, which the model does not know ({count} unknown in all); \
         the file is of another model than its config says"
    )]
    UnknownTensor {
        file: String,
        tensor: String,
        count: usize,
    },
    /// A tensor of the wrong shape.
    #[error("{file}: the tensor {tensor} has the shape {found:?}, the model needs {wanted:?}")]
    WrongShape {
        file: String,
        tensor: String,
        found: Vec<usize>,
        wanted: Vec<usize>,
    },
    /// A tensor of numbers that are no weights.
    #[error("{file}: the tensor {tensor} holds {found} numbers; weights are F32, F16, BF16 or F64")]
    WrongType {
        file: String,
        tensor: String,
        found: String,
    },
    /// A weight that is not a number, or too large for the type computed in.
    #[error(
        "{file}: the tensor {tensor} has values that are not finite in {weight_type}; {}",
        after_not_finite(*.weight_type)
    )]
    NotFinite {
        file: String,
        tensor: String,
        weight_type: WeightType,
    },
    /// The device took no more.
    #[error("the device failed while the weights were loaded: {0}; try --device cpu")]
    Device(String),
    /// Whoever asked for the model wants it no longer.
    #[error("loading was cancelled")]
    Cancelled,
    /// A single file that holds no autoencoder.
    #[error(
        "{file} has no autoencoder (VAE); give one with --vae, a .safetensors file or the vae \
         folder of a diffusers checkpoint"
    )]
    NoAutoencoder { file: String },
    /// The networks do not fit each other.
    #[error("the parts of this checkpoint do not fit together: {reason}")]
    Mismatch { reason: String },
}

/// What this program can open, where a config is of something else.
fn after_config_error(error: &ConfigError) -> String {
    match error {
        ConfigError::Unsupported { .. } => format!("; {}", supported()),
        _ => String::new(),
    }
}

/// What helps against weights that are not finite.
fn after_not_finite(weight_type: WeightType) -> &'static str {
    match weight_type {
        WeightType::F16 => {
            "the file is damaged, or holds numbers that only full precision (--dtype f32) can"
        }
        WeightType::F32 => "the file is damaged; download it again",
    }
}

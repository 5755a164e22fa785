//! From files to built models: finding, reading, checking and placing weights.
//!
//! A checkpoint is a folder in diffusers' layout, on disk or compiled into the
//! program ([`embedded`]), or one file with the names of the original code.
//! [`Checkpoint::open`] checks everything that can be checked without the
//! numbers and knows then what the model is, a [`ModelDescription`];
//! [`StableDiffusion::build`] streams the numbers to the device. Prompts enter
//! the model through [`StableDiffusion::condition`].

mod conditioning;
mod conversion;
mod description;
pub mod embedded;
mod error;
mod family;
mod file_kind;
mod folder;
mod header;
mod ldm_configs;
mod ldm_names;
mod lora;
mod model_hash;
mod naming;
mod notice;
mod object_detector;
mod opened;
mod parameters;
mod parts;
mod pipeline;
mod prediction;
mod prompt_states;
mod recognition;
mod scan;
mod source;
mod stable_diffusion;
mod text_encoders;
mod textual_inversion;
mod weight_file;
mod weights;

pub use conditioning::{Conditioning, TextReading};
pub use conversion::WeightType;
pub use description::{Layout, ModelDescription};
pub use error::CheckpointError;
pub use family::Family;
pub use lora::{LoraError, LoraFile, MergedLora};
pub use model_hash::{ModelHash, SHORT_HASH};
pub use notice::CheckpointNotice;
pub use opened::{Checkpoint, NetworkSize};
pub use parts::SecondTextEncoder;
pub use prediction::PredictionSource;
pub use scan::{FoundModel, FoundModels};
pub use source::{CheckpointSource, SingleFile};
pub use stable_diffusion::StableDiffusion;
pub use text_encoders::{TextEncoder, TextEncoders};
pub use textual_inversion::{InversionError, TextualInversion};

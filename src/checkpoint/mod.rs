//! From files to built models: finding, reading, checking and placing weights.
//!
//! A checkpoint is a folder in diffusers' layout, on disk or compiled into the
//! program ([`embedded`]), or one file with the names of the original code.
//! [`Checkpoint::open`] checks everything that can be checked without the
//! numbers; [`StableDiffusion::build`] streams them to the device.

mod conversion;
mod description;
pub mod embedded;
mod error;
mod file_kind;
mod folder;
mod ldm_configs;
mod ldm_names;
mod naming;
mod object_detector;
mod parameters;
mod parts;
mod recognition;
mod scan;
mod source;
mod stable_diffusion;
mod weight_file;
mod weights;

pub use conversion::WeightType;
pub use description::{Checkpoint, Family, Layout};
pub use error::CheckpointError;
pub use scan::{FoundModel, FoundModels};
pub use source::{CheckpointSource, SingleFile};
pub use stable_diffusion::StableDiffusion;

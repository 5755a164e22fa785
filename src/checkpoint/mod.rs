//! From files to built models: finding, reading, checking and placing weights.
//!
//! A checkpoint is the diffusers folder layout, on disk or compiled into the
//! program ([`embedded`]). Its config files decide everything; every tensor of
//! its weight files is accounted for ([`weights`]).

pub mod embedded;
mod error;
mod files;
mod object_detector;
mod stable_diffusion;
mod weights;

pub use error::CheckpointError;
pub use files::CheckpointSource;
pub use stable_diffusion::StableDiffusion;

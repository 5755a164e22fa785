//! From noise to latents: the denoise loop, its schedulers and its noise.
//!
//! - [`noise`]: the initial latents, the same numbers as torch's CPU generator;
//! - [`scheduler`]: which timesteps, and from a prediction to the next latents;
//! - [`update_rule`]: when Spatial Transport Optimization moves the latents, and how far;
//! - [`denoise`]: the loop that runs both methods together;
//! - [`observer`]: what it reports, update by update and step by step.

pub mod denoise;
mod error;
pub mod noise;
pub mod observer;
pub mod scheduler;
mod spatial_update;
pub mod update_rule;

pub use denoise::{Denoising, Method};
pub use error::DenoiseError;
pub use observer::{LossReport, Observer, StepReport, UpdateReport};
pub use scheduler::{PredictionType, Scheduler, SchedulerConfig, SchedulerError, SchedulerKind};
pub use update_rule::{SpatialUpdateParameters, UpdateRule};

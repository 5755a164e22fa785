//! From noise to latents: the denoise loop, its schedulers and its noise.
//!
//! - [`noise`]: the initial latents, the same numbers as torch's CPU generator;
//! - [`scheduler`]: which timesteps, and from a prediction to the next latents;
//! - [`method`]: the two ways of sampling;
//! - [`optimisation`]: what STORM does, as one value;
//! - [`update_rule`]: when Spatial Transport Optimization moves the latents, and how far;
//! - [`denoise`]: the loop that runs both methods together;
//! - [`observer`]: what it reports, update by update and step by step.

pub mod denoise;
mod error;
pub mod method;
pub mod noise;
pub mod observer;
pub mod optimisation;
pub mod parameters;
pub mod scheduler;
mod spatial_update;
pub mod update_rule;

pub use denoise::Denoising;
pub use error::DenoiseError;
pub use method::{Method, Methods};
pub use noise::{NoiseKind, NoiseStream};
pub use observer::{LossReport, Observer, StepReport, UpdateReport};
pub use optimisation::Optimisation;
pub use scheduler::{
    ModelCall, OwnWalk, PredictionType, SamplerName, Scheduler, SchedulerConfig, SchedulerError,
    SchedulerKind, SigmaSchedule, TimestepSpacing,
};
pub use update_rule::{SpatialUpdateParameters, UpdateRule, WalkPlace};

//! From noise to latents: the denoise loop, its schedulers and its noise.
//!
//! - [`noise`]: the initial latents, the same numbers as torch's CPU generator;
//! - [`scheduler`]: which timesteps, and from a prediction to the next latents;
//! - [`spatial_update`]: Spatial Transport Optimization, the gradient step on the latents;
//! - [`denoise`]: the loop that runs both methods together and reports every step.

pub mod denoise;
pub mod noise;
pub mod scheduler;
pub mod spatial_update;

pub use denoise::{DenoiseError, Denoising, Method, Observer, StepReport, UpdateReport};
pub use scheduler::{PredictionType, Scheduler, SchedulerConfig, SchedulerError, SchedulerKind};
pub use spatial_update::SpatialUpdateParameters;

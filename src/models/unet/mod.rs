//! diffusers' `UNet2DConditionModel`: noisy latents, a timestep and a prompt in, a prediction out.
//!
//! - [`blocks`]: the parts at one level;
//! - [`time_embedding`]: the timestep as a vector;
//! - [`stage`]: the network as a list of stages, what runs between two looks at the cancel flag;
//! - [`model`]: the network, its full pass and the shorter pass for attention maps;
//! - [`operations`]: what a pass costs.

mod blocks;
mod model;
mod operations;
mod stage;
mod time_embedding;

pub use model::{Prediction, PromptContext, UNet2DConditionModel};
pub use stage::{Cancelled, Grid, Stage};

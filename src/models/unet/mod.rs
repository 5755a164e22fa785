//! diffusers' `UNet2DConditionModel`: noisy latents, a timestep and a prompt in, a prediction out.
//!
//! - [`blocks`]: the parts at one level;
//! - [`time_embedding`]: the timestep as a vector;
//! - [`time_shifts`]: what it adds in each resnet, once for all passes;
//! - [`text_time`]: the prompt as a whole and the picture's sizes as another;
//! - [`stage`]: the network as a list of stages, what runs between two looks at the cancel flag;
//! - [`capture`]: whose attention maps are read;
//! - [`pass`]: one walk through the stages;
//! - [`model`]: the network, its full pass and the shorter pass for attention maps;
//! - [`gradient`]: the shorter pass with its gradient, stage by stage;
//! - [`operations`]: what a pass costs.

mod blocks;
mod capture;
mod gradient;
mod model;
mod operations;
mod pass;
mod stage;
mod text_time;
mod time_embedding;
mod time_shifts;

pub use capture::{Capture, LayerRange, NoSuchLayers};
pub use gradient::{Activations, MapGradient};
pub use model::{Prediction, PromptContext, UNet2DConditionModel};
pub use stage::{Cancelled, Grid, Part, Stage, StageShape};
pub use text_time::{AddedCondition, MicroConditioning};

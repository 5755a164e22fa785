//! Why a request cannot be run or was not finished.

use crate::checkpoint::{CheckpointError, InversionError, LoraError};
use crate::diffusion::{DenoiseError, SchedulerError};
use crate::models::unet::NoSuchLayers;
use crate::parameters::ParameterError;
use crate::storm::{Missing, ObjectiveError};

/// What is wrong with a request, found before anything is computed.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    #[error("the prompt is empty; say what the picture should show")]
    EmptyPrompt,
    #[error("no seed is given; give at least one")]
    NoSeeds,
    #[error(
        "a picture of {width} × {height} is not possible; choose sides between {smallest} and {largest} pixels"
    )]
    Size {
        width: usize,
        height: usize,
        smallest: usize,
        largest: usize,
    },
    #[error(
        "a picture of this size needs a buffer of {needed} MiB, the device binds {limit} MiB at \
         most; choose a smaller size or --device cpu"
    )]
    BufferLimit { needed: u64, limit: u64 },
    /// The device has too little memory for the picture.
    #[error(
        "a picture of this size needs about {needed} of memory besides the model, {free} are free; \
         choose a smaller size or close other programs"
    )]
    Memory { needed: String, free: String },
    /// The library has no file of that name.
    #[error(
        "there is no LoRA called {}; put its file into the folder of LoRAs, or take it out of the \
         prompt and the settings",
        listed(.0)
    )]
    NoLora(Vec<String>),
    /// A tag in the prompt that cannot be read.
    #[error("“{0}” in the prompt has no name or its weight is no number; write <lora:name:0.8>")]
    NetworkTag(String),
    /// The objective has nothing to do.
    #[error(transparent)]
    Missing(#[from] Missing),
    #[error(transparent)]
    Parameter(#[from] ParameterError),
    #[error(transparent)]
    Scheduler(#[from] SchedulerError),
    #[error(transparent)]
    Objective(#[from] ObjectiveError),
    /// The attention layers to be read are not there.
    #[error(transparent)]
    Layers(#[from] NoSuchLayers),
}

fn listed(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("“{name}”")).collect();
    names.join(", ")
}

/// Why the engine could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The model did not load.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A LoRA cannot be used; nothing of any is applied.
    #[error(transparent)]
    Lora(#[from] LoraError),
    /// A textual inversion cannot be used.
    #[error(transparent)]
    Inversion(#[from] InversionError),
    /// The device cannot hold a tensor of the model.
    #[error(
        "the model has a tensor of {needed} MiB, the device binds {limit} MiB at most; try \
         --dtype f16 or --device cpu"
    )]
    BufferLimit { needed: u64, limit: u64 },
    /// The device has too little memory for the model.
    #[error(
        "the model needs {weights} of memory for its weights in {weight_type} and about {picture} more \
         for a picture, {free} are free; close other programs, or use a machine with more"
    )]
    Memory {
        weights: String,
        weight_type: &'static str,
        picture: String,
        free: String,
    },
    /// No model is loaded, because loading failed.
    #[error("no model is loaded; open one first")]
    NoModel,
    /// The request makes no sense.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The run failed on the way.
    #[error(transparent)]
    Denoise(#[from] DenoiseError),
    /// Numbers overflowed, in a type in which they do so early.
    #[error(
        "the latents stopped being finite numbers; try full precision (--dtype f32), a smaller step \
         size or a lower guidance scale"
    )]
    HalvesOverflowed,
    /// They did in the autoencoder, whose config says that they would not.
    #[error(
        "the autoencoder's numbers left the range of f16, although its config says \
         (force_upcast: false) that they do not; try full precision (--dtype f32), or set that to true"
    )]
    DecodeOverflowed,
    /// The graphics device is gone for good; nothing can be computed on it any
    /// more in this process.
    #[error(
        "the graphics device was lost ({0}): its driver was reset, or it went away; restart the \
         program, with --device cpu if it happens again"
    )]
    DeviceLost(String),
    /// The device's memory does not suffice after all.
    #[error(
        "{0} ran out of memory; choose a smaller size or one method at a time, close other \
         programs, or use --device cpu"
    )]
    OutOfMemory(String),
    /// A panic in a dependency, of no known cause.
    #[error(
        "the computation broke down ({0}); try a smaller picture or --device cpu, and restart if it happens again"
    )]
    Breakdown(String),
}

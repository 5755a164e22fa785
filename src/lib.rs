//! Storm Studio: Stable Diffusion with Spatial Transport Optimization, live.
//!
//! Data flows one way: prompt → tokens → pipeline → events → screen. The rooms
//! below stand in the order in which they may use each other, each only those
//! after it:
//!
//! | room | what lives there |
//! | --- | --- |
//! | [`cli`] | arguments and commands |
//! | [`app`] | the window: everything egui |
//! | [`film`] | what a run did step by step: strips, animations, trajectories |
//! | [`gallery`] | finished pictures kept on disk, and read again |
//! | [`draw`] | shaders that draw tensors where they lie, and their colours |
//! | [`evaluate`] | the spatial benchmark: prompts, verdicts, figures |
//! | [`restore`] | settings out of pictures, ours and other programs' |
//! | [`engine`] | worker thread: requests in, events out |
//! | [`doctor`] | whether a device computes what the CPU computes |
//! | [`export`] | pictures with metadata, grids, trajectories |
//! | [`checkpoint`] | weights from files into models, prompts into models |
//! | [`diffusion`] | the denoise loop, schedulers, noise |
//! | [`prompt`] | tokenizer, words, relations found in the prompt, words that a model knows |
//! | [`storm`] | relations, targets, transport, objectives: attention maps in, gradient out |
//! | [`models`] | text encoder, UNet and autoencoder in burn |
//! | [`kernels`] | fused operations that the networks are made of |
//! | [`device`] | what computes, shared with what draws |
//! | [`parameters`] | how a parameter is described: name, words, range, flag |
//! | [`choices`] | the names of a choice, as messages list them |

#![deny(unsafe_code)]

pub mod app;
pub mod checkpoint;
pub mod choices;
pub mod cli;
pub mod device;
pub mod diffusion;
pub mod doctor;
pub mod draw;
pub mod engine;
pub mod evaluate;
pub mod export;
pub mod film;
pub mod gallery;
pub mod kernels;
pub mod models;
pub mod parameters;
pub mod prompt;
pub mod restore;
pub mod storm;

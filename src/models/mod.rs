//! The networks of a Stable Diffusion checkpoint in burn: text encoder, denoiser and autoencoder.
//!
//! Each is shaped by its checkpoint's own `config.json`; field names equal the
//! weight keys of diffusers and transformers, so loading hides no renaming.

pub mod attention;
pub mod autoencoder_kl;
pub mod autoencoder_tiny;
pub mod clip_text_model;
pub mod config;
pub mod latent_rgb;
pub mod memory;
pub mod object_detector;
pub mod object_scores;
pub mod resample;
pub mod resnet;
mod strips;
pub mod transformer_2d;
pub mod unet;

pub use autoencoder_kl::AutoencoderKl;
pub use autoencoder_tiny::AutoencoderTinyDecoder;
pub use clip_text_model::{ClipTextModel, GivenEmbeddings};
pub use latent_rgb::LatentRgb;
pub use object_detector::ObjectDetector;
pub use unet::UNet2DConditionModel;

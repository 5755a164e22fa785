//! Why a run ended without a picture.

use crate::models::unet::{Cancelled, NoSuchLayers};
use crate::storm::{AttentionError, ObjectiveError};

/// Why a run ended without a picture.
#[derive(Debug, thiserror::Error)]
pub enum DenoiseError {
    /// The observer said stop.
    #[error("cancelled")]
    Cancelled,
    /// Numbers overflowed on the way.
    #[error(
        "the latents stopped being finite numbers; try a smaller step size or a lower guidance scale"
    )]
    NotFinite,
    /// They did when the finished latents became a picture.
    #[error(
        "the autoencoder turned finite latents into numbers that are not; its weights are damaged \
         or of another kind of model: download the model again, or give a model in one file \
         another autoencoder (--vae)"
    )]
    DecodeNotFinite,
    /// The attention layers to be read are not there.
    #[error(transparent)]
    Layers(#[from] NoSuchLayers),
    /// The objective could not be evaluated.
    #[error(transparent)]
    Objective(#[from] ObjectiveError),
    /// The device failed.
    #[error("the device failed: {0}; try --device cpu")]
    Device(String),
}

impl From<Cancelled> for DenoiseError {
    fn from(_: Cancelled) -> Self {
        Self::Cancelled
    }
}

impl From<AttentionError> for DenoiseError {
    fn from(error: AttentionError) -> Self {
        match error {
            AttentionError::NonFinite { .. } => Self::NotFinite,
            other => Self::Objective(other.into()),
        }
    }
}

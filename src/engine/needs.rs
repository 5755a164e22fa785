//! What a model and a run need of the device, known before anything is allocated.

use serde::Serialize;

use super::error::{EngineError, RequestError};
use crate::checkpoint::{Checkpoint, StableDiffusion, WeightType};
use crate::models::unet::Grid;

/// Up to this size in bytes of its largest tensor a picture is decoded whole:
/// 768 × 768 pixels with Stable Diffusion's autoencoder.
const LARGEST_WHOLE_DECODE: u64 = 640 << 20;
/// The same of one tile: 512 × 512 pixels.
const LARGEST_TILE_DECODE: u64 = 256 << 20;
/// Pictures below this many latent cells along a side make no useful tiles.
const SMALLEST_TILE: usize = 16;

/// What a model needs on its device. How much memory a graphics adapter has free
/// is not known: no interface tells it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ModelNeeds {
    /// Numbers in all its networks.
    pub parameters: usize,
    /// What text encoder and UNet are kept in, as "f16".
    pub weight_type: &'static str,
    /// Bytes of weights.
    pub weights: u64,
    /// Most bytes of activations while one picture of the size it was trained on
    /// is made with both methods; an estimate.
    pub activations: u64,
    /// Bytes of its largest tensor of weights.
    pub largest_tensor: u64,
}

impl ModelNeeds {
    /// What `checkpoint` needs with weights of `weight_type`.
    pub fn of(checkpoint: &Checkpoint, weight_type: WeightType) -> Self {
        let [text, unet, vae] = checkpoint.parameters();
        let (bytes, whole) = (weight_type.bytes() as u64, WeightType::F32.bytes() as u64);
        let [rows, columns] = checkpoint.unet_config.sample_size.height_width();
        let latents = Grid { rows, columns };
        let config = &checkpoint.unet_config;
        let passes = config
            .prediction_memory(latents, 4)
            .or(config.gradient_memory(latents));
        let decode = checkpoint.vae_config.decode_memory(latents);
        Self {
            parameters: text + unet + vae,
            weight_type: weight_type.name(),
            weights: (text + unet) as u64 * bytes + vae as u64 * whole,
            activations: (passes.numbers as u64 * bytes).max(decode.numbers as u64 * whole),
            largest_tensor: checkpoint.largest_tensor() as u64 * bytes,
        }
    }

    /// Whether every tensor of weights fits a buffer of the device.
    ///
    /// # Errors
    /// If one does not.
    pub(super) fn check(&self, largest_buffer: Option<u64>) -> Result<(), EngineError> {
        match largest_buffer {
            Some(limit) if self.largest_tensor > limit => Err(EngineError::BufferLimit {
                needed: self.largest_tensor >> 20,
                limit: limit >> 20,
            }),
            _ => Ok(()),
        }
    }
}

/// How a run is cut to fit the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RunShape {
    /// Both methods in one batch.
    pub(super) batch_lanes: bool,
    /// Decode in tiles of at most so many latent cells along a side.
    pub(super) decode_tiles: Option<usize>,
}

impl RunShape {
    /// For latents of `latents` cells and `methods` methods, batched if `batch`.
    ///
    /// # Errors
    /// If even one method's prediction needs a larger buffer than there is.
    pub(super) fn new(
        model: &StableDiffusion,
        latents: Grid,
        methods: usize,
        batch: bool,
        largest_buffer: Option<u64>,
    ) -> Result<Self, RequestError> {
        let limit = largest_buffer.unwrap_or(u64::MAX);
        let bytes = model.weight_type.bytes() as u64;
        // Each method predicts with and without the prompt.
        let needed = |lanes| {
            let memory = model.unet_config.prediction_memory(latents, 2 * lanes);
            memory.largest as u64 * bytes
        };
        if needed(1) > limit {
            return Err(RequestError::BufferLimit {
                needed: needed(1) >> 20,
                limit: limit >> 20,
            });
        }
        let whole = WeightType::F32.bytes() as u64;
        let decode = model.vae_config.decode_memory(latents).largest as u64 * whole;
        let decode_tiles = (decode > limit.min(LARGEST_WHOLE_DECODE)).then(|| {
            let tile = limit.min(LARGEST_TILE_DECODE) / whole;
            let side = model.vae_config.decode_side_within(tile as usize);
            side.max(SMALLEST_TILE)
        });
        Ok(Self {
            batch_lanes: batch && needed(methods) <= limit,
            decode_tiles,
        })
    }
}

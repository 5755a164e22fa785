//! What a model and its pictures need of the device, known before anything is allocated.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::error::{EngineError, RequestError};
use super::run_shape::{Networks, RunShape, gigabytes};
use super::settings::Settings;
use crate::checkpoint::{Checkpoint, NetworkSize, TextEncoders, WeightType};
use crate::device::{ComputeDevice, MemoryLimits};
use crate::models::memory::BackwardPass;
use crate::models::unet::{Activations, Capture, Grid};

/// What a model needs on its device. How much memory a graphics card has free is
/// not known: wgpu does not tell it.
#[derive(Debug, Clone, Serialize)]
pub struct ModelNeeds {
    /// Numbers in all its networks.
    pub parameters: usize,
    /// What weights are kept in but for the autoencoder's, as "f16".
    pub weight_type: &'static str,
    /// Bytes of weights.
    pub weights: u64,
    /// Of these, what leaves the device once a prompt is encoded.
    pub leaving: u64,
    /// Most bytes of activations while one picture of the size it was trained on
    /// is made with both methods; an estimate.
    pub activations: u64,
    /// Of these, what one update of STORM takes that keeps no activations.
    pub update: u64,
    /// Bytes of its largest tensor of weights.
    pub largest_tensor: u64,
    /// What the device had when this was found.
    pub limits: MemoryLimits,
    #[serde(skip)]
    networks: Arc<Networks>,
}

impl ModelNeeds {
    /// What `checkpoint` needs with weights of `weight_type`, on a GPU or on the CPU.
    pub fn of(
        checkpoint: &Checkpoint,
        weight_type: WeightType,
        backward_pass: BackwardPass,
    ) -> Self {
        let sizes = checkpoint.networks();
        let bytes = |size: &NetworkSize, numbers: usize| numbers as u64 * size.bytes(weight_type);
        let largest = sizes.iter().map(|size| bytes(size, size.largest_tensor));
        let text = checkpoint.text_encoders();
        let text = text.iter().map(|size| bytes(size, size.numbers)).sum();
        let networks = Networks {
            unet: checkpoint.description.unet_config.clone(),
            vae: checkpoint.description.vae_config.clone(),
            bytes: weight_type.bytes() as u64,
            backward_pass,
        };
        Self {
            parameters: checkpoint.parameters(),
            weight_type: weight_type.name(),
            weights: sizes.iter().map(|size| bytes(size, size.numbers)).sum(),
            leaving: if TextEncoders::leave_at(text) {
                text
            } else {
                0
            },
            update: networks.native_update(),
            activations: networks.generous(networks.native()),
            largest_tensor: largest.max().unwrap_or(0),
            limits: MemoryLimits::default(),
            networks: Arc::new(networks),
        }
    }

    /// The type of number that `device` keeps the weights of `checkpoint` in, and
    /// what it needs then.
    pub fn on(checkpoint: &Checkpoint, device: &ComputeDevice) -> (WeightType, Self) {
        let pass = match device.wgpu() {
            Some(_) => BackwardPass::Chained,
            None => BackwardPass::Fused,
        };
        let whole = Self::of(checkpoint, WeightType::F32, pass);
        let (weight_type, mut needs) = match device.uses_halves(whole.weights) {
            true => (WeightType::F16, Self::of(checkpoint, WeightType::F16, pass)),
            false => (WeightType::F32, whole),
        };
        needs.limits = device.memory_limits();
        (weight_type, needs)
    }

    /// Most bytes at any time: while a prompt is encoded, or afterwards, when the text
    /// encoders may have left, while a picture is made; an estimate.
    pub fn peak(&self) -> u64 {
        self.weights
            .max(self.weights - self.leaving + self.activations)
    }

    /// What an update does with its activations at the size that the model was
    /// trained on.
    pub fn native_activations(&self) -> Activations {
        let native = self.networks.native();
        self.networks.update_activations(native, self.limits)
    }

    /// Most bytes of activations while a picture of `size` (width, height) in
    /// pixels is made with `settings`, where memory is plenty; an estimate.
    pub fn picture(&self, size: [usize; 2], settings: &Settings) -> u64 {
        let pixels = self.networks.vae.downscale_factor();
        let [columns, rows] = size.map(|side| side / pixels);
        let latents = Grid { rows, columns };
        let capture = self.networks.usual_capture(latents);
        let picture = self.networks.picture(latents, capture, settings);
        self.networks.generous(picture)
    }

    /// How a run of `settings` on latents of that size, whose updates read
    /// `capture`, is cut to fit a device of those limits.
    ///
    /// # Errors
    /// If it does not fit, even method by method and decoded in tiles.
    pub(super) fn run_shape(
        &self,
        latents: Grid,
        capture: Capture,
        settings: &Settings,
        limits: MemoryLimits,
    ) -> Result<RunShape, RequestError> {
        let picture = self.networks.picture(latents, capture, settings);
        RunShape::of(&self.networks, picture, limits)
    }

    /// Whether the weights fit the device, and each of them one of its buffers.
    /// `held` is what a model gives back that goes before this one comes.
    ///
    /// # Errors
    /// If not.
    pub fn check(&self, held: u64) -> Result<(), EngineError> {
        match self.limits.largest_buffer {
            Some(limit) if self.largest_tensor > limit => {
                return Err(EngineError::BufferLimit {
                    needed: self.largest_tensor >> 20,
                    limit: limit >> 20,
                });
            }
            _ => {}
        }
        match self.limits.free.map(|free| free + held) {
            Some(free) if self.weights > free => Err(EngineError::Memory {
                weights: gigabytes(self.weights),
                weight_type: self.weight_type,
                picture: gigabytes(self.activations),
                free: gigabytes(free),
            }),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for ModelNeeds {
    /// A sentence without its subject, as "needs …".
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "needs {} of memory for its weights ({}) and about {} more for a picture",
            gigabytes(self.weights),
            self.weight_type,
            gigabytes(self.activations)
        )?;
        if self.leaving > 0 {
            let text = gigabytes(self.leaving);
            write!(formatter, ", which has the {text} of the text encoders")?;
        }
        if let Some(free) = self.limits.free {
            write!(formatter, "; {} are free", gigabytes(free))?;
        }
        if let Some(buffer) = self.limits.largest_buffer {
            let buffer = gigabytes(buffer);
            write!(formatter, "; the device binds up to {buffer} at once")?;
        }
        Ok(())
    }
}

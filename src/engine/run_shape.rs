//! How a run is cut to fit the device: methods together or in turn, the picture
//! decoded whole or in tiles, activations kept or computed again.

use super::error::RequestError;
use super::settings::Settings;
use crate::checkpoint::WeightType;
use crate::device::MemoryLimits;
use crate::diffusion::{Method, SpatialUpdateParameters};
use crate::models::config::{AutoencoderConfig, UNetConfig};
use crate::models::memory::{ActivationMemory, BackwardPass};
use crate::models::unet::{Activations, Capture, Grid};

/// Up to this size in bytes of its largest tensor a picture is decoded whole:
/// 768 × 768 pixels with Stable Diffusion's autoencoder.
const LARGEST_WHOLE_DECODE: u64 = 640 << 20;
/// The same of one tile: 128 rows of 1024 pixels.
const LARGEST_TILE_DECODE: u64 = 160 << 20;
/// An update's activations are kept if they take at most this share of the free
/// memory, or, where nobody tells how much is free, at most so many bytes: the
/// third of an update's time that it saves is not worth crowding out others.
const KEPT_SHARE: u64 = 8;
const KEPT_UNKNOWN: u64 = 512 << 20;
/// Rows of latent cells of the smallest tile: below, the rows that it shares with
/// its neighbours cost more than it saves.
const SMALLEST_TILE: usize = 4;

/// What the memory of a picture depends on.
#[derive(Debug)]
pub(super) struct Networks {
    pub(super) unet: UNetConfig,
    pub(super) vae: AutoencoderConfig,
    /// Bytes per number of the UNet's activations.
    pub(super) bytes: u64,
    pub(super) backward_pass: BackwardPass,
}

/// A picture to be made.
#[derive(Debug, Clone, Copy)]
pub(super) struct PictureShape {
    pub(super) latents: Grid,
    /// Whose maps an update reads.
    pub(super) capture: Capture,
    /// How many methods run.
    pub(super) methods: usize,
    /// Whether one of them is STORM, which differentiates.
    pub(super) storm: bool,
    /// Whether each step predicts without the prompt as well.
    pub(super) guided: bool,
    /// Whether they may share a batch.
    pub(super) batch: bool,
}

impl Networks {
    /// A picture of `settings` on latents of that size, both methods in one batch
    /// where they may.
    pub(super) fn picture(
        &self,
        latents: Grid,
        capture: Capture,
        settings: &Settings,
    ) -> PictureShape {
        PictureShape {
            latents,
            capture,
            methods: settings.methods.list().len(),
            storm: settings.methods.includes(Method::Storm),
            guided: settings.guidance_scale > 1.0 && !self.unet.is_told_guidance(),
            batch: settings.batch_methods,
        }
    }

    /// Bytes of one prediction of `samples` latents.
    fn prediction(&self, latents: Grid, samples: usize) -> Bytes {
        Bytes::of(self.unet.prediction_memory(latents, samples), self.bytes)
    }

    /// A picture of the size that the model was trained on, by both methods.
    pub(super) fn native(&self) -> PictureShape {
        let [rows, columns] = self.unet.sample_size.height_width();
        let latents = Grid { rows, columns };
        PictureShape {
            latents,
            capture: self.usual_capture(latents),
            methods: 2,
            storm: true,
            guided: true,
            batch: true,
        }
    }

    /// What an update reads where nothing else is said.
    pub(super) fn usual_capture(&self, latents: Grid) -> Capture {
        let attention_res = SpatialUpdateParameters::default().attention_res;
        let usual = self.unet.capture(latents, attention_res, None);
        usual.expect("no layers are named that could be missing")
    }

    /// Bytes of an update's passes.
    fn update(&self, picture: PictureShape, activations: Activations) -> Bytes {
        let (latents, capture, pass) = (picture.latents, picture.capture, self.backward_pass);
        let memory = match activations {
            Activations::Keep => self.unet.kept_gradient_memory(latents, capture, pass),
            Activations::Recompute => self.unet.gradient_memory(latents, capture, pass),
        };
        Bytes::of(memory, self.bytes)
    }

    /// Bytes of an update that keeps no activations, of the size that the model was
    /// trained on.
    pub(super) fn native_update(&self) -> u64 {
        self.update(self.native(), Activations::Recompute).all
    }

    /// Whether an update's activations are few enough to be kept.
    pub(super) fn update_activations(
        &self,
        picture: PictureShape,
        limits: MemoryLimits,
    ) -> Activations {
        let room = limits.free.map_or(KEPT_UNKNOWN, |free| free / KEPT_SHARE);
        match self.update(picture, Activations::Keep).all <= room {
            true => Activations::Keep,
            false => Activations::Recompute,
        }
    }

    /// Bytes of decoding a picture, whole or in tiles of `tiles` rows of cells.
    fn decode(&self, latents: Grid, tiles: Option<usize>) -> Bytes {
        let memory = match tiles {
            None => self.vae.decode_memory(latents),
            Some(rows) => self.vae.tiled_decode_memory(latents, rows),
        };
        let bytes = match self.vae.force_upcast {
            true => WeightType::F32.bytes() as u64,
            false => self.bytes,
        };
        Bytes::of(memory, bytes)
    }

    /// Bytes of a picture where memory is plenty.
    pub(super) fn generous(&self, picture: PictureShape) -> u64 {
        let unlimited = MemoryLimits::default();
        let shape = RunShape::of(self, picture, unlimited);
        shape.map_or(0, |shape| shape.bytes)
    }
}

/// Bytes that a pass holds at its fullest moment, and those of its largest tensor.
#[derive(Debug, Clone, Copy)]
struct Bytes {
    all: u64,
    largest: u64,
}

impl Bytes {
    fn of(memory: ActivationMemory, per_number: u64) -> Self {
        Self {
            all: memory.numbers as u64 * per_number,
            largest: memory.largest as u64 * per_number,
        }
    }

    fn fits(self, limits: MemoryLimits) -> bool {
        self.all <= limits.free.unwrap_or(u64::MAX)
            && self.largest <= limits.largest_buffer.unwrap_or(u64::MAX)
    }
}

/// How a run is cut to fit the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RunShape {
    /// Both methods in one batch.
    pub(super) batch_lanes: bool,
    /// Decode in tiles of at most so many rows of latent cells.
    pub(super) decode_tiles: Option<usize>,
    /// What an update does with its activations.
    pub(super) activations: Activations,
    /// Most bytes of activations, an estimate.
    bytes: u64,
}

impl RunShape {
    /// For `picture` of `networks` on a device of those `limits`.
    ///
    /// # Errors
    /// If it does not fit, even method by method and decoded in tiles.
    pub(super) fn of(
        networks: &Networks,
        picture: PictureShape,
        limits: MemoryLimits,
    ) -> Result<Self, RequestError> {
        let PictureShape {
            latents,
            capture: _,
            methods,
            storm,
            guided,
            batch,
        } = picture;
        let whole = networks.decode(latents, None);
        let decodes_whole = whole.fits(limits) && whole.largest <= LARGEST_WHOLE_DECODE;
        let decode_tiles = (!decodes_whole).then(|| tile_rows(networks, latents, limits));
        let decode = networks.decode(latents, decode_tiles);
        let prompts = if guided { 2 } else { 1 };
        let alone = networks.prediction(latents, prompts);
        let together = networks.prediction(latents, prompts * methods);
        let activations = networks.update_activations(picture, limits);
        let update = storm.then(|| networks.update(picture, activations));
        for pass in [Some(alone), update, Some(decode)].into_iter().flatten() {
            check(pass, limits)?;
        }
        let batch_lanes = batch && together.fits(limits);
        let prediction = if batch_lanes { together } else { alone };
        let passes = [Some(prediction), update, Some(decode)];
        let most = passes.into_iter().flatten().map(|pass| pass.all).max();
        Ok(Self {
            batch_lanes,
            decode_tiles,
            activations,
            bytes: most.unwrap_or(0),
        })
    }
}

/// The height of the tiles that a picture is decoded in, in latent cells.
fn tile_rows(networks: &Networks, latents: Grid, limits: MemoryLimits) -> usize {
    let fits = |rows: &usize| {
        let bytes = networks.decode(latents, Some(*rows));
        bytes.largest <= LARGEST_TILE_DECODE && bytes.fits(limits)
    };
    let halves = std::iter::successors(Some(latents.rows), |rows| Some(rows / 2));
    let mut heights = halves.skip(1).take_while(|rows| *rows > SMALLEST_TILE);
    heights.find(fits).unwrap_or(SMALLEST_TILE)
}

fn check(pass: Bytes, limits: MemoryLimits) -> Result<(), RequestError> {
    match limits.largest_buffer {
        Some(limit) if pass.largest > limit => {
            return Err(RequestError::BufferLimit {
                needed: pass.largest >> 20,
                limit: limit >> 20,
            });
        }
        _ => {}
    }
    match limits.free {
        Some(free) if pass.all > free => Err(RequestError::Memory {
            needed: gigabytes(pass.all),
            free: gigabytes(free),
        }),
        _ => Ok(()),
    }
}

/// As shown to people.
pub(super) fn gigabytes(bytes: u64) -> String {
    format!("{:.2} GB", bytes as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stable Diffusion 1.x in f32.
    fn networks() -> Networks {
        let vae = br#"{"block_out_channels": [128, 256, 512, 512], "layers_per_block": 2}"#;
        Networks {
            unet: UNetConfig::from_json(br#"{"cross_attention_dim": 768}"#).unwrap(),
            vae: AutoencoderConfig::from_json(vae).unwrap(),
            bytes: 4,
            backward_pass: BackwardPass::Chained,
        }
    }

    fn square(cells: usize) -> PictureShape {
        let latents = Grid {
            rows: cells,
            columns: cells,
        };
        PictureShape {
            latents,
            capture: networks().usual_capture(latents),
            methods: 2,
            storm: true,
            guided: true,
            batch: true,
        }
    }

    fn free(bytes: u64) -> MemoryLimits {
        MemoryLimits {
            largest_buffer: None,
            free: Some(bytes),
        }
    }

    #[test]
    fn less_memory_means_one_method_at_a_time_then_tiles_then_a_refusal() {
        let networks = networks();
        let shape = |bytes| RunShape::of(&networks, square(64), free(bytes));
        let plenty = shape(64 << 30).unwrap();
        assert!(plenty.batch_lanes && plenty.decode_tiles.is_none());
        assert_eq!(plenty.activations, Activations::Keep);
        assert!((1 << 30..4 << 30).contains(&plenty.bytes), "{plenty:?}");
        let less = shape(8 << 30).unwrap();
        assert_eq!(less.activations, Activations::Recompute);
        assert!(less.batch_lanes && less.bytes < plenty.bytes, "{less:?}");
        let mut last = plenty;
        // From plenty to nothing, each step needs no more than there is.
        for megabytes in (1..4096).rev() {
            let bytes = megabytes << 20;
            match shape(bytes) {
                Ok(less) => {
                    assert!(less.bytes <= bytes && less.bytes <= last.bytes, "{less:?}");
                    last = less;
                }
                Err(error) => {
                    let message = error.to_string();
                    assert!(message.contains("smaller size"), "{message}");
                }
            }
        }
        assert!(last.decode_tiles.is_some(), "{last:?}");
        assert!(shape(64 << 20).is_err());
        let standard = PictureShape {
            storm: false,
            ..square(64)
        };
        let shape = RunShape::of(&networks, standard, free(470 << 20)).unwrap();
        assert!(!shape.batch_lanes && shape.decode_tiles.is_some());
    }

    #[test]
    fn without_guidance_a_step_predicts_once_and_needs_half() {
        let fits = |guidance_scale| {
            let settings = Settings {
                guidance_scale,
                ..Settings::default()
            };
            let PictureShape {
                latents, capture, ..
            } = square(96);
            let picture = networks().picture(latents, capture, &settings);
            let limits = MemoryLimits {
                largest_buffer: Some(128 << 20),
                free: None,
            };
            RunShape::of(&networks(), picture, limits).is_ok()
        };
        // The feed-forward layers of one sample are 94 MB, of two 189.
        assert!(fits(1.0) && !fits(7.5));
    }

    #[test]
    fn large_pictures_are_decoded_in_tiles_that_the_device_binds() {
        let limits = MemoryLimits {
            largest_buffer: Some(128 << 20),
            free: None,
        };
        let shape = RunShape::of(&networks(), square(96), limits);
        // The feed-forward layers of two samples at 96 × 96 cells are 189 MB.
        assert!(matches!(shape, Err(RequestError::BufferLimit { .. })));
        let shape = RunShape::of(&networks(), square(64), limits).unwrap();
        assert!(!shape.batch_lanes);
        // 256 channels of 130 rows of 512 pixels are 68 MB.
        assert_eq!(shape.decode_tiles, Some(16));
        let huge = RunShape::of(&networks(), square(256), MemoryLimits::default()).unwrap();
        assert_eq!(huge.decode_tiles, Some(8));
    }
}

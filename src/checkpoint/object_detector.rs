//! The detector compiled into the program, beside the model whose objects it knows.

use burn::tensor::{DType, Device};
use safetensors::SafeTensors;

use super::files::WeightFile;
use super::{CheckpointError, weights};
use crate::models::object_detector::{DetectorNetworkConfig, ObjectDetector};

const FILE: &str = "detector.safetensors";
static BYTES: &[u8] = include_bytes!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/assets/toybox/detector.safetensors"
));

impl ObjectDetector {
    /// The detector of the embedded model's objects, on the CPU.
    ///
    /// # Errors
    /// If the program was built with a damaged weight file.
    pub fn embedded() -> Result<Self, CheckpointError> {
        let device = Device::flex();
        let names = object_names()?;
        let objects = names.len();
        let mut network = DetectorNetworkConfig { objects }.init(&device);
        weights::load(&mut network, FILE, WeightFile::Bytes(BYTES), DType::F32)?;
        Ok(Self::new(network, names, device))
    }
}

/// The names of the network's outputs, a JSON list in the file's metadata.
fn object_names() -> Result<Vec<String>, CheckpointError> {
    let damaged = |reason: String| CheckpointError::Damaged {
        file: FILE.to_string(),
        reason,
    };
    let (_, header) =
        SafeTensors::read_metadata(BYTES).map_err(|error| damaged(error.to_string()))?;
    let metadata = header.metadata().as_ref();
    let names = metadata.and_then(|metadata| metadata.get("objects"));
    let names = names.ok_or_else(|| damaged("its metadata names no objects".to_string()))?;
    serde_json::from_str(names).map_err(|error| damaged(error.to_string()))
}

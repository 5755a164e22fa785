//! The detector compiled into the program, beside the model whose objects it knows.

use std::sync::Arc;

use burn::tensor::Device;

use super::CheckpointError;
use super::conversion::WeightType;
use super::naming::{Component, Naming};
use super::weight_file::WeightFile;
use super::weights::WeightPlan;
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
        let file = Arc::new(WeightFile::from_static(BYTES, FILE)?);
        let names = object_names(&file)?;
        let objects = names.len();
        let network = DetectorNetworkConfig { objects }.init(&device);
        let plan = WeightPlan::new(
            &network,
            Component::Detector,
            &Naming::Diffusers,
            vec![file],
        )?;
        let network = plan.load(network, WeightType::F32, &mut |_| true)?;
        Ok(Self::new(network, names, device))
    }
}

/// The names of the network's outputs, a JSON list in the file's metadata.
fn object_names(file: &WeightFile) -> Result<Vec<String>, CheckpointError> {
    let damaged = |reason: String| CheckpointError::Damaged {
        file: FILE.to_string(),
        reason,
    };
    let names = file.metadata.get("objects");
    let names = names.ok_or_else(|| damaged("its metadata names no objects".to_string()))?;
    serde_json::from_str(names).map_err(|error| damaged(error.to_string()))
}

//! The detector compiled into the program, beside the model whose objects it knows.

use std::collections::HashMap;
use std::sync::Arc;

use burn::tensor::Device;
use serde::de::DeserializeOwned;

use super::CheckpointError;
use super::conversion::WeightType;
use super::naming::{Component, Naming};
use super::weight_file::WeightFile;
use super::weights::WeightPlan;
use crate::models::object_detector::{DetectorNames, DetectorNetworkConfig, ObjectDetector};
use crate::models::object_scores::Thresholds;

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
        let names = names(&file)?;
        let config = DetectorNetworkConfig {
            objects: names.objects.len(),
            colours: names.colours.len(),
            channels: told(&file, "channels")?,
        };
        let thresholds = Thresholds {
            found: told(&file, "found_above")?,
            undecided: told(&file, "undecided_above")?,
        };
        let network = config.init(&device);
        let plan = WeightPlan::new(
            &network,
            Component::Detector,
            &Naming::Diffusers,
            vec![file],
        )?;
        let network = plan.load(network, WeightType::F32, &mut |_| true)?;
        Ok(Self::new(network, names, thresholds, device))
    }
}

/// What the network's outputs stand for.
fn names(file: &WeightFile) -> Result<DetectorNames, CheckpointError> {
    let objects: Vec<String> = told(file, "objects")?;
    let own: HashMap<String, Vec<String>> = told(file, "own_colours")?;
    let own_colours = objects
        .iter()
        .map(|object| own.get(object).cloned().unwrap_or_default());
    Ok(DetectorNames {
        own_colours: own_colours.collect(),
        colours: told(file, "colours")?,
        objects,
    })
}

/// A value of the file's metadata, which is JSON.
fn told<T: DeserializeOwned>(file: &WeightFile, key: &str) -> Result<T, CheckpointError> {
    let damaged = |reason: String| CheckpointError::Damaged {
        file: FILE.to_string(),
        reason,
    };
    let text = file.metadata.get(key);
    let text = text.ok_or_else(|| damaged(format!("its metadata does not tell {key}")))?;
    serde_json::from_str(text).map_err(|error| damaged(format!("{key}: {error}")))
}

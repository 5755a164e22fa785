//! Tensors that diffusers and transformers computed, and how near ours must be.

use std::path::{Path, PathBuf};

use burn::tensor::{Device, Int, Tensor, TensorData};
use safetensors::SafeTensors;
use storm_studio::checkpoint::{CheckpointSource, StableDiffusion};
use storm_studio::diffusion::{Observer, StepReport, UpdateReport};

/// `tests/fixtures`.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// One fixture file.
pub struct Fixture(Vec<u8>);

impl Fixture {
    pub fn open(name: &str) -> Self {
        Self::open_at(&folder().join(name))
    }

    pub fn open_at(path: &Path) -> Self {
        Self(std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    }

    fn tensors(&self) -> SafeTensors<'_> {
        SafeTensors::deserialize(&self.0).expect("fixtures are whole")
    }

    pub fn shape(&self, name: &str) -> Vec<usize> {
        self.tensors().tensor(name).expect(name).shape().to_vec()
    }

    pub fn floats(&self, name: &str) -> Vec<f32> {
        let tensors = self.tensors();
        let bytes = tensors.tensor(name).expect(name).data();
        let words = bytes.chunks_exact(4);
        words
            .map(|word| f32::from_le_bytes(word.try_into().unwrap()))
            .collect()
    }

    pub fn holds(&self, name: &str) -> bool {
        self.tensors().tensor(name).is_ok()
    }

    pub fn bytes(&self, name: &str) -> Vec<u8> {
        self.tensors().tensor(name).expect(name).data().to_vec()
    }

    /// What the script wrote beside the tensors.
    pub fn facts(&self) -> serde_json::Value {
        let (_, header) = SafeTensors::read_metadata(&self.0).expect("fixtures are whole");
        let facts = header
            .metadata()
            .as_ref()
            .and_then(|all| all.get("fixture"));
        serde_json::from_str(facts.expect("this fixture has facts")).expect("they are JSON")
    }

    pub fn integers(&self, name: &str) -> Vec<i64> {
        let tensors = self.tensors();
        let bytes = tensors.tensor(name).expect(name).data();
        let words = bytes.chunks_exact(8);
        words
            .map(|word| i64::from_le_bytes(word.try_into().unwrap()))
            .collect()
    }

    pub fn tensor<const D: usize>(&self, name: &str, device: &Device) -> Tensor<D> {
        let data = TensorData::new(self.floats(name), self.shape(name));
        Tensor::from_data(data, device)
    }

    pub fn ids(&self, name: &str, device: &Device) -> Tensor<2, Int> {
        let data = TensorData::new(self.integers(name), self.shape(name));
        Tensor::from_data(data, device)
    }
}

/// The embedded model.
pub fn toybox(device: &Device) -> StableDiffusion {
    StableDiffusion::load(&CheckpointSource::Embedded, device).expect("the embedded model loads")
}

/// Numbers of a tensor, row-major.
pub fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.try_into_vec_as().expect("the device answers")
}

/// Largest absolute difference; also fails on another number of values and on NaN.
pub fn largest_difference(ours: &[f32], theirs: &[f32]) -> f32 {
    assert_eq!(ours.len(), theirs.len());
    let differences = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs());
    differences.fold(0.0, |largest, difference| {
        assert!(difference.is_finite(), "not finite");
        largest.max(difference)
    })
}

/// Asserts nearness and says on standard output what was measured.
pub fn assert_near(what: &str, ours: &[f32], theirs: &[f32], tolerance: f32) {
    let difference = largest_difference(ours, theirs);
    println!("{what}: largest difference {difference:.2e}");
    assert!(
        difference <= tolerance,
        "{what}: {difference} > {tolerance}"
    );
}

/// Keeps timesteps and latents of a run without updates.
#[derive(Default)]
pub struct StandardRun {
    pub timesteps: Vec<i64>,
    /// After every scheduler call, one behind the other.
    pub latents: Vec<f32>,
}

impl Observer for StandardRun {
    fn keep_going(&self) -> bool {
        true
    }

    fn updated(&mut self, _: UpdateReport<'_>) {
        panic!("the standard method updates nothing");
    }

    fn stepped(&mut self, report: StepReport<'_>) {
        self.timesteps.push(report.timestep as i64);
        self.latents.extend(numbers(report.latents.clone()));
    }
}

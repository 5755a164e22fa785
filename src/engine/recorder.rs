//! The trajectory of one run, for comparison with other programs' outputs.
//!
//! Names and order are those of the recordings made with the released code
//! (tests/fixtures/README.md lists them).

use burn::tensor::Tensor;

use super::request::RequestId;
use crate::diffusion::Method;
use crate::diffusion::denoise::{DenoiseError, StepReport, UpdateReport};
use crate::export::TrajectoryTensor;

/// What one method did with one seed, in order.
#[derive(Debug, Clone)]
pub struct Trajectory {
    pub request: RequestId,
    pub seed: u64,
    pub method: Method,
    pub tensors: Vec<TrajectoryTensor>,
}

/// Collects a [`Trajectory`].
#[derive(Debug)]
pub(super) struct Recorder {
    method: Method,
    tensors: Vec<TrajectoryTensor>,
    updates: usize,
    failure: Option<DenoiseError>,
}

impl Recorder {
    pub(super) fn new(method: Method, text_embeddings: Tensor<3>) -> Self {
        let mut recorder = Self {
            method,
            tensors: Vec::new(),
            updates: 0,
            failure: None,
        };
        recorder.push_tensor("text_embeddings".to_string(), text_embeddings);
        recorder
    }

    pub(super) fn updated(&mut self, report: &UpdateReport<'_>) {
        if self.method != Method::Storm {
            return;
        }
        let number = self.updates;
        self.updates += 1;
        let maps = report.maps;
        let shape = [maps.rows, maps.columns, maps.tokens];
        let evaluation = report.evaluation;
        let loss = format!("loss.{number}");
        self.push(format!("{loss}.maps"), &shape, maps.values.clone());
        self.push(format!("{loss}.value"), &[1], vec![evaluation.loss as f32]);
        let gradient = evaluation.gradient.clone();
        self.push(format!("{loss}.grad_maps"), &shape, gradient);
        self.push(format!("{loss}.step"), &[1], vec![report.index as f32]);
        let update = format!("update.{number}");
        self.push_tensor(format!("{update}.before"), report.latents_before.clone());
        self.push_tensor(format!("{update}.after"), report.latents_after.clone());
        let length = report.length as f32;
        self.push(format!("{update}.step_size"), &[1], vec![length]);
    }

    pub(super) fn stepped(&mut self, report: &StepReport<'_>) {
        if report.methods.contains(&self.method) {
            let name = format!("latents.{}", report.index);
            self.push_tensor(name, report.latents.clone());
        }
    }

    pub(super) fn finish(self, request: RequestId, seed: u64) -> Result<Trajectory, DenoiseError> {
        match self.failure {
            Some(error) => Err(error),
            None => Ok(Trajectory {
                request,
                seed,
                method: self.method,
                tensors: self.tensors,
            }),
        }
    }

    fn push(&mut self, name: String, shape: &[usize], values: Vec<f32>) {
        self.tensors.push(TrajectoryTensor {
            name,
            shape: shape.to_vec(),
            values,
        });
    }

    fn push_tensor<const D: usize>(&mut self, name: String, tensor: Tensor<D>) {
        let shape = tensor.dims();
        match tensor.try_into_vec_as() {
            Ok(values) => self.push(name, &shape, values),
            Err(error) => self.failure = Some(DenoiseError::Device(error.to_string())),
        }
    }
}

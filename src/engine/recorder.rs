//! The trajectory of one run, for comparison with other programs' outputs.
//!
//! Names, order and contents are those of the recordings made with the released
//! code: the first loss of every step, one more for every update, the latents
//! after every scheduler call and the picture, small.

use burn::tensor::Tensor;

use super::request::RequestId;
use crate::diffusion::{DenoiseError, LossReport, Method, StepReport, UpdateReport};
use crate::export::TrajectoryTensor;
use crate::storm::{AttentionMaps, Evaluation, Objective, StepContext};

/// Side of the small picture, in pixels.
const SMALL_SIDE: usize = 64;

/// What one method did with one seed, in order.
#[derive(Debug, Clone)]
pub struct Trajectory {
    pub request: RequestId,
    pub seed: u64,
    pub method: Method,
    pub tensors: Vec<TrajectoryTensor>,
}

/// Collects a [`Trajectory`].
pub(super) struct Recorder<'a> {
    method: Method,
    objective: Option<&'a dyn Objective>,
    /// Scheduler calls before the first whose latents are recorded.
    warm_up: usize,
    tensors: Vec<TrajectoryTensor>,
    losses: usize,
    updates: usize,
    /// The step whose first loss was recorded last.
    evaluated: Option<usize>,
    failure: Option<DenoiseError>,
}

impl<'a> Recorder<'a> {
    /// `warm_up`: scheduler calls beyond the number of steps; diffusers reports
    /// no latents of that one call of PNDM's.
    pub(super) fn new(
        method: Method,
        objective: Option<&'a dyn Objective>,
        warm_up: usize,
        text_embeddings: Tensor<3>,
    ) -> Self {
        let mut recorder = Self {
            method,
            objective,
            warm_up,
            tensors: Vec::new(),
            losses: 0,
            updates: 0,
            evaluated: None,
            failure: None,
        };
        recorder.push_tensor("text_embeddings".to_string(), text_embeddings);
        recorder
    }

    pub(super) fn evaluated(&mut self, report: &LossReport<'_>) {
        if self.method == Method::Storm {
            self.evaluated = Some(report.index);
            self.push_loss(report.index, report.maps, report.evaluation);
        }
    }

    pub(super) fn updated(&mut self, report: &UpdateReport<'_>) {
        if self.method != Method::Storm {
            return;
        }
        self.push_loss(report.index, report.maps, report.evaluation);
        let update = format!("update.{}", self.updates);
        self.updates += 1;
        self.push_tensor(format!("{update}.before"), report.latents_before.clone());
        self.push_tensor(format!("{update}.after"), report.latents_after.clone());
        let step_size = report.step_size as f32;
        self.push(format!("{update}.step_size"), &[1], vec![step_size]);
    }

    pub(super) fn stepped(&mut self, report: &StepReport<'_>) {
        if !report.methods.contains(&self.method) {
            return;
        }
        if self.evaluated != Some(report.index) {
            self.evaluate(report);
        }
        if report.index >= self.warm_up {
            let name = format!("latents.{}", report.index);
            self.push_tensor(name, report.latents.clone());
        }
    }

    /// The finished picture [1, 3, height, width], nominally in [-1, 1], as its
    /// means over 64 × 64 equal parts; nothing if it can't be parted so.
    pub(super) fn decoded(&mut self, method: Method, picture: &Tensor<4>) {
        let [_, channels, height, width] = picture.dims();
        let is_whole = height.is_multiple_of(SMALL_SIDE) && width.is_multiple_of(SMALL_SIDE);
        if method != self.method || !is_whole {
            return;
        }
        let unit = picture.clone().mul_scalar(0.5).add_scalar(0.5);
        let (high, wide) = (height / SMALL_SIDE, width / SMALL_SIDE);
        let small = unit
            .clamp(0.0, 1.0)
            .reshape([channels * SMALL_SIDE, high, SMALL_SIDE, wide])
            .mean_dim(3)
            .mean_dim(1)
            .reshape([1, channels, SMALL_SIDE, SMALL_SIDE]);
        self.push_tensor("image_64".to_string(), small);
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

    /// The loss of a step that updates nothing: its guided prediction has the
    /// maps that the pass with gradients would have had.
    fn evaluate(&mut self, report: &StepReport<'_>) {
        let Some(objective) = self.objective else {
            return;
        };
        let context = StepContext {
            step_index: report.index,
            step_count: report.count,
            noise: report.noise,
        };
        match objective.evaluate(report.maps, context) {
            Ok(evaluation) => self.push_loss(report.index, report.maps, &evaluation),
            Err(error) => self.failure = Some(error.into()),
        }
    }

    fn push_loss(&mut self, step: usize, maps: &AttentionMaps, evaluation: &Evaluation) {
        let loss = format!("loss.{}", self.losses);
        self.losses += 1;
        let shape = [maps.rows, maps.columns, maps.tokens];
        self.push(format!("{loss}.maps"), &shape, maps.values.clone());
        self.push(format!("{loss}.value"), &[1], vec![evaluation.loss as f32]);
        let gradient = evaluation.gradient.clone();
        self.push(format!("{loss}.grad_maps"), &shape, gradient);
        self.push(format!("{loss}.step"), &[1], vec![step as f32]);
        if let Some(coordinate) = evaluation.coordinate {
            let values = coordinate.map(|value| value as f32).to_vec();
            self.push(format!("{loss}.coordinate"), &[2], values);
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

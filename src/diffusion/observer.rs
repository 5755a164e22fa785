//! What a run tells: reports of losses, updates and steps, in the order in which they happen.

use burn::tensor::Tensor;

use super::method::Method;
use crate::storm::{AttentionMaps, Evaluation, Reading};

/// Listens to a run; every call comes from the thread that computes.
pub trait Observer {
    /// Asked between the stages of a prediction; `false` ends the run with
    /// [`DenoiseError::Cancelled`](super::DenoiseError::Cancelled).
    fn keep_going(&self) -> bool;

    /// A pass with gradients was made; not every one leads to an update.
    fn gradient_pass(&mut self) {}

    /// A step of STORM begins that may update; nothing has moved yet.
    fn evaluated(&mut self, _: LossReport<'_>) {}

    /// An update of the latents happened.
    fn updated(&mut self, report: UpdateReport<'_>);

    /// A scheduler step happened; called once per lane.
    fn stepped(&mut self, report: StepReport<'_>);
}

/// STORM's first loss of a step, before its updates.
pub struct LossReport<'a> {
    /// Index of the scheduler call, from 0.
    pub index: usize,
    /// A of the pass with gradients.
    pub maps: &'a AttentionMaps,
    pub evaluation: &'a Evaluation,
}

/// One update of STORM's latents.
pub struct UpdateReport<'a> {
    /// Index of the scheduler call, from 0.
    pub index: usize,
    /// A of the pass with gradients, before the update.
    pub maps: &'a AttentionMaps,
    /// The same on the device, [1, rows, columns, tokens].
    pub device_maps: &'a Tensor<4>,
    pub evaluation: &'a Evaluation,
    /// Length of the gradient by the latents.
    pub gradient_norm: f64,
    /// The rule's step size, in units of what the UNet sees.
    pub step_size: f64,
    /// How far the latents moved, in the same units.
    pub length: f64,
    /// [1, 4, rows, columns]
    pub latents_before: &'a Tensor<4>,
    /// [1, 4, rows, columns]
    pub latents_after: &'a Tensor<4>,
}

/// One scheduler step of one lane.
pub struct StepReport<'a> {
    /// Index of the scheduler call, from 0.
    pub index: usize,
    /// Number of scheduler calls.
    pub count: usize,
    /// Between two of the training timesteps for some schedulers.
    pub timestep: f64,
    /// As [`StepContext::noise`](crate::storm::StepContext::noise).
    pub noise: f64,
    /// Whom this step belongs to; both while they share a lane.
    pub methods: &'a [Method],
    /// After the step, [1, 4, rows, columns].
    pub latents: &'a Tensor<4>,
    /// x0 as this step's prediction sees it, [1, 4, rows, columns].
    pub pred_original_sample: &'a Tensor<4>,
    /// A of this step's guided prediction, conditional prompt, on the device:
    /// [1, rows, columns, tokens].
    pub device_maps: &'a Tensor<4>,
    /// The same on the host.
    pub maps: &'a AttentionMaps,
    /// What the objective reads in them, if there is one.
    pub reading: Option<&'a Reading>,
}

//! The denoise loop: both methods advance together, step by step, from the same noise.
//!
//! Until the first update STORM and standard sampling are one and the same, so
//! they share a single [`Lane`]; then the lane forks and each prediction serves
//! a batch of both. What happens is told to an [`Observer`].

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::scheduler::Scheduler;
use super::spatial_update::{SpatialUpdateParameters, TrackedMaps, descend, read_maps};
use crate::models::UNet2DConditionModel;
use crate::models::unet::{Cancelled, Grid, PromptContext};
use crate::storm::attention::{AttentionError, AttentionMaps};
use crate::storm::objective::{Evaluation, Objective, ObjectiveError, Reading, StepContext};

/// Which way of sampling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Classifier-free guidance alone.
    Standard,
    /// With Spatial Transport Optimization in the early steps.
    Storm,
}

/// Why a run ended without a picture.
#[derive(Debug, thiserror::Error)]
pub enum DenoiseError {
    /// The observer said stop.
    #[error("cancelled")]
    Cancelled,
    /// Numbers overflowed.
    #[error(
        "the latents stopped being finite numbers; try full precision (f32), a smaller step size \
         or a lower guidance scale"
    )]
    NotFinite,
    /// The objective could not be evaluated.
    #[error(transparent)]
    Objective(#[from] ObjectiveError),
    /// The maps have no gradient to follow.
    #[error("the attention maps do not depend on the latents; this model cannot be steered")]
    NoGradient,
    /// The device failed.
    #[error("the device failed: {0}; try --device cpu")]
    Device(String),
}

impl From<Cancelled> for DenoiseError {
    fn from(_: Cancelled) -> Self {
        Self::Cancelled
    }
}

impl From<AttentionError> for DenoiseError {
    fn from(error: AttentionError) -> Self {
        match error {
            AttentionError::NonFinite { .. } => Self::NotFinite,
            other => Self::Objective(other.into()),
        }
    }
}

/// Listens to a run; every call comes from the thread that computes.
pub trait Observer {
    /// Asked between the stages of a prediction; `false` ends the run with
    /// [`DenoiseError::Cancelled`].
    fn keep_going(&self) -> bool;

    /// An update of the latents happened.
    fn updated(&mut self, report: UpdateReport<'_>);

    /// A scheduler step happened; called once per lane.
    fn stepped(&mut self, report: StepReport<'_>);
}

/// One update of STORM's latents.
pub struct UpdateReport<'a> {
    /// Index of the scheduler call, from 0.
    pub index: usize,
    /// A of the pass with gradients, before the update.
    pub maps: &'a AttentionMaps,
    pub evaluation: &'a Evaluation,
    /// Length of the gradient by the latents.
    pub gradient_norm: f64,
    /// How far the latents moved.
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
    pub timestep: usize,
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

/// Latents on their way, and the scheduler that walks with them.
#[derive(Debug)]
pub struct Lane {
    methods: Vec<Method>,
    latents: Tensor<4>,
    scheduler: Box<dyn Scheduler>,
    /// From the A of the last guided prediction.
    reading: Option<Reading>,
    updates: usize,
}

/// Everything a run needs; [`Denoising::run`] does it.
pub struct Denoising<'a> {
    pub unet: &'a UNet2DConditionModel,
    /// Two prompts: the negative (or empty) one, then the prompt.
    pub context: &'a PromptContext,
    pub scheduler: Box<dyn Scheduler>,
    /// How far to go beyond the prompt's own prediction (Ho and Salimans 2022);
    /// at 1 or below only the prompt is predicted.
    pub guidance_scale: f64,
    /// Initial noise, [1, 4, rows, columns].
    pub latents: Tensor<4>,
    /// Which methods to run; both from the same noise.
    pub methods: Vec<Method>,
    /// Needed by [`Method::Storm`]; with it, readings come for both.
    pub objective: Option<&'a dyn Objective>,
    pub update: &'a SpatialUpdateParameters,
    /// Predict both methods in one batch of four, or one after the other where
    /// memory is short.
    pub batch_lanes: bool,
}

impl Denoising<'_> {
    /// Runs all steps → the finished latents [1, 4, rows, columns] of each method.
    ///
    /// # Errors
    /// [`DenoiseError::Cancelled`] within one stage of the network after the
    /// observer says stop; otherwise what failed.
    pub fn run(
        mut self,
        observer: &mut dyn Observer,
    ) -> Result<Vec<(Method, Tensor<4>)>, DenoiseError> {
        let [_, _, rows, columns] = self.latents.dims();
        let latent_grid = Grid { rows, columns };
        let grid = self
            .unet
            .attention_grid(latent_grid, self.update.attention_res);
        let timesteps = self.scheduler.timesteps().to_vec();
        let mut lanes = vec![Lane {
            methods: std::mem::take(&mut self.methods),
            latents: self.latents.clone(),
            scheduler: self.scheduler.fork(),
            reading: None,
            updates: 0,
        }];
        let conditional = self.context.narrow(1, 1);
        for (index, &timestep) in timesteps.iter().enumerate() {
            let step = Step {
                context: StepContext {
                    step_index: index,
                    step_count: timesteps.len(),
                },
                timestep,
                grid,
            };
            self.optimise(step, &conditional, &mut lanes, observer)?;
            self.advance(step, &mut lanes, observer)?;
        }
        Ok(finished(lanes))
    }

    /// Spatial Transport Optimization: updates the STORM lane's latents where
    /// its relations do not hold yet, forking it from the standard one first.
    fn optimise(
        &self,
        step: Step,
        conditional: &PromptContext,
        lanes: &mut Vec<Lane>,
        observer: &mut dyn Observer,
    ) -> Result<(), DenoiseError> {
        let Some(objective) = self.objective else {
            return Ok(());
        };
        let StepContext {
            step_index,
            step_count,
        } = step.context;
        let Some(position) = lanes.iter().position(Lane::is_storm) else {
            return Ok(());
        };
        let holds = lanes[position]
            .reading
            .as_ref()
            .is_some_and(|reading| reading.satisfied);
        if holds || !self.update.is_in_window(step_index, step_count) {
            return Ok(());
        }
        for _ in 0..self.update.updates_per_step {
            if lanes[position].updates >= self.update.updates_per_picture {
                break;
            }
            let before = lanes[position].latents.clone();
            let tracked = TrackedMaps::new(
                self.unet,
                before.clone(),
                step.timestep as f64,
                conditional,
                step.grid,
                &|| observer.keep_going(),
            )?;
            let evaluation = objective.evaluate(&tracked.values, step.context)?;
            if evaluation.reading.satisfied {
                break;
            }
            let maps = tracked.values.clone();
            let gradient = tracked.backward(&evaluation.gradient)?;
            let numbers = before.shape().num_elements();
            let length = self.update.update_length(step_index, step_count, numbers);
            let (after, gradient_norm) = descend(before.clone(), gradient, length)?;
            observer.updated(UpdateReport {
                index: step_index,
                maps: &maps,
                evaluation: &evaluation,
                gradient_norm,
                length,
                latents_before: &before,
                latents_after: &after,
            });
            if let Some(standard) = lanes[position].split_off_standard() {
                lanes.push(standard);
            }
            lanes[position].latents = after;
            lanes[position].updates += 1;
        }
        Ok(())
    }

    /// The guided prediction of every lane and its scheduler step.
    fn advance(
        &self,
        step: Step,
        lanes: &mut [Lane],
        observer: &mut dyn Observer,
    ) -> Result<(), DenoiseError> {
        let lanes_at_once = if self.batch_lanes { lanes.len() } else { 1 };
        for group in lanes.chunks_mut(lanes_at_once) {
            let guided = self.predict(step, group, observer)?;
            let host_maps = read_maps(guided.maps.clone())?;
            let predictions = guided.sample.split(1, 0);
            let device_maps = guided.maps.split(1, 0);
            let lanes = group.iter_mut().zip(predictions);
            for ((lane, prediction), (maps, device_maps)) in
                lanes.zip(host_maps.iter().zip(device_maps))
            {
                lane.reading = match self.objective {
                    Some(objective) => Some(objective.read(maps, step.context)?),
                    None => None,
                };
                let index = step.context.step_index;
                let stepped = lane.scheduler.step(prediction, index, lane.latents.clone());
                lane.latents = stepped.prev_sample;
                observer.stepped(StepReport {
                    index,
                    count: step.context.step_count,
                    timestep: step.timestep,
                    methods: &lane.methods,
                    latents: &lane.latents,
                    pred_original_sample: &stepped.pred_original_sample,
                    device_maps: &device_maps,
                    maps,
                    reading: lane.reading.as_ref(),
                });
            }
        }
        Ok(())
    }

    /// Classifier-free guidance for all lanes in one batch: the guided
    /// prediction [lanes, 4, rows, columns] and the prompt's maps
    /// [lanes, rows, columns, tokens] of the same pass.
    fn predict(
        &self,
        step: Step,
        lanes: &[Lane],
        observer: &dyn Observer,
    ) -> Result<Guided, DenoiseError> {
        let is_guided = self.guidance_scale > 1.0;
        let prompts = if is_guided { 2 } else { 1 };
        let context = if is_guided {
            self.context.clone()
        } else {
            self.context.narrow(1, 1)
        };
        let context = match lanes.len() {
            1 => context,
            lanes => context.repeat(lanes),
        };
        let latents: Vec<Tensor<4>> = lanes
            .iter()
            .flat_map(|lane| std::iter::repeat_n(lane.latents.clone(), prompts))
            .collect();
        let prediction = self.unet.predict(
            Tensor::cat(latents, 0),
            step.timestep as f64,
            &context,
            Some(step.grid),
            &|| observer.keep_going(),
        )?;
        let maps = prediction
            .maps
            .expect("the grid is one on which attention runs");
        if !is_guided {
            return Ok(Guided {
                sample: prediction.sample,
                maps,
            });
        }
        let [batch, channels, rows, columns] = prediction.sample.dims();
        let pairs = prediction
            .sample
            .reshape([batch / 2, 2, channels, rows, columns]);
        let half = |index| pairs.clone().narrow(1, index, 1).squeeze_dim::<4>(1);
        let (unconditional, conditional) = (half(0), half(1));
        let direction = conditional.sub(unconditional.clone());
        let [_, map_rows, map_columns, tokens] = maps.dims();
        let maps = maps
            .reshape([batch / 2, 2, map_rows, map_columns, tokens])
            .narrow(1, 1, 1)
            .squeeze_dim::<4>(1);
        Ok(Guided {
            sample: unconditional.add(direction.mul_scalar(self.guidance_scale)),
            maps,
        })
    }
}

/// Where in the walk.
#[derive(Clone, Copy)]
struct Step {
    context: StepContext,
    timestep: usize,
    grid: Grid,
}

struct Guided {
    sample: Tensor<4>,
    maps: Tensor<4>,
}

impl Lane {
    fn is_storm(&self) -> bool {
        self.methods.contains(&Method::Storm)
    }

    /// Leaves this lane to STORM; the standard method, if it shared the lane,
    /// goes on in the returned one.
    fn split_off_standard(&mut self) -> Option<Self> {
        if !self.methods.contains(&Method::Standard) {
            return None;
        }
        self.methods = vec![Method::Storm];
        Some(Self {
            methods: vec![Method::Standard],
            latents: self.latents.clone(),
            scheduler: self.scheduler.fork(),
            reading: self.reading.clone(),
            updates: 0,
        })
    }
}

/// The latents of each method, in the order of [`Method`].
fn finished(lanes: Vec<Lane>) -> Vec<(Method, Tensor<4>)> {
    let mut finished: Vec<(Method, Tensor<4>)> = lanes
        .into_iter()
        .flat_map(|lane| {
            let latents = lane.latents;
            let methods = lane.methods.into_iter();
            methods.map(move |method| (method, latents.clone()))
        })
        .collect();
    finished.sort_by_key(|(method, _)| *method);
    finished
}

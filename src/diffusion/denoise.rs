//! The denoise loop: both methods advance together, step by step, from the same noise.
//!
//! Until the first update STORM and standard sampling are one and the same, so
//! they share a single [`Lane`]; then the lane forks and each prediction serves
//! a batch of both. What happens is told to an [`Observer`].

use burn::tensor::Tensor;

use super::error::DenoiseError;
use super::method::Method;
use super::noise::NoiseStream;
use super::observer::{Observer, StepReport};
use super::scheduler::{ModelCall, Scheduler};
use super::spatial_update::{SpatialUpdate, read_maps};
use super::update_rule::{UpdateRule, WalkPlace};
use crate::models::UNet2DConditionModel;
use crate::models::unet::{Activations, Capture, Grid, PromptContext};
use crate::parameters::LayerChoice;
use crate::storm::objective::noise_on_32_cells;
use crate::storm::{Objective, Reading, StepContext};

/// Latents on their way, and the scheduler that walks with them.
#[derive(Debug)]
pub struct Lane {
    methods: Vec<Method>,
    latents: Tensor<4>,
    scheduler: Box<dyn Scheduler>,
    /// From the A of the last guided prediction.
    reading: Option<Reading>,
    /// So far, without those of refinements.
    updates: usize,
}

/// Everything a run needs; [`Denoising::run`] does it.
pub struct Denoising<'a> {
    pub unet: &'a UNet2DConditionModel,
    /// Two prompts: the negative (or empty) one, then the prompt.
    pub context: &'a PromptContext,
    pub scheduler: Box<dyn Scheduler>,
    /// How far to go beyond the prompt's own prediction (Ho and Salimans 2022);
    /// at 1 or below only the prompt is predicted, and so it is where the UNet is
    /// told this scale.
    pub guidance_scale: f64,
    /// How much of the guided prediction is brought back to the spread of the
    /// prompt's own, from 0 to 1 (φ of Lin et al. 2023, section 3.4).
    pub guidance_rescale: f64,
    /// Initial noise of standard deviation 1, [1, 4, rows, columns].
    pub latents: Tensor<4>,
    /// What comes after it in the noise of this seed, for schedulers that add
    /// some on the way; both methods get the same.
    pub noise: NoiseStream,
    /// Which methods to run; both from the same noise.
    pub methods: Vec<Method>,
    /// Needed by [`Method::Storm`]; with it, readings come for both.
    pub objective: Option<&'a dyn Objective>,
    /// How [`Method::Storm`] follows its objective.
    pub update_rule: &'a UpdateRule,
    /// Side of the attention grid to read; the level of the model nearest to it
    /// is taken.
    pub attention_res: usize,
    /// The cross-attention layers to read; `None`: all of that level.
    pub attention_layers: Option<LayerChoice>,
    /// Predict both methods in one batch of four, or one after the other where
    /// memory is short.
    pub batch_lanes: bool,
    /// Whether the pass with gradients keeps its activations.
    pub activations: Activations,
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
        let (attention_res, layers) = (self.attention_res, self.attention_layers);
        let capture = self.unet.capture(latent_grid, attention_res, layers)?;
        let calls = self.scheduler.calls().to_vec();
        let sigma = self.scheduler.init_noise_sigma();
        let mut lanes = vec![Lane {
            methods: std::mem::take(&mut self.methods),
            latents: self.latents.clone().mul_scalar(sigma),
            scheduler: self.scheduler.fork(),
            reading: None,
            updates: 0,
        }];
        let conditional = self.prompt_alone();
        for index in 0..calls.len() {
            let step = Step {
                context: StepContext {
                    step_index: index,
                    step_count: calls.len(),
                    noise: noise_on_32_cells(calls[index].sigma, rows.min(columns)),
                },
                calls: &calls,
                bodies: self.objective.map_or(0, Objective::bodies),
                capture,
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
        step: Step<'_>,
        conditional: &PromptContext,
        lanes: &mut Vec<Lane>,
        observer: &mut dyn Observer,
    ) -> Result<(), DenoiseError> {
        let Some(objective) = self.objective else {
            return Ok(());
        };
        let Some(position) = lanes.iter().position(Lane::is_storm) else {
            return Ok(());
        };
        let lane = &mut lanes[position];
        let most = self.update_rule.updates_left(step.place(), lane.updates);
        let holds = lane.reading.as_ref().is_some_and(|it| it.satisfied);
        let waits = objective.waits(step.of_steps());
        if holds || waits || most == 0 || !step.call().keeps_moves {
            return Ok(());
        }
        let update = SpatialUpdate {
            unet: self.unet,
            conditional,
            objective,
            rule: self.update_rule,
            step,
            activations: self.activations,
            observer,
            latents: lane.latents.clone(),
        };
        if let Some((latents, updates)) = update.run(most)? {
            let standard = lane.split_off_standard();
            let by = latents
                .clone()
                .sub(std::mem::replace(&mut lane.latents, latents));
            lane.scheduler.moved(&by);
            lane.updates += updates;
            lanes.extend(standard);
        }
        Ok(())
    }

    /// The guided prediction of every lane and its scheduler step.
    fn advance(
        &mut self,
        step: Step<'_>,
        lanes: &mut [Lane],
        observer: &mut dyn Observer,
    ) -> Result<(), DenoiseError> {
        let shape = self.latents.dims();
        let mut stream = self.noise.clone();
        let mut drawn = None;
        let mut noise = || drawn.get_or_insert_with(|| stream.draw(shape)).clone();
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
                let latents = lane.latents.clone();
                let stepped = lane.scheduler.step(prediction, index, latents, &mut noise);
                lane.latents = stepped.prev_sample;
                observer.stepped(StepReport {
                    index,
                    count: step.context.step_count,
                    noise: step.context.noise,
                    timestep: step.call().timestep,
                    methods: &lane.methods,
                    latents: &lane.latents,
                    pred_original_sample: &stepped.pred_original_sample,
                    device_maps: &device_maps,
                    maps,
                    reading: lane.reading.as_ref(),
                });
            }
        }
        self.noise = stream;
        Ok(())
    }

    /// The prompt without the negative one, with the guidance scale for a UNet that
    /// is told it.
    fn prompt_alone(&self) -> PromptContext {
        let alone = self.context.narrow(1, 1);
        match self.unet.is_told_guidance() {
            true => alone.with_guidance_scale(self.guidance_scale),
            false => alone,
        }
    }

    /// Classifier-free guidance for all lanes in one batch: the guided
    /// prediction [lanes, 4, rows, columns] and the prompt's maps
    /// [lanes, rows, columns, tokens] of the same pass.
    fn predict(
        &self,
        step: Step<'_>,
        lanes: &[Lane],
        observer: &dyn Observer,
    ) -> Result<Guided, DenoiseError> {
        let is_guided = self.guidance_scale > 1.0 && !self.unet.is_told_guidance();
        let prompts = if is_guided { 2 } else { 1 };
        let context = if is_guided {
            self.context.clone()
        } else {
            self.prompt_alone()
        };
        let context = match lanes.len() {
            1 => context,
            lanes => context.repeat(lanes),
        };
        let latents: Vec<Tensor<4>> = lanes
            .iter()
            .flat_map(|lane| std::iter::repeat_n(lane.model_input(step), prompts))
            .collect();
        let prediction = self.unet.predict(
            Tensor::cat(latents, 0),
            step.call().timestep,
            &context,
            Some(step.capture),
            &|| observer.keep_going(),
        )?;
        let maps = prediction
            .maps
            .expect("what is captured is some of its attention");
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
        let direction = conditional.clone().sub(unconditional.clone());
        let [_, map_rows, map_columns, tokens] = maps.dims();
        let maps = maps
            .reshape([batch / 2, 2, map_rows, map_columns, tokens])
            .narrow(1, 1, 1)
            .squeeze_dim::<4>(1);
        let mut sample = unconditional.add(direction.mul_scalar(self.guidance_scale));
        if self.guidance_rescale > 0.0 {
            sample = rescaled(sample, &conditional, self.guidance_rescale);
        }
        Ok(Guided { sample, maps })
    }
}

/// Where in the walk.
#[derive(Clone, Copy)]
pub(super) struct Step<'a> {
    pub(super) context: StepContext,
    /// All of the walk.
    calls: &'a [ModelCall],
    /// What the objective moves.
    bodies: usize,
    /// Whose maps are read.
    pub(super) capture: Capture,
}

impl<'a> Step<'a> {
    /// The prediction of this step.
    pub(super) fn call(self) -> ModelCall {
        self.calls[self.context.step_index]
    }

    /// The same place counted in steps, as objectives count: a call that only looks
    /// ahead within a step is none.
    pub(super) fn of_steps(self) -> StepContext {
        let steps = |calls: &[ModelCall]| calls.iter().filter(|call| call.keeps_moves).count();
        StepContext {
            step_index: steps(&self.calls[..self.context.step_index]),
            step_count: steps(self.calls),
            noise: self.context.noise,
        }
    }

    pub(super) fn place(self) -> WalkPlace<'a> {
        WalkPlace {
            context: self.context,
            calls: self.calls,
            bodies: self.bodies,
        }
    }
}

struct Guided {
    sample: Tensor<4>,
    maps: Tensor<4>,
}

impl Lane {
    /// What the UNet sees in this step.
    fn model_input(&self, step: Step<'_>) -> Tensor<4> {
        let index = step.context.step_index;
        self.scheduler
            .scale_model_input(self.latents.clone(), index)
    }

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

/// `guided`, a `share` of it brought to the standard deviation of `conditional`,
/// sample by sample: too much guidance washes pictures out.
fn rescaled(guided: Tensor<4>, conditional: &Tensor<4>, share: f64) -> Tensor<4> {
    let spread = |tensor: &Tensor<4>| {
        let mean = tensor.clone().mean_dims(&[1, 2, 3]);
        let square = tensor.clone().sub(mean).square();
        square.mean_dims(&[1, 2, 3]).sqrt()
    };
    let ratio = spread(conditional).div(spread(&guided));
    guided.mul(ratio.mul_scalar(share).add_scalar(1.0 - share))
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

#[cfg(test)]
mod tests;

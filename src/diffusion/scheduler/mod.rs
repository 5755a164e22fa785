//! Schedulers: which timesteps to visit, and the step from a prediction to the next latents.
//!
//! Each is named, configured and numerically equal to the diffusers class of
//! its name. Coefficients are computed in f64 on the host; a step is a handful
//! of element-wise operations on the device.

mod config;
mod ddim;
mod noise_schedule;
mod pndm;

use std::fmt;
use std::str::FromStr;

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

pub use config::{BetaSchedule, PredictionType, SchedulerConfig, SchedulerError, TimestepSpacing};
use ddim::DdimScheduler;
use noise_schedule::NoiseSchedule;
use pndm::PndmScheduler;

/// What a scheduler makes of one prediction.
#[derive(Debug, Clone)]
pub struct SchedulerStep {
    /// The latents to predict from next, [batch, 4, rows, columns].
    pub prev_sample: Tensor<4>,
    /// What this prediction says the finished latents are (x0).
    pub pred_original_sample: Tensor<4>,
}

/// The walk from noise to latents. Cloning forks it: both go on from here.
pub trait Scheduler: fmt::Debug + Send {
    /// The timesteps in the order in which predictions are wanted; the UNet is
    /// called once for each.
    fn timesteps(&self) -> &[usize];

    /// The step after the `index`-th prediction; to be called for every index in
    /// order. `model_output` and `sample` are [batch, 4, rows, columns].
    fn step(&mut self, model_output: Tensor<4>, index: usize, sample: Tensor<4>) -> SchedulerStep;

    /// A second walk that goes on from the same state.
    fn fork(&self) -> Box<dyn Scheduler>;
}

/// The schedulers that can be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SchedulerKind {
    /// Pseudo numerical methods (Liu et al. 2022), without the Runge–Kutta start.
    Pndm,
    /// Denoising diffusion implicit models (Song et al. 2021) with η = 0.
    Ddim,
}

impl SchedulerKind {
    /// Every scheduler.
    pub const ALL: [Self; 2] = [Self::Pndm, Self::Ddim];

    /// The name that other programs write into pictures.
    pub fn sampler_name(self) -> &'static str {
        match self {
            Self::Pndm => "PLMS",
            Self::Ddim => "DDIM",
        }
    }

    /// The scheduler for `steps` steps.
    ///
    /// # Errors
    /// If the number of steps is 0 or more than the model was trained with.
    pub fn build(
        self,
        config: &SchedulerConfig,
        steps: usize,
    ) -> Result<Box<dyn Scheduler>, SchedulerError> {
        let most = config.num_train_timesteps;
        if steps == 0 || steps > most {
            return Err(SchedulerError::Steps { steps, most });
        }
        let schedule = NoiseSchedule::new(config);
        Ok(match self {
            Self::Pndm => Box::new(PndmScheduler::new(config, schedule, steps)),
            Self::Ddim => Box::new(DdimScheduler::new(config, schedule, steps)),
        })
    }
}

impl fmt::Display for SchedulerKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Pndm => "PNDM",
            Self::Ddim => "DDIM",
        })
    }
}

impl FromStr for SchedulerKind {
    type Err = SchedulerError;

    fn from_str(name: &str) -> Result<Self, SchedulerError> {
        match name.to_ascii_lowercase().as_str() {
            "pndm" | "plms" => Ok(Self::Pndm),
            "ddim" => Ok(Self::Ddim),
            _ => Err(SchedulerError::Unknown(name.to_string())),
        }
    }
}

//! `scheduler_config.json`, as diffusers writes it.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::SchedulerKind;

/// Why there is no scheduler.
#[derive(Debug, thiserror::Error)]
pub enum SchedulerError {
    /// Not the JSON that diffusers writes.
    #[error("cannot read scheduler_config.json: {0}")]
    Json(#[from] serde_json::Error),
    /// A key whose effect is not implemented.
    #[error("scheduler_config.json has {key} = {value}, which is not supported")]
    Unsupported { key: &'static str, value: String },
    /// No steps, or more than there are.
    #[error("{steps} steps are not possible; choose between 1 and {most}")]
    Steps { steps: usize, most: usize },
    /// A name that is no scheduler.
    #[error("{0:?} is no scheduler; choose pndm or ddim")]
    Unknown(String),
    /// A name that is no prediction type.
    #[error("{0:?} is no prediction type; choose epsilon or v-prediction")]
    UnknownPrediction(String),
}

/// How the noise grows over the training timesteps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BetaSchedule {
    Linear,
    /// Linear in the square root.
    ScaledLinear,
    /// The cosine schedule of Nichol and Dhariwal 2021.
    #[serde(rename = "squaredcos_cap_v2")]
    SquaredcosCapV2,
}

/// What the UNet predicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PredictionType {
    /// The noise ε.
    Epsilon,
    /// The velocity √ᾱ ε − √(1−ᾱ) x0 (Salimans and Ho 2022).
    VPrediction,
}

impl FromStr for PredictionType {
    type Err = SchedulerError;

    fn from_str(name: &str) -> Result<Self, SchedulerError> {
        match name.to_ascii_lowercase().replace('-', "_").as_str() {
            "epsilon" | "eps" => Ok(Self::Epsilon),
            "v_prediction" | "v" => Ok(Self::VPrediction),
            _ => Err(SchedulerError::UnknownPrediction(name.to_string())),
        }
    }
}

/// Which of the training timesteps a short walk visits (Lin et al. 2023, table 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TimestepSpacing {
    Leading,
    Trailing,
    Linspace,
}

/// The keys of `scheduler_config.json` that matter to sampling. `clip_sample`
/// is read by nobody: it belongs to models of pixels, latents have no bounds,
/// and diffusers' StableDiffusionPipeline turns it off whatever the file says.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct SchedulerConfig {
    #[serde(rename = "_class_name")]
    class_name: String,
    pub num_train_timesteps: usize,
    pub beta_start: f64,
    pub beta_end: f64,
    pub beta_schedule: BetaSchedule,
    pub prediction_type: PredictionType,
    pub set_alpha_to_one: bool,
    pub steps_offset: usize,
    /// Absent in files from before diffusers 0.18, which always lead.
    pub timestep_spacing: TimestepSpacing,
    rescale_betas_zero_snr: bool,
    trained_betas: Option<Vec<f64>>,
}

impl Default for SchedulerConfig {
    fn default() -> Self {
        Self {
            class_name: "PNDMScheduler".to_string(),
            num_train_timesteps: 1000,
            beta_start: 0.0001,
            beta_end: 0.02,
            beta_schedule: BetaSchedule::Linear,
            prediction_type: PredictionType::Epsilon,
            set_alpha_to_one: false,
            steps_offset: 0,
            timestep_spacing: TimestepSpacing::Leading,
            rescale_betas_zero_snr: false,
            trained_betas: None,
        }
    }
}

impl SchedulerConfig {
    /// Reads and checks the text of `scheduler_config.json`.
    ///
    /// # Errors
    /// If it is not JSON of a scheduler, or asks for what is not implemented.
    pub fn from_json(json: &[u8]) -> Result<Self, SchedulerError> {
        let config: Self = serde_json::from_slice(json)?;
        let refuse = |key, value: &str| {
            Err(SchedulerError::Unsupported {
                key,
                value: value.to_string(),
            })
        };
        if config.rescale_betas_zero_snr {
            return refuse("rescale_betas_zero_snr", "true");
        }
        if config.trained_betas.is_some() {
            return refuse("trained_betas", "a list");
        }
        if !(2..=100_000).contains(&config.num_train_timesteps) {
            let timesteps = config.num_train_timesteps.to_string();
            return refuse("num_train_timesteps", &timesteps);
        }
        Ok(config)
    }

    /// The checkpoint's own scheduler, or PNDM where it names one that is not
    /// implemented (all of them walk the same noise schedule).
    pub fn kind(&self) -> SchedulerKind {
        match self.class_name.as_str() {
            "DDIMScheduler" => SchedulerKind::Ddim,
            _ => SchedulerKind::Pndm,
        }
    }
}

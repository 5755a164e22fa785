//! `scheduler_config.json`, as diffusers writes it.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

use super::{SchedulerError, SchedulerKind, SigmaSchedule};

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, VariantArray)]
#[serde(rename_all = "snake_case")]
pub enum PredictionType {
    /// The noise ε.
    Epsilon,
    /// The velocity √ᾱ ε − √(1−ᾱ) x0 (Salimans and Ho 2022).
    VPrediction,
    /// The finished latents x0.
    Sample,
}

impl PredictionType {
    /// In a word.
    pub fn label(self) -> &'static str {
        match self {
            Self::Epsilon => "noise",
            Self::VPrediction => "velocity",
            Self::Sample => "picture",
        }
    }
}

impl FromStr for PredictionType {
    type Err = SchedulerError;

    fn from_str(name: &str) -> Result<Self, SchedulerError> {
        match name.to_ascii_lowercase().replace('-', "_").as_str() {
            "epsilon" | "eps" => Ok(Self::Epsilon),
            "v_prediction" | "v" => Ok(Self::VPrediction),
            "sample" | "original_sample" | "x0" => Ok(Self::Sample),
            _ => Err(SchedulerError::UnknownPrediction(name.to_string())),
        }
    }
}

/// Which of the training timesteps a short walk visits (Lin et al. 2023, table 2).
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(
    serialize_all = "lowercase",
    ascii_case_insensitive,
    parse_err_ty = SchedulerError,
    parse_err_fn = unknown_spacing
)]
pub enum TimestepSpacing {
    /// From timestep 0 up in equal strides, so that the noisiest are left out.
    Leading,
    /// From the last timestep down in equal strides.
    Trailing,
    /// From the last timestep to 0, both visited.
    Linspace,
}

impl TimestepSpacing {
    /// One sentence.
    pub fn explanation(self) -> &'static str {
        match self {
            Self::Leading => "From the first timestep up: the noisiest are left out.",
            Self::Trailing => "From the noisiest down: for few steps, turbo and zero terminal SNR.",
            Self::Linspace => "From the noisiest to the first, both visited.",
        }
    }
}

fn unknown_spacing(name: &str) -> SchedulerError {
    SchedulerError::UnknownSpacing(name.to_string())
}

/// Where a walk over σ ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FinalSigma {
    /// No noise left.
    Zero,
    /// The least noise of the training.
    SigmaMin,
}

/// The keys of `scheduler_config.json` that matter to sampling. `clip_sample`
/// and `thresholding` are read by nobody: they belong to models of pixels, latents
/// have no bounds, and diffusers' StableDiffusionPipeline turns the first off
/// whatever the file says.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct SchedulerConfig {
    #[serde(rename = "_class_name")]
    pub(super) class_name: String,
    pub num_train_timesteps: usize,
    pub beta_start: f64,
    pub beta_end: f64,
    pub beta_schedule: BetaSchedule,
    pub prediction_type: PredictionType,
    /// Absent where each class ends in its own way.
    pub set_alpha_to_one: Option<bool>,
    pub steps_offset: usize,
    /// Absent in files from before diffusers 0.18, and where each class spaces
    /// in its own way.
    pub timestep_spacing: Option<TimestepSpacing>,
    pub rescale_betas_zero_snr: bool,
    pub(super) trained_betas: Option<Vec<f64>>,
    /// What a person chose instead of the schedule that the file says.
    #[serde(skip)]
    pub schedule: Option<SigmaSchedule>,
    use_karras_sigmas: Option<bool>,
    use_exponential_sigmas: Option<bool>,
    use_beta_sigmas: Option<bool>,
    pub(super) use_lu_lambdas: Option<bool>,
    pub(super) sigma_min: Option<f64>,
    pub(super) sigma_max: Option<f64>,
    final_sigmas_type: Option<FinalSigma>,
    pub(super) lambda_min_clipped: Option<f64>,
    pub(super) algorithm_type: Option<String>,
    pub(super) solver_order: Option<usize>,
    pub(super) solver_type: Option<String>,
    pub(super) lower_order_final: Option<bool>,
    pub(super) euler_at_final: Option<bool>,
    pub(super) variance_type: Option<String>,
    pub(super) predict_x0: Option<bool>,
    /// Steps that UniPC does not correct.
    pub(super) disable_corrector: Option<Vec<usize>>,
    pub(super) interpolation_type: Option<String>,
    pub(super) timestep_type: Option<String>,
    pub(super) original_inference_steps: Option<usize>,
    pub(super) timestep_scaling: Option<f64>,
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
            set_alpha_to_one: None,
            steps_offset: 0,
            timestep_spacing: None,
            rescale_betas_zero_snr: false,
            trained_betas: None,
            schedule: None,
            use_karras_sigmas: None,
            use_exponential_sigmas: None,
            use_beta_sigmas: None,
            use_lu_lambdas: None,
            sigma_min: None,
            sigma_max: None,
            final_sigmas_type: None,
            lambda_min_clipped: None,
            algorithm_type: None,
            solver_order: None,
            solver_type: None,
            lower_order_final: None,
            euler_at_final: None,
            variance_type: None,
            predict_x0: None,
            disable_corrector: None,
            interpolation_type: None,
            timestep_type: None,
            original_inference_steps: None,
            timestep_scaling: None,
        }
    }
}

impl SchedulerConfig {
    /// Reads and checks the text of `scheduler_config.json`.
    ///
    /// # Errors
    /// If it is not JSON of a scheduler, or holds values that none can work with.
    pub fn from_json(json: &[u8]) -> Result<Self, SchedulerError> {
        // Python writes infinities, which are no JSON; there they mean "not limited".
        let text = String::from_utf8_lossy(json);
        let text = text
            .replace("-Infinity", "null")
            .replace("Infinity", "null");
        let config: Self = serde_json::from_str(&text)?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), SchedulerError> {
        let refuse = |key, value: String| Err(SchedulerError::Unsupported { key, value });
        let train = self.num_train_timesteps;
        if !(2..=100_000).contains(&train) {
            return refuse("num_train_timesteps", train.to_string());
        }
        let is_share = |beta: &f64| (0.0..1.0).contains(beta);
        for (key, beta) in [("beta_start", self.beta_start), ("beta_end", self.beta_end)] {
            if !is_share(&beta) {
                return refuse(key, beta.to_string());
            }
        }
        match &self.trained_betas {
            Some(betas) if betas.len() != train || !betas.iter().all(is_share) => {
                return refuse("trained_betas", format!("a list of {}", betas.len()));
            }
            _ => {}
        }
        for (key, sigma) in [("sigma_min", self.sigma_min), ("sigma_max", self.sigma_max)] {
            match sigma {
                Some(sigma) if !(sigma > 0.0 && sigma.is_finite()) => {
                    return refuse(key, sigma.to_string());
                }
                _ => {}
            }
        }
        let steps = self.original_inference_steps.unwrap_or(1);
        if !(1..=train).contains(&steps) {
            return refuse("original_inference_steps", steps.to_string());
        }
        Ok(())
    }

    /// How the timesteps are spaced, for a sampler that has its `own` way where
    /// nothing is said.
    pub(super) fn spacing(&self, own: TimestepSpacing) -> TimestepSpacing {
        self.timestep_spacing.unwrap_or(own)
    }

    /// The noise levels that a sampler visits which can visit any.
    pub(super) fn schedule(&self) -> SigmaSchedule {
        self.schedule.unwrap_or(self.own_schedule())
    }

    /// The noise levels that `kind` visits: of those that it does not offer the
    /// model's own are taken.
    pub fn schedule_for(&self, kind: SchedulerKind) -> SigmaSchedule {
        let schedule = self.schedule();
        match kind.sampler().schedules.contains(&schedule) {
            true => schedule,
            false => SigmaSchedule::Model,
        }
    }

    /// The schedule that the file says.
    pub fn own_schedule(&self) -> SigmaSchedule {
        let chosen = [
            (self.use_karras_sigmas, SigmaSchedule::Karras),
            (self.use_exponential_sigmas, SigmaSchedule::Exponential),
            (self.use_beta_sigmas, SigmaSchedule::Beta),
        ];
        let chosen = chosen.into_iter().find(|(is, _)| *is == Some(true));
        chosen.map_or(SigmaSchedule::Model, |(_, schedule)| schedule)
    }

    /// Whether a walk over σ ends at the least noise of the training instead of
    /// none.
    pub(super) fn ends_at_sigma_min(&self) -> bool {
        self.final_sigmas_type == Some(FinalSigma::SigmaMin)
    }
}

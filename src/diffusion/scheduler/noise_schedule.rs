//! ᾱ, the share of signal left at each training timestep, and what follows from it.

use burn::tensor::Tensor;

use super::ModelCall;
use super::config::{BetaSchedule, PredictionType, SchedulerConfig, TimestepSpacing};

/// The noise schedule of a model, shared by all schedulers.
#[derive(Debug, Clone)]
pub(super) struct NoiseSchedule {
    /// ᾱ per training timestep, falling from nearly 1.
    alphas_cumprod: Vec<f64>,
    /// ᾱ before timestep 0.
    final_alpha_cumprod: f64,
    /// σ per training timestep, rising.
    sigmas: Vec<f64>,
    prediction_type: PredictionType,
}

impl NoiseSchedule {
    /// `ends_at_one`: whether no noise at all is left before timestep 0, where
    /// the config does not say it.
    pub(super) fn new(config: &SchedulerConfig, ends_at_one: bool) -> Self {
        let betas = betas(config);
        let mut alphas_cumprod: Vec<f64> = betas
            .iter()
            .scan(1.0, |product, beta| {
                *product *= 1.0 - beta;
                Some(*product)
            })
            .collect();
        if config.rescale_betas_zero_snr {
            rescale_zero_terminal_snr(&mut alphas_cumprod);
            // Noise alone says nothing of the picture when no signal is left.
            if config.prediction_type == PredictionType::Epsilon {
                let last = alphas_cumprod.last_mut();
                *last.expect("there are at least two timesteps") = SMALLEST_ALPHA;
            }
        }
        let final_alpha_cumprod = match config.set_alpha_to_one.unwrap_or(ends_at_one) {
            true => 1.0,
            false => alphas_cumprod[0],
        };
        let sigmas = alphas_cumprod.iter().map(|&alpha| sigma(alpha)).collect();
        Self {
            alphas_cumprod,
            final_alpha_cumprod,
            sigmas,
            prediction_type: config.prediction_type,
        }
    }

    /// ᾱ at `timestep`; below 0 the final one.
    pub(super) fn alpha_cumprod(&self, timestep: i64) -> f64 {
        match usize::try_from(timestep) {
            Ok(timestep) => self.alphas_cumprod[timestep.min(self.alphas_cumprod.len() - 1)],
            Err(_) => self.final_alpha_cumprod,
        }
    }

    /// The call at a training timestep, with latents that keep their variance.
    pub(super) fn call(&self, timestep: usize) -> ModelCall {
        ModelCall::plain(timestep as f64, self.sigma(timestep as f64))
    }

    /// σ at a timestep; between two of the training linear in σ.
    pub(super) fn sigma(&self, timestep: f64) -> f64 {
        let (low, share) = self.below(timestep);
        self.sigmas[low] + share * (self.sigmas[low + 1] - self.sigmas[low])
    }

    /// σ at a timestep; between two of the training linear in its logarithm.
    pub(super) fn sigma_between(&self, timestep: f64) -> f64 {
        let (low, share) = self.below(timestep);
        let (from, to) = (self.sigmas[low].ln(), self.sigmas[low + 1].ln());
        (from + share * (to - from)).exp()
    }

    /// The training timestep at or below, and how far it is to the next.
    fn below(&self, timestep: f64) -> (usize, f64) {
        let low = (timestep.max(0.0) as usize).min(self.sigmas.len() - 2);
        (low, (timestep - low as f64).clamp(0.0, 1.0))
    }

    /// The timestep at which the noise is σ, linear in its logarithm between two
    /// of the training.
    pub(super) fn timestep(&self, sigma: f64) -> f64 {
        let above = self.sigmas.partition_point(|&own| own <= sigma);
        let low = above.saturating_sub(1).min(self.sigmas.len() - 2);
        let (from, to) = (self.sigmas[low].ln(), self.sigmas[low + 1].ln());
        let share = (sigma.max(1e-10).ln() - from) / (to - from);
        low as f64 + share.clamp(0.0, 1.0)
    }

    /// How many timesteps have log(√ᾱ / √(1 − ᾱ)) of at least `lambda`; all where
    /// nothing is said.
    pub(super) fn timesteps_with_lambda_of(&self, lambda: Option<f64>) -> usize {
        let Some(lambda) = lambda else {
            return self.sigmas.len();
        };
        let with_it = self.sigmas.partition_point(|sigma| -sigma.ln() >= lambda);
        with_it.max(1)
    }

    /// The noise ε that a prediction implies.
    pub(super) fn predicted_noise(
        &self,
        model_output: &Tensor<4>,
        timestep: i64,
        sample: &Tensor<4>,
    ) -> Tensor<4> {
        let (signal, noise) = self.shares(timestep);
        match self.prediction_type {
            PredictionType::Epsilon => model_output.clone(),
            PredictionType::VPrediction => model_output
                .clone()
                .mul_scalar(signal)
                .add(sample.clone().mul_scalar(noise)),
            PredictionType::Sample => sample
                .clone()
                .sub(model_output.clone().mul_scalar(signal))
                .div_scalar(noise),
        }
    }

    /// The finished latents x0 that a prediction implies.
    pub(super) fn predicted_original(
        &self,
        model_output: &Tensor<4>,
        timestep: i64,
        sample: &Tensor<4>,
    ) -> Tensor<4> {
        let (signal, noise) = self.shares(timestep);
        let unwanted = model_output.clone().mul_scalar(noise);
        match self.prediction_type {
            PredictionType::Epsilon => sample.clone().sub(unwanted).div_scalar(signal),
            PredictionType::VPrediction => sample.clone().mul_scalar(signal).sub(unwanted),
            PredictionType::Sample => model_output.clone(),
        }
    }

    /// Amplitudes of signal and noise in a sample at `timestep`.
    fn shares(&self, timestep: i64) -> (f64, f64) {
        let alpha = self.alpha_cumprod(timestep);
        (alpha.sqrt(), (1.0 - alpha).sqrt())
    }
}

/// The least ᾱ of samplers that divide by it, diffusers' 2⁻²⁴.
pub(super) const SMALLEST_ALPHA: f64 = 1.0 / (1u64 << 24) as f64;

/// σ = √((1 − ᾱ) / ᾱ).
fn sigma(alpha: f64) -> f64 {
    let alpha = alpha.max(SMALLEST_ALPHA);
    ((1.0 - alpha) / alpha).sqrt()
}

/// Shifts and stretches √ᾱ so that it ends at 0 and begins where it did (Lin et
/// al. 2023, algorithm 1).
fn rescale_zero_terminal_snr(alphas_cumprod: &mut [f64]) {
    let first = alphas_cumprod[0].sqrt();
    let last = alphas_cumprod[alphas_cumprod.len() - 1].sqrt();
    for alpha in alphas_cumprod {
        *alpha = ((alpha.sqrt() - last) * first / (first - last)).powi(2);
    }
}

/// diffusers' beta schedules, one β per training timestep.
fn betas(config: &SchedulerConfig) -> Vec<f64> {
    if let Some(trained) = &config.trained_betas {
        return trained.clone();
    }
    let count = config.num_train_timesteps;
    let last = (count - 1) as f64;
    let line = |start: f64, end: f64| {
        (0..count).map(move |index| start + (end - start) * index as f64 / last)
    };
    match config.beta_schedule {
        BetaSchedule::Linear => line(config.beta_start, config.beta_end).collect(),
        BetaSchedule::ScaledLinear => line(config.beta_start.sqrt(), config.beta_end.sqrt())
            .map(|root| root * root)
            .collect(),
        BetaSchedule::SquaredcosCapV2 => {
            let alpha_bar = |time: f64| {
                let angle = (time + 0.008) / 1.008 * std::f64::consts::FRAC_PI_2;
                angle.cos().powi(2)
            };
            let at = |index: usize| alpha_bar(index as f64 / count as f64);
            (0..count)
                .map(|index| (1.0 - at(index + 1) / at(index)).min(0.999))
                .collect()
        }
    }
}

/// The timesteps of `steps` steps in rising order, as diffusers spaces them.
pub(super) fn spaced_timesteps(
    config: &SchedulerConfig,
    spacing: TimestepSpacing,
    steps: usize,
) -> Vec<usize> {
    let train = config.num_train_timesteps;
    // numpy rounds halves to even.
    let round = |value: f64| value.round_ties_even() as usize;
    let last = train - 1;
    match spacing {
        TimestepSpacing::Leading => {
            let ratio = train / steps;
            let offset = config.steps_offset;
            (0..steps)
                .map(|index| (index * ratio + offset).min(last))
                .collect()
        }
        TimestepSpacing::Trailing => {
            let ratio = train as f64 / steps as f64;
            let mut falling: Vec<usize> = (0..steps)
                .map(|index| round(train as f64 - index as f64 * ratio).saturating_sub(1))
                .collect();
            falling.reverse();
            falling
        }
        TimestepSpacing::Linspace if steps == 1 => vec![0],
        TimestepSpacing::Linspace => (0..steps)
            .map(|index| round(index as f64 * last as f64 / (steps - 1) as f64))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(json: &str) -> SchedulerConfig {
        SchedulerConfig::from_json(json.as_bytes()).unwrap()
    }

    #[test]
    fn stable_diffusion_ends_its_noise_schedule_where_it_is_known_to() {
        let config = config(
            r#"{"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}"#,
        );
        let schedule = NoiseSchedule::new(&config, false);
        // Lin et al. 2023 (arXiv 2305.08891), section 3.1: √ᾱ_T = 0.068265.
        let terminal = schedule.alpha_cumprod(999).sqrt();
        assert!((terminal - 0.068265).abs() < 1e-6, "{terminal}");
    }

    #[test]
    fn spacings_give_the_timesteps_of_the_paper_that_compares_them() {
        // Lin et al. 2023, table 2, for 10 of 1000 steps (theirs count from 1).
        let spaced = |spacing| spaced_timesteps(&config("{}"), spacing, 10);
        let leading = spaced(TimestepSpacing::Leading);
        assert_eq!((leading[0], leading[9]), (0, 900));
        let trailing = spaced(TimestepSpacing::Trailing);
        assert_eq!((trailing[0], trailing[9]), (99, 999));
        let linspace = spaced(TimestepSpacing::Linspace);
        assert_eq!((linspace[0], linspace[1], linspace[9]), (0, 111, 999));
    }
}

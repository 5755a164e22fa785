//! ᾱ, the share of signal left at each training timestep, and what follows from it.

use burn::tensor::Tensor;

use super::config::{BetaSchedule, PredictionType, SchedulerConfig, TimestepSpacing};

/// The noise schedule of a model, shared by all schedulers.
#[derive(Debug, Clone)]
pub(super) struct NoiseSchedule {
    /// ᾱ per training timestep, falling from nearly 1.
    alphas_cumprod: Vec<f64>,
    /// ᾱ before timestep 0.
    final_alpha_cumprod: f64,
    prediction_type: PredictionType,
}

impl NoiseSchedule {
    pub(super) fn new(config: &SchedulerConfig) -> Self {
        let betas = betas(config);
        let alphas_cumprod: Vec<f64> = betas
            .iter()
            .scan(1.0, |product, beta| {
                *product *= 1.0 - beta;
                Some(*product)
            })
            .collect();
        let final_alpha_cumprod = if config.set_alpha_to_one {
            1.0
        } else {
            alphas_cumprod[0]
        };
        Self {
            alphas_cumprod,
            final_alpha_cumprod,
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
        }
    }

    /// Amplitudes of signal and noise in a sample at `timestep`.
    fn shares(&self, timestep: i64) -> (f64, f64) {
        let alpha = self.alpha_cumprod(timestep);
        (alpha.sqrt(), (1.0 - alpha).sqrt())
    }
}

/// diffusers' beta schedules, one β per training timestep.
fn betas(config: &SchedulerConfig) -> Vec<f64> {
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
pub(super) fn spaced_timesteps(config: &SchedulerConfig, steps: usize) -> Vec<usize> {
    let train = config.num_train_timesteps;
    // numpy rounds halves to even.
    let round = |value: f64| value.round_ties_even() as usize;
    let last = train - 1;
    match config.timestep_spacing {
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
        let schedule = NoiseSchedule::new(&config);
        // Lin et al. 2023 (arXiv 2305.08891), section 3.1: √ᾱ_T = 0.068265.
        let terminal = schedule.alpha_cumprod(999).sqrt();
        assert!((terminal - 0.068265).abs() < 1e-6, "{terminal}");
    }

    #[test]
    fn spacings_give_the_timesteps_of_the_paper_that_compares_them() {
        // Lin et al. 2023, table 2, for 10 of 1000 steps (theirs count from 1).
        let spaced = |spacing: &str| {
            let json = format!(r#"{{"timestep_spacing": "{spacing}"}}"#);
            spaced_timesteps(&config(&json), 10)
        };
        let leading = spaced("leading");
        assert_eq!((leading[0], leading[9]), (0, 900));
        let trailing = spaced("trailing");
        assert_eq!((trailing[0], trailing[9]), (99, 999));
        let linspace = spaced("linspace");
        assert_eq!((linspace[0], linspace[1], linspace[9]), (0, 111, 999));
    }
}

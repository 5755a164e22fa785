//! The timesteps and noise levels of samplers that walk over σ, as diffusers' classes choose them.

use super::ModelCall;
use super::config::{BetaSchedule, SchedulerConfig, TimestepSpacing};
use super::noise_schedule::NoiseSchedule;
use super::sigma_schedule::SigmaSchedule;

/// A walk over noise levels.
#[derive(Debug, Clone)]
pub(super) struct SigmaWalk {
    /// What the model is told at each level but the last.
    pub(super) timesteps: Vec<f64>,
    /// The levels, one more than there are steps.
    pub(super) sigmas: Vec<f64>,
}

impl SigmaWalk {
    /// As `EulerDiscreteScheduler` and its kin walk: timesteps may lie between two
    /// of the training, and the ends of the other schedules are those of the spacing.
    pub(super) fn fractional(
        config: &SchedulerConfig,
        schedule: &NoiseSchedule,
        steps: usize,
    ) -> Self {
        let train = config.num_train_timesteps;
        let last = (train - 1) as f64;
        let spacing = config.spacing(TimestepSpacing::Linspace);
        let timesteps: Vec<f64> = match spacing {
            // One step goes all the way.
            TimestepSpacing::Linspace => (0..steps)
                .map(|index| last - index as f64 * last / (steps - 1).max(1) as f64)
                .collect(),
            TimestepSpacing::Leading => {
                let ratio = train / steps;
                let at = |index: usize| ((index * ratio + config.steps_offset) as f64).min(last);
                (0..steps).rev().map(at).collect()
            }
            TimestepSpacing::Trailing => trailing(train, train, steps),
        };
        let sigmas: Vec<f64> = timesteps.iter().map(|&at| schedule.sigma(at)).collect();
        let ends = (sigmas[0], sigmas[steps - 1]);
        Self::new(config, schedule, timesteps, sigmas, ends, |at| at)
    }

    /// As `DPMSolverMultistepScheduler` and `UniPCMultistepScheduler` walk: over
    /// whole timesteps, and from end to end of the training's noise in the other
    /// schedules.
    pub(super) fn whole(
        config: &SchedulerConfig,
        schedule: &NoiseSchedule,
        steps: usize,
        rounds: WholeTimesteps,
    ) -> Self {
        let train = config.num_train_timesteps;
        let end = schedule.timesteps_with_lambda_of(config.lambda_min_clipped);
        let timesteps: Vec<f64> = match config.spacing(TimestepSpacing::Linspace) {
            TimestepSpacing::Linspace => (1..=steps)
                .rev()
                .map(|index| (index as f64 * (end - 1) as f64 / steps as f64).round_ties_even())
                .collect(),
            TimestepSpacing::Leading => {
                let ratio = end / (steps + 1);
                let at = |index: usize| (index * ratio + config.steps_offset).min(train - 1) as f64;
                (1..=steps).rev().map(at).collect()
            }
            TimestepSpacing::Trailing => trailing(end, train, steps),
        };
        let sigmas = timesteps.iter().map(|&at| schedule.sigma(at)).collect();
        let ends = (schedule.sigma((train - 1) as f64), schedule.sigma(0.0));
        let rounds_karras = match rounds {
            WholeTimesteps::Round => true,
            WholeTimesteps::RoundUnlessCosine => {
                config.beta_schedule != BetaSchedule::SquaredcosCapV2
            }
        };
        let whole = match config.schedule() {
            SigmaSchedule::Karras if rounds_karras => f64::round_ties_even,
            _ => f64::trunc,
        };
        Self::new(config, schedule, timesteps, sigmas, ends, whole)
    }

    fn new(
        config: &SchedulerConfig,
        schedule: &NoiseSchedule,
        mut timesteps: Vec<f64>,
        mut sigmas: Vec<f64>,
        ends: (f64, f64),
        whole: fn(f64) -> f64,
    ) -> Self {
        let steps = timesteps.len();
        let largest = config.sigma_max.unwrap_or(ends.0);
        let smallest = config.sigma_min.unwrap_or(ends.1);
        if let Some(chosen) = config.schedule().sigmas(largest, smallest, steps) {
            timesteps = chosen
                .iter()
                .map(|&sigma| whole(schedule.timestep(sigma)))
                .collect();
            sigmas = chosen;
        } else if config.schedule() == SigmaSchedule::SgmUniform {
            let last = (config.num_train_timesteps - 1) as f64;
            timesteps = (0..steps)
                .map(|index| last * (1.0 - index as f64 / steps as f64))
                .collect();
            sigmas = timesteps
                .iter()
                .map(|&at| schedule.sigma_between(at))
                .collect();
            timesteps.iter_mut().for_each(|at| *at = whole(*at));
        }
        sigmas.push(if config.ends_at_sigma_min() {
            schedule.sigma(0.0)
        } else {
            0.0
        });
        Self { timesteps, sigmas }
    }

    /// The calls, with latents that are the picture plus σ times noise.
    pub(super) fn scaled_calls(&self) -> Vec<ModelCall> {
        let calls = self.timesteps.iter().zip(&self.sigmas);
        calls
            .map(|(&timestep, &sigma)| ModelCall::scaled(timestep, sigma))
            .collect()
    }

    /// The calls, with latents that keep their variance.
    pub(super) fn plain_calls(&self) -> Vec<ModelCall> {
        let calls = self.timesteps.iter().zip(&self.sigmas);
        calls
            .map(|(&timestep, &sigma)| ModelCall::plain(timestep, sigma))
            .collect()
    }

    /// The noise that latents start from which are the picture plus σ times
    /// noise: where the spacing leads, they are taken to hold a picture already.
    pub(super) fn init_noise_sigma(&self, config: &SchedulerConfig) -> f64 {
        let largest = self.sigmas[0];
        match config.spacing(TimestepSpacing::Linspace) {
            TimestepSpacing::Leading => largest.hypot(1.0),
            TimestepSpacing::Linspace | TimestepSpacing::Trailing => largest,
        }
    }
}

/// Which whole timestep a noise level of Karras's schedule goes to; in the other
/// schedules every class cuts.
#[derive(Debug, Clone, Copy)]
pub(super) enum WholeTimesteps {
    Round,
    /// With the cosine schedule it cuts here too.
    RoundUnlessCosine,
}

/// From `end` down in strides of `train` / `steps`, each one less.
fn trailing(end: usize, train: usize, steps: usize) -> Vec<f64> {
    let ratio = train as f64 / steps as f64;
    let falling = (0..steps).map(|index| end as f64 - index as f64 * ratio);
    falling
        .map(|at| (at.round_ties_even() - 1.0).max(0.0))
        .collect()
}

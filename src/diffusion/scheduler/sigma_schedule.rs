//! Sigma schedules: which noise levels a walk visits, for samplers that can visit any.
//!
//! The numbers are those of diffusers, and of k-diffusion for SGM uniform, which
//! diffusers lacks.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use statrs::function::beta::inv_beta_reg;
use strum::VariantArray;

use super::SchedulerError;
use super::names::plain;

/// How the noise levels σ fall from the largest to the smallest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, VariantArray)]
#[serde(rename_all = "kebab-case")]
pub enum SigmaSchedule {
    /// Those of the timesteps that the sampler's spacing visits.
    Model,
    /// Karras et al. 2022, equation 5, with ρ = 7.
    Karras,
    /// Evenly in log σ.
    Exponential,
    /// Quantiles of the beta distribution with α = β = 0.6 (Lee et al. 2024).
    Beta,
    /// Those of evenly spaced timesteps without the last, as Stability AI's
    /// generative-models has them.
    SgmUniform,
}

/// What is to be known of a sigma schedule.
#[derive(Debug)]
pub struct ScheduleFacts {
    /// As people know it.
    pub label: &'static str,
    /// One sentence.
    pub explanation: &'static str,
    /// As A1111 writes it into pictures.
    pub infotext_name: &'static str,
    /// Other spellings; compared as those of samplers are.
    pub aliases: &'static [&'static str],
}

impl SigmaSchedule {
    /// Every schedule, in the order in which menus show them.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// What is to be known of it.
    pub const fn facts(self) -> &'static ScheduleFacts {
        match self {
            Self::Model => &ScheduleFacts {
                label: "Model",
                explanation: "The noise levels of the training timesteps.",
                infotext_name: "Uniform",
                aliases: &["model's own", "normal", "default", "discrete"],
            },
            Self::Karras => &ScheduleFacts {
                label: "Karras",
                explanation: "More of the steps at little noise; often best at 15 to 30 steps.",
                infotext_name: "Karras",
                aliases: &[],
            },
            Self::Exponential => &ScheduleFacts {
                label: "Exponential",
                explanation: "Every step takes the same share of the noise away.",
                infotext_name: "Exponential",
                aliases: &[],
            },
            Self::Beta => &ScheduleFacts {
                label: "Beta",
                explanation: "Many steps at much and at little noise, few between.",
                infotext_name: "Beta",
                aliases: &[],
            },
            Self::SgmUniform => &ScheduleFacts {
                label: "SGM uniform",
                explanation: "Evenly spaced timesteps without the last; for few steps, turbo and LCM.",
                infotext_name: "SGM Uniform",
                aliases: &[],
            },
        }
    }

    /// `count` noise levels from `largest` down to `smallest`; `None` if they are
    /// those of timesteps.
    pub(super) fn sigmas(self, largest: f64, smallest: f64, count: usize) -> Option<Vec<f64>> {
        let at: fn(f64, f64, f64) -> f64 = match self {
            Self::Karras => karras,
            Self::Exponential => {
                |largest, smallest, way| largest.powf(1.0 - way) * smallest.powf(way)
            }
            Self::Beta => {
                |largest, smallest, way| smallest + beta_quantile(1.0 - way) * (largest - smallest)
            }
            Self::Model | Self::SgmUniform => return None,
        };
        let last = (count - 1).max(1) as f64;
        let ways = (0..count).map(|index| index as f64 / last);
        Some(ways.map(|way| at(largest, smallest, way)).collect())
    }
}

fn karras(largest: f64, smallest: f64, way: f64) -> f64 {
    const RHO: f64 = 7.0;
    let (from, to) = (largest.powf(1.0 / RHO), smallest.powf(1.0 / RHO));
    (from + way * (to - from)).powf(RHO)
}

fn beta_quantile(probability: f64) -> f64 {
    const SHAPE: f64 = 0.6;
    match probability {
        0.0 | 1.0 => probability,
        _ => inv_beta_reg(SHAPE, SHAPE, probability),
    }
}

impl fmt::Display for SigmaSchedule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.facts().label)
    }
}

impl FromStr for SigmaSchedule {
    type Err = SchedulerError;

    fn from_str(name: &str) -> Result<Self, SchedulerError> {
        let sought = plain(name);
        let mut schedules = Self::ALL.iter().copied();
        schedules
            .find(|schedule| {
                let facts = schedule.facts();
                let names = [facts.label, facts.infotext_name].into_iter();
                let mut names = names.chain(facts.aliases.iter().copied());
                names.any(|own| plain(own) == sought)
            })
            .ok_or_else(|| SchedulerError::UnknownSchedule(name.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_schedule_falls_from_the_largest_to_the_smallest_and_has_its_names() {
        for &schedule in SigmaSchedule::ALL {
            let facts = schedule.facts();
            let in_files = serde_json::to_value(schedule).unwrap();
            for name in [facts.label, facts.infotext_name, in_files.as_str().unwrap()] {
                assert_eq!(name.parse::<SigmaSchedule>().unwrap(), schedule, "{name}");
            }
            let Some(sigmas) = schedule.sigmas(14.6, 0.03, 9) else {
                continue;
            };
            assert!((sigmas[0] - 14.6).abs() < 1e-9 && (sigmas[8] - 0.03).abs() < 1e-9);
            assert!(sigmas.is_sorted_by(|a, b| a > b), "{schedule}: {sigmas:?}");
            assert_eq!(schedule.sigmas(14.6, 0.03, 1).unwrap(), [sigmas[0]]);
        }
        assert_eq!(
            "sgm_uniform".parse::<SigmaSchedule>().unwrap(),
            SigmaSchedule::SgmUniform
        );
        assert!("polyexponential".parse::<SigmaSchedule>().is_err());
    }
}

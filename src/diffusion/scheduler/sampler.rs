//! The table of samplers: what each is called here and elsewhere, what it offers, who builds it.
//!
//! Window, command line, metadata, folders of other programs and tests read it
//! here. Whoever adds a sampler writes its file beside those below, which says
//! what it is called, and names it here.

mod ddim;
mod ddpm;
mod dpmpp_multistep;
mod dpmpp_sde;
mod euler;
mod euler_ancestral;
mod heun;
mod lcm;
mod pndm;
mod unipc;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use strum::VariantArray;

use super::names::plain;
use super::noise_schedule::NoiseSchedule;
use super::sigma_walk::{SigmaWalk, WholeTimesteps};
use super::{
    DrawNoise, ModelCall, PredictionType, Scheduler, SchedulerConfig, SchedulerError,
    SchedulerStep, SigmaSchedule, TimestepSpacing,
};

/// The samplers that can be chosen, by the names used in files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, VariantArray)]
#[serde(rename_all = "kebab-case")]
pub enum SchedulerKind {
    Euler,
    EulerAncestral,
    Heun,
    #[serde(rename = "dpmpp-2m")]
    Dpmpp2m,
    #[serde(rename = "dpmpp-2m-sde")]
    Dpmpp2mSde,
    DpmppSde,
    Unipc,
    Lcm,
    Ddpm,
    Pndm,
    Ddim,
}

/// A scheduler for so many steps, of which there is at least one and at most as
/// many as the model was trained with.
type Build = fn(&SchedulerConfig, usize) -> Result<Box<dyn Scheduler>, SchedulerError>;

/// Why some samplers walk no sigma schedule but the model's own.
pub const NO_SCHEDULE: &str = "it walks over the timesteps that the model was trained on";

/// What is to be known of a sampler.
#[derive(Debug)]
pub struct Sampler {
    /// As people know it.
    pub label: &'static str,
    /// One sentence.
    pub explanation: &'static str,
    /// As A1111 writes it into pictures.
    pub infotext_name: &'static str,
    /// diffusers' class.
    pub class_name: &'static str,
    /// As ComfyUI calls it, if it has it.
    pub comfy_name: Option<&'static str>,
    /// Other spellings; capitals, spaces, `-` and `_` never count, and `++` is `pp`.
    pub aliases: &'static [&'static str],
    /// How it spaces its timesteps where nothing is said.
    pub own_spacing: TimestepSpacing,
    /// Whether the timesteps can be spaced otherwise.
    pub spaces_timesteps: bool,
    /// The sigma schedules that it can walk.
    pub schedules: &'static [SigmaSchedule],
    /// What A1111's schedule `Automatic` means for it.
    pub automatic_schedule: SigmaSchedule,
    /// Predictions of one step, but for the first or last.
    pub predictions_per_step: usize,
    /// Whether it adds fresh noise on the way.
    pub is_stochastic: bool,
    build: Build,
}

impl SchedulerKind {
    /// Every sampler, in the order in which menus show them.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// What is to be known of it.
    pub const fn sampler(self) -> &'static Sampler {
        match self {
            Self::Euler => &euler::SAMPLER,
            Self::EulerAncestral => &euler_ancestral::SAMPLER,
            Self::Heun => &heun::SAMPLER,
            Self::Dpmpp2m => &dpmpp_multistep::SAMPLER,
            Self::Dpmpp2mSde => &dpmpp_multistep::SDE_SAMPLER,
            Self::DpmppSde => &dpmpp_sde::SAMPLER,
            Self::Unipc => &unipc::SAMPLER,
            Self::Lcm => &lcm::SAMPLER,
            Self::Ddpm => &ddpm::SAMPLER,
            Self::Pndm => &pndm::SAMPLER,
            Self::Ddim => &ddim::SAMPLER,
        }
    }

    /// The name that other programs write into pictures.
    pub fn sampler_name(self) -> &'static str {
        self.sampler().infotext_name
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
        let sampler = self.sampler();
        if let Some(schedule) = config.schedule
            && !sampler.schedules.contains(&schedule)
        {
            return Err(SchedulerError::Schedule {
                sampler: self,
                schedule,
                reason: NO_SCHEDULE,
            });
        }
        (sampler.build)(config, steps)
    }
}

impl Sampler {
    /// Whether there is a choice of sigma schedules.
    pub fn is_scheduled(&self) -> bool {
        self.schedules.len() > 1
    }

    /// Whether `name` is one of its names.
    fn is_called(&self, name: &str) -> bool {
        let names = [self.label, self.infotext_name, self.class_name];
        let mut names = names.into_iter().chain(self.comfy_name);
        names.any(|own| plain(own) == name) || self.aliases.iter().any(|own| plain(own) == name)
    }
}

impl fmt::Display for SchedulerKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.sampler().label)
    }
}

impl FromStr for SchedulerKind {
    type Err = SchedulerError;

    fn from_str(name: &str) -> Result<Self, SchedulerError> {
        let sought = plain(name);
        let mut kinds = Self::ALL.iter().copied();
        kinds
            .find(|kind| kind.sampler().is_called(&sought))
            .ok_or_else(|| SchedulerError::Unknown(name.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_names_one_sampler() {
        for &kind in SchedulerKind::ALL {
            let sampler = kind.sampler();
            let names = [sampler.label, sampler.infotext_name];
            let names = names.into_iter().chain(sampler.comfy_name);
            for name in names.chain(sampler.aliases.iter().copied()) {
                for name in [
                    name.to_string(),
                    name.to_uppercase(),
                    name.replace(' ', "_"),
                ] {
                    assert_eq!(name.parse::<SchedulerKind>().unwrap(), kind, "{name}");
                }
            }
            let in_files = serde_json::to_value(kind).unwrap();
            let in_files = in_files.as_str().unwrap();
            assert_eq!(
                in_files.parse::<SchedulerKind>().unwrap(),
                kind,
                "{in_files}"
            );
            let class: SchedulerKind = sampler.class_name.parse().unwrap();
            assert_eq!(class.sampler().class_name, sampler.class_name);
        }
        let error = "dpm".parse::<SchedulerKind>().unwrap_err().to_string();
        assert!(error.contains("DPM++ 2M SDE, "), "{error}");
    }
}

//! How LoRAs that were made for few steps want pictures to be made, as their names tell.

use crate::diffusion::{SchedulerKind, TimestepSpacing};
use crate::engine::settings::Settings;

/// How a LoRA wants pictures to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProposedWalk {
    pub scheduler: SchedulerKind,
    pub timestep_spacing: Option<TimestepSpacing>,
    pub steps: usize,
}

impl ProposedWalk {
    /// The guidance scale that goes with it.
    pub const GUIDANCE_SCALE: f64 = 1.0;

    /// What the names that a distilled LoRA goes by say: its tensors look like any other's.
    pub(super) fn of(names: &[&str]) -> Option<Self> {
        let names: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
        let says = |word: &str| {
            names.iter().any(|name| {
                let mut parts = name.split(|sign: char| !sign.is_alphanumeric());
                parts.any(|part| part == word)
            })
        };
        let steps = names.iter().find_map(|name| steps_in(name));
        if says("lcm") {
            return Some(Self {
                scheduler: SchedulerKind::Lcm,
                timestep_spacing: None,
                steps: steps.unwrap_or(4),
            });
        }
        says("lightning").then(|| Self {
            scheduler: SchedulerKind::Euler,
            timestep_spacing: Some(TimestepSpacing::Trailing),
            steps: steps.unwrap_or(4),
        })
    }
}

impl ProposedWalk {
    /// Whether `settings` ask for it already.
    pub fn is_followed(&self, settings: &Settings) -> bool {
        settings.scheduler == Some(self.scheduler) && settings.steps <= 4 * self.steps
    }

    /// Makes `settings` ask for it.
    pub fn apply(&self, settings: &mut Settings) {
        settings.scheduler = Some(self.scheduler);
        settings.schedule = None;
        settings.timestep_spacing = self.timestep_spacing;
        settings.steps = self.steps;
        settings.guidance_scale = Self::GUIDANCE_SCALE;
    }

    /// As it is said on the command line.
    pub fn flags(&self) -> String {
        let spacing: Option<&str> = self.timestep_spacing.map(Into::into);
        let spacing = spacing.map_or_else(String::new, |it| format!(" --timestep-spacing {it}"));
        format!(
            "--scheduler {} --steps {} --guidance-scale {}{spacing}",
            self.scheduler,
            self.steps,
            Self::GUIDANCE_SCALE
        )
    }
}

impl std::fmt::Display for ProposedWalk {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sampler = self.scheduler.sampler().label;
        let scale = Self::GUIDANCE_SCALE;
        write!(
            formatter,
            "{sampler}, {} steps, guidance scale {scale}",
            self.steps
        )
    }
}

/// The 4 of "lightning-4step", "8steps".
fn steps_in(name: &str) -> Option<usize> {
    let end = name.find("step")?;
    let before = name[..end].trim_end_matches(['-', '_', ' ']);
    let digits = before
        .chars()
        .rev()
        .take_while(char::is_ascii_digit)
        .count();
    before[before.len() - digits..]
        .parse()
        .ok()
        .filter(|steps| (1..=64).contains(steps))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_distilled_loras_propose_their_walk() {
        let of = |name: &str| ProposedWalk::of(&[name, "", ""]);
        let lcm = of("lcm-lora-sdv1-5").unwrap();
        assert_eq!((lcm.scheduler, lcm.steps), (SchedulerKind::Lcm, 4));
        let lightning = of("SDXL_Lightning_8step_lora").unwrap();
        assert_eq!(
            (lightning.scheduler, lightning.steps),
            (SchedulerKind::Euler, 8)
        );
        assert_eq!(lightning.timestep_spacing, Some(TimestepSpacing::Trailing));
        assert_eq!(of("calcmium"), None);
        assert_eq!(of("lightning_bolts").unwrap().steps, 4);
        assert_eq!(lcm.to_string(), "LCM, 4 steps, guidance scale 1");
    }
}

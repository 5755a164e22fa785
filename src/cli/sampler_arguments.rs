//! Sampler, schedule and spacing on the command line, as any program of the field spells them.

use clap::Args;

use crate::diffusion::{SamplerName, SchedulerKind, SigmaSchedule, TimestepSpacing};
use crate::engine::Settings;

/// How to walk from noise to picture.
#[derive(Debug, Args)]
pub(super) struct SamplerArguments {
    #[arg(long, alias = "sampler", value_name = "NAME", help = scheduler_help())]
    pub(super) scheduler: Option<SamplerName>,
    #[arg(long, value_name = "NAME", help = schedule_help())]
    pub(super) schedule: Option<SigmaSchedule>,
    /// Which of the training's timesteps are visited: leading, trailing or linspace
    #[arg(long, alias = "timestep_spacing", value_name = "NAME")]
    pub(super) timestep_spacing: Option<TimestepSpacing>,
}

fn scheduler_help() -> String {
    let names = SchedulerKind::ALL
        .iter()
        .map(|kind| spelled(kind.sampler().label));
    format!(
        "{}, also as other programs call them, such as \"DPM++ 2M Karras\"; without it the model's own \
         if it asks for one, else the best by measurement",
        names.collect::<Vec<_>>().join(", ")
    )
}

fn schedule_help() -> String {
    let names = SigmaSchedule::ALL
        .iter()
        .map(|schedule| spelled(schedule.facts().label));
    format!(
        "Its noise levels: {}; without it the model's own",
        names.collect::<Vec<_>>().join(", ")
    )
}

/// A name as it is typed: "DPM++ 2M SDE" as dpm++2m-sde.
fn spelled(label: &str) -> String {
    label.to_lowercase().replace("++ ", "++").replace(' ', "-")
}

impl SamplerArguments {
    /// Writes what was given over what `settings` has. A sampler that is named
    /// without a schedule walks its own.
    pub(super) fn apply(&self, settings: &mut Settings) {
        if let Some(name) = self.scheduler {
            settings.scheduler = Some(name.scheduler);
            settings.schedule = name.schedule;
        }
        settings.schedule = self.schedule.or(settings.schedule);
        settings.timestep_spacing = self.timestep_spacing.or(settings.timestep_spacing);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_help_offers_is_understood() {
        for kind in SchedulerKind::ALL {
            let name: SamplerName = spelled(kind.sampler().label).parse().unwrap();
            assert_eq!((name.scheduler, name.schedule), (*kind, None));
        }
        for schedule in SigmaSchedule::ALL {
            assert_eq!(
                spelled(schedule.facts().label)
                    .parse::<SigmaSchedule>()
                    .unwrap(),
                *schedule
            );
        }
    }
}

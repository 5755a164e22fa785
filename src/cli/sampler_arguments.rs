//! Sampler, schedule and spacing on the command line, as any program of the field spells them.

use clap::Args;

use crate::diffusion::{SamplerName, SigmaSchedule, TimestepSpacing};
use crate::engine::Settings;

/// How to walk from noise to picture.
#[derive(Debug, Args)]
pub(super) struct SamplerArguments {
    /// euler, euler-a, heun, dpm++2m, dpm++2m-sde, dpm++sde, unipc, lcm, ddpm, pndm or ddim, also as
    /// other programs call them, such as "DPM++ 2M Karras"; without it the model's own
    #[arg(long, alias = "sampler", value_name = "NAME")]
    pub(super) scheduler: Option<SamplerName>,
    /// Its noise levels: model, karras, exponential, beta or sgm-uniform; without it the model's own
    #[arg(long, value_name = "NAME")]
    pub(super) schedule: Option<SigmaSchedule>,
    /// Which of the training's timesteps are visited: leading, trailing or linspace
    #[arg(long, alias = "timestep_spacing", value_name = "NAME")]
    pub(super) timestep_spacing: Option<TimestepSpacing>,
}

impl SamplerArguments {
    /// Writes what was given over what `settings` has.
    pub(super) fn apply(&self, settings: &mut Settings) {
        let named = self.scheduler.and_then(|name| name.schedule);
        settings.scheduler = self.scheduler.map(|name| name.scheduler);
        settings.schedule = self.schedule.or(named);
        settings.timestep_spacing = self.timestep_spacing;
    }
}

//! Why there is no scheduler.

use super::{SchedulerKind, SigmaSchedule};

/// Why there is no scheduler.
#[derive(Debug, thiserror::Error)]
pub enum SchedulerError {
    /// Not the JSON that diffusers writes.
    #[error("cannot read scheduler_config.json: {0}")]
    Json(#[from] serde_json::Error),
    /// A value that no scheduler can work with.
    #[error("scheduler_config.json has {key} = {value}, which is not possible")]
    Unsupported { key: &'static str, value: String },
    /// A sampler that cannot visit those noise levels.
    #[error("{sampler} does not offer the schedule {schedule}: {reason}")]
    Schedule {
        sampler: SchedulerKind,
        schedule: SigmaSchedule,
        reason: &'static str,
    },
    /// A walk for few steps only.
    #[error(
        "{sampler} makes at most {most} steps with this model, not {steps}; choose fewer or another \
         sampler"
    )]
    FewSteps {
        sampler: SchedulerKind,
        steps: usize,
        most: usize,
    },
    /// No steps, or more than there are.
    #[error("{steps} steps are not possible; choose between 1 and {most}")]
    Steps { steps: usize, most: usize },
    /// A name that is no scheduler.
    #[error("{0:?} is no sampler; choose one of {names}", names = sampler_names())]
    Unknown(String),
    /// A name that is no sigma schedule.
    #[error("{0:?} is no schedule; choose one of {names}", names = schedule_names())]
    UnknownSchedule(String),
    /// A name that is no way of spacing timesteps.
    #[error("{0:?} is no spacing of timesteps; choose leading, trailing or linspace")]
    UnknownSpacing(String),
    /// A name that is no prediction type.
    #[error("{0:?} is no prediction type; choose epsilon, v-prediction or sample")]
    UnknownPrediction(String),
}

fn sampler_names() -> String {
    let labels = SchedulerKind::ALL.iter().map(|kind| kind.sampler().label);
    labels.collect::<Vec<_>>().join(", ")
}

fn schedule_names() -> String {
    let labels = SigmaSchedule::ALL.iter().map(|kind| kind.facts().label);
    labels.collect::<Vec<_>>().join(", ")
}

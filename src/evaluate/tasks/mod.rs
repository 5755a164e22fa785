//! The benchmark's tasks beyond a relation of two: chains, numbers, sizes, regions
//! and all of it together, each judged by whether everything asked for is true.

pub mod figures;
pub mod judge;
pub mod prompts;
pub mod results;
pub mod run;
pub mod summary;
pub use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr, VariantArray};
use thiserror::Error;

use crate::choices;

pub use judge::Outcome;
pub use prompts::{TaskPrompt, WantedObject, Wording, task_prompts};
pub use results::{TaskRecord, TaskResults};
pub use summary::TaskSummary;

/// What is asked of a picture.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    Display,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(
    serialize_all = "kebab-case",
    parse_err_ty = UnknownTask,
    parse_err_fn = UnknownTask::of
)]
pub enum Task {
    /// Two objects in a relation.
    Relation,
    /// Three objects in a row.
    Chain,
    /// Two or three of an object.
    Count,
    /// An object of a wanted extent.
    Size,
    /// An object in a drawn region.
    Region,
    /// Two of an object on one side of another that is big.
    Mixed,
}

/// The text names no task.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("“{0}” is no task; use {known}, separated by commas", known = choices::all::<Task>())]
pub struct UnknownTask(pub String);

impl UnknownTask {
    fn of(text: &str) -> Self {
        Self(text.to_owned())
    }
}

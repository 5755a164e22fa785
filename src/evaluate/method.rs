//! What can be compared: standard sampling, and STORM with each of its objectives.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::choices;
use crate::diffusion::Optimisation;
use crate::storm::ObjectiveKind;

/// One row of the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum EvaluatedMethod {
    /// Classifier-free guidance alone.
    Standard,
    /// STORM with this objective.
    Objective(ObjectiveKind),
}

impl EvaluatedMethod {
    /// The default method, whose figures the others are compared with.
    pub const STORM: Self = Self::Objective(ObjectiveKind::Storm);

    /// Standard sampling, then every objective in the order of menus.
    pub fn all() -> impl Iterator<Item = Self> {
        let objectives = ObjectiveKind::ALL.iter().copied();
        std::iter::once(Self::Standard).chain(objectives.map(Self::Objective))
    }

    /// The identifier used in files and on the command line.
    pub fn identifier(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Objective(objective) => objective.identifier(),
        }
    }

    /// What STORM minimises in it; nothing in standard sampling.
    pub fn objective(self) -> Option<ObjectiveKind> {
        match self {
            Self::Standard => None,
            Self::Objective(objective) => Some(objective),
        }
    }

    /// `shared` with this method's objective.
    pub fn optimisation(self, shared: &Optimisation) -> Optimisation {
        Optimisation {
            objective: self.objective().unwrap_or_default(),
            ..shared.clone()
        }
    }
}

impl fmt::Display for EvaluatedMethod {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.identifier())
    }
}

/// The text names nothing that can be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "“{0}” is no method; use {known}, separated by commas",
    known = choices::listed(EvaluatedMethod::all())
)]
pub struct UnknownMethod(pub String);

impl FromStr for EvaluatedMethod {
    type Err = UnknownMethod;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == Self::Standard.identifier() {
            return Ok(Self::Standard);
        }
        let objective = text.parse();
        objective
            .map(Self::Objective)
            .map_err(|_| UnknownMethod(text.to_string()))
    }
}

impl TryFrom<String> for EvaluatedMethod {
    type Error = UnknownMethod;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<EvaluatedMethod> for String {
    fn from(method: EvaluatedMethod) -> Self {
        method.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_comes_back_from_its_name() {
        for method in EvaluatedMethod::all() {
            assert_eq!(method.to_string().parse(), Ok(method));
        }
        let error = "magic".parse::<EvaluatedMethod>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "“magic” is no method; use standard, storm, centroid, attend-and-excite, cross-entropy, \
             balanced-transport, layout-guidance, box-diff, box-per-copy, moments, moments-per-copy \
             or reference, separated by commas"
        );
    }
}

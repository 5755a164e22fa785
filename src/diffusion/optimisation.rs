//! What STORM does to the latents, as one value that a request, the window and
//! the benchmark share.

use serde::{Deserialize, Serialize};

use super::update_rule::{SpatialUpdateParameters, UpdateRule, read_update};
use crate::storm::{ObjectiveKind, ObjectiveParameters, UpdateRuleKind};

/// What is minimised, with which parameters, and how the latents follow it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Optimisation {
    pub objective: ObjectiveKind,
    /// Of every objective, so that one can be chosen without losing those of another.
    #[serde(rename = "objective_parameters")]
    pub parameters: ObjectiveParameters,
    /// Of our update rule; the released one has its parameters with its objective.
    #[serde(deserialize_with = "read_update")]
    pub update: SpatialUpdateParameters,
}

impl Optimisation {
    /// The rule that the objective is followed with.
    pub fn update_rule(&self) -> UpdateRule {
        match self.objective.update_rule() {
            UpdateRuleKind::Normalised => UpdateRule::Normalised(self.update.clone()),
            UpdateRuleKind::Clipped => UpdateRule::Clipped(self.parameters.reference.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storm::ParameterGroup;

    #[test]
    fn an_objective_reads_the_parameters_of_the_rule_that_it_follows_and_no_others() {
        for &objective in ObjectiveKind::ALL {
            let optimisation = Optimisation {
                objective,
                ..Optimisation::default()
            };
            let is_ours = matches!(optimisation.update_rule(), UpdateRule::Normalised(_));
            let Optimisation {
                parameters, update, ..
            } = optimisation;
            let reads = |group: &dyn ParameterGroup, key| {
                let mut table = group.parameters().iter();
                let found = table.find(|it| it.description.key == key);
                found.expect("it is declared").is_read_by(objective)
            };
            assert_eq!(reads(&update, "step_size"), is_ours, "{objective}");
            let released = reads(&parameters.reference, "scale_factor");
            assert_eq!(released, !is_ours, "{objective}");
        }
    }
}

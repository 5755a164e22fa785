//! Choosing an objective by name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::attend_and_excite::AttendAndExcite;
use super::centroid::Centroid;
use super::layout::Layout;
use super::objective::{Objective, ObjectiveError};
use super::parameters::ObjectiveParameters;
use super::prompt_facts::PromptFacts;
use super::reference::Reference;
use super::storm::Storm;

/// The objectives, by the names used in files and on the command line.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum ObjectiveKind {
    /// The default: optimal transport, every direction right.
    #[default]
    Storm,
    /// A hinge on the distance of centroids.
    Centroid,
    /// Attend-and-Excite, which knows no places.
    AttendAndExcite,
    /// The released STORM code with its quirks.
    Reference,
}

impl ObjectiveKind {
    /// Every objective, in the order in which menus show them.
    pub const ALL: [ObjectiveKind; 4] = [
        ObjectiveKind::Storm,
        ObjectiveKind::Centroid,
        ObjectiveKind::AttendAndExcite,
        ObjectiveKind::Reference,
    ];

    /// The identifier used in files and on the command line.
    pub fn identifier(self) -> &'static str {
        match self {
            Self::Storm => "storm",
            Self::Centroid => "centroid",
            Self::AttendAndExcite => "attend-and-excite",
            Self::Reference => "reference",
        }
    }
}

impl fmt::Display for ObjectiveKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.identifier())
    }
}

/// The text names no objective.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("“{0}” is no method; use storm, centroid, attend-and-excite or reference")]
pub struct UnknownObjective(pub String);

impl FromStr for ObjectiveKind {
    type Err = UnknownObjective;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.identifier() == text)
            .ok_or_else(|| UnknownObjective(text.to_owned()))
    }
}

/// Builds an objective for one picture.
///
/// # Errors
/// [`ObjectiveError::Layout`] or [`ObjectiveError::Parameter`] in words, and
/// [`ObjectiveError::NotAPair`] for `reference` without exactly two objects.
pub fn build(
    kind: ObjectiveKind,
    layout: Layout,
    parameters: &ObjectiveParameters,
    prompt: &PromptFacts,
) -> Result<Box<dyn Objective>, ObjectiveError> {
    let storm = &parameters.storm;
    Ok(match kind {
        ObjectiveKind::Storm => Box::new(Storm::new(layout, storm.clone(), prompt)?),
        ObjectiveKind::Centroid => {
            let own = parameters.centroid.clone();
            Box::new(Centroid::new(layout, storm, own, prompt)?)
        }
        ObjectiveKind::AttendAndExcite => {
            let own = parameters.attend_and_excite.clone();
            Box::new(AttendAndExcite::new(layout, storm, own, prompt)?)
        }
        ObjectiveKind::Reference => {
            let own = parameters.reference.clone();
            Box::new(Reference::new(layout, storm, own, prompt)?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::attention::AttentionMaps;
    use super::super::fixtures::{CONTEXT, TOKENS, facts, maps, pair};
    use super::super::relation::RelationKind;
    use super::*;

    #[test]
    fn every_kind_is_built_under_its_own_name_and_reads_alike() {
        let maps = maps(6, 6, &[(&[2], [0.3, 0.4], 0.1, 0.05)]);
        let parameters = ObjectiveParameters::default();
        let mut centroids = Vec::new();
        for kind in ObjectiveKind::ALL {
            let objective = build(kind, pair(RelationKind::Above), &parameters, &facts()).unwrap();
            assert_eq!(objective.name().parse(), Ok(kind));
            let in_files = serde_json::to_string(&kind).unwrap();
            assert_eq!(in_files, format!("\"{kind}\""));
            let reading = objective.read(&maps, CONTEXT).unwrap();
            let evaluation = objective.evaluate(&maps, CONTEXT).unwrap();
            assert_eq!(evaluation.gradient.len(), maps.values.len());
            assert_eq!(evaluation.reading, reading);
            centroids.push(reading.objects[0].centroid);
        }
        assert!(centroids.iter().all(|centroid| *centroid == centroids[0]));
        assert!("transport".parse::<ObjectiveKind>().is_err());
    }

    #[test]
    fn odd_maps_give_finite_results_or_a_typed_error_in_every_kind() {
        for kind in ObjectiveKind::ALL {
            let objective = build(
                kind,
                pair(RelationKind::RightOf),
                &ObjectiveParameters::default(),
                &facts(),
            )
            .unwrap();
            // One cell, nothing at all, uniform, certain.
            for (rows, columns, level) in [(1, 1, 0.1), (4, 4, 0.0), (3, 5, 0.1), (5, 2, 1.0)] {
                let values = vec![level; rows * columns * TOKENS];
                let maps = AttentionMaps::new(rows, columns, TOKENS, values).unwrap();
                let evaluation = objective.evaluate(&maps, CONTEXT).unwrap();
                assert!(evaluation.loss.is_finite());
                assert!(evaluation.gradient.iter().all(|g| g.is_finite()));
                for object in &evaluation.reading.objects {
                    assert!(object.centroid.iter().all(|c| (c - 0.5).abs() < 1e-9));
                }
            }
            let mut broken = maps(4, 4, &[]);
            broken.values[20] = f32::NAN;
            for error in [
                objective.read(&broken, CONTEXT).err(),
                objective.evaluate(&broken, CONTEXT).err(),
                objective.evaluate_in_refinement(&broken, CONTEXT).err(),
            ] {
                assert!(
                    matches!(error, Some(ObjectiveError::Attention(_))),
                    "{kind}"
                );
            }
        }
    }
}

//! How the pictures of a results folder were made: what must agree before figures are compared.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use super::method::EvaluatedMethod;
use crate::diffusion::{Optimisation, SchedulerKind, SigmaSchedule, TimestepSpacing};

/// The settings of a results folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Name of the model.
    pub model: String,
    /// SHA-256 of its weights; files of older versions do not say it.
    #[serde(default)]
    pub model_hash: String,
    /// Denoising steps.
    pub steps: usize,
    pub scheduler: SchedulerKind,
    /// `None`: the model's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<SigmaSchedule>,
    /// `None`: the model's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestep_spacing: Option<TimestepSpacing>,
    pub guidance_scale: f64,
    /// What can differ from method to method, each with its own objective.
    #[serde(deserialize_with = "read_methods")]
    pub methods: BTreeMap<EvaluatedMethod, Optimisation>,
}

/// Reads the methods; a file of an older version does not say their objectives.
fn read_methods<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<EvaluatedMethod, Optimisation>, D::Error> {
    let read = BTreeMap::<EvaluatedMethod, Optimisation>::deserialize(deserializer)?;
    let with_objective = read
        .into_iter()
        .map(|(method, optimisation)| (method, method.optimisation(&optimisation)));
    Ok(with_objective.collect())
}

/// Two folders, or a folder and a run, were made in different ways.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{what} differs ({first} and {second}), so the pictures cannot be compared; choose another --output folder for this run"
)]
pub struct SettingsConflict {
    what: String,
    first: String,
    second: String,
}

impl Settings {
    /// Takes in the methods of `other`.
    ///
    /// # Errors
    /// [`SettingsConflict`] if something that both have differs.
    pub fn join(&mut self, other: &Self) -> Result<(), SettingsConflict> {
        agree("the model", &self.model, &other.model)?;
        let weights = |settings: &Self| match settings.model_hash.get(..10) {
            Some(start) => start.to_owned(),
            None => "not told".to_owned(),
        };
        agree(
            "the hash of the model's weights",
            &weights(self),
            &weights(other),
        )?;
        agree("the number of steps", &self.steps, &other.steps)?;
        agree("the scheduler", &self.scheduler, &other.scheduler)?;
        let walk = |settings: &Self| {
            let schedule = settings.schedule.map_or("own", |it| it.facts().label);
            let spacing = settings.timestep_spacing.map_or("own", <&str>::from);
            format!("{schedule}, spacing {spacing}")
        };
        agree("the noise schedule", &walk(self), &walk(other))?;
        agree(
            "the guidance scale",
            &self.guidance_scale,
            &other.guidance_scale,
        )?;
        for (method, settings) in &other.methods {
            let known = self.methods.entry(*method);
            let known = known.or_insert_with(|| settings.clone());
            if known != settings {
                return Err(conflict(*method, known, settings));
            }
        }
        Ok(())
    }

    /// The settings of one method; its defaults if it is not among them.
    pub fn of(&self, method: EvaluatedMethod) -> Optimisation {
        match self.methods.get(&method) {
            Some(found) => found.clone(),
            None => method.optimisation(&Optimisation::default()),
        }
    }
}

fn agree<T: PartialEq + ToString>(
    what: &str,
    first: &T,
    second: &T,
) -> Result<(), SettingsConflict> {
    if first == second {
        return Ok(());
    }
    Err(SettingsConflict {
        what: what.to_string(),
        first: first.to_string(),
        second: second.to_string(),
    })
}

/// Names the first parameter in which two settings of a method differ.
fn conflict(
    method: EvaluatedMethod,
    first: &Optimisation,
    second: &Optimisation,
) -> SettingsConflict {
    let json = |settings: &Optimisation| {
        serde_json::to_value(settings).expect("settings have no map keys that JSON could not hold")
    };
    let (first, second) = (json(first), json(second));
    let (path, first, second) = first_difference(String::new(), &first, &second);
    SettingsConflict {
        what: format!("{method}'s {path}"),
        first,
        second,
    }
}

fn first_difference(
    path: String,
    first: &serde_json::Value,
    second: &serde_json::Value,
) -> (String, String, String) {
    if let (Some(ours), Some(theirs)) = (first.as_object(), second.as_object())
        && let Some((key, value)) = ours
            .iter()
            .find(|(key, value)| theirs.get(*key) != Some(value))
    {
        let path = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        let other = theirs.get(key).unwrap_or(&serde_json::Value::Null);
        return first_difference(path, value, other);
    }
    (path, first.to_string(), second.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(methods: &[&str]) -> Settings {
        Settings {
            model: "toybox".to_string(),
            model_hash: String::new(),
            steps: 50,
            scheduler: SchedulerKind::Ddim,
            schedule: None,
            timestep_spacing: None,
            guidance_scale: 7.5,
            methods: methods
                .iter()
                .map(|method| {
                    let method: EvaluatedMethod = method.parse().unwrap();
                    (method, method.optimisation(&Optimisation::default()))
                })
                .collect(),
        }
    }

    #[test]
    fn other_methods_join_and_the_same_ones_must_agree() {
        let mut joined = settings(&["standard", "storm"]);
        joined.join(&settings(&["storm", "centroid"])).unwrap();
        assert_eq!(joined.methods.len(), 3);

        let mut other = settings(&["storm"]);
        let storm = other.methods.get_mut(&EvaluatedMethod::STORM).unwrap();
        storm.parameters.readings.margin = 0.25;
        let message = joined.join(&other).unwrap_err().to_string();
        assert!(
            message.contains("storm's objective_parameters.storm.margin"),
            "{message}"
        );
        assert!(
            message.contains("0.25") && message.contains("--output"),
            "{message}"
        );
    }

    #[test]
    fn a_conflict_names_what_differs() {
        let mut other = settings(&[]);
        other.steps = 25;
        let message = settings(&[]).join(&other).unwrap_err().to_string();
        assert!(
            message.contains("steps") && message.contains("50 and 25"),
            "{message}"
        );
        let mut other = settings(&[]);
        other.model_hash = "c8b58999e2aa".to_string();
        let message = settings(&[]).join(&other).unwrap_err().to_string();
        assert!(
            message.contains("weights differs (not told and c8b58999e2)"),
            "{message}"
        );
    }

    #[test]
    fn settings_come_back_from_their_file() {
        let written = settings(&["standard", "storm", "centroid"]);
        let text = serde_json::to_string(&written).unwrap();
        assert_eq!(serde_json::from_str::<Settings>(&text).unwrap(), written);
    }

    #[test]
    fn a_file_that_names_no_objectives_has_those_of_its_methods() {
        let written = settings(&["standard", "storm", "centroid"]);
        let mut older = serde_json::to_value(&written).unwrap();
        for method in older["methods"].as_object_mut().unwrap().values_mut() {
            method.as_object_mut().unwrap().remove("objective").unwrap();
        }
        assert_eq!(serde_json::from_value::<Settings>(older).unwrap(), written);
    }
}

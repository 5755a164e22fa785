//! How the pictures of a results folder were made: what must agree before figures are compared.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::method::EvaluatedMethod;
use crate::diffusion::{SchedulerKind, SpatialUpdateParameters};
use crate::storm::ObjectiveParameters;

/// The settings of a results folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Name of the model.
    pub model: String,
    /// Denoising steps.
    pub steps: usize,
    pub scheduler: SchedulerKind,
    pub guidance_scale: f64,
    /// By the method's identifier.
    pub methods: BTreeMap<String, MethodSettings>,
}

/// What can differ from method to method.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MethodSettings {
    pub objective_parameters: ObjectiveParameters,
    pub update: SpatialUpdateParameters,
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
        agree("the number of steps", &self.steps, &other.steps)?;
        agree("the scheduler", &self.scheduler, &other.scheduler)?;
        agree(
            "the guidance scale",
            &self.guidance_scale,
            &other.guidance_scale,
        )?;
        for (method, settings) in &other.methods {
            let known = self.methods.entry(method.clone());
            let known = known.or_insert_with(|| settings.clone());
            if known != settings {
                return Err(conflict(method, known, settings));
            }
        }
        Ok(())
    }

    /// The settings of one method; its defaults if it is not among them.
    pub fn of(&self, method: EvaluatedMethod) -> MethodSettings {
        let found = self.methods.get(method.identifier());
        found.cloned().unwrap_or_default()
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
fn conflict(method: &str, first: &MethodSettings, second: &MethodSettings) -> SettingsConflict {
    let json = |settings: &MethodSettings| {
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
            steps: 50,
            scheduler: SchedulerKind::Ddim,
            guidance_scale: 7.5,
            methods: methods
                .iter()
                .map(|method| (method.to_string(), MethodSettings::default()))
                .collect(),
        }
    }

    #[test]
    fn other_methods_join_and_the_same_ones_must_agree() {
        let mut joined = settings(&["standard", "storm"]);
        joined.join(&settings(&["storm", "centroid"])).unwrap();
        assert_eq!(joined.methods.len(), 3);

        let mut other = settings(&["storm"]);
        let storm = other.methods.get_mut("storm").unwrap();
        storm.objective_parameters.storm.margin = 0.25;
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
    }

    #[test]
    fn settings_come_back_from_their_file() {
        let written = settings(&["standard", "storm"]);
        let text = serde_json::to_string(&written).unwrap();
        assert_eq!(serde_json::from_str::<Settings>(&text).unwrap(), written);
    }
}

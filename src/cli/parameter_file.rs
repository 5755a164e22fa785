//! Parameters from a JSON file, whose every name must be one of a parameter.

use std::path::Path;

use serde_json::Value as Json;

use super::Failure;
use crate::diffusion::Optimisation;

const OBJECTIVES: &str = "objective_parameters";
const UPDATE: &str = "update";

/// Reads a file of parameters; what it lacks has its default.
///
/// # Errors
/// If it can't be read, or has a name that no parameter has.
pub(super) fn read(path: &Path) -> Result<Optimisation, Failure> {
    let named = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let text = std::fs::read(path).map_err(|error| Failure::file(named(&error)))?;
    parse(&text).map_err(|error| Failure::usage(named(&error)))
}

/// A file of parameters, or the settings of a saved picture.
fn parse(text: &[u8]) -> Result<Optimisation, String> {
    let json: Json = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    let json = match json.get("request") {
        Some(request) => request.clone(),
        None => {
            refuse_unknown(&json, "", &["objective", OBJECTIVES, UPDATE])?;
            json
        }
    };
    refuse_unknown_parameters(&json)?;
    serde_json::from_value(json).map_err(|error| error.to_string())
}

/// A misspelt name would change nothing, silently.
fn refuse_unknown_parameters(json: &Json) -> Result<(), String> {
    let mut optimisation = Optimisation::default();
    let groups = optimisation.groups();
    let keys_of = |key: &str| -> Vec<&'static str> {
        let tables = groups.iter().filter(|group| group.key() == key);
        let parameters = tables.flat_map(|group| group.parameters());
        parameters.map(|it| it.description.key).collect()
    };
    let known: Vec<&str> = groups.iter().map(|group| group.key()).collect();
    refuse_unknown(&json[UPDATE], UPDATE, &keys_of(UPDATE))?;
    let objectives = &json[OBJECTIVES];
    refuse_unknown(objectives, OBJECTIVES, &known)?;
    for (key, group) in objectives.as_object().into_iter().flatten() {
        refuse_unknown(group, key, &keys_of(key))?;
    }
    Ok(())
}

fn refuse_unknown(json: &Json, place: &str, known: &[&str]) -> Result<(), String> {
    let mut keys = json.as_object().into_iter().flatten().map(|(key, _)| key);
    match keys.find(|key| !known.contains(&key.as_str())) {
        Some(key) => {
            let place = if place.is_empty() { "the file" } else { place };
            let mut known = known.to_vec();
            known.dedup();
            Err(format!(
                "“{key}” is nothing that {place} can have; it has {}",
                known.join(", ")
            ))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storm::ObjectiveKind;

    #[test]
    fn a_file_is_as_saved_pictures_have_it_and_its_names_are_checked() {
        let written = serde_json::json!({
            "objective_parameters": Optimisation::default().parameters,
            "update": {"step_size": 0.25},
        });
        let read = parse(written.to_string().as_bytes()).unwrap();
        assert_eq!(read.update.step_size, 0.25);
        assert_eq!(read.parameters, Optimisation::default().parameters);
        let mut recipe = crate::engine::Request::default();
        recipe.settings.optimisation.objective = ObjectiveKind::Centroid;
        let recipe = serde_json::json!({"program": "Storm Studio", "request": recipe});
        let read = parse(recipe.to_string().as_bytes()).unwrap();
        assert_eq!(read.objective, ObjectiveKind::Centroid);
        for (text, name) in [
            (
                r#"{"objective_parameters": {"storm": {"margn": 1}}}"#,
                "margn",
            ),
            (r#"{"objective_parameters": {"strom": {}}}"#, "strom"),
            (r#"{"update": {"margin": 1}}"#, "margin"),
            (r#"{"margin": 1}"#, "margin"),
        ] {
            let error = parse(text.as_bytes()).unwrap_err();
            assert!(error.contains(&format!("“{name}”")), "{error}");
        }
    }
}

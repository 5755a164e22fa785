//! `compare`: two trajectories tensor by tensor, for use with other programs' outputs.

use serde_json::Value;

use super::arguments::CompareArguments;
use super::{Failure, output};
use crate::export::{Difference, TensorDifference, Trajectory, compare};

/// Prints a line per tensor in the order of computation, so that the first
/// large figure tells where two runs part.
///
/// # Errors
/// If a file can't be read, or the trajectories differ by more than the tolerance.
pub(super) fn run(arguments: &CompareArguments) -> Result<(), Failure> {
    let read = |path| {
        let mut trajectory = Trajectory::read(path).map_err(Failure::file)?;
        trajectory.sort_by_computation();
        Ok(trajectory)
    };
    let (first, second) = (read(&arguments.first)?, read(&arguments.second)?);
    for line in other_settings(&first.run, &second.run) {
        output::line(line)?;
    }
    let differences = compare(&first, &second);
    print_table(&differences)?;
    match verdict(&differences, arguments.tolerance) {
        None => {
            let (count, tolerance) = (differences.len(), arguments.tolerance);
            output::line(format_args!(
                "\nAll {count} tensors agree within {tolerance:.0e} of their largest value."
            ))
        }
        Some(sentence) => Err(Failure::differ(sentence)),
    }
}

/// Settings that both runs name and that are not the same.
fn other_settings(first: &Value, second: &Value) -> Vec<String> {
    let (Some(first), Some(second)) = (first.as_object(), second.as_object()) else {
        return Vec::new();
    };
    let pairs = first
        .iter()
        .filter_map(|(key, value)| Some((key, value, second.get(key)?)));
    pairs
        .filter(|(_, one, other)| one != other)
        .map(|(key, one, other)| format!("{key}: {one} and {other}"))
        .collect()
}

fn print_table(differences: &[TensorDifference]) -> Result<(), Failure> {
    let names = differences.iter().map(|tensor| tensor.name.len());
    let width = names.max().unwrap_or(0).max("tensor".len());
    output::line(format_args!(
        "{:width$}  {:>9}  {:>9}  {:>9}",
        "tensor", "largest", "relative", "mean"
    ))?;
    for TensorDifference { name, difference } in differences {
        match difference {
            Difference::Values {
                max_abs,
                max_rel,
                mean_abs,
                ..
            } => output::line(format_args!(
                "{name:width$}  {max_abs:9.1e}  {max_rel:9.1e}  {mean_abs:9.1e}"
            )),
            Difference::Shapes { first, second } => output::line(format_args!(
                "{name:width$}  shapes {first:?} and {second:?}"
            )),
            Difference::MissingInFirst => {
                output::line(format_args!("{name:width$}  only in the second"))
            }
            Difference::MissingInSecond => {
                output::line(format_args!("{name:width$}  only in the first"))
            }
        }?;
    }
    Ok(())
}

/// Where and how widely two trajectories differ; `None` if they agree.
fn verdict(differences: &[TensorDifference], tolerance: f64) -> Option<String> {
    let is_apart = |tensor: &&TensorDifference| !tensor.difference.is_within(tolerance);
    let apart = differences.iter().filter(is_apart).count();
    let first = &differences.iter().find(is_apart)?.name;
    Some(format!(
        "{apart} of {} tensors differ by more than {tolerance:.0e} of their largest value or are \
         in one file only; the first is {first}",
        differences.len()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn tensor(name: &str, max_rel: f64) -> TensorDifference {
        TensorDifference {
            name: name.to_string(),
            difference: Difference::Values {
                shape: vec![1],
                max_abs: max_rel,
                max_rel,
                mean_abs: max_rel,
            },
        }
    }

    #[test]
    fn the_verdict_names_the_first_tensor_that_is_apart() {
        let missing = TensorDifference {
            name: "latents.3".to_string(),
            difference: Difference::MissingInFirst,
        };
        let found = [tensor("a", 1e-6), tensor("b", 0.01), missing];
        let sentence = verdict(&found, 1e-3).unwrap();
        assert!(sentence.starts_with("2 of 3") && sentence.ends_with("the first is b"));
        assert_eq!(verdict(&found[..2], 0.02), None);
    }

    #[test]
    fn settings_in_both_files_that_differ_are_said() {
        let first = json!({ "prompt": "a cat", "seed": 1, "method": "storm" });
        let second = json!({ "prompt": "a cat", "seed": 2, "counts": {} });
        assert_eq!(other_settings(&first, &second), ["seed: 1 and 2"]);
        assert!(other_settings(&Value::Null, &second).is_empty());
    }
}

//! The tensors of a trajectory in the order in which a run computes them.
//!
//! Most programs write safetensors files sorted by name, so that `loss.10` comes
//! before `loss.2` and the order is lost; the names and steps tell it again.

use std::collections::HashMap;

use super::trajectory::Trajectory;

/// Place in the order of computation: step (0 before the first), what comes
/// when in a step, and what comes when in a record.
type Place = (usize, usize, usize);

/// Parts of a record in the order in which one follows from the other.
const PARTS: [&str; 8] = [
    "maps",
    "value",
    "grad_maps",
    "step",
    "coordinate",
    "before",
    "after",
    "step_size",
];

impl Trajectory {
    /// Sorts the tensors by when a run computes them: embeddings, then step by
    /// step losses, each with the update that it led to, and latents, at last
    /// the picture. Other names follow in the order of the file.
    pub fn sort_by_computation(&mut self) {
        let records = self.records();
        self.tensors
            .sort_by_cached_key(|tensor| place(&tensor.name, &records));
    }

    /// Where `loss.N` and `update.N` belong. Of the losses of a step, the first
    /// leads to no update and each further one to the next update.
    fn records(&self) -> HashMap<String, (usize, usize)> {
        let step = |number: usize| {
            let tensor = self.tensor(&format!("loss.{number}.step"))?;
            tensor.values.first().map(|&step| step as usize)
        };
        let steps: Vec<usize> = (0..).map_while(step).collect();
        let mut records = HashMap::new();
        let mut updates = 0;
        for (number, &step) in steps.iter().enumerate() {
            records.insert(format!("loss.{number}"), (step, 2 * number));
            if number > 0 && steps[number - 1] == step {
                records.insert(format!("update.{updates}"), (step, 2 * number + 1));
                updates += 1;
            }
        }
        records
    }
}

fn place(name: &str, records: &HashMap<String, (usize, usize)>) -> Place {
    const LAST: usize = usize::MAX;
    if name == "text_embeddings" {
        return (0, 0, 0);
    }
    if name == "image_64" {
        return (LAST, 0, 0);
    }
    let Some((record, part)) = name.rsplit_once('.') else {
        return (LAST, LAST, 0);
    };
    if let Some(&(step, index)) = records.get(record) {
        let part = PARTS.iter().position(|known| *known == part);
        return (step + 1, index, part.unwrap_or(PARTS.len()));
    }
    match part.parse::<usize>() {
        Ok(step) if record == "latents" => (step + 1, LAST, 0),
        _ => (LAST, LAST, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::super::trajectory::TrajectoryTensor;
    use super::*;

    #[test]
    fn a_sorted_file_comes_back_into_the_order_of_the_run() {
        // Step 0 has one loss, step 1 two, step 2 three.
        let steps = [0, 1, 1, 2, 2, 2];
        let mut expected = vec!["text_embeddings".to_string()];
        let mut updates = 0;
        for (number, step) in steps.iter().enumerate() {
            expected.push(format!("loss.{number}.value"));
            expected.push(format!("loss.{number}.step"));
            if number > 0 && steps[number - 1] == *step {
                expected.push(format!("update.{updates}.before"));
                expected.push(format!("update.{updates}.after"));
                updates += 1;
            }
            if steps.get(number + 1) != Some(step) {
                expected.push(format!("latents.{step}"));
            }
        }
        expected.extend(["image_64", "a.note", "unknown"].map(str::to_string));
        let tensor = |name: &String| {
            let number = name.strip_prefix("loss.").and_then(|rest| {
                let (number, part) = rest.split_once('.')?;
                (part == "step").then(|| number.parse::<usize>().unwrap())
            });
            TrajectoryTensor {
                name: name.clone(),
                shape: vec![1],
                values: vec![number.map_or(0.0, |number| steps[number] as f32)],
            }
        };
        let mut alphabetical = expected.clone();
        alphabetical.sort();
        assert_ne!(alphabetical, expected);
        let mut trajectory = Trajectory {
            tensors: alphabetical.iter().map(tensor).collect(),
            run: serde_json::Value::Null,
        };
        trajectory.sort_by_computation();
        let found: Vec<&String> = trajectory.tensors.iter().map(|it| &it.name).collect();
        assert_eq!(found, expected.iter().collect::<Vec<_>>());
    }
}

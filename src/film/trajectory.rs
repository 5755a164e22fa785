//! The numbers of a run as a file, with what the run was asked for.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::checkpoint::Family;
use crate::diffusion::Method;
use crate::engine::{ModelInfo, Request, Trajectory};
use crate::export::{TrajectoryError, TrajectoryWriter};
use crate::storm::{Layout, ObjectTokens};

/// Writes `trajectory`, which `request` asked of `model`, and returns where.
///
/// # Errors
/// [`TrajectoryError`] if the file can't be written.
pub fn write_trajectory(
    trajectory: &Trajectory,
    request: &Request,
    model: &ModelInfo,
    path: &Path,
) -> Result<PathBuf, TrajectoryError> {
    let mut writer = TrajectoryWriter::new();
    for tensor in &trajectory.tensors {
        writer.push(tensor.name.clone(), &tensor.shape, tensor.values.clone())?;
    }
    let settings = &request.settings;
    // The first entries have the names of the recordings of the released code.
    let run = json!({
        "prompt": request.prompt,
        "token_indices": token_indices(&request.layout),
        "seed": trajectory.seed,
        "steps": settings.steps,
        "run_standard_sd": trajectory.method == Method::Standard,
        "sd_2_1": model.family == Family::V2,
        "guidance_scale": settings.guidance_scale,
        "scheduler": settings.scheduler.unwrap_or(model.own_walk.scheduler),
        "model": model.name,
        "request": request,
    });
    writer.finish(path, &run)
}

/// The first relation's two objects, otherwise the first two, in the notation
/// `[[2, 9], [null, 8]]`; null if there are not two.
fn token_indices(layout: &Layout) -> Value {
    let relation = layout.relations.first();
    let pair = relation.map_or([0, 1], |relation| [relation.subject, relation.object]);
    let [Some(subject), Some(object)] = pair.map(|index| layout.objects.get(index)) else {
        return Value::Null;
    };
    let entry = |tokens: &[usize]| match tokens {
        [] => Value::Null,
        [token] => json!(token),
        several => json!(several),
    };
    let list = |part: fn(&ObjectTokens) -> Vec<usize>| {
        [subject, object].map(|object| entry(&part(object)))
    };
    json!([
        list(|object| object.tokens.clone()),
        list(|object| object.attributes.concat())
    ])
}

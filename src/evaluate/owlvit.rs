//! Lays pictures out for VISOR's own evaluation with OWL-ViT, which judges real checkpoints.
//!
//! As in github.com/microsoft/VISOR: `text_spatial_rel_phrases.json`, a list
//! whose places are the ids of the prompts, and `images/METHOD/ID_N.png`, N
//! counting the pictures of one prompt from 0. Its notebook runs OWL-ViT over
//! such a folder, its visor.py turns the detections into figures.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::prompts::SpatialPrompt;
use super::records::PictureRecord;
use crate::storm::RelationKind;

/// A file that could not be copied or written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub struct LayoutFileError {
    path: PathBuf,
    source: io::Error,
}

/// Copies the pictures of `records`, each with the results folder that it lies
/// in, into `target`. Returns how many were copied.
///
/// # Errors
/// What the system said of the first file that failed.
pub fn lay_out(
    records: &[(PathBuf, PictureRecord)],
    target: &Path,
) -> Result<usize, LayoutFileError> {
    let mut sorted: Vec<&(PathBuf, PictureRecord)> = records.iter().collect();
    sorted.sort_by_key(|(_, record)| record.seed);
    let ids = ids(records);
    let mut counts: HashMap<(usize, String), usize> = HashMap::new();
    for (folder, record) in &sorted {
        let id = ids[&record.prompt];
        let method = record.method.to_string();
        let count = counts.entry((id, method.clone())).or_default();
        let place = target.join("images").join(method);
        let from = folder.join(&record.picture);
        let to = place.join(format!("{id}_{count}.png"));
        *count += 1;
        let copied = fs::create_dir_all(&place).and_then(|()| fs::copy(&from, to));
        copied.map_err(|source| LayoutFileError { path: from, source })?;
    }
    let mut prompts: Vec<(&SpatialPrompt, usize)> = ids.into_iter().collect();
    prompts.sort_by_key(|(_, id)| *id);
    let phrases: Vec<serde_json::Value> = prompts.into_iter().map(phrase).collect();
    let path = target.join("text_spatial_rel_phrases.json");
    let text = serde_json::to_string_pretty(&phrases).expect("strings and numbers are JSON");
    let written = fs::create_dir_all(target).and_then(|()| fs::write(&path, text));
    written.map_err(|source| LayoutFileError { path, source })?;
    Ok(sorted.len())
}

/// The prompts numbered by their sentences, whatever order their pictures came in.
fn ids(records: &[(PathBuf, PictureRecord)]) -> HashMap<&SpatialPrompt, usize> {
    let mut prompts: Vec<&SpatialPrompt> =
        records.iter().map(|(_, record)| &record.prompt).collect();
    prompts.sort_by_key(|prompt| prompt.text());
    prompts.dedup();
    let numbered = prompts.into_iter().enumerate();
    numbered.map(|(id, prompt)| (prompt, id)).collect()
}

fn phrase((prompt, id): (&SpatialPrompt, usize)) -> serde_json::Value {
    // visor.py knows the relations by these words.
    let relation = match prompt.relation {
        RelationKind::LeftOf => "to the left of",
        RelationKind::RightOf => "to the right of",
        other => other.phrase(),
    };
    json!({
        "unique_id": id,
        "num_objects": 2,
        "obj_1_attributes": [prompt.subject.noun],
        "obj_2_attributes": [prompt.object.noun],
        "rel_type": relation,
        "text": prompt.text(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::figures::tests::picture;

    #[test]
    fn pictures_lie_where_visor_looks_for_them() {
        let source = tempfile::tempdir().unwrap();
        let target = tempfile::tempdir().unwrap();
        let mut records = Vec::new();
        for (seed, noun) in [(9, "cat"), (7, "cat"), (7, "ball")] {
            let mut record = picture(seed, None, true);
            record.prompt.subject.noun = noun.to_string();
            record.picture = format!("{noun}-{seed}.png");
            fs::write(source.path().join(&record.picture), &record.picture).unwrap();
            records.push((source.path().to_path_buf(), record));
        }
        assert_eq!(lay_out(&records, target.path()).unwrap(), 3);
        let text = fs::read(target.path().join("text_spatial_rel_phrases.json")).unwrap();
        let phrases: serde_json::Value = serde_json::from_slice(&text).unwrap();
        assert_eq!(phrases[0]["text"], "a ball left of a house");
        assert_eq!(phrases[1]["unique_id"], 1);
        assert_eq!(phrases[1]["obj_1_attributes"], json!(["cat"]));
        assert_eq!(phrases[1]["rel_type"], "to the left of");
        let image =
            |name: &str| fs::read_to_string(target.path().join("images/storm").join(name)).unwrap();
        // The second cat is the one of the larger seed.
        assert_eq!(image("0_0.png"), "ball-7.png");
        assert_eq!(image("1_0.png"), "cat-7.png");
        assert_eq!(image("1_1.png"), "cat-9.png");
    }
}

//! Prompts of the published benchmarks, as their files have them: VISOR's JSON list,
//! GenEval's JSON lines, T2I-CompBench's lines of text, or any text with a prompt a
//! line.

use serde::Deserialize;

use crate::storm::RelationKind;

/// One prompt of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedPrompt {
    pub text: String,
    /// What the file itself says is where: subject, relation, object.
    pub said: Option<(String, RelationKind, String)>,
}

/// Why a file gives no prompts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PromptFileError {
    #[error("it is no list of prompts that VISOR writes ({0})")]
    Json(String),
    #[error("line {line} is no prompt that GenEval writes ({reason})")]
    Line { line: usize, reason: String },
    #[error("it has no prompt")]
    Empty,
}

/// An entry of VISOR's `text_spatial_rel_phrases.json`.
#[derive(Deserialize)]
struct VisorEntry {
    text: String,
    #[serde(default)]
    obj_1_attributes: Vec<String>,
    #[serde(default)]
    obj_2_attributes: Vec<String>,
    #[serde(default)]
    rel_type: String,
}

/// A line of GenEval's `evaluation_metadata.jsonl`.
#[derive(Deserialize)]
struct GenEvalLine {
    prompt: String,
    #[serde(default)]
    include: Vec<GenEvalObject>,
}

#[derive(Deserialize)]
struct GenEvalObject {
    class: String,
    /// A relation, and which of the objects it is to.
    #[serde(default)]
    position: Option<(String, usize)>,
}

/// The prompts of a file, in its order.
///
/// # Errors
/// [`PromptFileError`] if it is damaged or empty.
pub fn read_prompts(text: &str) -> Result<Vec<ListedPrompt>, PromptFileError> {
    let text = text.trim_start_matches('\u{FEFF}');
    let prompts = match text.trim_start().chars().next() {
        Some('[') => visor(text)?,
        Some('{') => gen_eval(text)?,
        _ => lines(text),
    };
    match prompts.is_empty() {
        true => Err(PromptFileError::Empty),
        false => Ok(prompts),
    }
}

fn visor(text: &str) -> Result<Vec<ListedPrompt>, PromptFileError> {
    let entries: Vec<VisorEntry> =
        serde_json::from_str(text).map_err(|error| PromptFileError::Json(error.to_string()))?;
    let prompts = entries.into_iter().map(|entry| {
        let relation = relation(&entry.rel_type);
        let first = |attributes: &[String]| attributes.first().cloned();
        let named = first(&entry.obj_1_attributes).zip(first(&entry.obj_2_attributes));
        ListedPrompt {
            text: entry.text,
            said: relation
                .zip(named)
                .map(|(relation, (subject, object))| (subject, relation, object)),
        }
    });
    Ok(prompts.collect())
}

fn gen_eval(text: &str) -> Result<Vec<ListedPrompt>, PromptFileError> {
    let lines = text.lines().enumerate();
    let lines = lines.filter(|(_, line)| !line.trim().is_empty());
    let prompts = lines.map(|(index, line)| {
        let read: GenEvalLine =
            serde_json::from_str(line).map_err(|error| PromptFileError::Line {
                line: index + 1,
                reason: error.to_string(),
            })?;
        let said = read.include.iter().find_map(|object| {
            let (words, other) = object.position.as_ref()?;
            let other = read.include.get(*other)?;
            Some((object.class.clone(), relation(words)?, other.class.clone()))
        });
        Ok(ListedPrompt {
            text: read.prompt,
            said,
        })
    });
    prompts.collect()
}

fn lines(text: &str) -> Vec<ListedPrompt> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let prompts = lines.map(|line| ListedPrompt {
        text: line.to_owned(),
        said: None,
    });
    prompts.collect()
}

/// The benchmarks' words for relations.
fn relation(words: &str) -> Option<RelationKind> {
    Some(match words.trim() {
        "to the left of" | "left of" => RelationKind::LeftOf,
        "to the right of" | "right of" => RelationKind::RightOf,
        "above" => RelationKind::Above,
        "below" => RelationKind::Below,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(
        subject: &str,
        relation: RelationKind,
        object: &str,
    ) -> Option<(String, RelationKind, String)> {
        Some((subject.to_owned(), relation, object.to_owned()))
    }

    #[test]
    fn the_files_of_the_benchmarks_are_told_apart_and_read() {
        let visor = r#"[{"unique_id": 0, "num_objects": 2, "obj_1_attributes": ["person"],
            "obj_2_attributes": ["bicycle"], "rel_type": "to the left of",
            "text": "a person to the left of a bicycle"},
            {"unique_id": 1, "num_objects": 2, "obj_1_attributes": ["cat"],
            "obj_2_attributes": ["dog"], "rel_type": "and", "text": "a cat and a dog"}]"#;
        let read = read_prompts(visor).unwrap();
        assert_eq!(read[0].text, "a person to the left of a bicycle");
        assert_eq!(
            read[0].said,
            said("person", RelationKind::LeftOf, "bicycle")
        );
        assert_eq!(read[1].said, None);

        let gen_eval = r#"{"tag": "position", "include": [{"class": "teddy bear", "count": 1}, {"class": "dog", "count": 1, "position": ["right of", 0]}], "prompt": "a photo of a dog right of a teddy bear"}

{"tag": "single_object", "include": [{"class": "cat", "count": 1}], "prompt": "a photo of a cat"}
"#;
        let read = read_prompts(gen_eval).unwrap();
        assert_eq!(read.len(), 2);
        assert_eq!(
            read[0].said,
            said("dog", RelationKind::RightOf, "teddy bear")
        );

        let lines = "\u{FEFF}a giraffe next to a lamp\r\n\n  a girl on the top of a frog\n";
        let read = read_prompts(lines).unwrap();
        assert_eq!(read[0].text, "a giraffe next to a lamp");
        assert_eq!(read[1].text, "a girl on the top of a frog");
    }

    #[test]
    fn damaged_files_say_where() {
        let error = |text: &str| read_prompts(text).unwrap_err().to_string();
        assert!(error("[{\"text\": 1}]").contains("VISOR"));
        assert!(error("{\"prompt\": \"a cat\"}\n{\"prompt\": }").contains("line 2"));
        assert!(error(" \n").contains("no prompt"));
        assert!(error("[]").contains("no prompt"));
        // A list within bounds of its own.
        let wrong =
            "{\"prompt\": \"a\", \"include\": [{\"class\": \"a\", \"position\": [\"above\", 9]}]}";
        assert_eq!(read_prompts(wrong).unwrap()[0].said, None);
    }
}

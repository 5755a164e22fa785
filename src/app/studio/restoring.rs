//! Settings come back into the draft: from a run of this session, or from a
//! picture of ours or another program's.

use crate::app::draft::seeds::SeedField;
use crate::app::draft::{Draft, DraftContent};
use crate::app::state::State;
use crate::engine::{Request, asked_loras};
use crate::prompt::{AssignedObject, Assignment, TokenizedPrompt};
use crate::storm::Layout;

/// Takes a request with these seeds; the draft's own stay if there are none.
pub fn restore_request(draft: &mut Draft, request: &Request, seeds: Vec<u64>) {
    draft.replace(DraftContent {
        prompt: request.prompt.clone(),
        negative_prompt: request.negative_prompt.clone(),
        assignment: Assignment::default(),
        is_proposed: false,
        next_relation: None,
        settings: request.settings.clone(),
        seeds: seeds_or_own(draft, &seeds),
    });
    // The draft's tokens are those of the new prompt now.
    let assignment = draft
        .tokens()
        .map(|tokens| assignment_of(&request.layout, tokens));
    if let Some(assignment) = assignment.filter(|assignment| !assignment.objects.is_empty()) {
        draft.assign(|content| content.assignment = assignment);
    }
}

/// A sentence about the LoRAs of the draft that no file is known for, behind another
/// one; nothing where none is missing.
pub fn missing_loras(state: &State) -> String {
    let tags = state
        .draft
        .tokens()
        .map(|tokens| tokens.networks.as_slice());
    let asked = asked_loras(&state.draft.settings.loras, tags.unwrap_or_default());
    let asked = asked.unwrap_or_default();
    let names = asked.iter().map(|lora| lora.name.as_str());
    match state.networks.library().missing(names).as_slice() {
        [] => String::new(),
        [one] => format!(" Its LoRA {one} is missing here; add its file."),
        several => format!(
            " Its LoRAs {} are missing here; add their files.",
            several.join(", ")
        ),
    }
}

/// These seeds, kept; the ones that are there if there are none.
fn seeds_or_own(draft: &Draft, seeds: &[u64]) -> SeedField {
    if seeds.is_empty() {
        return draft.seeds.clone();
    }
    SeedField::locked(seeds)
}

/// The spans of a layout's tokens in their prompt.
fn assignment_of(layout: &Layout, prompt: &TokenizedPrompt) -> Assignment {
    let span = |tokens: &[usize]| {
        let known = tokens
            .iter()
            .filter_map(|&token| prompt.tokens.get(token)?.word);
        let words: Vec<usize> = known.collect();
        let start = words
            .iter()
            .min()
            .map_or(0, |&word| prompt.words[word].span.start);
        let end = words
            .iter()
            .max()
            .map_or(0, |&word| prompt.words[word].span.end);
        start..end
    };
    let objects = layout.objects.iter().map(|object| AssignedObject {
        noun: span(&object.tokens),
        attributes: object
            .attributes
            .iter()
            .map(|tokens| span(tokens))
            .collect(),
    });
    Assignment {
        objects: objects.collect(),
        relations: layout.relations.clone(),
        targets: layout.targets.clone(),
    }
}

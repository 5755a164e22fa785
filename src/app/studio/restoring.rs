//! Settings come back into the draft: from a run of this session, from a
//! picture of ours, or from another program's.

use std::str::FromStr;

use crate::app::draft::seeds::SeedField;
use crate::app::draft::{Draft, DraftContent};
use crate::app::files::saving::FoundSettings;
use crate::diffusion::SchedulerKind;
use crate::engine::{Request, Settings};
use crate::export::ImageSettings;
use crate::prompt::{AssignedObject, Assignment, TokenizedPrompt};
use crate::storm::Layout;

/// Takes the settings of a picture; returns what could not be taken, in words.
pub fn restore(draft: &mut Draft, found: FoundSettings) -> Option<String> {
    match found {
        FoundSettings::Recipe(recipe) => {
            restore_request(draft, &recipe.request, recipe.request.seeds.clone());
            None
        }
        FoundSettings::Infotext(settings) => restore_infotext(draft, &settings),
    }
}

/// Takes a request with these seeds.
pub fn restore_request(draft: &mut Draft, request: &Request, seeds: Vec<u64>) {
    draft.replace(DraftContent {
        prompt: request.prompt.clone(),
        negative_prompt: request.negative_prompt.clone(),
        assignment: Assignment::default(),
        is_proposed: false,
        next_relation: None,
        settings: request.settings.clone(),
        seeds: locked(&seeds),
    });
    // The draft's tokens are those of the new prompt now.
    let assignment = draft
        .tokens()
        .map(|tokens| assignment_of(&request.layout, tokens));
    if let Some(assignment) = assignment.filter(|assignment| !assignment.objects.is_empty()) {
        draft.assignment = assignment;
        draft.is_proposed = false;
    }
}

fn restore_infotext(draft: &mut Draft, found: &ImageSettings) -> Option<String> {
    let mut settings = Settings::default();
    let mut problem = None;
    if let Some(steps) = found.steps {
        settings.steps = steps as usize;
    }
    if let Some(scale) = found.cfg_scale {
        settings.guidance_scale = scale;
    }
    if let Some(sampler) = &found.sampler {
        match SchedulerKind::from_str(sampler) {
            Ok(kind) => settings.scheduler = Some(kind),
            Err(_) => {
                problem = Some(format!(
                    "The sampler {sampler} is not known here; the model's own is used."
                ));
            }
        }
    }
    settings.size = found
        .size
        .map(|(width, height)| [width as usize, height as usize]);
    draft.replace(DraftContent {
        prompt: found.prompt.replace('\n', " "),
        negative_prompt: found.negative_prompt.replace('\n', " "),
        assignment: Assignment::default(),
        is_proposed: true,
        next_relation: None,
        settings,
        seeds: locked(&found.seed.map_or_else(Vec::new, |seed| vec![seed])),
    });
    problem
}

fn locked(seeds: &[u64]) -> SeedField {
    let texts: Vec<String> = seeds.iter().map(u64::to_string).collect();
    SeedField {
        text: if texts.is_empty() {
            "0".to_string()
        } else {
            texts.join(", ")
        },
        locked: true,
    }
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
        free_targets: layout.free_targets.clone(),
    }
}

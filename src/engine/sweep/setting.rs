//! One setting of a sweep's cell: by its name in files, of a LoRA or of words of the prompt.

use std::fmt;

use super::{Request, SweepError};
use crate::diffusion::parameters::Name;
use crate::diffusion::{NoiseKind, SamplerName};
use crate::engine::LoraChoice;
use crate::prompt::{NetworkKind, network_tags};

/// What a key begins with that names a LoRA; its values are weights.
pub(super) const LORA: &str = "lora:";
/// What a key begins with that names words of the prompt; its values take their place.
pub(super) const WORDS: &str = "prompt:";

/// Puts other words in the place of some, in the prompt and in the negative prompt;
/// `changes` are pairs of both. All at once, so that no change meets what another wrote.
///
/// # Errors
/// If words are in neither.
pub(super) fn replace_words(
    request: &mut Request,
    changes: &[(&str, &str)],
) -> Result<(), SweepError> {
    for &(old, new) in changes {
        let is_there = |text: &str| (0..text.len()).any(|place| stands_at(text, place, old));
        if !is_there(&request.prompt) && !is_there(&request.negative_prompt) {
            return Err(SweepError::Value {
                key: format!("{WORDS}{old}"),
                value: new.to_owned(),
                reason: format!("“{old}” is not in the prompt"),
            });
        }
    }
    for text in [&mut request.prompt, &mut request.negative_prompt] {
        *text = replaced(text, changes);
    }
    Ok(())
}

fn replaced(text: &str, changes: &[(&str, &str)]) -> String {
    let mut result = String::with_capacity(text.len());
    let mut place = 0;
    while let Some(next) = text[place..].chars().next() {
        let mut found = changes
            .iter()
            .filter(|(old, _)| stands_at(text, place, old))
            .collect::<Vec<_>>();
        found.sort_by_key(|(old, _)| old.len());
        match found.last() {
            Some((old, new)) => {
                result.push_str(new);
                place += old.len();
            }
            None => {
                result.push(next);
                place += next.len_utf8();
            }
        }
    }
    result
}

/// Whether `words` stand at a byte of `text` and are no part of longer ones.
fn stands_at(text: &str, place: usize, words: &str) -> bool {
    let Some((before, after)) = text.split_at_checked(place) else {
        return false;
    };
    let Some(after) = after.strip_prefix(words) else {
        return false;
    };
    let parts = |left: Option<char>, right: Option<char>| {
        let is_letter = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
        !(is_letter(left) && is_letter(right))
    };
    parts(before.chars().next_back(), words.chars().next())
        && parts(words.chars().next_back(), after.chars().next())
}

/// Gives a LoRA another weight, where settings or prompts name it → whether they do.
fn weigh(request: &mut Request, name: &str, weight: f64) -> bool {
    let mut is_known = false;
    for choice in &mut request.settings.loras {
        if choice.name.eq_ignore_ascii_case(name) {
            *choice = LoraChoice::new(choice.name.clone(), weight);
            is_known = true;
        }
    }
    let tags = network_tags(&request.prompt);
    for tag in tags.iter().rev() {
        if tag.kind == NetworkKind::Lora && tag.name.eq_ignore_ascii_case(name) {
            let text = LoraChoice::new(tag.name.clone(), weight).tag();
            request.prompt.replace_range(tag.span.clone(), &text);
            is_known = true;
        }
    }
    is_known
}

/// Sets one setting of a request by its one name.
pub(super) fn set(request: &mut Request, key: &str, text: &str) -> Result<(), SweepError> {
    let wrong = |reason: String| SweepError::Value {
        key: key.to_owned(),
        value: text.to_owned(),
        reason,
    };
    if let Some(name) = key.strip_prefix(LORA) {
        let weight = text.parse();
        let weight: f64 = weight.map_err(|_| wrong("write a number".to_owned()))?;
        return match weigh(request, name, weight) {
            true => Ok(()),
            false => Err(wrong(
                "no LoRA of that name is asked for; name it with --lora or in the prompt"
                    .to_owned(),
            )),
        };
    }
    let settings = &mut request.settings;
    match key {
        "seed" => {
            let seed = text.parse();
            request.seeds =
                vec![seed.map_err(|_| wrong("write a whole number from 0".to_owned()))?];
        }
        "size" => {
            let (width, height) = text.split_once(['x', '×']).unwrap_or((text, text));
            let side = |side: &str| {
                let side = side.trim().parse();
                side.map_err(|_| wrong("write it as 512 or 512x768".to_owned()))
            };
            settings.size = Some([side(width)?, side(height)?]);
        }
        "scheduler" | "sampler" => {
            let name: SamplerName = text.parse().map_err(|error| wrong(plain(&error)))?;
            settings.scheduler = Some(name.scheduler);
            settings.schedule = name.schedule;
        }
        "schedule" => {
            let schedule = text.parse().map_err(|error| wrong(plain(&error)))?;
            settings.schedule = Some(schedule);
        }
        "timestep_spacing" => {
            let spacing = text.parse().map_err(|error| wrong(plain(&error)))?;
            settings.timestep_spacing = Some(spacing);
        }
        "rng" => {
            let noise: NoiseKind = text.parse().map_err(|error| wrong(plain(&error)))?;
            settings.rng = noise;
        }
        "prompt_weights" => {
            settings.prompt_weights = text.parse().map_err(|error| wrong(plain(&error)))?;
        }
        "objective" => {
            let objective = text.parse().map_err(|error| wrong(plain(&error)))?;
            settings.optimisation.objective = objective;
        }
        "negative_prompt" => text.clone_into(&mut request.negative_prompt),
        "prompt" => text.clone_into(&mut request.prompt),
        parameter => {
            if parameter == "window" || parameter == "update.window" {
                // As on the command line: whoever says a window means a part of the steps.
                settings.optimisation.update.least_noise = 0.0;
            }
            settings
                .set(&Name::Key(parameter.to_owned()), text)
                .map_err(SweepError::Setting)?;
            settings
                .optimisation
                .validate()
                .map_err(|error| wrong(error.to_string()))?;
        }
    }
    Ok(())
}

fn plain(error: &dyn fmt::Display) -> String {
    error.to_string()
}

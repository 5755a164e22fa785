//! NovelAI: `Software` is its name, `Description` the prompt, `Comment` JSON with
//! the rest (`steps`, `scale`, `uc`, `seed`), `Source` the model; in WebP the same
//! texts as one JSON object.

use serde_json::{Map, Value};

use super::json::{text, value};
use super::taking::Taking;
use super::texts::Texts;
use super::{Found, Program};
use crate::export::PARAMETERS_KEYWORD;

/// Keys that are taken, say again what another says, or change no picture.
const TOLD: [&str; 19] = [
    "prompt",
    "uc",
    "steps",
    "scale",
    "seed",
    "width",
    "height",
    "sampler",
    "noise_schedule",
    "cfg_rescale",
    "n_samples",
    "request_type",
    "signed_hash",
    "v4_prompt",
    "v4_negative_prompt",
    "version",
    "extra_noise_seed",
    "hide_debug_overlay",
    "uncond_scale",
];

pub(super) fn read(texts: Texts) -> Option<Found> {
    const NAME: &str = "NovelAI";
    let packed = texts.object(PARAMETERS_KEYWORD).unwrap_or_default();
    let of = |keyword: &str| {
        let text = packed.get(keyword).and_then(Value::as_str);
        texts.get(keyword).or(text)
    };
    if of("Software") != Some(NAME) {
        return None;
    }
    let settings = of("Comment").and_then(|text| serde_json::from_str(text).ok());
    let settings: Map<String, Value> = settings.unwrap_or_default();
    let mut taking = Taking::of(Program::NovelAi);
    let prompt = match text(&settings, &["prompt"]) {
        "" => of("Description").unwrap_or_default(),
        prompt => prompt,
    };
    let negative_prompt = text(&settings, &["uc"]);
    taking.prompts(prompt, negative_prompt);
    let strengthened = braces(prompt);
    if !strengthened.is_empty() {
        taking.no_effect("weights in the prompt", &strengthened.join(", "));
    }
    let get = |key: &str| value(&settings, &[key]);
    taking.parameter("steps", "steps", get("steps"));
    taking.parameter("guidance_scale", "scale", get("scale"));
    taking.parameter("guidance_rescale", "cfg_rescale", get("cfg_rescale"));
    taking.sides(get("width"), get("height"));
    // The name of the sampler's own schedule.
    let schedule = get("noise_schedule").filter(|name| name != "native");
    taking.sampler(
        ("sampler", get("sampler").as_deref()),
        ("noise_schedule", schedule.as_deref()),
    );
    taking.seed("seed", get("seed"));
    taking.model(of("Source"));
    taking.others(&settings, &TOLD);
    Some(taking.found())
}

/// Words in braces, which weigh more there.
fn braces(prompt: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut open = Vec::new();
    for (index, character) in prompt.char_indices() {
        match character {
            '{' => open.push(index),
            '}' => {
                let outermost = open.pop().filter(|_| open.is_empty());
                found.extend(outermost.map(|start| &prompt[start..=index]));
            }
            _ => {}
        }
    }
    found
}

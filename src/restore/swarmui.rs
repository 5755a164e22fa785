//! SwarmUI: a JSON object under A1111's keyword (its docs, Image Metadata Format):
//! `sui_image_params`, `sui_extra_data`, `sui_models`.

use serde_json::{Map, Value};

use super::taking::{Taking, text, text_of, value};
use super::texts::Texts;
use super::{Found, Program};
use crate::export::PARAMETERS_KEYWORD;

/// Keys that are taken, say again what another says, or change no picture.
const TOLD: [&str; 23] = [
    "prompt",
    "negativeprompt",
    "original_prompt",
    "original_negativeprompt",
    "model",
    "seed",
    "steps",
    "cfgscale",
    "width",
    "height",
    "sampler",
    "scheduler",
    "loras",
    "loraweights",
    "aspectratio",
    "sidelength",
    "images",
    "swarm_version",
    "date",
    "generation_time",
    "imageformat",
    "nopreviews",
    "wildcardseed",
];

pub(super) fn read(texts: Texts) -> Option<Found> {
    let parameters = texts.object(PARAMETERS_KEYWORD)?;
    let settings = parameters.get("sui_image_params")?;
    let Some(settings) = settings.as_object() else {
        return Some(Found::Named(Program::SwarmUi));
    };
    let mut taking = Taking::of(Program::SwarmUi);
    let name = |key: &str| value(settings, &[key]);
    taking.prompts(
        text(settings, &["prompt"]),
        text(settings, &["negativeprompt"]),
    );
    taking.parameter("steps", "steps", name("steps"));
    taking.parameter("guidance_scale", "cfgscale", name("cfgscale"));
    taking.sides(name("width"), name("height"));
    taking.sampler(
        ("sampler", name("sampler").as_deref()),
        ("scheduler", name("scheduler").as_deref()),
    );
    taking.seed("seed", name("seed"));
    taking.model(name("model").as_deref());
    let loras = loras(settings);
    if !loras.is_empty() {
        taking.no_effect("LoRA", &loras);
    }
    taking.others(settings, &TOLD);
    Some(taking.found())
}

/// Names and weights stand in two lists.
fn loras(settings: &Map<String, Value>) -> String {
    let list = |key: &str| {
        let items = settings.get(key).and_then(Value::as_array);
        let items = items.into_iter().flatten();
        items.filter_map(text_of).collect::<Vec<_>>()
    };
    let (names, weights) = (list("loras"), list("loraweights"));
    let named = names.iter().enumerate().map(|(index, name)| {
        let weight = weights.get(index).map_or("1", String::as_str);
        format!("{name}:{weight}")
    });
    named.collect::<Vec<_>>().join(", ")
}

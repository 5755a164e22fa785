//! Draw Things: an XMP packet whose creator tool is its name; `exif:UserComment`
//! in it is JSON (`c` the prompt, `uc` the negative one, `steps`, `scale`, `seed`).

use super::taking::{Taking, networks, text, value};
use super::texts::Texts;
use super::{Found, Program};
use crate::diffusion::{NoiseKind, TimestepSpacing};
use crate::export::PARAMETERS_KEYWORD;
use crate::restore::xmp::CREATOR_TOOL;

/// Keys that are taken, say again what another says, or change no picture.
const TOLD: [&str; 13] = [
    "c",
    "uc",
    "model",
    "sampler",
    "scale",
    "seed",
    "seed_mode",
    "size",
    "steps",
    "lora",
    "v2",
    "profile",
    "strength",
];

pub(super) fn read(texts: Texts) -> Option<Found> {
    if !texts.get(CREATOR_TOOL)?.starts_with("Draw Things") {
        return None;
    }
    let Some(settings) = texts.object(PARAMETERS_KEYWORD) else {
        return Some(Found::Named(Program::DrawThings));
    };
    let mut taking = Taking::of(Program::DrawThings);
    taking.prompts(text(&settings, &["c"]), text(&settings, &["uc"]));
    let get = |key: &str| value(&settings, &[key]);
    taking.parameter("steps", "steps", get("steps"));
    taking.parameter("guidance_scale", "scale", get("scale"));
    taking.size("size", get("size"));
    let sampler = get("sampler");
    // Spacing is part of the sampler's name there.
    let plain = sampler.as_deref().map(|name| {
        let trailing = name.strip_suffix(" Trailing");
        if trailing.is_some() {
            taking.spacing(TimestepSpacing::Trailing);
        }
        trailing.unwrap_or(name)
    });
    taking.sampler(("sampler", plain), ("sampler", None));
    taking.seed("seed", get("seed"));
    if let Some(mode) = get("seed_mode") {
        match mode.to_lowercase().as_str() {
            "torch cpu compatible" => taking.noise(NoiseKind::Cpu),
            "nvidia gpu compatible" => taking.noise(NoiseKind::Nv),
            _ => taking.no_effect("seed_mode", &mode),
        }
    }
    taking.model(get("model").as_deref());
    let loras = networks(settings.get("lora"), &["model", "file"], &["weight"]);
    if !loras.is_empty() {
        taking.no_effect("LoRA", &loras);
    }
    if let Some(strength) = get("strength").filter(|strength| strength != "1") {
        taking.no_effect("strength", &strength);
    }
    taking.others(&settings, &TOLD);
    Some(taking.found())
}

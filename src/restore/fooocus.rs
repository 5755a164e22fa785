//! Fooocus (its modules/meta_parser.py): `fooocus_scheme` says whether the text
//! under A1111's keyword is its own JSON (`fooocus`) or an infotext (`a1111`).
//! Fooocus-MRE, an older fork, writes JSON under `Comment`.

use serde_json::{Map, Value};

use super::taking::{Taking, networks, text, value};
use super::texts::Texts;
use super::{Found, Program};
use crate::export::PARAMETERS_KEYWORD;

/// Keys of its JSON that no other program has.
const OWN: [&str; 4] = ["base_model", "performance", "adm_guidance", "sharpness"];

/// Keys that are taken, say again what another says, or change no picture.
const TOLD: [&str; 25] = [
    "prompt",
    "negative_prompt",
    "full_prompt",
    "full_negative_prompt",
    "real_prompt",
    "real_negative_prompt",
    "steps",
    "guidance_scale",
    "cfg",
    "cfg_scale",
    "resolution",
    "width",
    "height",
    "sampler",
    "sampler_name",
    "scheduler",
    "seed",
    "base_model",
    "base_model_hash",
    "loras",
    "metadata_scheme",
    "version",
    "software",
    "created_by",
    "refiner_switch",
];

pub(super) fn read(texts: Texts) -> Option<Found> {
    let is_own = |json: &Map<String, Value>| OWN.iter().any(|key| json.contains_key(*key));
    let says_so = texts.get("fooocus_scheme") == Some("fooocus");
    let parameters = texts.object(PARAMETERS_KEYWORD);
    let own = parameters.filter(|json| says_so || is_own(json));
    let settings = own.or_else(|| texts.object("Comment").filter(is_own))?;
    let mut taking = Taking::of(Program::Fooocus);
    taking.prompts(
        text(&settings, &["prompt"]),
        text(&settings, &["negative_prompt"]),
    );
    let of = |keys: &[&str]| value(&settings, keys);
    taking.parameter("steps", "steps", of(&["steps"]));
    let scale = of(&["guidance_scale", "cfg", "cfg_scale"]);
    taking.parameter("guidance_scale", "guidance_scale", scale);
    match of(&["resolution"]) {
        Some(resolution) => taking.size("resolution", Some(resolution)),
        None => taking.sides(of(&["width"]), of(&["height"])),
    }
    taking.sampler(
        ("sampler", of(&["sampler", "sampler_name"]).as_deref()),
        ("scheduler", of(&["scheduler"]).as_deref()),
    );
    taking.seed("seed", of(&["seed"]));
    taking.model(of(&["base_model"]).as_deref());
    let loras = networks(settings.get("loras"), &["name"], &["weight"]);
    if !loras.is_empty() {
        taking.no_effect("LoRA", &loras);
    }
    taking.others(&settings, &TOLD);
    Some(taking.found())
}

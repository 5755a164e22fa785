//! Fooocus (its modules/meta_parser.py): `fooocus_scheme` says whether the text
//! under A1111's keyword is its own JSON (`fooocus`) or an infotext (`a1111`).
//! Fooocus-MRE, an older fork, writes JSON under `Comment`.

use serde_json::{Map, Value};

use super::json::{text, text_of, value};
use super::taking::Taking;
use super::texts::Texts;
use super::{Found, Program};
use crate::export::PARAMETERS_KEYWORD;

/// Keys of its JSON that no other program has.
const OWN: [&str; 4] = ["base_model", "performance", "adm_guidance", "sharpness"];

/// Keys that are taken, say again what another says, or change no picture.
const TOLD: [&str; 26] = [
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
    "clip_skip",
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
    // From 1, as A1111 counts.
    taking.parameter("clip_skip", "clip_skip", of(&["clip_skip"]));
    let rows = take_loras(&mut taking, &settings);
    let told: Vec<&str> = TOLD.into_iter().chain(rows).collect();
    taking.others(&settings, &told);
    Some(taking.found())
}

/// A LoRA beside the list of all.
const ROW: &str = "lora_combined_";

/// LoRAs as `loras`, of `[name, weight, hash]`, or in older versions as rows that say
/// `name : weight`; the rows' keys.
fn take_loras<'a>(taking: &mut Taking, settings: &'a Map<String, Value>) -> Vec<&'a str> {
    let list = settings.get("loras").and_then(Value::as_array);
    for item in list.into_iter().flatten() {
        let part = |place: usize, key: &str| item.get(place).or(item.get(key)).and_then(text_of);
        if let Some(name) = part(0, "name") {
            let weight = part(1, "weight").unwrap_or_else(|| "1".to_owned());
            taking.lora(&name, [&weight; 2], part(2, "hash").as_deref());
        }
    }
    let rows = settings.keys().filter(|key| key.starts_with(ROW));
    let rows: Vec<&str> = rows.map(String::as_str).collect();
    if list.is_none_or(Vec::is_empty) {
        for row in rows.iter().filter_map(|key| text_of(&settings[*key])) {
            if let Some((name, weight)) = row.rsplit_once(':') {
                taking.lora(name, [weight; 2], None);
            }
        }
    }
    rows
}

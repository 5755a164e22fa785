//! Draw Things: an XMP packet whose creator tool is its name; `exif:UserComment`
//! in it is JSON (`c` the prompt, `uc` the negative one, `steps`, `scale`, `seed`), and
//! under `v2` the settings as its scripts know them.

use serde_json::{Map, Value};

use super::json::{text, text_of, value};
use super::taking::Taking;
use super::texts::Texts;
use super::{Found, Program};
use crate::diffusion::{NoiseKind, TimestepSpacing};
use crate::export::PARAMETERS_KEYWORD;
use crate::restore::xmp::CREATOR_TOOL;

/// Keys that are taken, say again what another says, or change no picture.
const TOLD: [&str; 15] = [
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
    "loras",
    "clip_skip",
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
    let script = settings.get("v2").and_then(Value::as_object);
    // From 1, as A1111 counts.
    let skip = get("clip_skip").or_else(|| value(script?, &["clipSkip"]));
    taking.parameter("clip_skip", "clip_skip", skip);
    take_loras(&mut taking, &settings, script);
    if let Some(strength) = get("strength").filter(|strength| strength != "1") {
        taking.no_effect("strength", &strength);
    }
    taking.others(&settings, &TOLD);
    Some(taking.found())
}

/// LoRAs, each a file, a weight, and which of two models it belongs to.
fn take_loras(
    taking: &mut Taking,
    settings: &Map<String, Value>,
    script: Option<&Map<String, Value>>,
) {
    let lists = [settings.get("lora"), settings.get("loras")];
    let lists = lists
        .into_iter()
        .chain([script.and_then(|it| it.get("loras"))]);
    let mut lists = lists.flatten().filter_map(Value::as_array);
    let list = lists.find(|list| !list.is_empty());
    for lora in list.into_iter().flatten() {
        let get = |keys: &[&str]| keys.iter().find_map(|key| text_of(lora.get(*key)?));
        let Some(name) = get(&["model", "file"]) else {
            continue;
        };
        let weight = get(&["weight"]).unwrap_or_else(|| "1".to_owned());
        match get(&["mode"]).as_deref() {
            Some("refiner") => taking.no_effect("LoRA of a refiner", &format!("{name}:{weight}")),
            _ => taking.lora(&name, [&weight; 2], None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::LoraChoice;
    use crate::export::TextChunk;
    use serde_json::json;

    #[test]
    fn loras_and_clip_skip_are_found_where_either_version_writes_them() {
        let own = |more: Value| {
            let mut json = json!({"c": "a cat", "steps": 20, "seed": 7});
            let more = more.as_object().expect("an object").clone();
            json.as_object_mut().expect("an object").extend(more);
            let chunks = [
                TextChunk::new(CREATOR_TOOL, "Draw Things".to_owned()),
                TextChunk::new(PARAMETERS_KEYWORD, json.to_string()),
            ];
            match read(Texts(&chunks)) {
                Some(Found::Settings(restored)) => *restored,
                _ => panic!("no settings in {json}"),
            }
        };
        let list = json!([{"model": "detail_lora_f16.ckpt", "weight": 0.6}]);
        let script = json!({"clipSkip": 2, "loras": [
            {"file": "detail_lora_f16.ckpt", "weight": 0.6, "mode": "all"},
            {"file": "late.ckpt", "weight": 1, "mode": "refiner"},
        ]});
        for more in [
            json!({"lora": list, "clip_skip": 2}),
            json!({"loras": list, "v2": {"clipSkip": 2, "loras": []}}),
            json!({"v2": script}),
        ] {
            let restored = own(more.clone());
            let settings = &restored.taken.settings;
            assert_eq!(
                settings.loras,
                [LoraChoice::new("detail_lora_f16", 0.6)],
                "{more}"
            );
            assert_eq!(settings.clip_skip, 2, "{more}");
            let has_late = more.to_string().contains("late");
            assert_eq!(restored.message(None).contains("late.ckpt:1"), has_late);
        }
    }
}

//! SwarmUI: a JSON object under A1111's keyword (its docs, Image Metadata Format):
//! `sui_image_params`, `sui_extra_data`, and `sui_models` with the hashes of its files.

use serde_json::{Map, Value};

use super::json::{list, text, text_of, value};
use super::taking::Taking;
use super::texts::Texts;
use super::{Found, Program, networks};
use crate::engine::UsedKind;
use crate::export::PARAMETERS_KEYWORD;

/// Keys that are taken, say again what another says, or change no picture.
const TOLD: [&str; 26] = [
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
    "loratencweights",
    "lorasectionconfinement",
    "clipstopatlayer",
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
    let prompts = ["prompt", "negativeprompt"].map(|key| marked(text(settings, &[key])));
    taking.prompts(&prompts[0], &prompts[1]);
    taking.parameter("steps", "steps", name("steps"));
    taking.parameter("guidance_scale", "cfgscale", name("cfgscale"));
    taking.sides(name("width"), name("height"));
    taking.sampler(
        ("sampler", name("sampler").as_deref()),
        ("scheduler", name("scheduler").as_deref()),
    );
    taking.seed("seed", name("seed"));
    taking.model(name("model").as_deref());
    // Counted from the last layer, which is -1.
    let skip = name("clipstopatlayer").map(|layer| layer.trim_start_matches('-').to_owned());
    taking.parameter("clip_skip", "clipstopatlayer", skip);
    take_networks(&mut taking, settings, &parameters);
    taking.others(settings, &TOLD);
    Some(taking.found())
}

/// Parts of a picture's making that a LoRA may be confined to, and that all of it here
/// is: anywhere, and anywhere but in a refiner.
const OWN_SECTIONS: [&str; 3] = ["-1", "0", "5"];

/// Names and weights stand in lists of their own, hashes with the files.
fn take_networks(
    taking: &mut Taking,
    settings: &Map<String, Value>,
    parameters: &Map<String, Value>,
) {
    let lists = [
        "loras",
        "loraweights",
        "loratencweights",
        "lorasectionconfinement",
    ];
    let [names, weights, encoder_weights, sections] = lists.map(|key| list(settings.get(key)));
    for (index, name) in names.iter().enumerate() {
        let weight = weights.get(index).map_or("1", String::as_str);
        let encoder_weight = encoder_weights.get(index).map_or(weight, String::as_str);
        let section = sections.get(index).map(String::as_str);
        if section.is_none_or(|section| OWN_SECTIONS.contains(&section)) {
            taking.lora(name, [encoder_weight, weight], None);
        } else {
            taking.no_effect("LoRA of a section", &format!("{name}:{weight}"));
        }
    }
    let used = parameters.get("sui_extra_data");
    for name in list(used.and_then(|data| data.get("used_embeddings"))) {
        taking.network(UsedKind::TextualInversion, &name, None);
    }
    let files = parameters.get("sui_models").and_then(Value::as_array);
    for file in files.into_iter().flatten() {
        let get = |key: &str| file.get(key).and_then(text_of);
        let kind = match get("param").as_deref() {
            Some("loras") => UsedKind::Lora,
            Some("used_embeddings") => UsedKind::TextualInversion,
            _ => continue,
        };
        if let Some(name) = get("name") {
            taking.network(kind, &name, get("hash").as_deref());
        }
    }
}

/// A prompt whose textual inversions are marked as in ComfyUI: `<embed:name>`.
fn marked(prompt: &str) -> String {
    let mut marked = String::new();
    let mut rest = prompt;
    // Once it is read, a tag stands between these.
    let tags = [
        ("<embed:", ">"),
        ("<embedding:", ">"),
        ("\0swarmembed:", "\0end"),
    ];
    loop {
        let found = tags.iter().filter_map(|(start, end)| {
            let at = rest.find(start)?;
            let behind = at + start.len();
            let length = rest[behind..].find(end)?;
            Some((at, behind..behind + length, behind + length + end.len()))
        });
        let Some((at, name, end)) = found.min_by_key(|(at, ..)| *at) else {
            break;
        };
        marked.push_str(&rest[..at]);
        marked.push_str("embedding:");
        marked.push_str(networks::stem(&rest[name]));
        rest = &rest[end..];
    }
    marked + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::LoraChoice;
    use crate::export::TextChunk;
    use crate::restore::{NamedNetwork, RestoredSettings};
    use serde_json::json;

    fn restored(parameters: &Value) -> RestoredSettings {
        let chunks = [TextChunk::new(PARAMETERS_KEYWORD, parameters.to_string())];
        match read(Texts(&chunks)) {
            Some(Found::Settings(restored)) => *restored,
            _ => panic!("no settings in {parameters}"),
        }
    }

    #[test]
    fn networks_come_back_with_both_weights_and_their_hashes() {
        let restored = restored(&json!({
            "sui_image_params": {
                "prompt": "a cat, <embed:styles/easynegative>",
                "negativeprompt": "\u{0}swarmembed:bad.safetensors\u{0}end blurry",
                "loras": ["styles/detail", "light", "late"],
                "loraweights": "0.5,-1,0.7",
                "loratencweights": ["0.25", "-1", "0.7"],
                "lorasectionconfinement": "0,-1,1",
                "clipstopatlayer": -2,
            },
            "sui_extra_data": {"used_embeddings": ["styles/easynegative", "bad"]},
            "sui_models": [
                {"name": "styles/detail.safetensors", "param": "loras", "hash": "0x0123ABCDEF012345"},
                {"name": "bad.safetensors", "param": "used_embeddings", "hash": null},
            ],
        }));
        let settings = &restored.taken.settings;
        assert_eq!(restored.taken.prompt, "a cat, embedding:easynegative");
        assert_eq!(restored.taken.negative_prompt, "embedding:bad blurry");
        assert_eq!(
            settings.loras,
            [
                LoraChoice::with_weights("detail", [0.25, 0.5]),
                LoraChoice::new("light", -1.0)
            ]
        );
        assert_eq!(settings.clip_skip, 2);
        let told = restored.message(None);
        assert!(told.contains("LoRA of a section late:0.7"), "{told}");
        let lora = |name: &str, hash| NamedNetwork::new(UsedKind::Lora, name, hash);
        assert!(
            restored
                .networks
                .contains(&lora("detail", Some("0123abcdef012345")))
        );
        let inversions = restored.networks.iter();
        let inversions = inversions.filter(|it| it.kind == UsedKind::TextualInversion);
        let names: Vec<&str> = inversions.map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["easynegative", "bad"]);
    }
}

//! InvokeAI: `invokeai_metadata` since 3, `sd-metadata` in 2, `Dream` (a command
//! line) before.

use std::ops::Range;

use serde_json::{Map, Value};

use super::json::{text, text_of, value};
use super::taking::Taking;
use super::texts::Texts;
use super::{Found, Program};
use crate::diffusion::NoiseKind;
use crate::prompt::PromptWeights;

/// Keys of all versions that are taken, say again what another says, or change no picture.
const TOLD: [&str; 32] = [
    "positive_prompt",
    "negative_prompt",
    "prompt",
    "positive_style_prompt",
    "negative_style_prompt",
    "width",
    "height",
    "seed",
    "rand_device",
    "cfg_scale",
    "cfg_rescale_multiplier",
    "steps",
    "scheduler",
    "sampler",
    "model",
    "loras",
    "app_version",
    "created_by",
    "generation_mode",
    "type",
    "controlnets",
    "ipAdapters",
    "t2iAdapters",
    "strength",
    "canvas_v2_metadata",
    "model_hash",
    "postprocessing",
    "variations",
    "threshold",
    "perlin",
    "clip_skip",
    "image",
];

pub(super) fn read(texts: Texts) -> Option<Found> {
    if let Some(settings) = texts.object("invokeai_metadata") {
        return Some(of_version_3(&settings).found());
    }
    if let Some(settings) = texts.object("sd-metadata")
        && let Some(image) = settings.get("image").and_then(Value::as_object)
    {
        let model = value(&settings, &["model_weights", "model"]);
        return Some(of_version_2(image, model).found());
    }
    if let Some(line) = texts.get("Dream") {
        return Some(of_command_line(line).found());
    }
    let rest = ["invokeai_graph", "invokeai_workflow", "sd-metadata"];
    let is_invoke = rest.iter().any(|keyword| texts.has(keyword));
    is_invoke.then_some(Found::Named(Program::InvokeAi))
}

fn of_version_3(settings: &Map<String, Value>) -> Taking {
    let mut taking = Taking::of(Program::InvokeAi);
    let prompt = text(settings, &["positive_prompt"]);
    take_prompts(&mut taking, prompt, text(settings, &["negative_prompt"]));
    let get = |key: &str| value(settings, &[key]);
    let weighted = weighted(prompt);
    if !weighted.is_empty() {
        taking.no_effect("weights in the prompt", &weighted.join(", "));
    }
    common(&mut taking, settings);
    let rescale = get("cfg_rescale_multiplier");
    taking.parameter("guidance_rescale", "cfg_rescale_multiplier", rescale);
    take_sampler(&mut taking, "scheduler", get("scheduler"));
    match get("rand_device").as_deref() {
        None | Some("cpu") => taking.noise(NoiseKind::Cpu),
        Some(device) if device.starts_with("cuda") => taking.noise(NoiseKind::Nv),
        Some(other) => taking.no_effect("rand_device", other),
    }
    taking.model(get("model").as_deref());
    take_loras(&mut taking, settings);
    for (key, name) in [
        ("controlnets", "ControlNet"),
        ("ipAdapters", "IP adapter"),
        ("t2iAdapters", "T2I adapter"),
    ] {
        let list = settings.get(key).and_then(Value::as_array);
        let models = list.into_iter().flatten().filter_map(|item| {
            let model = ["control_model", "ip_adapter_model", "t2i_adapter_model"];
            model.iter().find_map(|key| text_of(item.get(*key)?))
        });
        let models: Vec<String> = models.collect();
        if list.is_some_and(|list| !list.is_empty()) {
            taking.no_effect(name, &models.join(", "));
        }
    }
    // Layers that are left out: A1111 counts from 1.
    let left_out = get("clip_skip").map(|skip| match skip.parse::<usize>() {
        Ok(layers) => layers.saturating_add(1).to_string(),
        Err(_) => skip,
    });
    taking.parameter("clip_skip", "clip_skip", left_out);
    let is_plain = |mode: &str| mode.ends_with("txt2img");
    if let Some(mode) = get("generation_mode").filter(|mode| !is_plain(mode)) {
        taking.no_effect("generation_mode", &mode);
        if let Some(strength) = get("strength") {
            taking.no_effect("strength", &strength);
        }
    }
    taking.others(settings, &TOLD);
    taking
}

fn of_version_2(image: &Map<String, Value>, model: Option<String>) -> Taking {
    let mut taking = Taking::of(Program::InvokeAi);
    let prompt = match image.get("prompt") {
        Some(Value::Array(parts)) => {
            let texts = parts.iter().filter_map(|part| part.get("prompt")?.as_str());
            texts.collect::<Vec<_>>().join(" ")
        }
        Some(Value::String(prompt)) => prompt.clone(),
        _ => String::new(),
    };
    let (prompt, negative_prompt) = without_brackets(&prompt);
    take_prompts(&mut taking, &prompt, &negative_prompt);
    common(&mut taking, image);
    take_sampler(&mut taking, "sampler", value(image, &["sampler"]));
    taking.model(model.as_deref());
    for key in ["threshold", "perlin"] {
        if let Some(value) = value(image, &[key]).filter(|value| value != "0") {
            taking.no_effect(key, &value);
        }
    }
    for key in ["postprocessing", "variations"] {
        if let Some(value) = value(image, &[key]) {
            taking.no_effect(key, &value);
        }
    }
    taking.others(image, &TOLD);
    taking
}

/// As `"a cat [dog]" -s 50 -S 123 -W 512 -H 512 -C 7.5 -A k_lms`.
fn of_command_line(line: &str) -> Taking {
    let mut taking = Taking::of(Program::InvokeAi);
    let quoted = line.strip_prefix('"').and_then(|rest| rest.split_once('"'));
    let options = line.find(" -").unwrap_or(line.len());
    let (prompt, rest) = quoted.unwrap_or_else(|| line.split_at(options));
    let (prompt, negative_prompt) = without_brackets(prompt);
    taking.prompts(&prompt, &negative_prompt);
    let mut words = rest.split_whitespace();
    let (mut width, mut height) = (None, None);
    while let Some(option) = words.next() {
        let Some(letter) = option.strip_prefix('-') else {
            continue;
        };
        // A value stands behind its letter, with or without a space.
        let (letter, value) = match letter.char_indices().nth(1) {
            Some((split, _)) => (&letter[..split], Some(letter[split..].to_owned())),
            None => (letter, words.next().map(str::to_owned)),
        };
        match letter {
            "s" => taking.parameter("steps", "-s", value),
            "S" => taking.seed("-S", value),
            "C" => taking.parameter("guidance_scale", "-C", value),
            "W" => width = value,
            "H" => height = value,
            "A" => take_sampler(&mut taking, "-A", value),
            _ => taking.no_effect(&format!("-{letter}"), &value.unwrap_or_default()),
        }
    }
    taking.sides(width, height);
    taking
}

fn common(taking: &mut Taking, settings: &Map<String, Value>) {
    let get = |key: &str| value(settings, &[key]);
    taking.parameter("steps", "steps", get("steps"));
    taking.parameter("guidance_scale", "cfg_scale", get("cfg_scale"));
    taking.sides(get("width"), get("height"));
    taking.seed("seed", get("seed"));
}

/// LoRAs: since 4 `{"model": {"name": …, "hash": …}, "weight": …}`, in 3
/// `{"lora": {"model_name": …}, "weight": …}`.
fn take_loras(taking: &mut Taking, settings: &Map<String, Value>) {
    let list = settings.get("loras").and_then(Value::as_array);
    for item in list.into_iter().flatten() {
        let model = ["model", "lora"].iter().find_map(|key| item.get(*key));
        let Some(name) = model.and_then(text_of) else {
            continue;
        };
        let weight = item.get("weight").and_then(text_of);
        let weight = weight.unwrap_or_else(|| "1".to_owned());
        let hash = model.and_then(|model| text_of(model.get("hash")?));
        taking.lora(&name, [&weight; 2], hash.as_deref());
    }
}

/// Both prompts. Where `<name>` stands for a textual inversion, they become prompts
/// in which its name is known, and signs that would weigh there are plain.
fn take_prompts(taking: &mut Taking, prompt: &str, negative_prompt: &str) {
    let both = [prompt, negative_prompt];
    if both.iter().all(|text| triggers(text).is_empty()) {
        return taking.prompts(prompt, negative_prompt);
    }
    let [prompt, negative_prompt] = both.map(|text| {
        let mut marked = String::new();
        let mut from = 0;
        for span in triggers(text) {
            marked.push_str(&escaped(&text[from..span.start]));
            marked.push_str("embedding:");
            marked.push_str(&text[span.start + 1..span.end - 1]);
            from = span.end;
        }
        marked + &escaped(&text[from..])
    });
    taking.prompt_weights(Some(PromptWeights::A1111));
    taking.prompts(&prompt, &negative_prompt);
}

/// Where a prompt names textual inversions: `<easynegative>`.
fn triggers(prompt: &str) -> Vec<Range<usize>> {
    let is_of_a_name = |sign: char| sign.is_alphanumeric() || "_-. ".contains(sign);
    let starts = prompt.match_indices('<').map(|(start, _)| start);
    let spans = starts.filter_map(|start| {
        let inside = &prompt[start + 1..];
        let length = inside.find('>')?;
        let name = &inside[..length];
        let is_name = !name.trim().is_empty() && name.trim() == name;
        (is_name && name.chars().all(is_of_a_name)).then(|| start..start + length + 2)
    });
    spans.collect()
}

/// Signs that weigh words elsewhere as plain ones.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for sign in text.chars() {
        if "()[]\\".contains(sign) {
            escaped.push('\\');
        }
        escaped.push(sign);
    }
    escaped
}

/// `_k` behind a sampler's name stands for Karras' schedule.
fn take_sampler(taking: &mut Taking, key: &str, name: Option<String>) {
    let Some(name) = name else {
        return;
    };
    let karras = name.strip_suffix("_k");
    let schedule = karras.map(|_| "Karras");
    taking.sampler((key, Some(karras.unwrap_or(&name))), (key, schedule));
}

/// The words in square brackets are the negative prompt.
fn without_brackets(prompt: &str) -> (String, String) {
    let (mut positive, mut negative) = (String::new(), Vec::new());
    let mut rest = prompt;
    while let Some((before, after)) = rest.split_once('[') {
        let Some((inside, behind)) = after.split_once(']') else {
            break;
        };
        positive.push_str(before);
        negative.push(inside.trim());
        rest = behind;
    }
    positive.push_str(rest);
    (positive, negative.join(", "))
}

/// Words and brackets that weigh more or less there: `cat++`, `(red cat)-`.
fn weighted(prompt: &str) -> Vec<&str> {
    let words = prompt.split_whitespace();
    let words = words.map(|word| word.trim_end_matches([',', '.']));
    let is_weighted =
        |word: &&str| !word.trim_matches('-').is_empty() && word.ends_with(['+', '-']);
    words.filter(is_weighted).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::LoraChoice;
    use serde_json::json;

    #[test]
    fn a_command_line_gives_its_options() {
        let restored = of_command_line(
            r#""a cat [blurry]" -s 30 -S7 -W 512 -H 768 -C 6.5 -A k_euler_a -G 0.8"#,
        )
        .finish();
        let taken = &restored.taken;
        assert_eq!(
            (taken.prompt.as_str(), taken.negative_prompt.as_str()),
            ("a cat", "blurry")
        );
        assert_eq!(taken.seeds, [7]);
        assert_eq!(
            (taken.settings.steps, taken.settings.guidance_scale),
            (30, 6.5)
        );
        assert_eq!(taken.settings.size, Some([512, 768]));
        assert!(taken.settings.scheduler.is_some());
        assert_eq!(restored.message(None).matches("-G 0.8").count(), 1);
    }

    #[test]
    fn networks_come_back_as_every_version_writes_them() {
        let settings = json!({
            "positive_prompt": "a (red) cat++ <easynegative>",
            "negative_prompt": "<bad hands>, [x] < 3 > 2",
            "clip_skip": 1,
            "loras": [
                {"model": {"key": "77", "name": "detail", "type": "lora",
                    "hash": "sha256:0123456789abcdef"}, "weight": 0.75},
                {"model": {"key": "78", "name": "light", "type": "lora",
                    "hash": "blake3:0123456789abcdef"}, "weight": -0.5},
                {"lora": {"model_name": "older", "base_model": "sd-1"}, "weight": 1},
            ],
        });
        let restored = of_version_3(settings.as_object().expect("an object")).finish();
        let taken = &restored.taken;
        assert_eq!(taken.prompt, "a \\(red\\) cat++ embedding:easynegative");
        assert_eq!(
            taken.negative_prompt,
            "embedding:bad hands, \\[x\\] < 3 > 2"
        );
        assert_eq!(taken.settings.prompt_weights, PromptWeights::A1111);
        assert_eq!(taken.settings.clip_skip, 2);
        let loras = [("detail", 0.75), ("light", -0.5), ("older", 1.0)];
        assert_eq!(
            taken.settings.loras,
            loras.map(|(name, weight)| LoraChoice::new(name, weight))
        );
        let networks = restored.networks.iter();
        let hashes: Vec<_> = networks
            .map(|it| (it.name.as_str(), it.hash.as_deref()))
            .collect();
        let expected = [("detail", Some("0123456789abcdef")), ("light", None)];
        assert!(
            expected.iter().all(|known| hashes.contains(known)),
            "{hashes:?}"
        );
        assert!(hashes.contains(&("easynegative", None)), "{hashes:?}");

        let plain = json!({"positive_prompt": "a (red) cat", "clip_skip": 12});
        let restored = of_version_3(plain.as_object().expect("an object")).finish();
        assert_eq!(restored.taken.prompt, "a (red) cat");
        assert_eq!(
            restored.taken.settings.prompt_weights,
            PromptWeights::Literal
        );
        assert_eq!(restored.taken.settings.clip_skip, 1);
        assert!(restored.message(None).contains("clip_skip 13"));
    }

    #[test]
    fn weights_of_words_are_found_and_hyphens_are_not() {
        assert_eq!(
            weighted("a cat++ and (a dog)-, well-known"),
            ["cat++", "dog)-"]
        );
        assert_eq!(weighted("a cat - a dog -- 1.3"), Vec::<&str>::new());
    }
}

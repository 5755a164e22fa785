//! InvokeAI: `invokeai_metadata` since 3, `sd-metadata` in 2, `Dream` (a command
//! line) before.

use serde_json::{Map, Value};

use super::taking::{Taking, networks, text, text_of, value};
use super::texts::Texts;
use super::{Found, Program};
use crate::diffusion::NoiseKind;

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
    taking.prompts(prompt, text(settings, &["negative_prompt"]));
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
    let loras = networks(settings.get("loras"), &["model", "lora"], &["weight"]);
    if !loras.is_empty() {
        taking.no_effect("LoRA", &loras);
    }
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
    if let Some(clip_skip) = get("clip_skip").filter(|skip| skip != "0") {
        taking.no_effect("clip_skip", &clip_skip);
    }
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
    taking.prompts(&prompt, &negative_prompt);
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
    fn weights_of_words_are_found_and_hyphens_are_not() {
        assert_eq!(
            weighted("a cat++ and (a dog)-, well-known"),
            ["cat++", "dog)-"]
        );
        assert_eq!(weighted("a cat - a dog -- 1.3"), Vec::<&str>::new());
    }
}

//! A1111's infotext, which Forge, SD.Next, stable-diffusion.cpp and others write
//! as well. Its items become settings of ours; every other is named.

use serde_json::{Map, Value};

use super::json::text_of;
use super::restored::RestoredSettings;
use super::taking::Taking;
use super::texts::Texts;
use super::{Found, Program};
use crate::diffusion::NoiseKind;
use crate::engine::UsedKind;
use crate::export::metadata::{
    CLIP_SKIP_KEY, EMPHASIS_KEY, INVERSION_HASHES_KEY, LORA_HASHES_KEY, MODEL_HASH_KEY,
    NO_EMPHASIS, PROMPT_WEIGHTS_KEY,
};
use crate::export::{ImageSettings, PARAMETERS_KEYWORD};
use crate::prompt::PromptWeights;

/// Fooocus' key for the weights of LoRAs that no prompt names.
const LORA_WEIGHTS_KEY: &str = "Lora weights";
/// A JSON object of hashes that its model browsers write.
const HASHES_KEY: &str = "Hashes";

/// Items that change no picture, or say again what another says.
const SILENT: [&str; 12] = [
    "Version",
    PROMPT_WEIGHTS_KEY,
    INVERSION_HASHES_KEY,
    "App",
    MODEL_HASH_KEY,
    "VAE hash",
    HASHES_KEY,
    LORA_HASHES_KEY,
    LORA_WEIGHTS_KEY,
    "RNG",
    "User",
    "Created Date",
];

pub(super) fn read(texts: Texts) -> Option<Found> {
    let text = texts
        .get(PARAMETERS_KEYWORD)
        .filter(|text| !is_json(text))?;
    let settings = ImageSettings::from_infotext(text);
    Some(Found::Settings(Box::new(restored(settings))))
}

/// JSON under the same keyword that is no program's that is known: no prompt.
pub(super) fn read_unknown(texts: Texts) -> Option<Found> {
    texts.get(PARAMETERS_KEYWORD).filter(|text| is_json(text))?;
    Some(Found::Named(Program::Unknown))
}

fn is_json(text: &str) -> bool {
    let json = serde_json::from_str::<serde_json::Value>(text);
    json.is_ok_and(|json| json.is_object() || json.is_array())
}

fn restored(found: ImageSettings) -> RestoredSettings {
    let program = program(&found);
    let mut taking = Taking::of(program);
    let steps = item(&found, "Steps", found.steps.map(|it| it.to_string()));
    taking.parameter("steps", "Steps", steps);
    let scale = found.cfg_scale.map(|it| it.to_string());
    taking.parameter(
        "guidance_scale",
        "CFG scale",
        item(&found, "CFG scale", scale),
    );
    let size = found
        .size
        .map(|(width, height)| format!("{width}x{height}"));
    taking.size("Size", item(&found, "Size", size));
    taking.sampler(
        ("Sampler", found.sampler.as_deref()),
        ("Schedule type", found.schedule_type.as_deref()),
    );
    taking.noise(rng(&found, program));
    taking.prompt_weights(prompt_weights(&found));
    let clip_skip = found.extra(CLIP_SKIP_KEY).map(str::to_owned);
    taking.parameter("clip_skip", CLIP_SKIP_KEY, clip_skip);
    let seed = item(&found, "Seed", found.seed.map(|it| it.to_string()));
    taking.seed("Seed", seed);
    taking.model(found.model.as_deref());
    taking.prompts(&found.prompt, &found.negative_prompt);
    take_networks(&mut taking, &found);
    for (name, value) in others(&found) {
        taking.no_effect(name, &value);
    }
    RestoredSettings {
        model_hash: found.extra(MODEL_HASH_KEY).map(str::to_owned),
        ..taking.finish()
    }
}

/// The program that signed the infotext.
fn program(found: &ImageSettings) -> Program {
    let version = found.extra("Version").unwrap_or_default();
    if version.starts_with("Storm Studio") {
        Program::StormStudio
    } else if found.extra("App") == Some("SD.Next") {
        Program::SdNext
    } else if version.starts_with("stable-diffusion.cpp") {
        Program::StableDiffusionCpp
    } else if version.starts_with("Fooocus") {
        Program::Fooocus
    } else if version.starts_with("ComfyUI") {
        Program::ComfyUi
    } else if version.starts_with('f') || version.starts_with("neo") {
        // As f2.0.1v1.10.1-previous-669-gdfdcbab6.
        Program::Forge
    } else {
        Program::Automatic1111
    }
}

/// An item of the infotext as it stands there, whether it could be parsed or not.
fn item(found: &ImageSettings, name: &str, parsed: Option<String>) -> Option<String> {
    parsed.or_else(|| found.extra(name).map(str::to_owned))
}

/// Whose noise the seed stands for. A1111 and Forge leave their usual, a card's,
/// away.
fn rng(found: &ImageSettings, program: Program) -> NoiseKind {
    let leaves_it_away = matches!(program, Program::Automatic1111 | Program::Forge);
    match found.extra("RNG") {
        None if leaves_it_away && found.extra("Version").is_some() => NoiseKind::Nv,
        None => NoiseKind::Cpu,
        named => NoiseKind::from_infotext(named),
    }
}

/// LoRAs that no prompt names, and the hashes of all networks.
fn take_networks(taking: &mut Taking, found: &ImageSettings) {
    for (name, weight) in pairs(found, LORA_WEIGHTS_KEY) {
        taking.lora(name, [weight; 2], None);
    }
    for (key, kind) in [
        (LORA_HASHES_KEY, UsedKind::Lora),
        (INVERSION_HASHES_KEY, UsedKind::TextualInversion),
    ] {
        for (name, hash) in pairs(found, key) {
            taking.network(kind, name, Some(hash));
        }
    }
    let hashes = found.extra(HASHES_KEY).unwrap_or_default();
    let hashes: Map<String, Value> = serde_json::from_str(hashes).unwrap_or_default();
    for (key, hash) in &hashes {
        let kind = match key.split_once(':') {
            Some(("lora", name)) => Some((UsedKind::Lora, name)),
            Some(("embed", name)) => Some((UsedKind::TextualInversion, name)),
            _ => None,
        };
        if let Some((kind, name)) = kind {
            taking.network(kind, name, text_of(hash).as_deref());
        }
    }
}

/// The `name: value` pairs of an item.
fn pairs<'a>(found: &'a ImageSettings, key: &str) -> Vec<(&'a str, &'a str)> {
    let items = found.extra(key).unwrap_or_default().split(',');
    let pairs = items.filter_map(|item| item.split_once(':'));
    pairs
        .map(|(name, value)| (name.trim(), value.trim()))
        .collect()
}

/// How the prompts were read, where the picture says it.
fn prompt_weights(found: &ImageSettings) -> Option<PromptWeights> {
    let rule = found.extra(PROMPT_WEIGHTS_KEY);
    let is_literal = found.extra(EMPHASIS_KEY) == Some(NO_EMPHASIS);
    let literal = is_literal.then_some(PromptWeights::Literal);
    rule.and_then(|rule| rule.parse().ok()).or(literal)
}

/// The items that have no place in a request, each with its name.
fn others(found: &ImageSettings) -> Vec<(&str, String)> {
    let mut others = Vec::new();
    let has_weights = found.prompt.contains("<lora:") || found.extra(LORA_WEIGHTS_KEY).is_some();
    let hashed = pairs(found, LORA_HASHES_KEY);
    if !has_weights && !hashed.is_empty() {
        let names: Vec<&str> = hashed.iter().map(|(name, _)| *name).collect();
        others.push(("LoRA", names.join(", ")));
    }
    let ruled = ["Steps", "CFG scale", "Size", "Seed", CLIP_SKIP_KEY];
    let is_said = |key: &str, value: &str| {
        let is_known = key == EMPHASIS_KEY && [NO_EMPHASIS, "Original"].contains(&value);
        SILENT.contains(&key) || ruled.contains(&key) || is_known
    };
    let rest = found
        .extras
        .iter()
        .filter(|(key, value)| !is_said(key, value));
    others.extend(rest.map(|(key, value)| (key.as_str(), value.clone())));
    others
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diffusion::{SchedulerKind, SigmaSchedule};
    use crate::engine::Settings;
    use crate::export::TextChunk;
    use crate::restore::NotTaken;

    fn read_text(text: &str) -> RestoredSettings {
        let chunks = [TextChunk::new(PARAMETERS_KEYWORD, text.to_owned())];
        match read(Texts(&chunks)) {
            Some(Found::Settings(restored)) => *restored,
            _ => panic!("{text}"),
        }
    }

    fn names(restored: &RestoredSettings) -> Vec<&str> {
        let items = restored.not_taken.iter();
        items.map(|item| item.name.as_str()).collect()
    }

    #[test]
    fn what_means_the_same_here_is_taken() {
        let restored = read_text(
            "a cat,\nleft of a dog\nNegative prompt: blurry\n\
             Steps: 20, Sampler: DDIM, CFG scale: 35, Seed: 18446744073709551615, Size: 64x96",
        );
        let taken = &restored.taken;
        assert_eq!(taken.prompt, "a cat, left of a dog");
        assert_eq!(taken.negative_prompt, "blurry");
        assert_eq!(taken.seeds, [u64::MAX]);
        let settings = Settings {
            steps: 20,
            guidance_scale: 35.0,
            scheduler: Some(SchedulerKind::Ddim),
            size: Some([64, 96]),
            ..Settings::default()
        };
        assert_eq!(taken.settings, settings);
        assert_eq!(restored.not_taken, []);
    }

    #[test]
    fn sampler_schedule_and_noise_are_taken_as_they_are_written() {
        let settings = |items: &str| {
            let text = format!("a\nSteps: 20, Seed: 1, CFG scale: 7, {items}");
            let restored = read_text(&text);
            assert_eq!(restored.not_taken, [], "{items}");
            restored.taken.settings
        };
        let new = settings("Sampler: DPM++ 2M, Schedule type: Karras, Version: v1.10.1");
        assert_eq!(new.scheduler, Some(SchedulerKind::Dpmpp2m));
        assert_eq!(new.schedule, Some(SigmaSchedule::Karras));
        assert_eq!(new.rng, NoiseKind::Nv);
        let old = settings("Sampler: DPM++ 2M Karras, RNG: CPU, Version: v1.6.0");
        assert_eq!((old.scheduler, old.schedule), (new.scheduler, new.schedule));
        assert_eq!(old.rng, NoiseKind::Cpu);
        let plain =
            settings("Sampler: Euler a, Schedule type: Automatic, RNG: NV, Version: v1.10.1");
        assert_eq!(plain.scheduler, Some(SchedulerKind::EulerAncestral));
        assert_eq!(plain.schedule, Some(SigmaSchedule::Model));
        assert_eq!(plain.rng, NoiseKind::Nv);
    }

    #[test]
    fn brackets_are_read_as_the_picture_says() {
        let rule = |items: &str| {
            let restored = read_text(&format!(
                "(a:1.2)\nSteps: 2, Seed: 1, CFG scale: 7, {items}"
            ));
            assert_eq!(restored.not_taken, [], "{items}");
            restored.taken.settings.prompt_weights
        };
        assert_eq!(rule("Version: v1.10.1"), PromptWeights::A1111);
        assert_eq!(
            rule("Emphasis: None, Version: v1.10.1"),
            PromptWeights::Literal
        );
        assert_eq!(rule("Prompt weights: comfyui"), PromptWeights::Comfyui);
        let restored = read_text("(a)\nSteps: 2, Seed: 1, CFG scale: 7, Emphasis: No norm");
        assert_eq!(names(&restored), ["Emphasis"]);
    }

    #[test]
    fn impossible_values_are_named_and_nothing_is_put_in_their_place() {
        for (item, name, value) in [
            ("Seed: -1", "Seed", "-1"),
            ("Seed: -12345", "Seed", "-12345"),
            ("Seed: 18446744073709551616", "Seed", "18446744073709551616"),
            ("Steps: 5000", "Steps", "5000"),
            ("Steps: 0", "Steps", "0"),
            ("Steps: 20.5", "Steps", "20.5"),
            ("CFG scale: NaN", "CFG scale", "NaN"),
            ("CFG scale: -2", "CFG scale", "-2"),
            ("CFG scale: 101", "CFG scale", "101"),
            ("Size: 0x0", "Size", "0x0"),
            ("Size: 512x99999", "Size", "512x99999"),
            ("Size: big", "Size", "big"),
            ("Sampler: Restart", "Sampler", "Restart"),
        ] {
            let restored = read_text(&format!("a cat\nEmpty: , Also empty: , {item}"));
            let ruled: Vec<&NotTaken> = restored
                .not_taken
                .iter()
                .filter(|item| item.reason != crate::restore::Reason::NoEffect)
                .collect();
            assert_eq!(ruled.len(), 1, "{item}: {ruled:?}");
            assert_eq!(
                (ruled[0].name.as_str(), ruled[0].value.as_str()),
                (name, value)
            );
            assert_eq!(restored.taken.settings, Settings::default(), "{item}");
            assert_eq!(restored.taken.seeds, [0u64; 0], "{item}");
        }
    }

    #[test]
    fn what_has_no_effect_here_is_listed_by_name() {
        let restored = read_text(
            "masterpiece, (cat:1.2) <lora:detail:0.8> BREAK [dog]\n\
             Steps: 20, Sampler: DDIM, Schedule type: Karras, CFG scale: 7, Seed: 1, Size: 512x512, \
             Model hash: fc2511737a, Model: dreamshaper_8, Denoising strength: 0.55, Clip skip: 2, \
             Hires upscale: 2, Hires upscaler: R-ESRGAN 4x+, Lora hashes: \"detail: 0123\", \
             ADetailer model: face_yolov8n.pt, Version: v1.10.1",
        );
        assert_eq!(restored.program, Program::Automatic1111);
        assert_eq!(
            names(&restored),
            [
                "Schedule type",
                "Model",
                "Denoising strength",
                "Hires upscale",
                "Hires upscaler",
                "ADetailer model"
            ]
        );
        let plain = read_text("a\nSteps: 2, Seed: 1, Clip skip: 1, Lora hashes: \"a: 1, b: 2\"");
        assert_eq!(names(&plain), ["LoRA"]);
        assert_eq!(plain.not_taken[0].value, "a, b");
    }

    #[test]
    fn hashes_of_networks_are_kept_whichever_item_says_them() {
        let hashes = |items: &str| -> Vec<(UsedKind, String, Option<String>)> {
            let text = format!("a <lora:detail:1>\nSteps: 2, Seed: 1, CFG scale: 7, {items}");
            let networks = read_text(&text).networks.into_iter();
            networks.map(|it| (it.kind, it.name, it.hash)).collect()
        };
        let detail = (
            UsedKind::Lora,
            "detail".to_owned(),
            Some("0123abcd4567".to_owned()),
        );
        let bad = (
            UsedKind::TextualInversion,
            "bad".to_owned(),
            Some("89abcdef01".to_owned()),
        );
        let both = [detail, bad];
        assert_eq!(
            hashes(r#"Lora hashes: "detail: 0123ABCD4567", TI hashes: "bad: 89abcdef01""#),
            both
        );
        let browsers = r#"Hashes: "{\"embed:bad\": \"89abcdef01\", \"lora:detail\": \"0123abcd4567\", \"model\": \"fc2511737a\"}""#;
        let mut read = hashes(browsers);
        read.reverse();
        assert_eq!(read, both);
    }

    #[test]
    fn programs_are_called_by_the_name_they_sign_with() {
        for (items, program) in [
            ("Version: v1.10.1", Program::Automatic1111),
            (
                "Version: f2.0.1v1.10.1-previous-669-gdfdcbab6",
                Program::Forge,
            ),
            ("App: SD.Next, Version: 5837ccd", Program::SdNext),
            ("Version: Fooocus v2.5.5", Program::Fooocus),
            ("Version: stable-diffusion.cpp", Program::StableDiffusionCpp),
            ("Version: Storm Studio 0.1.0", Program::StormStudio),
            ("Clip skip: 1", Program::Automatic1111),
        ] {
            let restored = read_text(&format!("a cat\nSteps: 1, Seed: 1, {items}"));
            assert_eq!(restored.program, program, "{items}");
        }
    }
}

//! A1111's infotext, which Forge, SD.Next, stable-diffusion.cpp and others write
//! as well. Its items become settings of ours; every other is named.

use super::prompt_syntax;
use super::restored::{NotTaken, RestoredSettings};
use super::texts::Texts;
use super::{Found, Program};
use crate::diffusion::NoiseKind;
use crate::diffusion::parameters::Name;
use crate::diffusion::scheduler::SamplerName;
use crate::engine::{LARGEST_SIDE, Request, Settings};
use crate::export::{ImageSettings, PARAMETERS_KEYWORD};
use crate::parameters::Kind;
use crate::storm::ParameterGroup;

/// Items that change no picture, or say again what another says.
const SILENT: [&str; 9] = [
    "Version",
    "App",
    "Model hash",
    "VAE hash",
    "Hashes",
    "Lora hashes",
    "RNG",
    "User",
    "Created Date",
];

pub(super) fn read(texts: Texts) -> Option<Found> {
    let text = texts.get(PARAMETERS_KEYWORD)?;
    if serde_json::from_str::<serde_json::Value>(text)
        .is_ok_and(|json| json.is_object() || json.is_array())
    {
        return Some(Found::Named(Program::Unknown));
    }
    let settings = ImageSettings::from_infotext(text);
    Some(Found::Settings(Box::new(restored(settings))))
}

fn restored(found: ImageSettings) -> RestoredSettings {
    let program = program(&found);
    let mut not_taken = Vec::new();
    let mut settings = Settings::default();
    let steps = item(&found, "Steps", found.steps.map(|it| it.to_string()));
    let scale = item(
        &found,
        "CFG scale",
        found.cfg_scale.map(|it| it.to_string()),
    );
    for (key, name, value) in [
        ("steps", "Steps", steps),
        ("guidance_scale", "CFG scale", scale),
    ] {
        not_taken.extend(value.and_then(|value| set(&mut settings, key, name, &value)));
    }
    settings.size = size(&found, &mut not_taken);
    take_sampler(&found, &mut settings, &mut not_taken);
    settings.rng = rng(&found, program);
    if found.seed.is_none()
        && let Some(seed) = found.extra("Seed")
    {
        let rule = format!("a whole number from 0 to {}", u64::MAX);
        not_taken.push(NotTaken::rule("Seed", seed, rule));
    }
    not_taken.extend(found.model.as_deref().map(NotTaken::model));
    for prompt in [&found.prompt, &found.negative_prompt] {
        not_taken.extend(prompt_syntax::without_effect(prompt));
    }
    not_taken.extend(others(&found));
    // The prompt of a request is one line.
    let line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    RestoredSettings {
        program,
        taken: Request {
            prompt: line(&found.prompt),
            negative_prompt: line(&found.negative_prompt),
            seeds: found.seed.into_iter().collect(),
            settings,
            ..Request::default()
        },
        not_taken,
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

/// Sets the parameter `key`, which stays as it is if that value is impossible.
fn set(settings: &mut Settings, key: &str, name: &str, value: &str) -> Option<NotTaken> {
    let wrong = settings.set(&Name::Key(key.to_owned()), value).err()?;
    let mut parameters = settings.parameters().iter();
    let description = parameters.find(|it| it.description.key == key);
    let rule = description.and_then(|it| {
        let kind = match it.description.kind {
            Kind::Count { .. } => "a whole number from",
            _ => "a number from",
        };
        Some(format!("{kind} {}", it.description.range()?))
    });
    let rule = rule.unwrap_or_else(|| wrong.to_string());
    Some(NotTaken::rule(name, value, rule))
}

/// An item of the infotext as it stands there, whether it could be parsed or not.
fn item(found: &ImageSettings, name: &str, parsed: Option<String>) -> Option<String> {
    parsed.or_else(|| found.extra(name).map(str::to_owned))
}

fn size(found: &ImageSettings, not_taken: &mut Vec<NotTaken>) -> Option<[usize; 2]> {
    let pixels = found.size;
    let parsed = pixels.map(|(width, height)| format!("{width}x{height}"));
    let given = item(found, "Size", parsed)?;
    let sides = pixels.map(|(width, height)| [width as usize, height as usize]);
    let is_possible = |side: &usize| (1..=LARGEST_SIDE).contains(side);
    let size = sides.filter(|sides| sides.iter().all(is_possible));
    if size.is_none() {
        let rule = format!("width and height from 1 to {LARGEST_SIDE}");
        not_taken.push(NotTaken::rule("Size", &given, rule));
    }
    size
}

/// The sampler and the schedule that it walks.
fn take_sampler(found: &ImageSettings, settings: &mut Settings, not_taken: &mut Vec<NotTaken>) {
    let Some(sampler) = found.sampler.as_deref().filter(|name| !name.is_empty()) else {
        return;
    };
    let schedule = found.schedule_type.as_deref();
    let Ok((name, unknown)) = SamplerName::from_infotext(sampler, schedule) else {
        let rule = "not known here, the model's own is used".to_owned();
        not_taken.push(NotTaken::rule("Sampler", sampler, rule));
        return;
    };
    let facts = name.scheduler.sampler();
    settings.scheduler = Some(name.scheduler);
    settings.schedule = name
        .schedule
        .filter(|schedule| facts.is_scheduled() && facts.schedules.contains(schedule));
    if let Some(unknown) = unknown {
        let rule = "not known here, the model's own is used".to_owned();
        not_taken.push(NotTaken::rule("Schedule type", &unknown, rule));
    } else if let Some(schedule) = name.schedule
        && !facts.schedules.contains(&schedule)
    {
        let named = schedule.facts().infotext_name;
        not_taken.push(NotTaken::no_effect("Schedule type", named));
    }
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

/// The items that have no place in a request.
fn others(found: &ImageSettings) -> Vec<NotTaken> {
    let mut others = Vec::new();
    let names_loras = found.prompt.contains("<lora:");
    if let Some(hashes) = found.extra("Lora hashes").filter(|_| !names_loras) {
        let names = hashes.split(',').filter_map(|it| it.split(':').next());
        let names: Vec<&str> = names.map(str::trim).collect();
        others.push(NotTaken::no_effect("LoRA", &names.join(", ")));
    }
    let ruled = ["Steps", "CFG scale", "Size", "Seed"];
    let is_said = |key: &str, value: &str| {
        SILENT.contains(&key) || ruled.contains(&key) || key == "Clip skip" && value == "1"
    };
    let rest = found
        .extras
        .iter()
        .filter(|(key, value)| !is_said(key, value));
    others.extend(rest.map(|(key, value)| NotTaken::no_effect(key, value)));
    others
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diffusion::{SchedulerKind, SigmaSchedule};
    use crate::export::TextChunk;

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
                "LoRA",
                "weights in the prompt",
                "BREAK",
                "Denoising strength",
                "Clip skip",
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

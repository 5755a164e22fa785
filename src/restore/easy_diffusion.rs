//! Easy Diffusion (its utils/save_utils.py): one text for each setting in a PNG,
//! under its internal names or under those that people see; in JPEG and WebP all
//! of them as JSON.

use serde_json::{Map, Value};

use super::json::{list, text, value};
use super::taking::Taking;
use super::texts::Texts;
use super::{Found, Program};
use crate::export::PARAMETERS_KEYWORD;

/// What ComfyUI, which has a `prompt` too, never writes.
const KEYWORDS: [&str; 4] = [
    "use_stable_diffusion_model",
    "Stable Diffusion model",
    "num_inference_steps",
    "Guidance Scale",
];

/// Each setting under both names.
const PROMPT: [&str; 2] = ["prompt", "Prompt"];
const NEGATIVE_PROMPT: [&str; 2] = ["negative_prompt", "Negative Prompt"];
const SEED: [&str; 2] = ["seed", "Seed"];
const STEPS: [&str; 2] = ["num_inference_steps", "Steps"];
const SCALE: [&str; 2] = ["guidance_scale", "Guidance Scale"];
const SAMPLER: [&str; 2] = ["sampler_name", "Sampler"];
const SCHEDULE: [&str; 2] = ["scheduler_name", "Scheduler"];
const MODEL: [&str; 2] = ["use_stable_diffusion_model", "Stable Diffusion model"];
const WIDTH: [&str; 2] = ["width", "Width"];
const HEIGHT: [&str; 2] = ["height", "Height"];
const LORAS: [&str; 2] = ["use_lora_model", "LoRA model"];
const LORA_WEIGHTS: [&str; 2] = ["lora_alpha", "LoRA Strength"];
const CLIP_SKIP: [&str; 2] = ["clip_skip", "Clip Skip"];

/// Keywords of texts that any program may add (PNG 11.3.3.1), or that change no picture.
const SILENT: [&str; 11] = [
    "Title",
    "Author",
    "Description",
    "Copyright",
    "Creation Time",
    "Software",
    "Source",
    "Comment",
    "created_at",
    "block_nsfw",
    PARAMETERS_KEYWORD,
];

pub(super) fn read(texts: Texts) -> Option<Found> {
    let settings = settings(texts)?;
    let mut taking = Taking::of(Program::EasyDiffusion);
    taking.prompts(text(&settings, &PROMPT), text(&settings, &NEGATIVE_PROMPT));
    let of = |keys: &[&str]| value(&settings, keys);
    taking.parameter("steps", STEPS[1], of(&STEPS));
    taking.parameter("guidance_scale", SCALE[1], of(&SCALE));
    taking.sides(of(&WIDTH), of(&HEIGHT));
    taking.sampler(
        (SAMPLER[1], of(&SAMPLER).as_deref()),
        (SCHEDULE[1], of(&SCHEDULE).as_deref()),
    );
    taking.seed(SEED[1], of(&SEED));
    taking.model(of(&MODEL).as_deref());
    // On or off: the layer before the last, or the last.
    let skips = of(&CLIP_SKIP).is_some();
    taking.parameter("clip_skip", CLIP_SKIP[1], skips.then(|| "2".to_owned()));
    let items = |keys: [&str; 2]| list(keys.iter().find_map(|key| settings.get(*key)));
    let weights = items(LORA_WEIGHTS);
    for (index, name) in items(LORAS).iter().enumerate() {
        let weight = weights.get(index).map_or("1", String::as_str);
        taking.lora(name, [weight; 2], None);
    }
    let taken = [
        PROMPT,
        NEGATIVE_PROMPT,
        SEED,
        STEPS,
        SCALE,
        SAMPLER,
        SCHEDULE,
        MODEL,
        WIDTH,
        HEIGHT,
        LORAS,
        LORA_WEIGHTS,
        CLIP_SKIP,
    ];
    let told: Vec<&str> = taken.into_iter().flatten().chain(SILENT).collect();
    taking.others(&settings, &told);
    Some(taking.found())
}

/// All settings as one object.
fn settings(texts: Texts) -> Option<Map<String, Value>> {
    let is_easy = |settings: &Map<String, Value>| {
        KEYWORDS
            .iter()
            .any(|keyword| settings.contains_key(*keyword))
    };
    if let Some(json) = texts.object(PARAMETERS_KEYWORD).filter(is_easy) {
        return Some(json);
    }
    let chunks = texts.0.iter();
    let settings: Map<String, Value> = chunks
        .map(|chunk| (chunk.keyword.clone(), Value::from(chunk.text.as_str())))
        .collect();
    is_easy(&settings).then_some(settings)
}

//! Easy Diffusion (its utils/save_utils.py): one text for each setting, under its
//! internal names or under those that people see.

use super::texts::Texts;
use super::{Found, Program};

/// What ComfyUI, which has a `prompt` too, never writes.
const KEYWORDS: [&str; 4] = [
    "use_stable_diffusion_model",
    "Stable Diffusion model",
    "num_inference_steps",
    "Guidance Scale",
];

pub(super) fn read(texts: Texts) -> Option<Found> {
    let is_easy = KEYWORDS.iter().any(|keyword| texts.has(keyword));
    is_easy.then_some(Found::Named(Program::EasyDiffusion))
}

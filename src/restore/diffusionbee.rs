//! DiffusionBee: its published sources write pictures without any text, so all
//! there is to go by is its name, which tools that pass its pictures on leave.

use super::texts::Texts;
use super::{Found, Program};

const KEYWORDS: [&str; 6] = [
    "Software",
    "Source",
    "Creator",
    "generated_by",
    "Comment",
    "XML:com.adobe.xmp",
];

pub(super) fn read(texts: Texts) -> Option<Found> {
    let names_it = |text: &str| text.to_lowercase().contains("diffusionbee");
    let is_signed = KEYWORDS
        .iter()
        .filter_map(|keyword| texts.get(keyword))
        .any(names_it);
    let mut keywords = texts.0.iter().map(|chunk| chunk.keyword.as_str());
    (is_signed || keywords.any(names_it)).then_some(Found::Named(Program::DiffusionBee))
}

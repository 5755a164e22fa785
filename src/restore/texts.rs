//! The texts of a picture, as readers ask for them.

use serde_json::{Map, Value};

use crate::export::TextChunk;

/// All texts of one picture.
#[derive(Clone, Copy)]
pub(super) struct Texts<'a>(pub(super) &'a [TextChunk]);

impl<'a> Texts<'a> {
    /// The first text under `keyword` that says something. Python programs write
    /// `None` where they have nothing.
    pub(super) fn get(self, keyword: &str) -> Option<&'a str> {
        let chunks = self.0.iter().filter(|chunk| chunk.keyword == keyword);
        let mut texts = chunks.map(|chunk| chunk.text.trim());
        texts.find(|text| !matches!(*text, "" | "None" | "null"))
    }

    /// The same if it is a JSON object.
    pub(super) fn object(self, keyword: &str) -> Option<Map<String, Value>> {
        serde_json::from_str(self.get(keyword)?).ok()
    }

    pub(super) fn has(self, keyword: &str) -> bool {
        self.get(keyword).is_some()
    }
}

//! Settings inside a picture: A1111's "infotext", which nearly every program
//! of the field reads, and a JSON text of our own with all that it can't say.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::png::TextChunk;

/// Keyword of the PNG text that holds A1111's infotext.
pub const PARAMETERS_KEYWORD: &str = "parameters";
/// Keyword of the PNG text that holds our own JSON.
pub const OWN_KEYWORD: &str = "storm-studio";

/// A1111's key for what weights do, and its word for taking brackets as they are.
pub const EMPHASIS_KEY: &str = "Emphasis";
pub const NO_EMPHASIS: &str = "None";
/// A1111's key for the first 10 digits of the hash of the model's file.
pub const MODEL_HASH_KEY: &str = "Model hash";
/// A1111's key for the LoRAs that were used, each a name and 12 digits.
pub const LORA_HASHES_KEY: &str = "Lora hashes";
/// The same for textual inversions, with 10 digits.
pub const INVERSION_HASHES_KEY: &str = "TI hashes";
/// A1111's key for the layers of the text encoder that are left out, from 1 for none.
pub const CLIP_SKIP_KEY: &str = "Clip skip";
/// Our key for a rule of weights that A1111 does not know.
pub const PROMPT_WEIGHTS_KEY: &str = "Prompt weights";

/// Begins the negative prompt's line.
const NEGATIVE: &str = "Negative prompt:";
/// A last line with fewer settings than this counts as prompt.
const FEWEST_SETTINGS: usize = 3;
/// Keys of `extras` that readers expect at a place of their own.
const KEYS_AFTER_MODEL: [&str; 3] = ["VAE hash", CLIP_SKIP_KEY, "RNG"];
const VERSION: &str = "Version";

/// The settings that an infotext holds. What other programs left out is `None`
/// or empty, and is not written.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ImageSettings {
    /// May have several lines.
    pub prompt: String,
    /// May have several lines.
    pub negative_prompt: String,
    /// Number of denoising steps.
    pub steps: Option<u32>,
    /// In A1111's spelling: "Euler a", "DDIM".
    pub sampler: Option<String>,
    /// In A1111's spelling: "Karras".
    pub schedule_type: Option<String>,
    /// Guidance scale.
    pub cfg_scale: Option<f64>,
    /// Seed of the noise.
    pub seed: Option<u64>,
    /// Width and height in pixels.
    pub size: Option<(u32, u32)>,
    /// Name of the checkpoint.
    pub model: Option<String>,
    /// All other settings, key and value. Our pictures need `("RNG", "CPU")`:
    /// without it other programs take the noise to be a GPU's.
    pub extras: Vec<(String, String)>,
}

impl ImageSettings {
    /// Writes the infotext. A key of `extras` that readers can't parse (shorter
    /// than two characters or with other signs than letters, digits, spaces,
    /// `_`, `-` and `/`) is left out.
    pub fn to_infotext(&self) -> String {
        let mut lines = vec![self.prompt.clone()];
        if !self.negative_prompt.is_empty() {
            lines.push(format!("{NEGATIVE} {}", self.negative_prompt));
        }
        let items: Vec<String> = self
            .items()
            .into_iter()
            .filter(|(key, value)| is_key(key) && !value.is_empty())
            .map(|(key, value)| format!("{key}: {}", quoted(&value)))
            .collect();
        if !items.is_empty() {
            lines.push(items.join(", "));
        }
        lines.join("\n")
    }

    /// Keys and values in A1111's usual order.
    fn items(&self) -> Vec<(String, String)> {
        let text = |key: &str, value: Option<String>| (key.to_owned(), value.unwrap_or_default());
        let is_placed =
            |key: &str| key == MODEL_HASH_KEY || key == VERSION || KEYS_AFTER_MODEL.contains(&key);
        let extras = |wanted: &str| {
            let wanted = wanted.to_owned();
            self.extras
                .iter()
                .filter(move |(key, _)| *key == wanted)
                .cloned()
        };
        let size = self.size.map(|(width, height)| format!("{width}x{height}"));
        let mut items = vec![
            text("Steps", self.steps.map(|it| it.to_string())),
            text("Sampler", self.sampler.clone()),
            text("Schedule type", self.schedule_type.clone()),
            text("CFG scale", self.cfg_scale.map(|it| it.to_string())),
            text("Seed", self.seed.map(|it| it.to_string())),
            text("Size", size),
        ];
        items.extend(extras(MODEL_HASH_KEY));
        items.push(text("Model", self.model.clone()));
        items.extend(KEYS_AFTER_MODEL.into_iter().flat_map(extras));
        items.extend(
            self.extras
                .iter()
                .filter(|(key, _)| !is_placed(key))
                .cloned(),
        );
        items.extend(extras(VERSION));
        items
    }

    /// Reads an infotext of this or another program. Everything is accepted:
    /// a text without settings is a prompt, and a setting that can't be
    /// understood stays in `extras` as it was.
    pub fn from_infotext(text: &str) -> Self {
        let mut lines: Vec<&str> = text.trim().split('\n').collect();
        let mut settings = Self::default();
        let items = lines
            .last()
            .map(|line| parse_items(line))
            .unwrap_or_default();
        if items.len() >= FEWEST_SETTINGS {
            lines.pop();
            for (key, value) in items {
                settings.set(key, value);
            }
        }
        let mut is_negative = false;
        for line in lines {
            let mut line = line.trim();
            if let Some(rest) = line.strip_prefix(NEGATIVE) {
                is_negative = true;
                line = rest.trim();
            }
            let text = if is_negative {
                &mut settings.negative_prompt
            } else {
                &mut settings.prompt
            };
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(line);
        }
        settings
    }

    fn set(&mut self, key: &str, value: String) {
        let understood = match key {
            "Steps" => parse_into(&value, &mut self.steps),
            "CFG scale" => parse_into(&value, &mut self.cfg_scale),
            "Seed" => parse_into(&value, &mut self.seed),
            "Size" => {
                let size = value.split_once('x');
                self.size = size.and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
                self.size.is_some()
            }
            "Sampler" => parse_into(&value, &mut self.sampler),
            "Schedule type" => parse_into(&value, &mut self.schedule_type),
            "Model" => parse_into(&value, &mut self.model),
            _ => false,
        };
        if understood {
            return;
        }
        // As everywhere, the last of equal keys counts.
        match self.extras.iter_mut().find(|(known, _)| known == key) {
            Some(entry) => entry.1 = value,
            None => self.extras.push((key.to_owned(), value)),
        }
    }

    /// Value of another setting.
    pub fn extra(&self, key: &str) -> Option<&str> {
        let mut extras = self.extras.iter();
        extras
            .find(|(known, _)| known == key)
            .map(|(_, value)| value.as_str())
    }
}

/// Stores a value that can be read; tells whether it could.
fn parse_into<T: std::str::FromStr>(value: &str, target: &mut Option<T>) -> bool {
    match value.parse() {
        Ok(parsed) => {
            *target = Some(parsed);
            true
        }
        Err(_) => false,
    }
}

fn is_key_start(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn is_key_character(character: char) -> bool {
    is_key_start(character) || matches!(character, ' ' | '-' | '/')
}

fn is_key(key: &str) -> bool {
    key.starts_with(is_key_start) && key.chars().all(is_key_character) && key.chars().count() >= 2
}

/// A value as JSON text where readers need it: with a comma, a colon or a
/// newline inside, or where they would trim or unquote it.
fn quoted(value: &str) -> String {
    let is_plain = !value.contains([',', ':', '\n']) && !value.starts_with('"');
    if is_plain && value.trim() == value {
        value.to_owned()
    } else {
        serde_json::Value::from(value).to_string()
    }
}

/// The items of a settings line, found as A1111's regular expression finds
/// them: `\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)`.
fn parse_items(line: &str) -> Vec<(&str, String)> {
    let mut items = Vec::new();
    let mut rest = line;
    while let Some(start) = rest.find(is_key_start) {
        rest = &rest[start..];
        let key_end = rest.find(|c| !is_key_character(c)).unwrap_or(rest.len());
        let (key, after) = rest.split_at(key_end);
        let Some(value) = after.strip_prefix(':').filter(|_| is_key(key)) else {
            rest = after;
            continue;
        };
        let value = value.trim_start();
        let length = quoted_length(value).unwrap_or_else(|| value.find(',').unwrap_or(value.len()));
        let (value, after) = value.split_at(length);
        items.push((key, unquoted(value)));
        rest = after.strip_prefix(',').unwrap_or(after);
    }
    items
}

/// Length of a quoted text at the beginning, if a comma or the end follows it.
fn quoted_length(text: &str) -> Option<usize> {
    let mut characters = text.char_indices();
    characters.next().filter(|&(_, first)| first == '"')?;
    while let Some((index, character)) = characters.next() {
        match character {
            '\\' => {
                characters.next()?;
            }
            '"' => {
                let length = index + 1;
                let is_closed = text[length..].is_empty() || text[length..].starts_with(',');
                return (index > 1 && is_closed).then_some(length);
            }
            _ => {}
        }
    }
    None
}

fn unquoted(value: &str) -> String {
    let is_quoted = value.len() > 1 && value.starts_with('"') && value.ends_with('"');
    let text = is_quoted
        .then(|| serde_json::from_str(value).ok())
        .flatten();
    text.unwrap_or_else(|| value.to_owned())
}

/// The texts of a picture of ours: infotext, and `own` as JSON.
///
/// # Errors
/// If `own` can't be written as JSON.
pub fn text_chunks<T: Serialize>(
    settings: &ImageSettings,
    own: &T,
) -> Result<Vec<TextChunk>, serde_json::Error> {
    Ok(vec![
        TextChunk::new(PARAMETERS_KEYWORD, settings.to_infotext()),
        TextChunk::new(OWN_KEYWORD, serde_json::to_string(own)?),
    ])
}

/// Our own JSON, if the picture has one; the error if it is not a `T`.
pub fn own_of<T: DeserializeOwned>(chunks: &[TextChunk]) -> Option<Result<T, serde_json::Error>> {
    let chunk = chunks.iter().find(|it| it.keyword == OWN_KEYWORD)?;
    Some(serde_json::from_str(&chunk.text))
}

#[cfg(test)]
mod tests;

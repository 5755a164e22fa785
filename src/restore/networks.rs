//! LoRAs and textual inversions that a picture was made with, by the names and hashes
//! that programs write, and how they compare with the files that are here.

use std::path::Path;

use crate::checkpoint::{LoraFile, TextualInversion};
use crate::engine::{NetworkLibrary, UsedKind};

/// Endings of files behind a network's name.
const ENDINGS: [&str; 5] = [".safetensors", ".sft", ".ckpt", ".pt", ".bin"];
/// Digits of the shortest hash that is compared: older, shorter ones were computed in
/// other ways.
const FEWEST_DIGITS: usize = 10;
const MOST_DIGITS: usize = 64;
/// Of a hash in a message.
const SHOWN_DIGITS: usize = 10;

/// A file that a picture names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedNetwork {
    pub kind: UsedKind,
    /// Without folder and ending.
    pub name: String,
    /// First digits of a SHA-256 in small hexadecimal, of its tensors or of the whole
    /// file; `None` where the picture says none that is known.
    pub hash: Option<String>,
}

impl NamedNetwork {
    /// Name and hash as a program wrote them.
    pub(super) fn new(kind: UsedKind, name: &str, hash: Option<&str>) -> Self {
        Self {
            kind,
            name: stem(name).to_owned(),
            hash: hash.and_then(digits),
        }
    }

    /// How messages call its kind.
    fn kind_name(&self) -> &'static str {
        match self.kind {
            UsedKind::Lora => "LoRA",
            UsedKind::TextualInversion => "textual inversion",
        }
    }

    /// A sentence if the file of its name is another one; reads all of that file.
    fn difference(&self, library: &NetworkLibrary) -> Option<String> {
        let hash = self.hash.as_deref()?;
        let hashes = self.hashes_here(library)?;
        if hashes.iter().any(|known| known.starts_with(hash)) {
            return None;
        }
        let shown = hash.get(..SHOWN_DIGITS).unwrap_or(hash);
        Some(format!(
            "The {} {} here is another file than the one it was made with, whose hash is {shown}.",
            self.kind_name(),
            self.name
        ))
    }

    /// All hashes that the file of its name here may go by; `None` if there is none that
    /// can be read.
    fn hashes_here(&self, library: &NetworkLibrary) -> Option<Vec<String>> {
        let lora = |path: &Path| {
            let file = LoraFile::open(path).ok()?;
            Some(vec![file.hash().to_owned(), file.file_hash()])
        };
        match self.kind {
            UsedKind::Lora => lora(&library.lora(&self.name)?.path),
            UsedKind::TextualInversion => {
                let file = TextualInversion::open(&library.inversion(&self.name)?.path).ok()?;
                Some(vec![file.hash()])
            }
        }
    }
}

/// A sentence for each file that is another one than the picture's.
pub(super) fn differences(named: &[NamedNetwork], library: &NetworkLibrary) -> Vec<String> {
    let differing = named.iter();
    differing
        .filter_map(|network| network.difference(library))
        .collect()
}

/// A sentence about the textual inversions that no file is there for; LoRAs are missed
/// where they are asked for.
pub(super) fn missing_inversions(
    named: &[NamedNetwork],
    library: &NetworkLibrary,
) -> Option<String> {
    let is_missing = |network: &&NamedNetwork| {
        network.kind == UsedKind::TextualInversion && library.inversion(&network.name).is_none()
    };
    let names = named.iter().filter(is_missing);
    let names: Vec<&str> = names.map(|network| network.name.as_str()).collect();
    match names.as_slice() {
        [] => None,
        [one] => Some(format!(
            "Its textual inversion {one} is missing here and read as plain words; choose the \
             folder of embeddings that holds it."
        )),
        several => Some(format!(
            "Its textual inversions {} are missing here and read as plain words; choose the \
             folder of embeddings that holds them.",
            several.join(", ")
        )),
    }
}

/// The name of a file without its folders, of whatever system, and its ending.
pub(super) fn stem(name: &str) -> &str {
    let name = name.trim();
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let lower = file.to_ascii_lowercase();
    let ending = ENDINGS.iter().find(|ending| lower.ends_with(**ending));
    &file[..file.len() - ending.map_or(0, |ending| ending.len())]
}

/// The digits of a SHA-256 as programs write it: `0x…` in SwarmUI, `sha256:…` in
/// InvokeAI; none of another hash.
fn digits(hash: &str) -> Option<String> {
    let hash = hash.trim().to_ascii_lowercase();
    let hash = hash.strip_prefix("sha256:").unwrap_or(&hash);
    let hash = hash.strip_prefix("0x").unwrap_or(hash);
    let is_hash = (FEWEST_DIGITS..=MOST_DIGITS).contains(&hash.len())
        && hash.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_hash.then(|| hash.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_files_here() {
        for (written, name) in [
            ("detail", "detail"),
            ("styles\\Detail.safetensors", "Detail"),
            ("sdxl/light/detail.v2.SafeTensors", "detail.v2"),
            ("detail_lora_f16.ckpt", "detail_lora_f16"),
            (" a.b ", "a.b"),
            ("猫.pt", "猫"),
        ] {
            assert_eq!(stem(written), name, "{written}");
        }
    }

    #[test]
    fn only_hashes_that_can_be_computed_are_compared() {
        for (written, expected) in [
            ("0123ABCDEF01", Some("0123abcdef01")),
            ("0x0123abcdef0123", Some("0123abcdef0123")),
            ("sha256:0123abcdef", Some("0123abcdef")),
            ("blake3:0123abcdef", None),
            ("random:0123abcdef", None),
            ("0123abcd", None),
            ("None", None),
        ] {
            assert_eq!(digits(written).as_deref(), expected, "{written}");
        }
    }
}

//! What came out of a picture, and what did not.

use super::networks::{self, NamedNetwork};
use super::program::Program;
use crate::checkpoint::{CheckpointSource, SHORT_HASH};
use crate::engine::{ModelInfo, NetworkLibrary, Request};

/// Longest name or value in a message, in characters.
const LONGEST_VALUE: usize = 40;
/// Most items that a message lists.
const MOST_ITEMS: usize = 12;
/// Longest prompt that is taken, in characters: a model reads some
/// hundred tokens of it, and a file may hold megabytes, which no field can show.
const LONGEST_PROMPT: usize = 10_000;

/// The settings of a picture as far as they mean something here.
#[derive(Debug, Clone, PartialEq)]
pub struct RestoredSettings {
    /// Who saved it.
    pub program: Program,
    /// The hash of the weights that it was made with, as far as the picture tells it.
    pub model_hash: Option<String>,
    /// What was taken; everything else has its default, and there are no seeds
    /// where none could be taken.
    pub taken: Request,
    /// Everything else that the picture says, in its order.
    pub not_taken: Vec<NotTaken>,
    /// LoRAs and textual inversions by the hashes that the picture gives them, and the
    /// textual inversions that its prompts are known to name.
    pub networks: Vec<NamedNetwork>,
    /// A sentence for each of them whose file here is another one, and for the model.
    pub differences: Vec<String>,
}

/// A setting that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotTaken {
    /// As the picture's program calls it.
    pub name: String,
    /// As the picture has it.
    pub value: String,
    pub reason: Reason,
}

/// Why a setting was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The name of the model, which is opened for itself.
    Model,
    /// There is nothing of the kind here.
    NoEffect,
    /// The value is not possible; what would be, in words.
    Rule(String),
}

impl NotTaken {
    pub(super) fn no_effect(name: &str, value: &str) -> Self {
        Self {
            name: name.to_owned(),
            value: value.to_owned(),
            reason: Reason::NoEffect,
        }
    }

    pub(super) fn rule(name: &str, value: &str, rule: String) -> Self {
        Self {
            name: name.to_owned(),
            value: value.to_owned(),
            reason: Reason::Rule(rule),
        }
    }

    pub(super) fn model(name: &str) -> Self {
        Self {
            name: "Model".to_owned(),
            value: name.to_owned(),
            reason: Reason::Model,
        }
    }

    /// Name and value, shortened for a message.
    fn label(&self) -> String {
        match self.value.as_str() {
            "" => shortened(&self.name),
            value => format!("{} {}", shortened(&self.name), shortened(value)),
        }
    }
}

fn shortened(text: &str) -> String {
    let mut characters = text.chars();
    let mut short: String = characters.by_ref().take(LONGEST_VALUE).collect();
    if characters.next().is_some() {
        short.push('…');
    }
    short
}

impl RestoredSettings {
    /// The same without prompts that nobody can have meant.
    pub(super) fn bounded(mut self) -> Self {
        let Request {
            prompt,
            negative_prompt,
            layout,
            ..
        } = &mut self.taken;
        for (name, prompt) in [
            ("The prompt", &mut *prompt),
            ("The negative prompt", negative_prompt),
        ] {
            if prompt.chars().nth(LONGEST_PROMPT).is_some() {
                let rule = format!("longer than {LONGEST_PROMPT} characters");
                self.not_taken.push(NotTaken::rule(name, prompt, rule));
                prompt.clear();
            }
        }
        if prompt.is_empty() {
            // Its words are gone.
            *layout = Default::default();
        }
        self
    }

    /// Compares the files of its networks with those in `library`, which is read for it.
    pub fn compare(&mut self, library: &NetworkLibrary) {
        let found = networks::differences(&self.networks, library);
        self.differences.extend(found);
    }

    /// Compares the weights that it was made with with those of the model that is open,
    /// if they have one name; waits for the model's hash where it is needed.
    pub fn compare_model(&mut self, open: &ModelInfo) {
        // Other programs hash whole files, and a folder's UNet is none.
        let is_file = matches!(open.source, CheckpointSource::File(_));
        if is_file || self.program == Program::StormStudio {
            let hash = || open.hash.wait().to_owned();
            let said = self.other_weights(&open.name, open.is_embedded(), hash);
            self.differences.extend(said);
        }
    }

    /// What is to be said if a model of the picture's model's name has other weights;
    /// `hash` are all digits of its own.
    fn other_weights(
        &self,
        open: &str,
        is_embedded: bool,
        hash: impl FnOnce() -> String,
    ) -> Option<String> {
        let model = self.model()?;
        if self.other_model(Some(open)).is_some() {
            return None;
        }
        let Some(theirs) = &self.model_hash else {
            // Versions that did not tell the hash had another embedded model.
            let is_old = is_embedded && self.program == Program::StormStudio;
            return is_old.then(|| {
                format!(
                    "It was made with {model} 0, an earlier embedded model; the picture itself \
                     can't be made again."
                )
            });
        };
        // Shorter ones are of A1111's earlier kind, which is no hash of the file.
        let is_other = theirs.len() >= SHORT_HASH && !hash().starts_with(&theirs.to_lowercase());
        is_other.then(|| {
            let theirs: String = theirs.chars().take(SHORT_HASH).collect();
            let again = match is_embedded {
                true => "can't be made again",
                // A folder and a file may hold the same weights.
                false => "may come out otherwise",
            };
            format!(
                "It was made with another {model} than the one that is open (the hash of its \
                 weights is {theirs}); the picture itself {again}."
            )
        })
    }

    /// A sentence about the textual inversions that `library` lacks.
    pub fn missing_inversions(&self, library: &NetworkLibrary) -> Option<String> {
        networks::missing_inversions(&self.networks, library)
    }

    /// One message for the person; `open` is the name of the model that is open.
    pub fn message(&self, open: Option<&str>) -> String {
        let list = |of: fn(&Reason) -> bool| {
            let items = self.not_taken.iter().filter(|item| of(&item.reason));
            let mut texts: Vec<String> = items
                .map(|item| match &item.reason {
                    Reason::Rule(rule) => format!("{} ({rule})", item.label()),
                    _ => item.label(),
                })
                .collect();
            let rest = texts.len().saturating_sub(MOST_ITEMS);
            if rest > 0 {
                texts.truncate(MOST_ITEMS);
                texts.push(format!("and {rest} more"));
            }
            texts.join(", ")
        };
        let mut sentences = Vec::new();
        let broken = list(|reason| matches!(reason, Reason::Rule(_)));
        if !broken.is_empty() {
            sentences.push(format!("Not taken: {broken}."));
        }
        let idle = list(|reason| *reason == Reason::NoEffect);
        if !idle.is_empty() {
            sentences.push(format!("Without effect here: {idle}."));
        }
        if let Some(model) = self.other_model(open) {
            sentences.push(format!("It was made with another model, {model}."));
        }
        sentences.extend(self.differences.iter().cloned());
        let is_ours = self.program == Program::StormStudio;
        sentences.insert(0, self.taken_sentence(is_ours && sentences.is_empty()));
        sentences.join(" ")
    }

    fn taken_sentence(&self, is_whole: bool) -> String {
        let program = self.program;
        if is_whole {
            return "The picture's settings are back; Generate makes it again.".to_owned();
        }
        match self.has_prompt_alone() {
            true => format!("The prompt of this {program} picture is taken; it says no more."),
            false => format!("The settings of this {program} picture are taken."),
        }
    }

    fn has_prompt_alone(&self) -> bool {
        let bare = Request {
            prompt: self.taken.prompt.clone(),
            negative_prompt: self.taken.negative_prompt.clone(),
            seeds: Vec::new(),
            ..Request::default()
        };
        self.taken == bare && self.not_taken.is_empty()
    }

    /// The name of the model that it was made with.
    fn model(&self) -> Option<&str> {
        let mut items = self.not_taken.iter();
        let model = items.find(|item| item.reason == Reason::Model)?;
        Some(&model.value)
    }

    /// The model it was made with, if that is not the one that is open.
    fn other_model(&self, open: Option<&str>) -> Option<&str> {
        let model = self.model()?;
        // Names of files, with or without their ending.
        let stem = |name: &str| name.trim_end_matches(".safetensors").to_lowercase();
        let is_open = open.is_some_and(|open| stem(open) == stem(model));
        (!is_open).then_some(model)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restored(program: Program, not_taken: Vec<NotTaken>) -> RestoredSettings {
        let taken = Request {
            prompt: "a cat".to_owned(),
            seeds: vec![1],
            ..Request::default()
        };
        RestoredSettings {
            program,
            model_hash: None,
            taken,
            not_taken,
            networks: Vec::new(),
            differences: Vec::new(),
        }
    }

    #[test]
    fn ours_are_back_unless_something_is_missing() {
        let mut ours = restored(Program::StormStudio, vec![NotTaken::model("toybox")]);
        let back = "The picture's settings are back; Generate makes it again.";
        assert_eq!(ours.message(Some("toybox")), back);
        assert_eq!(
            ours.message(Some("sd 1.5")),
            "The settings of this Storm Studio picture are taken. It was made with another model, \
             toybox."
        );
        ours.not_taken.clear();
        assert_eq!(ours.message(None), back);
    }

    #[test]
    fn other_weights_of_the_same_name_are_said() {
        let said = |mut picture: RestoredSettings, hash: Option<&str>, is_embedded: bool| {
            picture.model_hash = hash.map(str::to_owned);
            let open = || "0123456789abcdef".repeat(4);
            picture.other_weights("toybox", is_embedded, open)
        };
        let ours = || restored(Program::StormStudio, vec![NotTaken::model("toybox")]);
        let same = "0123456789ABCDEF".repeat(4);
        for hash in [Some(same.as_str()), Some("0123456789"), Some("7460a6fa")] {
            assert_eq!(said(ours(), hash, true), None, "{hash:?}");
        }
        let other = said(ours(), Some("fedcba98765432"), false).unwrap();
        assert!(
            other.contains("another toybox") && other.contains("fedcba9876)"),
            "{other}"
        );
        assert!(other.contains("may come out otherwise"), "{other}");
        let embedded = said(ours(), Some("fedcba98765432"), true).unwrap();
        assert!(embedded.contains("can't be made again"), "{embedded}");
        // Before hashes were told, the embedded model was another one.
        let old = said(ours(), None, true);
        assert_eq!(
            old.as_deref(),
            Some(
                "It was made with toybox 0, an earlier embedded model; the picture itself can't be made \
                 again."
            )
        );
        assert_eq!(said(ours(), None, false), None);
        // Another name says enough, and other programs have no embedded model.
        let named = restored(Program::StormStudio, vec![NotTaken::model("sd 1.5")]);
        assert_eq!(said(named, Some("fedcba98765432"), true), None);
        let theirs = restored(Program::Forge, vec![NotTaken::model("toybox")]);
        assert_eq!(said(theirs, None, true), None);
        let mut picture = ours();
        picture.differences.extend(old);
        assert_eq!(
            picture.message(Some("toybox")),
            "The settings of this Storm Studio picture are taken. It was made with toybox 0, an earlier \
             embedded model; the picture itself can't be made again."
        );
    }

    #[test]
    fn everything_that_was_not_taken_is_named_once() {
        let theirs = restored(
            Program::Forge,
            vec![
                NotTaken::rule("Steps", "5000", "1 to 1000".to_owned()),
                NotTaken::model("dreamshaper_8"),
                NotTaken::no_effect("Clip skip", "2"),
                NotTaken::no_effect("ADetailer prompt", &"x".repeat(100)),
            ],
        );
        let message = theirs.message(Some("dreamshaper_8.safetensors"));
        assert_eq!(
            message,
            format!(
                "The settings of this Forge picture are taken. Not taken: Steps 5000 (1 to 1000). \
                 Without effect here: Clip skip 2, ADetailer prompt {}….",
                "x".repeat(40)
            )
        );
    }

    #[test]
    fn a_text_of_megabytes_is_no_prompt_and_a_long_list_is_cut() {
        let mut theirs = restored(Program::Automatic1111, Vec::new());
        theirs.taken.prompt = "猫".repeat(LONGEST_PROMPT);
        assert_eq!(theirs.clone().bounded(), theirs);
        theirs.taken.prompt = "a cat ".repeat(1 << 20);
        for number in 0..1000 {
            let name = format!("Key {number}");
            theirs.not_taken.push(NotTaken::no_effect(&name, "1"));
        }
        let bounded = theirs.bounded();
        assert_eq!(bounded.taken.prompt, "");
        let message = bounded.message(None);
        assert!(
            message.contains("(longer than 10000 characters)"),
            "{message}"
        );
        assert!(message.contains("Key 11 1, and 988 more"), "{message}");
        assert!(message.len() < 1000, "{message}");
    }

    #[test]
    fn a_prompt_alone_is_called_one() {
        let mut bare = restored(Program::Automatic1111, Vec::new());
        bare.taken.seeds.clear();
        assert!(bare.message(None).contains("it says no more"));
    }
}

//! The request that the next Generate makes: words, who is where, settings, seeds.
//!
//! What can be undone is one value, [`DraftContent`]; the tokens beside it
//! follow from its prompt and the model.

pub mod assigning;
pub mod seeds;
pub mod targets;

use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::diffusion::OwnWalk;
use crate::engine::{Request, RequestError, SeedError, Settings};
use crate::prompt::{
    Assignment, AssignmentError, ClipTokenizer, KnownWords, TokenizedPrompt, example_prompts,
};
use crate::storm::{Layout, ObjectiveKind};
use assigning::NextRelation;
use seeds::SeedField;

/// What the person edits and can undo.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DraftContent {
    pub prompt: String,
    pub negative_prompt: String,
    pub assignment: Assignment,
    /// The assignment is the program's proposal, which follows the text.
    pub is_proposed: bool,
    /// The relation whose words are being clicked.
    pub next_relation: Option<NextRelation>,
    pub settings: Settings,
    pub seeds: SeedField,
}

impl Default for DraftContent {
    /// The first example, which shows something worth seeing: with this seed standard
    /// sampling of the embedded model puts the cat on the wrong side.
    fn default() -> Self {
        Self {
            prompt: example_prompts(None).swap_remove(0),
            negative_prompt: String::new(),
            assignment: Assignment::default(),
            is_proposed: true,
            next_relation: None,
            settings: Settings::for_new_pictures(&OwnWalk::default(), ObjectiveKind::default()),
            seeds: SeedField {
                text: "7".to_string(),
                locked: true,
            },
        }
    }
}

/// Why no request can be made yet.
#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    #[error("the model is still loading; wait a moment")]
    NoModel,
    #[error(transparent)]
    Seeds(#[from] SeedError),
    #[error(transparent)]
    Assignment(#[from] AssignmentError),
    /// What the engine would refuse as well.
    #[error(transparent)]
    Request(#[from] RequestError),
}

/// The content and what follows from it.
#[derive(Debug, Default)]
pub struct Draft {
    content: DraftContent,
    tokens: Option<Arc<TokenizedPrompt>>,
    tokenizer: Option<Arc<ClipTokenizer>>,
    /// Words that the person brought along.
    known: KnownWords,
    /// The text that the assignment's spans belong to.
    assigned_text: String,
}

impl std::ops::Deref for Draft {
    type Target = DraftContent;

    fn deref(&self) -> &DraftContent {
        &self.content
    }
}

impl Draft {
    pub fn new(content: DraftContent) -> Self {
        Self {
            assigned_text: content.prompt.clone(),
            content,
            ..Self::default()
        }
    }

    pub fn content(&self) -> &DraftContent {
        &self.content
    }

    /// Changes anything; tokens and assignment follow if the text is another one.
    pub fn edit<T>(&mut self, change: impl FnOnce(&mut DraftContent) -> T) -> T {
        let result = change(&mut self.content);
        self.follow_text();
        result
    }

    /// What the person assigned is no longer the program's proposal.
    pub fn assign<T>(&mut self, change: impl FnOnce(&mut DraftContent) -> T) -> T {
        self.content.is_proposed = false;
        self.edit(change)
    }

    /// The settings, to be changed in place.
    pub fn settings_mut(&mut self) -> &mut Settings {
        &mut self.content.settings
    }

    /// The seeds, to be changed in place.
    pub fn seeds_mut(&mut self) -> &mut SeedField {
        &mut self.content.seeds
    }

    /// Replaces everything, as undo and restoring do.
    pub fn replace(&mut self, content: DraftContent) {
        self.assigned_text.clone_from(&content.prompt);
        self.content = content;
        self.tokens = None;
        self.follow_text();
    }

    /// Takes the tokenizer of a model that has just loaded.
    pub fn set_tokenizer(&mut self, tokenizer: Arc<ClipTokenizer>) {
        self.tokenizer = Some(tokenizer);
        self.tokens = None;
        self.follow_text();
    }

    /// Takes the words that the person brought along.
    pub fn set_known_words(&mut self, known: KnownWords) {
        if self.known != known {
            self.known = known;
            self.tokens = None;
            self.follow_text();
        }
    }

    /// The prompt's tokens; `None` until a model is loaded.
    pub fn tokens(&self) -> Option<&Arc<TokenizedPrompt>> {
        self.tokens.as_ref()
    }

    /// Another prompt as the model reads it under `settings`; `None` until one is loaded.
    pub fn read(&self, prompt: &str, settings: &Settings) -> Option<TokenizedPrompt> {
        let tokenizer = self.tokenizer.as_ref()?;
        Some(tokenizer.read_with(prompt, settings.reading(), &self.known))
    }

    /// After settings were changed in place: the prompt may be read in another way.
    pub fn follow_settings(&mut self) {
        self.follow_text();
    }

    /// The words in a span of the prompt, without the syntax around them.
    pub fn text_in(&self, span: &Range<usize>) -> Option<String> {
        match &self.tokens {
            Some(tokens) => Some(tokens.text_in(span)).filter(|text| !text.is_empty()),
            None => self.content.prompt.get(span.clone()).map(str::to_string),
        }
    }

    /// After the prompt's text changed: moves the assignment along, and renews the
    /// proposal while it is the program's own.
    fn follow_text(&mut self) {
        let content = &mut self.content;
        if self.assigned_text != content.prompt {
            content.assignment = content
                .assignment
                .rebase(&self.assigned_text, &content.prompt);
            content.next_relation = None;
            self.assigned_text.clone_from(&content.prompt);
            self.tokens = None;
        }
        let Some(tokenizer) = &self.tokenizer else {
            return;
        };
        let weighting = content.settings.reading();
        let tokens = self.tokens.as_ref();
        if tokens.is_some_and(|tokens| tokens.weighting == weighting) {
            return;
        }
        let tokens = tokenizer.read_with(&content.prompt, weighting, &self.known);
        let tokens = Arc::new(tokens);
        if content.assignment.objects.is_empty() {
            content.is_proposed = true;
        }
        if content.is_proposed {
            content.assignment = Assignment::proposed(&tokens);
        }
        self.tokens = Some(tokens);
    }

    /// Lets the prompt be read anew, whatever was assigned.
    pub fn propose_again(&mut self) {
        self.content.is_proposed = true;
        self.content.next_relation = None;
        if let Some(tokens) = &self.tokens {
            self.content.assignment = Assignment::proposed(tokens);
        }
    }

    /// Token positions of the assignment.
    ///
    /// # Errors
    /// If there is no model yet or a word is cut off.
    pub fn layout(&self) -> Result<Layout, DraftError> {
        let tokens = self.tokens.as_ref().ok_or(DraftError::NoModel)?;
        Ok(self.content.assignment.layout(tokens)?)
    }

    /// The request, checked as far as this side knows.
    ///
    /// # Errors
    /// [`DraftError`] with what to do first.
    pub fn request(&self) -> Result<Request, DraftError> {
        if self.content.prompt.trim().is_empty() {
            return Err(RequestError::EmptyPrompt.into());
        }
        let mut layout = self.layout()?;
        // What the objective does not know is left out, and stays in the draft.
        if !self.content.settings.optimisation.objective.knows_targets() {
            layout = layout.relations_alone();
        }
        let request = Request {
            prompt: self.content.prompt.clone(),
            negative_prompt: self.content.negative_prompt.clone(),
            seeds: self.content.seeds.seeds()?,
            layout,
            settings: self.content.settings.clone(),
            ..Request::default()
        };
        request.check()?;
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::{CheckpointSource, StableDiffusion};
    use crate::prompt::PromptWeights;
    use crate::storm::relation::RelationKind;
    use crate::storm::{Missing, ObjectiveKind};

    /// A draft of `prompt` with the embedded model's tokenizer.
    fn draft(prompt: &str) -> Draft {
        let device = burn::tensor::Device::flex();
        let model = StableDiffusion::load(&CheckpointSource::Embedded, &device).unwrap();
        let mut draft = Draft::new(DraftContent {
            prompt: prompt.to_string(),
            ..DraftContent::default()
        });
        draft.set_tokenizer(model.description.tokenizer);
        draft
    }

    fn labels(draft: &Draft) -> Vec<String> {
        let layout = draft.layout().unwrap();
        layout
            .objects
            .into_iter()
            .map(|object| object.label)
            .collect()
    }

    #[test]
    fn the_example_is_ready_to_run() {
        let request = draft("a cat to the left of a dog").request().unwrap();
        assert_eq!(request.layout.relations[0].kind, RelationKind::LeftOf);
        assert_eq!(request.seeds.len(), 1);
    }

    #[test]
    fn a_proposal_follows_the_text_and_an_assignment_of_the_person_keeps_its_words() {
        let mut draft = draft("a cat to the left of a dog");
        let write = |draft: &mut Draft, text: &str| {
            draft.edit(|content| content.prompt = text.to_string());
        };
        write(&mut draft, "a bird above a tree");
        assert_eq!(labels(&draft), ["bird", "tree"]);

        draft.assign(|_| ());
        write(&mut draft, "a red bird above a boat");
        // The tree went and took its relation along; the bird stayed.
        assert_eq!(labels(&draft), ["bird"]);
        assert!(draft.assignment.relations.is_empty());
    }

    #[test]
    fn undoing_a_deletion_brings_the_assignment_back() {
        let mut draft = draft("a cat to the left of a dog");
        draft.assign(|_| ());
        let before = draft.content().clone();
        draft.edit(|content| content.prompt = "a cat to the left of".to_string());
        assert_eq!(labels(&draft), ["cat"]);
        draft.replace(before);
        assert_eq!(labels(&draft), ["cat", "dog"]);
        assert_eq!(draft.assignment.relations.len(), 1);
    }

    #[test]
    fn a_proposal_ends_with_the_last_token_and_a_persons_choice_beyond_it_blocks() {
        let long = format!(
            "a cat to the left of a dog, {}, a bird above a boat",
            ["very fine"; 40].join(" ")
        );
        let mut draft = draft(&long);
        // In chunks all of it is read.
        assert_eq!(labels(&draft), ["cat", "dog", "bird", "boat"]);
        draft.settings_mut().prompt_weights = PromptWeights::Literal;
        draft.follow_settings();
        assert_eq!(labels(&draft), ["cat", "dog"]);
        assert_eq!(draft.assignment.relations.len(), 1);
        assert!(draft.request().is_ok());

        let boat = long.find("boat").unwrap();
        draft.assign(|content| {
            content.assignment.objects[1].noun = boat..boat + 4;
        });
        let error = draft.request().unwrap_err().to_string();
        assert!(
            error.contains("“boat” lies beyond the 77 tokens"),
            "{error}"
        );
    }

    #[test]
    fn what_is_missing_is_said() {
        let refused = |draft: Draft| draft.request().unwrap_err();
        assert!(matches!(
            refused(draft(" ")),
            DraftError::Request(RequestError::EmptyPrompt)
        ));
        assert!(matches!(
            refused(draft("sky")),
            DraftError::Request(RequestError::Missing(Missing::Places))
        ));
        let unloaded = Draft::new(DraftContent::default());
        assert!(matches!(refused(unloaded), DraftError::NoModel));
    }

    #[test]
    fn attend_and_excite_needs_words_but_no_relation() {
        let with_objective = |prompt: &str, objective| {
            let mut draft = draft(prompt);
            draft.settings_mut().optimisation.objective = objective;
            draft.request()
        };
        // Two things that are named beside each other, and no relation.
        let prompt = "a cat and a dog";
        let request = with_objective(prompt, ObjectiveKind::AttendAndExcite).unwrap();
        assert_eq!(request.layout.objects.len(), 2);
        assert!(request.layout.relations.is_empty());
        for objective in [ObjectiveKind::Storm, ObjectiveKind::Centroid] {
            assert!(with_objective(prompt, objective).is_err(), "{objective}");
        }
        let refused = with_objective("sky", ObjectiveKind::AttendAndExcite).unwrap_err();
        assert!(matches!(
            refused,
            DraftError::Request(RequestError::Missing(Missing::Objects))
        ));
    }
}

//! What the panels share: the draft, what happened, how it is looked at.

pub mod action;
pub mod kept;
pub mod message;
pub mod model_choices;
pub mod networks;
pub mod session;
pub mod sweeps;
pub mod view;

use std::sync::Arc;

use crate::app::canvases::handles::Drawing;
use crate::app::draft::Draft;
use crate::app::draft::assigning;
use crate::app::files::Files;
use crate::diffusion::{Method, OwnWalk};
use crate::engine::{Settings, StepKey, StepRecord, StepStore};
use crate::film::looks::{Look, looks};
use crate::prompt::Word;
use crate::storm::ObjectiveKind;
use action::Action;
use kept::Kept;
use model_choices::ModelChoices;
use networks::Networks;
use session::{Run, Session};
use sweeps::Sweeps;
use view::View;

/// Shared by all panels; lives as long as the window.
pub struct State {
    pub session: Session,
    pub draft: Draft,
    pub view: View,
    pub files: Files,
    pub models: ModelChoices,
    pub networks: Networks,
    pub kept: Kept,
    pub sweeps: Sweeps,
    pub store: Arc<StepStore>,
    /// To be done after this frame's layout.
    pub actions: Vec<Action>,
    /// The shown object that is being dragged to a place.
    pub dragged_object: Option<usize>,
    /// The region that the hand on the canvas draws.
    pub drawing: Option<Drawing>,
}

impl State {
    /// What settings go back to, with the model and the objective of now.
    pub fn defaults(&self) -> Settings {
        self.defaults_with(self.draft.settings.optimisation.objective)
    }

    /// The same with another objective.
    pub fn defaults_with(&self, objective: ObjectiveKind) -> Settings {
        match self.session.model() {
            Some(model) => Settings::for_new_pictures(&model.own_walk, objective),
            None => Settings::for_new_pictures(&OwnWalk::default(), objective),
        }
    }

    /// The objective was `before` and may have changed: what was its default
    /// becomes the new one's.
    pub fn follow_objective(&mut self, before: ObjectiveKind) {
        let now = self.draft.settings.optimisation.objective;
        if now != before {
            let (old, new) = (self.defaults_with(before), self.defaults_with(now));
            self.draft.settings_mut().change_defaults(&old, &new, None);
        }
    }

    /// The run that the canvases show.
    pub fn shown_run(&self) -> Option<&Run> {
        match self.view.run {
            Some(key) => self.session.run(key),
            None => self.session.newest_run(),
        }
    }

    /// The step of `method` that is shown: the one scrubbed to, or the newest.
    pub fn shown_step(&self, method: Method) -> Option<usize> {
        let last = self.shown_run()?.trace(method).last_step()?;
        Some(self.view.step.map_or(last, |step| step.min(last)))
    }

    /// The stored tensors of the shown step.
    pub fn shown_record(&self, method: Method) -> Option<StepRecord> {
        let run = self.shown_run()?;
        self.store.get(StepKey {
            request: run.key.request,
            seed: run.key.seed,
            method,
            step: self.shown_step(method)?,
        })
    }

    /// The canvas whose maps are shown: the one looked at, or the only one.
    pub fn attention_method(&self) -> Method {
        let methods = self
            .shown_run()
            .map(|run| run.request.settings.methods.list());
        match methods {
            Some([only]) => *only,
            _ => self.view.method,
        }
    }

    /// The words of the shown run's prompt.
    pub fn shown_words(&self) -> &[Word] {
        let prompt = self.shown_run().and_then(|run| run.prompt.as_ref());
        prompt.map_or(&[], |prompt| &prompt.words)
    }

    /// The shown run's objects: label, tokens and look.
    pub fn shown_objects(&self) -> Vec<ShownObject> {
        let Some(run) = self.shown_run() else {
            return Vec::new();
        };
        let layout = &run.request.layout;
        let looks = looks(layout);
        let objects = layout.objects.iter().zip(looks);
        objects
            .map(|(object, look)| ShownObject {
                label: object.label.clone(),
                tokens: object.tokens.clone(),
                look,
            })
            .collect()
    }
}

impl State {
    /// The places that the draft gives to the shown objects, matched by their words.
    pub fn draft_targets(&self, shown: &[ShownObject]) -> Vec<Option<[f64; 2]>> {
        let assignment = &self.draft.assignment;
        let target_of = |object: &ShownObject| {
            let index = self.draft_object(&object.label)?;
            assignment.targets.of(index)?.point()
        };
        shown.iter().map(target_of).collect()
    }

    /// Gives a shown object a place in the next request.
    pub fn set_draft_target(&mut self, shown: usize, place: [f64; 2]) {
        let objects = self.shown_objects();
        let object = objects
            .get(shown)
            .and_then(|object| self.draft_object(&object.label));
        let is_locked = |object: usize| {
            let target = self.draft.assignment.targets.of(object);
            target.is_some_and(|target| target.is_locked)
        };
        if let Some(object) = object.filter(|object| !is_locked(*object)) {
            self.draft
                .edit(|content| assigning::place(content, object, place));
        }
    }

    /// The draft's object whose noun reads `label`.
    pub fn draft_object(&self, label: &str) -> Option<usize> {
        let mut objects = self.draft.assignment.objects.iter();
        objects.position(|object| self.draft.text_in(&object.noun).as_deref() == Some(label))
    }
}

/// An object of the shown run.
#[derive(Debug, Clone)]
pub struct ShownObject {
    pub label: String,
    pub tokens: Vec<usize>,
    pub look: Look,
}

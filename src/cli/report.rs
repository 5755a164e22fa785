//! What `generate` tells: a progress bar for people, or JSON lines for programs.

use std::cell::RefCell;
use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::{Failure, output};
use crate::diffusion::OwnWalk;
use crate::engine::{Event, ModelInfo, ModelNeeds, Picture};

/// A model with fewer bytes of weights is there before its needs are read.
const WORTH_A_SENTENCE: u64 = 256 << 20;

/// Speaks to a person on standard error, or to a program on standard output.
pub(super) struct Report {
    json: bool,
    bar: Option<ProgressBar>,
    /// `evaluate` loads its model twice, and says once what it needs.
    has_told_needs: bool,
    /// Why nothing more can be told.
    failure: RefCell<Option<Failure>>,
}

impl Report {
    pub(super) fn new(json: bool) -> Self {
        Self {
            json,
            bar: None,
            has_told_needs: false,
            failure: RefCell::new(None),
        }
    }

    /// Whether the program that reads is still there.
    ///
    /// # Errors
    /// Once, if it is not, or if what is told can't be written.
    pub(super) fn check(&self) -> Result<(), Failure> {
        self.failure.borrow_mut().take().map_or(Ok(()), Err)
    }

    /// A model is being read.
    pub(super) fn loading(&self, name: &str) {
        self.tell(
            || format!("Loading {name}"),
            || json!({"event": "loading", "model": name}),
        );
    }

    /// What the model will need.
    pub(super) fn needs(&mut self, needs: &ModelNeeds) {
        let is_small = !self.json && needs.weights < WORTH_A_SENTENCE;
        if is_small || std::mem::replace(&mut self.has_told_needs, true) {
            return;
        }
        self.tell(
            || format!("It {needs}"),
            || json!({"event": "needs", "model": needs}),
        );
    }

    /// How the model is meant to be walked, where that is not as most are.
    pub(super) fn own_walk(&mut self, own: &OwnWalk) {
        if own.steps.is_some() || own.guidance_scale.is_some() {
            self.tell(
                || format!("It was made for {own}"),
                || json!({"event": "own_walk", "walk": own.to_string()}),
            );
        }
    }

    /// So much of the model is loaded, from 0 to 1.
    pub(super) fn loaded(&mut self, fraction: f32) {
        if self.json {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let style = ProgressStyle::with_template("{bar:40} {percent} %");
            let bar = ProgressBar::new(100);
            bar.set_style(style.expect("the template is fixed and valid"));
            bar
        });
        bar.set_position((100.0 * fraction) as u64);
        if fraction >= 1.0 {
            bar.finish_and_clear();
            self.bar = None;
        }
    }

    /// What is computed on, and why.
    pub(super) fn device(&self, model: &ModelInfo) {
        self.tell(
            || match &model.device_note {
                Some(note) => format!("Computing on {} ({note})", model.device),
                None => format!("Computing on {}", model.device),
            },
            || {
                json!({
                    "event": "ready",
                    "model": model.name,
                    "device": model.device,
                    "note": model.device_note,
                })
            },
        );
    }

    /// A sentence about how the request is understood.
    pub(super) fn note(&self, sentence: &str) {
        self.tell(
            || sentence.to_string(),
            || json!({"event": "note", "text": sentence}),
        );
    }

    /// An event of the engine.
    pub(super) fn event(&mut self, event: &Event) {
        match event {
            Event::SeedStarted {
                seed, step_count, ..
            } => self.seed_started(*seed, *step_count),
            Event::Stepped(step) => {
                if let Some(bar) = &self.bar {
                    bar.set_position(step.step as u64 + 1);
                }
                self.line(|| tagged("step", step));
            }
            Event::Updated(update) => self.line(|| tagged("update", update)),
            Event::Notice { notice, .. } => self.note(&notice.to_string()),
            Event::Finished { seconds, .. } => {
                self.clear();
                self.tell(
                    || format!("Done in {seconds:.1} s"),
                    || json!({"event": "finished", "seconds": seconds}),
                );
            }
            Event::Cancelled { .. } => {
                self.clear();
                self.line(|| json!({"event": "cancelled"}));
            }
            // Told by `failed`, as every other failure.
            Event::Failed { .. } => self.clear(),
            _ => {}
        }
    }

    /// A picture is on disk.
    pub(super) fn saved(&self, picture: &Picture, model: &ModelInfo, path: &Path) {
        self.tell(
            || path.display().to_string(),
            || {
                json!({
                    "event": "picture",
                    "path": path.to_string_lossy(),
                    "seed": picture.seed,
                    "method": picture.method,
                    "model_hash": model.hash.get(),
                    "updates": picture.updates,
                    "seconds": picture.seconds,
                })
            },
        );
    }

    /// Another file is on disk.
    pub(super) fn wrote(&self, path: &Path) {
        self.tell(
            || path.display().to_string(),
            || json!({"event": "file", "path": path.to_string_lossy()}),
        );
    }

    fn seed_started(&mut self, seed: u64, step_count: usize) {
        if self.json {
            self.line(|| json!({"event": "seed", "seed": seed, "steps": step_count}));
            return;
        }
        self.clear();
        let style = ProgressStyle::with_template("{prefix} {bar:32} {pos}/{len} steps, {eta} left");
        let style = style.expect("the template above is valid");
        let bar = ProgressBar::new(step_count as u64)
            .with_style(style)
            .with_prefix(format!("Seed {seed}"));
        self.bar = Some(bar);
    }

    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn tell(&self, sentence: impl FnOnce() -> String, value: impl FnOnce() -> Value) {
        if self.json {
            return self.line(value);
        }
        let sentence = sentence();
        match &self.bar {
            Some(bar) => bar.suspend(|| output::say(sentence)),
            None => output::say(sentence),
        }
    }

    fn line(&self, value: impl FnOnce() -> Value) {
        let mut failure = self.failure.borrow_mut();
        if self.json && failure.is_none() {
            *failure = output::line(value()).err();
        }
    }
}

/// Tells a program why there will be no more events; `cancelled` says it of a
/// request that the person ended.
pub(super) fn failed(failure: &Failure) {
    let is_told = failure.message.is_empty() || failure.code == Failure::interrupted().code;
    if !is_told {
        let (error, code) = (&failure.message, failure.code);
        // If nobody reads it, the exit code is left.
        let _ = output::line(json!({"event": "failed", "error": error, "code": code}));
    }
}

/// A serialisable event as an object with its name in it.
fn tagged(name: &str, event: &impl serde::Serialize) -> Value {
    let mut value = json!(event);
    if let Value::Object(fields) = &mut value {
        fields.insert("event".to_string(), json!(name));
    }
    value
}

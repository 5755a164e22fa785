//! Makes the pictures that a results folder lacks and judges them.
//!
//! Standard sampling and `storm` run in one request, so that they share every
//! step before the first update; each other objective has a request of its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use super::cost::PassCosts;
use super::judge::judge;
use super::method::EvaluatedMethod;
use super::plan::Plan;
use super::prompts::SpatialPrompt;
use super::records::{Cost, PictureRecord};
use super::results::{ResultsError, ResultsFolder};
use super::settings::Settings;
use crate::diffusion::{Method, Methods};
use crate::engine::{self, Engine, EngineError, Event, ModelInfo, Picture, Recipe, Request};
use crate::export::file_stem;
use crate::models::ObjectDetector;
use crate::prompt::{Assignment, AssignmentError};

/// Why a run ended early.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    #[error(transparent)]
    Results(#[from] ResultsError),
    /// The objects are not what the detector was trained on.
    #[error(
        "the detector does not know “{noun}”; it knows {known}. Use these, or give another model's folder with --model and --layout owlvit DIR"
    )]
    UnknownObject { noun: String, known: String },
    #[error(transparent)]
    Prompt(#[from] AssignmentError),
    #[error(transparent)]
    Engine(Arc<EngineError>),
    #[error("the engine ended before the pictures were done")]
    EngineEnded,
    #[error("interrupted; the same command goes on from here")]
    Interrupted,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Pictures that are there, counting those of earlier runs.
    pub done: usize,
    /// Pictures that are wanted.
    pub wanted: usize,
}

/// Everything a run needs.
pub struct Evaluator<'a> {
    /// Its model is loaded.
    pub engine: &'a Engine,
    pub model: &'a ModelInfo,
    pub costs: PassCosts,
    /// `None`: pictures are made and kept without a verdict.
    pub detector: Option<ObjectDetector>,
    pub settings: &'a Settings,
}

impl Evaluator<'_> {
    /// Makes the pictures of `plan` that `results` lacks.
    ///
    /// # Errors
    /// Whatever stops it; what is finished by then is kept.
    pub fn run(
        &self,
        plan: &Plan,
        results: &mut ResultsFolder,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), EvaluateError> {
        let prompts = plan.prompts.iter();
        self.check_nouns(prompts.flat_map(|it| [&it.subject.noun, &it.object.noun]))?;
        let wanted = plan.picture_count();
        let mut done = 0;
        for (prompt, seed) in plan.jobs() {
            let is_missing = |method: &&EvaluatedMethod| !results.has(prompt, seed, **method);
            let missing = plan.methods.iter().filter(is_missing).copied();
            let missing: Vec<EvaluatedMethod> = missing.collect();
            done += plan.methods.len() - missing.len();
            progress(Progress { done, wanted });
            for group in groups(&missing) {
                let request = self.request(prompt, seed, &group)?;
                let made = self.pictures(request.clone())?;
                self.keep(prompt, &request, &group, made, results)?;
                done += group.len();
                progress(Progress { done, wanted });
            }
        }
        Ok(())
    }

    /// Refuses a prompt that cannot be judged before any picture is made.
    pub(super) fn check_nouns<'n>(
        &self,
        mut nouns: impl Iterator<Item = &'n String>,
    ) -> Result<(), EvaluateError> {
        let Some(detector) = &self.detector else {
            return Ok(());
        };
        match nouns.find(|noun| !detector.names().contains(noun)) {
            None => Ok(()),
            Some(noun) => Err(EvaluateError::UnknownObject {
                noun: noun.clone(),
                known: detector.names().join(", "),
            }),
        }
    }

    fn request(
        &self,
        prompt: &SpatialPrompt,
        seed: u64,
        group: &[EvaluatedMethod],
    ) -> Result<Request, EvaluateError> {
        self.request_for(prompt.text(), &prompt.assignment(), seed, group)
    }

    /// The request for the methods of one group.
    pub(super) fn request_for(
        &self,
        text: String,
        assignment: &Assignment,
        seed: u64,
        group: &[EvaluatedMethod],
    ) -> Result<Request, EvaluateError> {
        let layout = assignment.layout(&self.model.tokenizer.encode(&text))?;
        let method = group[group.len() - 1];
        let methods = group.iter().map(|method| sampled_with(*method));
        let methods: Vec<Method> = methods.collect();
        let Settings {
            steps,
            scheduler,
            schedule,
            timestep_spacing,
            guidance_scale,
            ..
        } = *self.settings;
        let request = Request {
            prompt: text,
            seeds: vec![seed],
            layout,
            settings: engine::Settings {
                methods: Methods::of(&methods),
                steps,
                guidance_scale,
                scheduler: Some(scheduler),
                schedule,
                timestep_spacing,
                optimisation: self.settings.of(method),
                // One after the other: each method's time is its own, and its
                // picture the same whatever runs beside it.
                batch_methods: false,
                ..engine::Settings::default()
            },
            ..Request::default()
        };
        let checked = request.check().map_err(EngineError::from);
        checked.map_err(|error| EvaluateError::Engine(Arc::new(error)))?;
        Ok(request)
    }

    /// Runs one request to its end.
    pub(super) fn pictures(&self, request: Request) -> Result<Vec<(Picture, Cost)>, EvaluateError> {
        let samples = if request.settings.guidance_scale > 1.0 {
            2
        } else {
            1
        };
        let id = self.engine.submit(request);
        let mut meter = Meter::new();
        let mut made = Vec::new();
        while let Some(event) = self.engine.wait_event() {
            meter.event(&event);
            match event {
                Event::Picture(picture) => {
                    let mut cost = meter.cost(picture.method);
                    cost.gradient_passes = picture.gradient_passes;
                    cost.updates = picture.updates;
                    cost.unet_equivalents = self.costs.unet_equivalents(&cost, samples);
                    made.push((picture, cost));
                }
                Event::Failed { error, .. } => return Err(EvaluateError::Engine(error)),
                Event::Cancelled { .. } => return Err(EvaluateError::Interrupted),
                Event::Finished { request, .. } if request == id => return Ok(made),
                _ => {}
            }
        }
        Err(EvaluateError::EngineEnded)
    }

    fn keep(
        &self,
        prompt: &SpatialPrompt,
        request: &Request,
        group: &[EvaluatedMethod],
        made: Vec<(Picture, Cost)>,
        results: &mut ResultsFolder,
    ) -> Result<(), EvaluateError> {
        for (picture, cost) in made {
            let method = group
                .iter()
                .find(|method| sampled_with(**method) == picture.method)
                .expect("the engine makes the methods it was asked for");
            let twin = match method {
                EvaluatedMethod::Standard => None,
                _ => results.picture(prompt, picture.seed, EvaluatedMethod::Standard),
            };
            let detector = self.detector.as_ref();
            let verdict = detector
                .and_then(|detector| judge(detector, prompt, &picture.image, twin.as_ref()));
            let text = prompt.text();
            let stem = file_stem(&text);
            let record = PictureRecord {
                text,
                prompt: prompt.clone(),
                seed: picture.seed,
                method: *method,
                picture: format!("pictures/{method}/{stem}-{}.png", picture.seed),
                cost,
                verdict,
            };
            let recipe = Recipe::new(&picture, request, self.model);
            results.add(record, &picture.image, &recipe.text_chunks())?;
        }
        Ok(())
    }
}

/// Which methods run in one request.
pub(super) fn groups(missing: &[EvaluatedMethod]) -> Vec<Vec<EvaluatedMethod>> {
    let is_joint = |method: &EvaluatedMethod| {
        [EvaluatedMethod::Standard, EvaluatedMethod::STORM].contains(method)
    };
    let mut joint: Vec<EvaluatedMethod> = missing.iter().copied().filter(is_joint).collect();
    // The request's objective is the last one's, and the twin is judged first.
    joint.sort_by_key(|method| sampled_with(*method));
    let rest = missing.iter().filter(|method| !is_joint(method));
    let rest = rest.map(|method| vec![*method]);
    let joint = (!joint.is_empty()).then_some(joint);
    joint.into_iter().chain(rest).collect()
}

pub(super) fn sampled_with(method: EvaluatedMethod) -> Method {
    match method {
        EvaluatedMethod::Standard => Method::Standard,
        EvaluatedMethod::Objective(_) => Method::Storm,
    }
}

/// Shares out the time between events among the methods that they belong to:
/// a step that both share is both's, since each alone would have made it.
struct Meter {
    last: Instant,
    costs: BTreeMap<Method, Cost>,
}

impl Meter {
    fn new() -> Self {
        Self {
            last: Instant::now(),
            costs: BTreeMap::new(),
        }
    }

    fn event(&mut self, event: &Event) {
        match event {
            Event::SeedStarted { .. } => self.last = Instant::now(),
            Event::Updated(_) => self.lap(&[Method::Storm]),
            Event::Stepped(step) => {
                self.lap(&step.methods);
                for method in &step.methods {
                    self.costs.entry(*method).or_default().steps += 1;
                }
            }
            Event::Picture(picture) => self.lap(&[picture.method]),
            _ => {}
        }
    }

    fn lap(&mut self, methods: &[Method]) {
        let now = Instant::now();
        let seconds = (now - self.last).as_secs_f64();
        self.last = now;
        for method in methods {
            self.costs.entry(*method).or_default().seconds += seconds;
        }
    }

    fn cost(&self, method: Method) -> Cost {
        self.costs.get(&method).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_and_storm_run_together_and_the_others_alone() {
        let methods = |text: &str| -> Vec<EvaluatedMethod> {
            text.split(',').map(|name| name.parse().unwrap()).collect()
        };
        let names = |missing: &str| -> Vec<String> {
            let groups = groups(&methods(missing)).into_iter();
            let join = |group: Vec<EvaluatedMethod>| {
                let names = group.iter().map(EvaluatedMethod::to_string);
                names.collect::<Vec<_>>().join("+")
            };
            groups.map(join).collect()
        };
        assert_eq!(
            names("centroid,storm,standard,reference"),
            ["standard+storm", "centroid", "reference"]
        );
        assert_eq!(names("storm"), ["storm"]);
        assert_eq!(names("centroid,standard"), ["standard", "centroid"]);
        assert!(groups(&[]).is_empty());
    }
}

//! What has happened, as the panels need it: engine events go in, nothing is drawn.
//!
//! Plain Rust without egui, so that a test can feed it events and look.

mod loading;
mod opened;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use loading::{ModelState, WORTH_A_SENTENCE};

use super::message::{Message, remedy, sentence};
use crate::checkpoint::CheckpointSource;
use crate::diffusion::Method;
use crate::engine::{
    EngineError, Event, ModelInfo, Notice, Picture, Request, RequestId, StepEvent, UpdateEvent,
};
use crate::export::TextChunk;
use crate::prompt::TokenizedPrompt;
use crate::storm::objective::Reading;

/// One seed of one request: what a pair of canvases shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunKey {
    pub request: RequestId,
    pub seed: u64,
}

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    Running,
    Done,
    Cancelled,
    Failed,
}

/// One update of STORM's latents.
#[derive(Debug, Clone)]
pub struct UpdatePoint {
    pub step: usize,
    pub loss: f64,
    pub gradient_norm: f64,
}

/// What one method did in a run.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    /// By scheduler call; only the last can be missing while running.
    pub readings: Vec<Option<Reading>>,
    pub updates: Vec<UpdatePoint>,
    pub picture: Option<Picture>,
}

impl Trace {
    /// The newest reading at or before `step`.
    pub fn reading(&self, step: usize) -> Option<&Reading> {
        let end = self.readings.len().min(step + 1);
        self.readings[..end].iter().rev().find_map(Option::as_ref)
    }

    /// The newest step that was made.
    pub fn last_step(&self) -> Option<usize> {
        self.readings.len().checked_sub(1)
    }
}

/// One seed of a request and all that became of it.
#[derive(Debug, Clone)]
pub struct Run {
    pub key: RunKey,
    pub request: Arc<Request>,
    /// What it is made with.
    pub model: Option<Arc<ModelInfo>>,
    /// The prompt as the model's tokenizer reads it.
    pub prompt: Option<Arc<TokenizedPrompt>>,
    /// Scheduler calls in all.
    pub step_count: usize,
    /// Width and height in pixels.
    pub size: [usize; 2],
    pub state: RunState,
    /// Since the first step, of the newest step or picture.
    pub seconds: f64,
    pub storm: Trace,
    pub standard: Trace,
    /// The texts of its files, if it was kept earlier.
    pub texts: Vec<(Method, Vec<TextChunk>)>,
}

impl Run {
    pub fn trace(&self, method: Method) -> &Trace {
        match method {
            Method::Standard => &self.standard,
            Method::Storm => &self.storm,
        }
    }

    fn trace_mut(&mut self, method: Method) -> &mut Trace {
        match method {
            Method::Standard => &mut self.standard,
            Method::Storm => &mut self.storm,
        }
    }

    /// Steps made so far by the method that is furthest.
    pub fn steps_made(&self) -> usize {
        self.storm.readings.len().max(self.standard.readings.len())
    }

    /// Steps made so far by all methods together, and how many there are.
    pub fn progress(&self) -> (usize, usize) {
        let methods = self.request.settings.methods.list();
        let made = methods.iter().map(|&method| self.made_by(method)).sum();
        (made, methods.len() * self.step_count)
    }

    /// The step under way, with its method where the methods take turns.
    pub fn current_step(&self) -> (usize, Option<Method>) {
        let methods = self.request.settings.methods.list();
        let open = methods.iter().copied();
        let open = open.filter(|&method| self.made_by(method) < self.step_count);
        let Some(current) = open.max_by_key(|&method| self.made_by(method)) else {
            return (self.step_count, None);
        };
        let made = self.made_by(current);
        let is_in_turn = |&method: &Method| self.made_by(method).abs_diff(made) > 1;
        (made, methods.iter().any(is_in_turn).then_some(current))
    }

    fn made_by(&self, method: Method) -> usize {
        self.trace(method).readings.len()
    }

    /// Seconds that the rest of this seed and the seeds behind it will take at the pace
    /// so far; `None` before the first step.
    pub fn seconds_left(&self) -> Option<f64> {
        let (made, count) = self.progress();
        if made == 0 || self.state != RunState::Running {
            return None;
        }
        let mut seeds = self.request.seeds.iter();
        let place = seeds.position(|&seed| seed == self.key.seed).unwrap_or(0);
        let behind = self.request.seeds.len().saturating_sub(place + 1);
        let left = count.saturating_sub(made) + behind * count;
        Some(self.seconds / made as f64 * left as f64)
    }
}

/// A request that waits for its turn.
#[derive(Debug, Clone)]
pub struct Queued {
    pub id: RequestId,
    pub request: Arc<Request>,
}

/// Everything the window knows of the engine.
#[derive(Debug)]
pub struct Session {
    pub model: ModelState,
    /// The model that is still there while the files of another are looked at.
    old_model: Option<Arc<ModelInfo>>,
    /// Oldest first.
    pub runs: Vec<Run>,
    /// Kept earlier and opened again.
    opened: Vec<Run>,
    /// Not begun yet, in order.
    pub queue: Vec<Queued>,
    /// The request in work.
    pub running: Option<Queued>,
    /// Its prompt as the model reads it.
    prompt: Option<Arc<TokenizedPrompt>>,
    pub message: Option<Message>,
    /// Whether the person asked to stop after the seed in work.
    pub is_finishing: bool,
    /// Whether the person asked to stop what is in work at once.
    pub is_cancelling: bool,
    /// Number of the next run that is opened, counting down.
    next_opened: u64,
    /// Index of each run by its key.
    index: BTreeMap<RunKey, usize>,
}

impl Session {
    /// A session before its first event, with the model that the engine loads first.
    pub fn new(source: CheckpointSource) -> Self {
        Self {
            model: ModelState::Loading {
                name: source.name(),
                source,
                fraction: 0.0,
            },
            old_model: None,
            runs: Vec::new(),
            opened: Vec::new(),
            queue: Vec::new(),
            running: None,
            prompt: None,
            message: None,
            is_finishing: false,
            is_cancelling: false,
            next_opened: u64::MAX,
            index: BTreeMap::new(),
        }
    }

    /// The model, if it is ready.
    pub fn model(&self) -> Option<&Arc<ModelInfo>> {
        match &self.model {
            ModelState::Ready(info) => Some(info),
            _ => None,
        }
    }

    pub fn run(&self, key: RunKey) -> Option<&Run> {
        let run = self.index.get(&key).map(|&index| &self.runs[index]);
        run.or_else(|| self.opened.iter().find(|run| run.key == key))
    }

    /// The run in work, or the newest one.
    pub fn newest_run(&self) -> Option<&Run> {
        self.runs.last()
    }

    /// Whether anything is in work or waits.
    pub fn is_busy(&self) -> bool {
        self.running.is_some() || !self.queue.is_empty()
    }

    /// The request in work, or the one that is begun next.
    pub fn next_to_end(&self) -> Option<RequestId> {
        let first = self.running.as_ref().or(self.queue.first());
        first.map(|queued| queued.id)
    }

    /// Remembers a request that was just submitted.
    pub fn submitted(&mut self, id: RequestId, request: Arc<Request>) {
        self.is_finishing = false;
        self.is_cancelling = false;
        // What was said before is read by now.
        self.message = None;
        self.queue.push(Queued { id, request });
    }

    /// Takes in one event.
    pub fn apply(&mut self, event: Event) {
        match event {
            Event::CheckingDevice => {
                self.message = Some(Message {
                    text: "The graphics adapter is checked against the CPU. This happens once \
                           and takes up to a minute."
                        .to_string(),
                    is_error: false,
                    remedy: None,
                });
            }
            Event::ModelLoading { name, source } => self.model_loading(name, source),
            Event::ModelOpened(needs) => self.model_opened(&needs),
            Event::ModelProgress(done) => self.model_progress(done),
            Event::ModelReady(info) => self.model_ready(info),
            Event::ModelFailed { name, error } => self.model_failed(name, error),
            Event::Started { request } => self.start(request),
            Event::PromptRead { prompt, .. } => self.prompt = Some(prompt),
            // It stands under the prompt already.
            Event::Notice {
                notice: Notice::Vocabulary(_),
                ..
            } => {}
            Event::Notice { notice, .. } => {
                self.message = Some(Message {
                    text: sentence(&notice.to_string()),
                    is_error: false,
                    remedy: None,
                });
            }
            Event::SeedStarted {
                request,
                seed,
                step_count,
                size,
            } => self.start_seed(RunKey { request, seed }, step_count, size),
            Event::Updated(update) => self.updated(&update),
            Event::Stepped(step) => self.stepped(step),
            Event::Picture(picture) => self.picture(picture),
            Event::Trajectory(_) => {}
            Event::Finished { request, .. } => self.end(request, RunState::Done),
            Event::Cancelled { request } => self.end(request, RunState::Cancelled),
            Event::Failed { request, error } => self.fail(request, &error),
        }
    }

    fn start(&mut self, request: RequestId) {
        let Some(position) = self.queue.iter().position(|queued| queued.id == request) else {
            return;
        };
        // Requests are worked off in order, so whatever stood before is gone.
        self.running = self.queue.drain(..=position).next_back();
        self.prompt = None;
    }

    fn start_seed(&mut self, key: RunKey, step_count: usize, size: [usize; 2]) {
        let Some(running) = self.running.clone() else {
            return;
        };
        self.end_seeds(key.request, RunState::Done);
        let run = Run {
            key,
            request: running.request,
            model: self.model().cloned(),
            prompt: self.prompt.clone(),
            step_count,
            size,
            state: RunState::Running,
            seconds: 0.0,
            storm: Trace::default(),
            standard: Trace::default(),
            texts: Vec::new(),
        };
        self.index.insert(key, self.runs.len());
        self.runs.push(run);
    }

    fn updated(&mut self, update: &UpdateEvent) {
        let point = UpdatePoint {
            step: update.step,
            loss: update.loss,
            gradient_norm: update.gradient_norm,
        };
        if let Some(run) = self.run_mut(update.request, update.seed) {
            run.storm.updates.push(point);
        }
    }

    fn stepped(&mut self, step: StepEvent) {
        let Some(run) = self.run_mut(step.request, step.seed) else {
            return;
        };
        run.seconds = step.seconds;
        for method in step.methods {
            let readings = &mut run.trace_mut(method).readings;
            readings.resize(step.step, None);
            readings.push(step.reading.clone());
        }
    }

    fn picture(&mut self, picture: Picture) {
        if let Some(run) = self.run_mut(picture.request, picture.seed) {
            run.seconds = picture.seconds;
            let method = picture.method;
            run.trace_mut(method).picture = Some(picture);
        }
    }

    fn end(&mut self, request: RequestId, state: RunState) {
        self.end_seeds(request, state);
        self.queue.retain(|queued| queued.id != request);
        if self
            .running
            .as_ref()
            .is_some_and(|running| running.id == request)
        {
            self.running = None;
            self.is_cancelling = false;
        }
        if !self.is_busy() {
            self.is_finishing = false;
        }
    }

    fn fail(&mut self, request: RequestId, error: &EngineError) {
        self.message = Some(Message {
            text: sentence(&error.to_string()),
            is_error: true,
            remedy: remedy(error),
        });
        self.end(request, RunState::Failed);
    }

    fn end_seeds(&mut self, request: RequestId, state: RunState) {
        for run in &mut self.runs {
            if run.key.request == request && run.state == RunState::Running {
                run.state = if run_is_complete(run) {
                    RunState::Done
                } else {
                    state
                };
            }
        }
    }

    fn run_mut(&mut self, request: RequestId, seed: u64) -> Option<&mut Run> {
        let index = *self.index.get(&RunKey { request, seed })?;
        self.runs.get_mut(index)
    }
}

fn run_is_complete(run: &Run) -> bool {
    let mut methods = run.request.settings.methods.list().iter();
    methods.all(|&method| run.trace(method).picture.is_some())
}

#[cfg(test)]
mod tests;

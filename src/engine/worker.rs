//! The one thread that computes: it owns the model and works off the queue.

mod breakdown;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Instant;

use super::error::EngineError;
use super::event::{Event, ModelInfo};
use super::generate::Run;
use super::merging::{Merged, merge};
use super::needs::ModelNeeds;
use super::prepare::prepare;
use super::request::{Request, RequestId};
use super::store::StepStore;
use super::{LoadId, StopFlags};
use crate::checkpoint::{
    Checkpoint, CheckpointError, CheckpointSource, LoraError, StableDiffusion, TextReading,
    WeightType,
};
use crate::device::{ComputeDevice, ComputeThreads, lower_thread_priority};
use crate::diffusion::DenoiseError;
use crate::doctor::{self, Verdicts};
use crate::models::ObjectDetector;

/// Loading tells of its progress in hundredths.
const PROGRESS_STEP: f32 = 0.01;

/// What the worker can be told.
pub(super) enum Command {
    Load(LoadId, CheckpointSource),
    Generate(RequestId, Box<Request>),
    Quit,
}

/// Where events go; sending wakes the listener.
pub(super) struct Outbox {
    events: mpsc::Sender<Event>,
    wake: Arc<dyn Fn() + Send + Sync>,
}

impl Outbox {
    pub(super) fn send(&self, event: Event) {
        // A listener that is gone needs no events; the engine's drop tells the
        // worker to stop.
        if self.events.send(event).is_ok() {
            (self.wake)();
        }
    }
}

pub(super) struct Worker {
    device: ComputeDevice,
    inbox: mpsc::Receiver<Command>,
    outbox: Outbox,
    store: Arc<StepStore>,
    flags: Arc<StopFlags>,
    model: Option<LoadedModel>,
}

/// A model and what it was found to need.
struct LoadedModel {
    model: StableDiffusion,
    needs: ModelNeeds,
    /// Knows the embedded model's objects.
    detector: Option<ObjectDetector>,
}

impl LoadedModel {
    /// Bytes of weights that are on the device now.
    fn held(&self) -> u64 {
        let staying = self.needs.weights - self.needs.leaving;
        staying + self.model.text_encoders.leaving_bytes()
    }
}

impl Worker {
    pub(super) fn new(
        device: ComputeDevice,
        inbox: mpsc::Receiver<Command>,
        events: mpsc::Sender<Event>,
        wake: Arc<dyn Fn() + Send + Sync>,
        store: Arc<StepStore>,
        flags: Arc<StopFlags>,
    ) -> Self {
        Self {
            device,
            inbox,
            outbox: Outbox { events, wake },
            store,
            flags,
            model: None,
        }
    }

    pub(super) fn spawn(self) -> JoinHandle<()> {
        std::thread::Builder::new()
            .name("engine".to_string())
            .spawn(|| self.work())
            .expect("the system has room for one more thread")
    }

    fn work(mut self) {
        lower_thread_priority();
        let _threads = ComputeThreads::with_this_one();
        self.check_device();
        while let Ok(command) = self.inbox.recv() {
            match command {
                Command::Load(id, source) => self.load(id, &source),
                Command::Generate(id, request) => self.generate(id, &request),
                Command::Quit => break,
            }
        }
    }

    /// An adapter seen for the first time computes only after it was found right.
    fn check_device(&mut self) {
        let device = self.device.clone();
        let outbox = &self.outbox;
        self.device = doctor::trusted(device, &mut Verdicts::of_this_user(), || {
            outbox.send(Event::CheckingDevice);
        });
    }

    fn load(&mut self, id: LoadId, source: &CheckpointSource) {
        let name = source.name();
        self.outbox.send(Event::ModelLoading {
            name: name.clone(),
            source: source.clone(),
        });
        match self.replace_model(id, source) {
            Ok(info) => self.outbox.send(Event::ModelReady(Arc::new(info))),
            Err(error) => self.outbox.send(Event::ModelFailed {
                name,
                error: Arc::new(error),
            }),
        }
    }

    /// Opens the checkpoint while the old model stays, so that a bad file costs
    /// nothing; then frees the old model, whose memory the new one needs, says so
    /// with [`Event::ModelOpened`], and loads with progress.
    fn replace_model(
        &mut self,
        id: LoadId,
        source: &CheckpointSource,
    ) -> Result<ModelInfo, EngineError> {
        let (checkpoint, weight_type, needs) = self.guarded(|| self.open(id, source))?;
        self.model = None;
        self.device.burn().memory_cleanup();
        self.outbox.send(Event::ModelOpened(needs.clone()));
        let (model, detector, info) = self.guarded(|| {
            let model = self.build(id, checkpoint, weight_type)?;
            let info = self.describe(&model, needs.clone());
            let detector = match source {
                CheckpointSource::Embedded => Some(ObjectDetector::embedded()?),
                _ => None,
            };
            Ok((model, detector, info))
        })?;
        self.model = Some(LoadedModel {
            model,
            needs,
            detector,
        });
        Ok(info)
    }

    /// Everything that can be checked before anything is allocated.
    fn open(
        &self,
        id: LoadId,
        source: &CheckpointSource,
    ) -> Result<(Checkpoint, WeightType, ModelNeeds), EngineError> {
        self.check_load(id)?;
        let checkpoint = Checkpoint::open(source, self.device.burn())?;
        let (weight_type, needs) = ModelNeeds::on(&checkpoint, &self.device);
        let held = self.model.as_ref().map_or(0, LoadedModel::held);
        needs.check(held)?;
        Ok((checkpoint, weight_type, needs))
    }

    fn build(
        &self,
        id: LoadId,
        checkpoint: Checkpoint,
        weight_type: WeightType,
    ) -> Result<StableDiffusion, CheckpointError> {
        let mut told = 0.0;
        StableDiffusion::build(checkpoint, weight_type, &mut |fraction| {
            if fraction >= told + PROGRESS_STEP {
                told = fraction;
                self.outbox.send(Event::ModelProgress(fraction));
            }
            self.check_load(id).is_ok()
        })
    }

    /// Whether this load is still wanted.
    fn check_load(&self, id: LoadId) -> Result<(), CheckpointError> {
        let cancelled = self.flags.loads_cancelled_up_to.load(Ordering::Relaxed);
        match id.0 > cancelled {
            true => Ok(()),
            false => Err(CheckpointError::Cancelled),
        }
    }

    fn describe(&self, model: &StableDiffusion, needs: ModelNeeds) -> ModelInfo {
        let description = &model.description;
        ModelInfo {
            name: description.name.clone(),
            source: description.source.clone(),
            family: description.family,
            device: self.device.to_string(),
            device_note: self.device.note().map(str::to_string),
            tokenizer: Arc::clone(&description.tokenizer),
            hash: Arc::clone(&model.hash),
            vocabulary: description.vocabulary.clone(),
            text_width: description.taught_width(),
            preview_rgb: model.preview_rgb(),
            native_size: description.native_size(),
            size_multiple: description.size_multiple(),
            is_told_sizes: description.is_told_sizes(),
            pixels_per_cell: description.pixels_per_cell(),
            own_walk: description.own_walk(),
            needs,
            notices: description
                .notices
                .iter()
                .map(ToString::to_string)
                .collect(),
        }
    }

    fn generate(&mut self, id: RequestId, request: &Request) {
        self.outbox.send(Event::Started { request: id });
        let began = Instant::now();
        let stopped = self.check_not_stopped(id);
        let merged = stopped.and_then(|()| self.merge_networks(request));
        let ended = merged.and_then(|merged| self.guarded(|| self.run(id, request, merged)));
        self.outbox.send(match ended {
            Ok(()) => Event::Finished {
                request: id,
                seconds: began.elapsed().as_secs_f64(),
            },
            Err(EngineError::Denoise(DenoiseError::Cancelled)) => Event::Cancelled { request: id },
            Err(error) => Event::Failed {
                request: id,
                error: Arc::new(error),
            },
        });
    }

    /// Makes the request's LoRAs, and no others, part of the model.
    fn merge_networks(&mut self, request: &Request) -> Result<Merged, EngineError> {
        let Some(mut loaded) = self.model.take() else {
            return Ok(Merged::default());
        };
        let merged = self.guarded(|| merge(&mut loaded.model, request));
        // After a breakdown nobody knows what became of the weights.
        let is_whole = match &merged {
            Ok(_) | Err(EngineError::Request(_) | EngineError::Inversion(_)) => true,
            Err(EngineError::Lora(error)) => !matches!(error, LoraError::Device(_)),
            Err(_) => false,
        };
        self.model = Some(loaded).filter(|_| is_whole);
        merged
    }

    fn run(&self, id: RequestId, request: &Request, merged: Merged) -> Result<(), EngineError> {
        self.check_not_stopped(id)?;
        let LoadedModel {
            model,
            needs,
            detector,
        } = self.model.as_ref().ok_or(EngineError::NoModel)?;
        let mut limits = self.device.memory_limits();
        // The text encoders leave before the picture is made.
        limits.free = limits
            .free
            .map(|free| free + model.text_encoders.leaving_bytes());
        let prepared = prepare(request, &model.description, needs, limits)?;
        self.outbox.send(Event::PromptRead {
            request: id,
            prompt: Arc::clone(&prepared.prompt),
        });
        for notice in &prepared.notices {
            self.outbox.send(Event::Notice {
                request: id,
                notice: notice.clone(),
            });
        }
        // Its pictures tell it.
        model.hash.begin();
        let prompts = [&prepared.negative_prompt, &prepared.prompt];
        let reading = TextReading {
            clip_skip: request.settings.clip_skip,
            vectors: merged.vectors,
        };
        let prompts = prompts.map(Arc::clone).to_vec();
        let conditioning = model.condition_with(prompts, &prepared.sizes, &reading)?;
        let run = Run {
            id,
            request,
            prepared: &prepared,
            model,
            detector: detector.as_ref(),
            networks: merged.used,
            conditioning,
            wgpu: self.device.wgpu(),
            store: &self.store,
            flags: &self.flags,
            outbox: &self.outbox,
        };
        for (index, &seed) in request.seeds.iter().enumerate() {
            if index > 0 {
                self.check_not_stopped(id)?;
            }
            run.seed(seed)?;
        }
        Ok(())
    }

    /// Between seeds: whether this request is to end here.
    fn check_not_stopped(&self, id: RequestId) -> Result<(), EngineError> {
        let cancelled = self.flags.cancelled_up_to.load(Ordering::Relaxed);
        let finishing = self.flags.finishing_up_to.load(Ordering::Relaxed);
        if id.0 <= cancelled.max(finishing) {
            return Err(DenoiseError::Cancelled.into());
        }
        Ok(())
    }
}

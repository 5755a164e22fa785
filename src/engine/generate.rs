//! One seed of a request: noise, denoising with both methods, decoding.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use burn::tensor::Tensor;
use image::RgbImage;

use super::error::EngineError;
use super::event::{Event, Picture, Sighted, StepEvent, UpdateEvent};
use super::networks::UsedNetwork;
use super::prepare::Prepared;
use super::recorder::Recorder;
use super::request::{Request, RequestId};
use super::store::{StepKey, StepRecord, StepStore, UpdateRecord};
use super::{StopFlags, worker::Outbox};
use crate::checkpoint::{Conditioning, StableDiffusion};
use crate::device::{HostNumbers, Slot, WgpuHandles};
use crate::diffusion::{
    DenoiseError, Denoising, LossReport, Method, NoiseStream, Observer, Scheduler, StepReport,
    UpdateReport,
};
use crate::models::ObjectDetector;
use crate::storm::{AttentionMaps, Objective, Reading};

/// What the pictures of one request share.
pub(super) struct Run<'a> {
    pub(super) id: RequestId,
    pub(super) request: &'a Request,
    pub(super) prepared: &'a Prepared,
    pub(super) model: &'a StableDiffusion,
    pub(super) detector: Option<&'a ObjectDetector>,
    /// What the model computes on, where that is wgpu.
    pub(super) wgpu: Option<&'a WgpuHandles>,
    /// Part of the model.
    pub(super) networks: Arc<Vec<UsedNetwork>>,
    /// Of the negative prompt and the prompt.
    pub(super) conditioning: Conditioning,
    pub(super) store: &'a StepStore,
    pub(super) flags: &'a StopFlags,
    pub(super) outbox: &'a Outbox,
}

impl Run<'_> {
    /// Makes the pictures of one seed.
    pub(super) fn seed(&self, seed: u64) -> Result<(), EngineError> {
        let settings = &self.request.settings;
        let scheduler = self
            .prepared
            .scheduler
            .build(&self.prepared.scheduler_config, settings.steps)
            .map_err(super::RequestError::from)?;
        let step_count = scheduler.calls().len();
        self.outbox.send(Event::SeedStarted {
            request: self.id,
            seed,
            step_count,
            size: self.prepared.size,
        });
        let recorder = self.request.trajectory.map(|method| {
            let objective = self.prepared.objective.as_deref();
            let in_steps = settings.steps * self.prepared.scheduler.sampler().predictions_per_step;
            let warm_up = step_count.saturating_sub(in_steps);
            let hidden_states = self.conditioning.hidden_states.clone();
            Recorder::new(method, objective, warm_up, hidden_states)
        });
        let mut listener = Listener {
            run: self,
            seed,
            began: Instant::now(),
            update: None,
            updates: 0,
            gradient_passes: 0,
            last_reading: None,
            recorder,
        };
        let finished = self.denoise(seed, scheduler.as_ref(), &mut listener)?;
        for (method, latents) in finished {
            let picture = match self.prepared.shape.decode_tiles {
                Some(side) => self.model.vae.decode_tiled(latents, side),
                None => self.model.vae.decode(latents),
            };
            if let Some(recorder) = &mut listener.recorder {
                recorder.decoded(method, &picture);
            }
            let (updates, gradient_passes) = match method {
                Method::Storm => (listener.updates, listener.gradient_passes),
                Method::Standard => (0, 0),
            };
            let image = rgb_image(picture)?;
            let seconds = listener.began.elapsed().as_secs_f64();
            let sighted = self.detector.map(|detector| {
                let scores = detector.scores(&image);
                Arc::new(Sighted {
                    names: detector.names().to_vec(),
                    found: scores.found(),
                    undecided: scores.undecided(),
                })
            });
            self.model.hash.wait();
            self.outbox.send(Event::Picture(Picture {
                request: self.id,
                seed,
                method,
                image: Arc::new(image),
                scheduler: self.prepared.scheduler,
                schedule: self
                    .prepared
                    .scheduler_config
                    .schedule_for(self.prepared.scheduler),
                updates,
                gradient_passes,
                seconds,
                networks: Arc::clone(&self.networks),
                sighted,
            }));
        }
        if let Some(recorder) = listener.recorder {
            let trajectory = recorder.finish(self.id, seed)?;
            self.outbox.send(Event::Trajectory(Arc::new(trajectory)));
        }
        Ok(())
    }
}

/// Lets a pass run that nobody looks at.
struct Unwatched<'a>(&'a dyn Fn() -> bool, Option<Reading>);

impl Observer for Unwatched<'_> {
    fn keep_going(&self) -> bool {
        (self.0)()
    }

    fn updated(&mut self, _: UpdateReport<'_>) {}

    fn stepped(&mut self, report: StepReport<'_>) {
        self.1 = report.reading.cloned();
    }
}

impl Run<'_> {
    /// The finished latents of every method. Where a size is seen from how large an
    /// object usually comes, standard sampling goes first and tells it.
    fn denoise(
        &self,
        seed: u64,
        scheduler: &dyn Scheduler,
        listener: &mut Listener<'_>,
    ) -> Result<Vec<(Method, Tensor<4>)>, EngineError> {
        let methods = self.request.settings.methods;
        let objective = self.prepared.objective.as_deref();
        let is_relative =
            methods.includes(Method::Storm) && self.prepared.layout.has_relative_sizes();
        if !is_relative {
            let denoising = self.denoising(seed, scheduler, methods.list(), objective);
            return Ok(denoising.run(listener)?);
        }
        let standard = self.denoising(seed, scheduler, &[Method::Standard], objective);
        let mut finished = Vec::new();
        let reading = if methods.includes(Method::Standard) {
            finished = standard.run(listener)?;
            listener.last_reading.take()
        } else {
            let going = || listener.keep_going();
            let mut unwatched = Unwatched(&going, None);
            standard.run(&mut unwatched)?;
            unwatched.1
        };
        let objects = reading.into_iter().flat_map(|reading| reading.objects);
        let usual: Vec<Option<f64>> = objects.map(|object| object.extent).collect();
        tracing::debug!(?usual, "extents of the standard picture");
        let sized = self.prepared.objective_for(self.request, &usual)?;
        let storm = self.denoising(seed, scheduler, &[Method::Storm], sized.as_deref());
        finished.extend(storm.run(listener)?);
        Ok(finished)
    }

    fn denoising<'a>(
        &'a self,
        seed: u64,
        scheduler: &dyn Scheduler,
        methods: &[Method],
        objective: Option<&'a dyn Objective>,
    ) -> Denoising<'a> {
        let settings = &self.request.settings;
        let [rows, columns] = self.prepared.latent_size;
        let mut noise = NoiseStream::new(settings.rng, seed, &self.model.device);
        Denoising {
            unet: &self.model.unet,
            context: &self.conditioning.context,
            scheduler: scheduler.fork(),
            guidance_scale: settings.guidance_scale,
            guidance_rescale: settings.guidance_rescale,
            latents: noise.draw([1, 4, rows, columns]),
            noise,
            methods: methods.to_vec(),
            objective,
            update_rule: &self.prepared.update_rule,
            attention_res: settings.optimisation.update.attention_res,
            attention_layers: settings.optimisation.update.attention_layers,
            batch_lanes: self.prepared.shape.batch_lanes,
            activations: self.prepared.shape.activations,
        }
    }
}

/// A picture [1, 3, height, width], nominally in [-1, 1], as bytes.
fn rgb_image(picture: Tensor<4>) -> Result<RgbImage, DenoiseError> {
    let [_, _, height, width] = picture.dims();
    // Channels last, as image files have them.
    let values: Vec<f32> = picture
        .swap_dims(1, 2)
        .swap_dims(2, 3)
        .try_into_vec_as()
        .map_err(|error| DenoiseError::Device(error.to_string()))?;
    if values.iter().any(|value| !value.is_finite()) {
        return Err(DenoiseError::DecodeNotFinite);
    }
    let bytes = values
        .iter()
        .map(|value| ((value + 1.0) * 127.5).clamp(0.0, 255.0).round() as u8)
        .collect();
    let image = RgbImage::from_raw(width as u32, height as u32, bytes);
    Ok(image.expect("the decoder gives three bytes per pixel"))
}

/// Turns reports of the loop into events and stored steps.
struct Listener<'a> {
    run: &'a Run<'a>,
    seed: u64,
    began: Instant,
    /// Of the step in work.
    update: Option<UpdateRecord>,
    updates: usize,
    gradient_passes: usize,
    /// Of the last step, by whichever method made it.
    last_reading: Option<Reading>,
    recorder: Option<Recorder<'a>>,
}

impl Observer for Listener<'_> {
    fn keep_going(&self) -> bool {
        let cancelled = self.run.flags.cancelled_up_to.load(Ordering::Relaxed);
        self.run.id.0 > cancelled
    }

    fn gradient_pass(&mut self) {
        self.gradient_passes += 1;
    }

    fn evaluated(&mut self, report: LossReport<'_>) {
        if let Some(recorder) = &mut self.recorder {
            recorder.evaluated(&report);
        }
    }

    fn updated(&mut self, report: UpdateReport<'_>) {
        self.updates += 1;
        if let Some(recorder) = &mut self.recorder {
            recorder.updated(&report);
        }
        let reading = report.evaluation.reading.clone();
        let maps = Arc::new(report.maps.clone());
        self.update = Some(UpdateRecord {
            drawn_maps: self.drawn(report.device_maps, &maps),
            maps,
            reading: reading.clone(),
            loss: report.evaluation.loss,
            gradient_norm: report.gradient_norm,
        });
        self.run.outbox.send(Event::Updated(UpdateEvent {
            request: self.run.id,
            seed: self.seed,
            step: report.index,
            loss: report.evaluation.loss,
            gradient_norm: report.gradient_norm,
            length: report.length,
            reading,
        }));
    }

    fn stepped(&mut self, report: StepReport<'_>) {
        if let Some(recorder) = &mut self.recorder {
            recorder.stepped(&report);
        }
        self.last_reading = report.reading.cloned();
        self.store(&report);
        self.run.outbox.send(Event::Stepped(StepEvent {
            request: self.run.id,
            seed: self.seed,
            methods: report.methods.to_vec(),
            step: report.index,
            step_count: report.count,
            timestep: report.timestep,
            reading: report.reading.cloned(),
            seconds: self.began.elapsed().as_secs_f64(),
        }));
    }
}

impl Listener<'_> {
    /// A tensor that is kept where it lies; `None` if the device failed, which
    /// ends the run at its next read.
    fn kept(&self, tensor: &Tensor<4>, step: usize) -> Option<Slot> {
        let kept = match self.run.wgpu {
            Some(handles) => Slot::on_device(tensor, handles).map_err(|error| error.to_string()),
            None => {
                let values: Result<Vec<f32>, _> = tensor.clone().try_into_vec_as();
                values.map(Slot::from).map_err(|error| error.to_string())
            }
        };
        kept.inspect_err(|error| tracing::warn!("step {step} cannot be kept: {error}"))
            .ok()
    }

    /// Maps to be drawn: those of the device where there is one, else those
    /// that the objective read.
    fn drawn(&self, on_device: &Tensor<4>, on_host: &Arc<AttentionMaps>) -> Slot {
        let host = || Slot::Host(Arc::clone(on_host) as HostNumbers);
        match self.run.wgpu {
            Some(handles) => Slot::on_device(on_device, handles).unwrap_or_else(|error| {
                tracing::warn!("maps are drawn from the host: {error}");
                host()
            }),
            None => host(),
        }
    }

    fn store(&mut self, report: &StepReport<'_>) {
        if !self.run.store.keeps_steps() {
            return;
        }
        let preview = self.run.model.preview(report.pred_original_sample);
        let [_, _, rows, columns] = preview.dims();
        let Some(preview) = self.kept(&preview, report.index) else {
            return;
        };
        let is_storm = report.methods.contains(&Method::Storm);
        let maps = Arc::new(report.maps.clone());
        let record = StepRecord {
            preview,
            rows,
            columns,
            drawn_maps: self.drawn(report.device_maps, &maps),
            maps,
            reading: report.reading.cloned(),
            update: if is_storm { self.update.take() } else { None },
        };
        for &method in report.methods {
            let key = StepKey {
                request: self.run.id,
                seed: self.seed,
                method,
                step: report.index,
            };
            self.run.store.insert(key, record.clone());
        }
    }
}

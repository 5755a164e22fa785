//! `bench`: how long everything takes here, as a table to paste into a report.
//!
//! Pictures go through the engine, as the window's do; the parts of a step are timed
//! on the model itself. `tests/parity/time_diffusers.py` times the same picture
//! with diffusers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use burn::tensor::{Tensor, TensorData};
use clap::Args;
use serde::Serialize;
use strum::VariantArray;

use super::Failure;
use super::engine_answers::{failure, wait_for_model};
use super::model::{DeviceArguments, ModelArguments, ThreadArguments};
use super::output;
use super::report::Report;
use crate::checkpoint::{Checkpoint, CheckpointSource, StableDiffusion};
use crate::device::{ComputeDevice, ComputeThreads, resident_memory};
use crate::diffusion::noise::torch_randn;
use crate::diffusion::{Method, Methods};
use crate::engine::{Engine, Event, ModelInfo, ModelNeeds, Request, Settings};
use crate::models::unet::{Activations, Grid, PromptContext};
use crate::prompt::Assignment;

/// Any that a model was trained on.
const TIMESTEP: f64 = 500.0;

#[derive(Debug, Args)]
pub(super) struct BenchArguments {
    #[command(flatten)]
    model: ModelArguments,
    #[command(flatten)]
    device: DeviceArguments,
    #[command(flatten)]
    threads: ThreadArguments,
    /// What the timed pictures show
    #[arg(long, default_value = "a cat to the left of a dog")]
    prompt: String,
    /// Denoising steps of a picture
    #[arg(long, default_value_t = 50)]
    steps: usize,
    /// Times that each thing is done; the median counts
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    repeat: u16,
    /// Leave out the pictures, which take longest
    #[arg(long)]
    parts_only: bool,
    /// Print one JSON line instead of a table
    #[arg(long)]
    json: bool,
}

/// Seconds of one thing done several times.
#[derive(Debug, Clone, Serialize)]
struct Timing {
    what: String,
    median: f64,
    fastest: f64,
    slowest: f64,
}

/// All that was measured.
#[derive(Debug, Serialize)]
struct Findings {
    version: &'static str,
    model: String,
    size: [usize; 2],
    device: String,
    weights: &'static str,
    threads: usize,
    steps: usize,
    repeat: u16,
    timings: Vec<Timing>,
    /// Bytes of this program in memory at its fullest, as the system tells.
    peak_memory: Option<u64>,
}

pub(super) fn run(arguments: &BenchArguments) -> Result<(), Failure> {
    let source = arguments.model.source()?;
    if let Some(note) = arguments.threads.apply() {
        output::say(note);
    }
    let device = arguments.device.open()?;
    let memory = PeakMemory::watch();
    let mut timings = Vec::new();
    let model = time_pictures(arguments, &device, &source, &mut timings)?;
    let _threads = ComputeThreads::with_this_one();
    let weights = time_parts(arguments, &device, &source, &mut timings)?;
    let findings = Findings {
        version: env!("CARGO_PKG_VERSION"),
        model: model.name.clone(),
        size: model.native_size,
        device: describe(&device),
        weights,
        threads: rayon::current_num_threads(),
        steps: arguments.steps,
        repeat: arguments.repeat,
        timings,
        peak_memory: memory.stop(),
    };
    if arguments.json {
        let line = serde_json::to_string(&findings).map_err(Failure::run)?;
        output::line(line)
    } else {
        output::line(table(&findings))
    }
}

/// Loading, the first step, and whole pictures by each choice of methods.
fn time_pictures(
    arguments: &BenchArguments,
    device: &ComputeDevice,
    source: &CheckpointSource,
    timings: &mut Vec<Timing>,
) -> Result<Arc<ModelInfo>, Failure> {
    let began = Instant::now();
    let engine = Engine::start(device.clone(), source.clone(), 0, Arc::new(|| ()));
    let model = wait_for_model(&engine, &mut Report::new(arguments.json))?;
    timings.push(Timing::of("loading the model", vec![began.elapsed()]));
    if arguments.parts_only {
        return Ok(model);
    }
    let prompt = model
        .tokenizer
        .read(&arguments.prompt, Settings::default().reading());
    let assignment = Assignment::proposed(&prompt);
    let layout = assignment.layout(&prompt).map_err(Failure::usage)?;
    let request = |methods| Request {
        prompt: arguments.prompt.clone(),
        layout: layout.clone(),
        settings: Settings {
            methods,
            steps: arguments.steps,
            ..Settings::default()
        },
        ..Request::default()
    };
    let (first_step, _) = time_request(&engine, request(Methods::Standard))?;
    timings.push(Timing::of(
        "first step of the first picture",
        vec![first_step],
    ));
    for &methods in Methods::VARIANTS {
        if methods.includes(Method::Storm) && layout.relations.is_empty() {
            continue;
        }
        let seconds: Result<Vec<Duration>, Failure> = (0..arguments.repeat)
            .map(|_| Ok(time_request(&engine, request(methods))?.1))
            .collect();
        let what = format!("prompt to picture, {}", name(methods));
        timings.push(Timing::of(&what, seconds?));
    }
    Ok(model)
}

fn name(methods: Methods) -> &'static str {
    match methods {
        Methods::Both => "standard and STORM together",
        Methods::Standard => "standard alone",
        Methods::Storm => "STORM alone",
    }
}

/// How long a request takes to its first step and to its end.
fn time_request(engine: &Engine, request: Request) -> Result<(Duration, Duration), Failure> {
    let began = Instant::now();
    let id = engine.submit(request);
    let mut first_step = None;
    while let Some(event) = engine.wait_event() {
        match event {
            Event::Stepped(_) => {
                first_step.get_or_insert(began.elapsed());
            }
            Event::Finished { request, .. } if request == id => {
                let whole = began.elapsed();
                return Ok((first_step.unwrap_or(whole), whole));
            }
            Event::Failed { request, error } if request == id => return Err(failure(&error)),
            _ => {}
        }
    }
    Err(Failure::run("the engine ended before the picture was done"))
}

/// One model and what its passes read.
struct Parts {
    model: StableDiffusion,
    latents: Tensor<4>,
    /// Of the empty prompt and the prompt.
    context: PromptContext,
    grid: Grid,
}

/// A guided prediction, an update and a decode; what the weights are kept in.
fn time_parts(
    arguments: &BenchArguments,
    device: &ComputeDevice,
    source: &CheckpointSource,
    timings: &mut Vec<Timing>,
) -> Result<&'static str, Failure> {
    let checkpoint = Checkpoint::open(source, device.burn()).map_err(Failure::model)?;
    let (weight_type, _) = ModelNeeds::on(&checkpoint, device);
    let model = StableDiffusion::build(checkpoint, weight_type, &mut |_| true);
    let model = model.map_err(Failure::model)?;
    let [rows, columns] = model.description.unet_config.sample_size.height_width();
    let noise = torch_randn(0, 4 * rows * columns);
    let noise = TensorData::new(noise, [1, 4, rows, columns]);
    let conditioning = model.condition_texts(&["", &arguments.prompt]);
    let parts = Parts {
        latents: Tensor::from_data(noise, &model.device),
        context: conditioning.map_err(Failure::model)?.context,
        grid: model.unet.attention_grid(Grid { rows, columns }, 16),
        model,
    };
    let mut time = |what: &str, part: &dyn Fn(&Parts) -> Tensor<4>| {
        // The first call may choose kernels and compile them.
        wait_for(part(&parts))?;
        let times: Result<Vec<Duration>, Failure> = (0..arguments.repeat)
            .map(|_| {
                let began = Instant::now();
                wait_for(part(&parts))?;
                Ok(began.elapsed())
            })
            .collect();
        timings.push(Timing::of(what, times?));
        Ok::<(), Failure>(())
    };
    time("a guided prediction with maps", &guided_prediction)?;
    time("an update (maps and gradient)", &update)?;
    time("decoding a picture", &|parts| {
        parts.model.vae.decode(parts.latents.clone())
    })?;
    Ok(weight_type.name())
}

fn guided_prediction(parts: &Parts) -> Tensor<4> {
    let both = parts.latents.clone().repeat_dim(0, 2);
    let unet = &parts.model.unet;
    let prediction = unet.predict(
        both,
        TIMESTEP,
        &parts.context,
        Some(parts.grid.into()),
        &|| true,
    );
    prediction.expect("it is never told to stop").sample
}

fn update(parts: &Parts) -> Tensor<4> {
    let unet = &parts.model.unet;
    let context = parts.context.narrow(1, 1);
    let latents = parts.latents.clone();
    let keep = Activations::Keep;
    let tracked = unet.map_gradient(latents, TIMESTEP, &context, parts.grid, keep, &|| true);
    let tracked = tracked.expect("it is never told to stop");
    let weights = tracked.maps().ones_like();
    let gradient = tracked.backward(weights, &|| true);
    gradient.expect("it is never told to stop")
}

/// Reads a tensor, which is when it has really been computed.
fn wait_for(tensor: Tensor<4>) -> Result<(), Failure> {
    let read: Result<Vec<f32>, _> = tensor.try_into_vec_as();
    read.map(drop).map_err(Failure::device)
}

/// The device with its driver.
fn describe(device: &ComputeDevice) -> String {
    match device.wgpu() {
        Some(gpu) => {
            let adapter = gpu.summary();
            format!("{adapter}, driver {}", adapter.driver)
        }
        None => device.to_string(),
    }
}

impl Timing {
    /// Of at least one duration.
    fn of(what: &str, durations: Vec<Duration>) -> Self {
        let mut seconds: Vec<f64> = durations.iter().map(Duration::as_secs_f64).collect();
        seconds.sort_by(f64::total_cmp);
        let middle = seconds.len() / 2;
        let median = if seconds.len().is_multiple_of(2) {
            (seconds[middle - 1] + seconds[middle]) / 2.0
        } else {
            seconds[middle]
        };
        Self {
            what: what.to_string(),
            median,
            fastest: seconds[0],
            slowest: seconds[seconds.len() - 1],
        }
    }
}

/// The findings in Markdown.
fn table(findings: &Findings) -> String {
    let [width, height] = findings.size;
    let mut text = format!(
        "Storm Studio {}, {} at {width} × {height}, weights in {}, {} steps; {}, {} threads\n\n\
         | what | median of {} | fastest | slowest |\n| --- | --- | --- | --- |\n",
        findings.version,
        findings.model,
        findings.weights,
        findings.steps,
        findings.device,
        findings.threads,
        findings.repeat,
    );
    for timing in &findings.timings {
        text += &format!(
            "| {} | {} | {} | {} |\n",
            timing.what,
            seconds(timing.median),
            seconds(timing.fastest),
            seconds(timing.slowest),
        );
    }
    if let Some(bytes) = findings.peak_memory {
        text += &format!("| peak memory | {:.2} GB | | |\n", bytes as f64 * 1e-9);
    }
    text
}

/// Three figures that count, in milliseconds below a second.
fn seconds(seconds: f64) -> String {
    if seconds < 1.0 {
        format!("{:.1} ms", seconds * 1e3)
    } else {
        format!("{seconds:.2} s")
    }
}

/// Watches how much memory the program takes.
struct PeakMemory {
    done: Arc<AtomicBool>,
    peak: Arc<AtomicU64>,
    watcher: JoinHandle<()>,
}

impl PeakMemory {
    /// Looks some dozen times a second: what is allocated for a moment is missed.
    fn watch() -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let peak = Arc::new(AtomicU64::new(0));
        let (is_done, highest) = (Arc::clone(&done), Arc::clone(&peak));
        let watcher = std::thread::spawn(move || {
            while !is_done.load(Ordering::Relaxed) {
                highest.fetch_max(resident_memory().unwrap_or(0), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(25));
            }
        });
        Self {
            done,
            peak,
            watcher,
        }
    }

    /// The most that was seen; `None` where the system does not tell.
    fn stop(self) -> Option<u64> {
        self.done.store(true, Ordering::Relaxed);
        if self.watcher.join().is_err() {
            tracing::debug!("the thread that watched memory has ended in a panic");
        }
        let bytes = self.peak.load(Ordering::Relaxed);
        (bytes > 0).then_some(bytes)
    }
}

#[cfg(test)]
mod tests;

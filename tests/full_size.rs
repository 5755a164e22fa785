//! A checkpoint of Stable Diffusion's full size with random weights: errors, times, peak memory.
//!
//! Run by hand, see parity/make_full_size.py and make_full_size_sdxl.py: the folders are 4.3 and 5.2 GB.

mod loras;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use burn::tensor::{Device, Tensor, TensorData};
use storm_studio::checkpoint::{CheckpointSource, StableDiffusion};
use storm_studio::models::unet::{Activations, Grid, MicroConditioning};

use crate::fixture::{Fixture, largest_difference, numbers};

/// The largest memory that this process held, file pages left out.
struct Peak {
    bytes: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

impl Peak {
    fn watch() -> Self {
        let peak = Self {
            bytes: Arc::default(),
            stop: Arc::default(),
        };
        let (bytes, stop) = (Arc::clone(&peak.bytes), Arc::clone(&peak.stop));
        std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                bytes.fetch_max(anonymous_memory(), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        peak
    }

    /// In GB, since the last call.
    fn take(&self) -> f64 {
        let bytes = self.bytes.swap(anonymous_memory(), Ordering::Relaxed);
        bytes as f64 / 1e9
    }
}

impl Drop for Peak {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn anonymous_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
    kilobytes.unwrap().parse::<u64>().unwrap() * 1024
}

#[test]
#[ignore = "needs the folder that parity/make_full_size.py writes, named by FULL_SIZE"]
fn full_size_agrees_with_diffusers_within_the_memory_promised() {
    let folder = PathBuf::from(std::env::var_os("FULL_SIZE").expect("FULL_SIZE names a folder"));
    let device = Device::flex();
    let fixture = Fixture::open_at(&folder.join("reference.safetensors"));
    let peak = Peak::watch();
    let timed = |what: &str, began: Instant| {
        let seconds = began.elapsed().as_secs_f64();
        println!("{what}: {seconds:.1} s, peak {:.2} GB", peak.take());
    };
    let relative = |what: &str, ours: &[f32], theirs: &str| {
        let theirs = fixture.floats(theirs);
        let largest = theirs
            .iter()
            .fold(0f32, |most, value| most.max(value.abs()));
        let difference = largest_difference(ours, &theirs) / largest;
        println!("{what}: largest difference {difference:.1e} of the largest number");
        assert!(difference < 1e-3, "{what}: {difference}");
    };

    let began = Instant::now();
    let source = CheckpointSource::from_path(&folder).unwrap();
    let model = StableDiffusion::load(&source, &device).unwrap();
    timed("load", began);

    let began = Instant::now();
    let hidden = model
        .text_encoders
        .first
        .network()
        .unwrap()
        .forward(fixture.ids("text.ids", &device));
    timed("text encoder", began);
    relative("text encoder", &numbers(hidden.clone()), "text.hidden");

    let context = model.unet.prompt_context(hidden.clone());
    let latents = fixture.tensor::<4>("unet.latents", &device);
    let grid = Grid {
        rows: 16,
        columns: 16,
    };
    let began = Instant::now();
    let batch = latents.clone().repeat_dim(0, 2);
    let predicted = model
        .unet
        .predict(batch, 981.0, &context, Some(grid.into()), &|| true);
    timed("guided prediction (batch 2, maps captured)", began);
    relative(
        "UNet prediction",
        &numbers(predicted.unwrap().sample),
        "unet.prediction",
    );

    let conditional = context.narrow(1, 1);
    let weight = TensorData::new(fixture.floats("gradient.weight"), [1, 16, 16, 77]);
    let weight = Tensor::<4>::from_data(weight, &device);
    // What a machine with little memory does.
    let activations = Activations::Recompute;
    let began = Instant::now();
    let tracked = model
        .unet
        .map_gradient(latents, 981.0, &conditional, grid, activations, &|| true)
        .unwrap();
    timed("maps of an update", began);
    let value = tracked.maps().clone().mul(weight.clone()).sum();
    relative("Σ maps · weight", &numbers(value), "gradient.value");
    let began = Instant::now();
    let gradient = tracked.backward(weight, &|| true).unwrap();
    timed("gradient of an update", began);
    relative(
        "gradient by the latents",
        &numbers(gradient),
        "gradient.latents",
    );

    let began = Instant::now();
    let decoded = model.vae.decode(fixture.tensor("vae.latents", &device));
    timed("decode 256 × 256", began);
    relative("VAE decode", &numbers(decoded), "vae.decoded");
    let latents = fixture.tensor::<4>("unet.latents", &device);
    let began = Instant::now();
    let whole = numbers(model.vae.decode(latents.clone()));
    timed("decode 512 × 512", began);
    let began = Instant::now();
    let tiled = numbers(model.vae.decode_tiled(latents, 16));
    timed("decode 512 × 512 in tiles of 16 rows of cells", began);
    let difference = largest_difference(&tiled, &whole);
    println!("tiles: largest difference {difference:.1e} (random weights)");
}

#[test]
#[ignore = "needs the folder that parity/make_full_size_sdxl.py writes, named by FULL_SIZE_SDXL"]
fn the_full_size_unet_of_sdxl_agrees_with_diffusers() {
    let folder = std::env::var_os("FULL_SIZE_SDXL").expect("FULL_SIZE_SDXL names a folder");
    let folder = PathBuf::from(folder);
    let device = Device::flex();
    let fixture = Fixture::open_at(&folder.join("reference.safetensors"));
    let peak = Peak::watch();
    let timed = |what: &str, began: Instant| {
        let seconds = began.elapsed().as_secs_f64();
        println!("{what}: {seconds:.1} s, peak {:.2} GB", peak.take());
    };
    let relative = |what: &str, ours: Vec<f32>, theirs: &str| {
        let theirs = fixture.floats(theirs);
        let largest = theirs
            .iter()
            .fold(0f32, |most, value| most.max(value.abs()));
        let difference = largest_difference(&ours, &theirs) / largest;
        println!("{what}: largest difference {difference:.1e} of the largest number");
        assert!(difference < 1e-3, "{what}: {difference}");
    };

    let began = Instant::now();
    let source = CheckpointSource::from_path(&folder).unwrap();
    let model = StableDiffusion::load(&source, &device).unwrap();
    timed("load", began);

    let told = fixture.integers("time_ids");
    let pair = |width: usize, height: usize| [told[width] as usize, told[height] as usize];
    let sizes = MicroConditioning {
        original_size: pair(1, 0),
        crop: pair(3, 2),
        target_size: pair(5, 4),
    };
    let unet = &model.unet;
    let pooled = fixture.tensor("pooled", &device);
    let added = unet.added_condition(pooled, &sizes).unwrap();
    let context = unet.prompt_context(fixture.tensor("hidden", &device));
    let context = context.with_added(added);
    let latents = fixture.tensor::<4>("latents", &device);
    let [_, _, rows, columns] = latents.dims();
    let grid = |level: usize| Grid { rows, columns }.at_level(level);
    for (level, name) in [(2, "maps.coarse"), (1, "maps.fine")] {
        let began = Instant::now();
        let predicted = unet
            .predict(
                latents.clone(),
                981.0,
                &context,
                Some(grid(level).into()),
                &|| true,
            )
            .unwrap();
        timed("prediction with maps", began);
        relative("prediction", numbers(predicted.sample), "prediction");
        relative(name, numbers(predicted.maps.unwrap()), name);
    }
    let began = Instant::now();
    let tracked = unet
        .map_gradient(
            latents,
            981.0,
            &context,
            grid(2),
            Activations::Recompute,
            &|| true,
        )
        .unwrap();
    let weights = tracked.maps().clone();
    let gradient = numbers(tracked.backward(weights, &|| true).unwrap());
    timed("maps of an update and their gradient", began);
    assert!(gradient.iter().all(|number| number.is_finite()));
}

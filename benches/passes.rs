//! What the parts of a step cost on the CPU, on the embedded model: predictions of
//! one, two and four samples, the pass that feeds the objective, and its backward
//! pass.
//!
//! A guided step is a prediction of two; an update adds one pass for maps and one
//! backward pass. All stand in one run, so that their ratios are fair.
//!
//!     cargo bench --bench passes

use burn::tensor::{Device, Tensor, TensorData};
use divan::Bencher;
use storm_studio::checkpoint::{CheckpointSource, StableDiffusion};
use storm_studio::device::ComputeThreads;
use storm_studio::diffusion::noise::torch_randn;
use storm_studio::models::unet::{Activations, Grid, PromptContext};

/// Any that the model was trained on.
const TIMESTEP: f64 = 500.0;

fn main() {
    let _threads = ComputeThreads::with_this_one();
    divan::main();
}

struct Scene {
    model: StableDiffusion,
    latents: Tensor<4>,
    context: PromptContext,
    grid: Grid,
}

/// Noise and a prompt for `samples` samples.
fn scene(samples: usize) -> Scene {
    let device = Device::flex();
    let model = StableDiffusion::load(&CheckpointSource::Embedded, &device)
        .expect("the embedded model loads");
    let [rows, columns] = model.description.unet_config.sample_size.height_width();
    let latents = Grid { rows, columns };
    let grid = model.unet.attention_grid(latents, 16);
    let one = model
        .condition_texts(&["a cat to the left of a dog"])
        .expect("its text encoder stays where it is")
        .context;
    let context = match samples {
        1 => one,
        samples => one.repeat(samples),
    };
    let noise = torch_randn(0, samples * 4 * rows * columns);
    let data = TensorData::new(noise, [samples, 4, rows, columns]);
    Scene {
        latents: Tensor::from_data(data, &device),
        model,
        context,
        grid,
    }
}

/// Reads a tensor, which is when it has really been computed.
fn wait_for(tensor: Tensor<4>) -> Vec<f32> {
    tensor
        .try_into_vec_as()
        .expect("the CPU's memory can be read")
}

#[divan::bench(args = [1, 2, 4])]
fn prediction(bencher: Bencher, samples: usize) {
    let scene = scene(samples);
    bencher.bench_local(|| {
        let latents = scene.latents.clone();
        let unet = &scene.model.unet;
        let grid = Some(scene.grid.into());
        let prediction = unet.predict(latents, TIMESTEP, &scene.context, grid, &|| true);
        wait_for(prediction.expect("nothing cancels it").sample)
    });
}

#[divan::bench(args = [Activations::Keep, Activations::Recompute])]
fn maps_with_gradient(bencher: Bencher, activations: Activations) {
    let scene = scene(1);
    bencher.bench_local(|| {
        let latents = scene.latents.clone();
        let (unet, grid) = (&scene.model.unet, scene.grid);
        let context = &scene.context;
        let tracked = unet.map_gradient(latents, TIMESTEP, context, grid, activations, &|| true);
        let tracked = tracked.expect("nothing cancels it");
        let maps = tracked.maps();
        let weights = Tensor::ones(maps.shape(), &maps.device());
        let gradient = tracked.backward(weights, &|| true);
        wait_for(gradient.expect("nothing cancels it"))
    });
}

#[divan::bench]
fn maps_alone(bencher: Bencher) {
    let scene = scene(1);
    bencher.bench_local(|| {
        let latents = scene.latents.clone();
        let (unet, grid) = (&scene.model.unet, scene.grid);
        let maps = unet.cross_attention_maps(latents, TIMESTEP, &scene.context, grid, &|| true);
        wait_for(maps.expect("nothing cancels it"))
    });
}

#[divan::bench]
fn decoding(bencher: Bencher) {
    let scene = scene(1);
    bencher.bench_local(|| wait_for(scene.model.vae.decode(scene.latents.clone())));
}

#[divan::bench]
fn previewing(bencher: Bencher) {
    let scene = scene(1);
    bencher.bench_local(|| wait_for(scene.model.preview(&scene.latents)));
}

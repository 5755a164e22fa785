//! Stable Diffusion's true form, narrow: 1.x and 2.x layers, spellings and file types.

use burn::tensor::{Device, Int, Tensor, TensorData};
use storm_studio::checkpoint::{CheckpointSource, StableDiffusion};
use storm_studio::diffusion::{
    Denoising, Method, NoiseKind, NoiseStream, SchedulerConfig, UpdateRule,
};
use storm_studio::models::unet::{Activations, Grid};

use crate::fixture::{Fixture, StandardRun, assert_near, folder, numbers};

fn agrees(family: &str) {
    let device = Device::flex();
    let fixture = Fixture::open(&format!("{family}.safetensors"));
    let source = CheckpointSource::from_path(&folder().join(family)).unwrap();
    let model = StableDiffusion::load(&source, &device).unwrap();
    let near = |what: &str, ours: Vec<f32>, theirs: &str| {
        let theirs = fixture.floats(theirs);
        let largest = theirs
            .iter()
            .fold(1f32, |most, value| most.max(value.abs()));
        assert_near(&format!("{family}, {what}"), &ours, &theirs, 1e-4 * largest);
    };

    let ids: Vec<i64> = ["", "a cat to the left of a blue dog"]
        .iter()
        .flat_map(|prompt| model.description.tokenizer.encode(prompt).ids)
        .map(i64::from)
        .collect();
    assert_eq!(ids, fixture.integers("text.ids"));
    let hidden = model
        .text_encoders
        .first
        .network()
        .unwrap()
        .forward(fixture.ids("text.ids", &device));
    near("text encoder", numbers(hidden.clone()), "text.hidden");

    let context = model.unet.prompt_context(hidden.clone());
    let latents = fixture.tensor::<4>("unet.latents", &device);
    let twice = Tensor::cat(vec![latents.clone(), latents.clone()], 0);
    let [_, _, rows, columns] = latents.dims();
    let grid = model.unet.attention_grid(Grid { rows, columns }, 16);
    assert_eq!((grid.rows, grid.columns), (16, 16));
    let predicted = model
        .unet
        .predict(twice, 981.0, &context, Some(grid.into()), &|| true)
        .unwrap();
    near(
        "UNet prediction",
        numbers(predicted.sample),
        "unet.prediction",
    );
    let maps = predicted.maps.unwrap().narrow(0, 1, 1);
    near("UNet maps", numbers(maps), "unet.maps.16x16");

    let tracked = latents.clone().autodiff().require_grad();
    let context = model.unet.prompt_context(hidden.narrow(0, 1, 1));
    let maps = model
        .unet
        .cross_attention_maps(tracked.clone(), 981.0, &context, grid, &|| true)
        .unwrap();
    let weight = TensorData::new(fixture.floats("gradient.weight"), [1, 16, 16, 77]);
    let weight = Tensor::<4>::from_data(weight, &device);
    let mut gradients = maps.mul(weight.clone()).sum().backward();
    let gradient = tracked.grad_remove(&mut gradients).unwrap();
    near(
        "gradient by the latents",
        numbers(gradient),
        "gradient.latents",
    );
    for activations in [Activations::Recompute, Activations::Keep] {
        let (latents, weight) = (latents.clone(), weight.clone());
        let by_stages = model
            .unet
            .map_gradient(latents, 981.0, &context, grid, activations, &|| true)
            .unwrap()
            .backward(weight, &|| true)
            .unwrap();
        near(
            "gradient by the latents, by stages",
            numbers(by_stages),
            "gradient.latents",
        );
    }

    let decoded = model.vae.decode(fixture.tensor("vae.latents", &device));
    near("VAE decode", numbers(decoded), "vae.decoded");
}

#[test]
fn stable_diffusion_1_agrees_with_diffusers() {
    agrees("narrow-sd1");
}

#[test]
fn stable_diffusion_2_agrees_with_diffusers() {
    agrees("narrow-sd2");
}

/// Four steps of `scheduler`.
fn four_steps(
    model: &StableDiffusion,
    scheduler: &SchedulerConfig,
    ids: Tensor<2, Int>,
    initial: Tensor<4>,
    guidance_rescale: f64,
) -> StandardRun {
    let device = Device::flex();
    let hidden = model.text_encoders.first.network().unwrap().forward(ids);
    let mut run = StandardRun::default();
    Denoising {
        unet: &model.unet,
        context: &model.unet.prompt_context(hidden),
        scheduler: scheduler.kind().build(scheduler, 4).unwrap(),
        guidance_scale: 7.5,
        guidance_rescale,
        latents: initial,
        noise: NoiseStream::new(NoiseKind::Cpu, 0, &device),
        methods: vec![Method::Standard],
        objective: None,
        update_rule: &UpdateRule::default(),
        attention_res: 16,
        attention_layers: None,
        batch_lanes: true,
        activations: Activations::Keep,
    }
    .run(&mut run)
    .unwrap();
    run
}

/// Four steps of the folder's own scheduler: PNDM of the noise in 1.x, DDIM of
/// the velocity in 2.x.
fn trajectory_agrees(family: &str, tolerance: f32) {
    let device = Device::flex();
    let fixture = Fixture::open(&format!("{family}.safetensors"));
    let source = CheckpointSource::from_path(&folder().join(family)).unwrap();
    let model = StableDiffusion::load(&source, &device).unwrap();
    let config = &model.description.scheduler;
    let ids = fixture.ids("text.ids", &device);
    let initial = fixture.tensor("trajectory.initial", &device);
    let run = four_steps(&model, config, ids, initial, 0.0);
    assert_eq!(run.timesteps, fixture.integers("trajectory.timesteps"));
    let theirs = fixture.floats("trajectory.latents");
    let largest = theirs
        .iter()
        .fold(1f32, |most, value| most.max(value.abs()));
    let what = format!("{family}, trajectory");
    assert_near(&what, &run.latents, &theirs, tolerance * largest);
}

#[test]
fn stable_diffusion_1_walks_with_diffusers() {
    trajectory_agrees("narrow-sd1", 1e-4);
}

#[test]
fn stable_diffusion_2_walks_with_diffusers() {
    // Rounding alone makes 6e-5 (tests/fixtures/README.md).
    trajectory_agrees("narrow-sd2", 3e-4);
}

/// From noise without any signal, with the guidance rescaled.
#[test]
fn zero_terminal_snr_and_rescaled_guidance_walk_with_diffusers() {
    let device = Device::flex();
    let fixture = Fixture::open("zero_snr.safetensors");
    let source = CheckpointSource::from_path(&folder().join("narrow-sd2")).unwrap();
    let model = StableDiffusion::load(&source, &device).unwrap();
    let json = r#"{"_class_name": "DDIMScheduler", "beta_start": 0.00085, "beta_end": 0.012,
        "beta_schedule": "scaled_linear", "prediction_type": "v_prediction",
        "rescale_betas_zero_snr": true, "set_alpha_to_one": false, "steps_offset": 1,
        "timestep_spacing": "trailing"}"#;
    let config = SchedulerConfig::from_json(json.as_bytes()).unwrap();
    let ids = fixture.ids("text.ids", &device);
    let initial = fixture.tensor("initial", &device);
    let run = four_steps(&model, &config, ids, initial, 0.7);
    assert_eq!(run.timesteps, fixture.integers("timesteps"));
    assert_eq!(run.timesteps[0], 999, "the walk begins where no signal is");
    let theirs = fixture.floats("latents");
    let largest = theirs
        .iter()
        .fold(1f32, |most, value| most.max(value.abs()));
    assert_near("zero SNR", &run.latents, &theirs, 3e-4 * largest);
}

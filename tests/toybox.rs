//! The embedded model against diffusers and transformers on the same weights, in f32.

use burn::tensor::{Device, Tensor, TensorData};
use storm_studio::models::unet::{Activations, Grid};

use crate::fixture::{Fixture, StandardRun, assert_near, numbers, toybox};

/// The goal for every component.
const TOLERANCE: f32 = 1e-4;
const TIMESTEP: f64 = 981.0;

/// Every component on `device`; the wgpu tests run it too.
pub fn components_agree(device: &Device, name: &str) {
    let fixture = Fixture::open("toybox.safetensors");
    let model = toybox(device);
    let near = |what: &str, ours: Vec<f32>, theirs: &str| {
        let theirs = fixture.floats(theirs);
        assert_near(&format!("{name}, {what}"), &ours, &theirs, TOLERANCE);
    };

    let hidden = model
        .text_encoders
        .first
        .network()
        .unwrap()
        .forward(fixture.ids("text.ids", device));
    near("text encoder", numbers(hidden.clone()), "text.hidden");

    let prompts = hidden.narrow(0, 0, 2);
    let context = model.unet.prompt_context(prompts);
    for (kind, rows, columns) in [("unet", 16, 16), ("unet.wide", 16, 24)] {
        let latents = fixture.tensor::<4>(&format!("{kind}.latents"), device);
        let latents = Tensor::cat(vec![latents.clone(), latents], 0);
        let grid = Grid { rows, columns };
        let predicted = model
            .unet
            .predict(latents, TIMESTEP, &context, Some(grid.into()), &|| true)
            .unwrap();
        let what = format!("{kind} prediction");
        near(
            &what,
            numbers(predicted.sample),
            &format!("{kind}.prediction"),
        );
        let maps = predicted.maps.unwrap().narrow(0, 1, 1);
        let name = format!("{kind}.maps.{rows}x{columns}");
        near(&format!("{kind} maps"), numbers(maps), &name);
    }

    let decoded = model.vae.decode(fixture.tensor("vae.latents", device));
    near("VAE decode", numbers(decoded), "vae.decoded");
    let encoded = model.vae.encode(fixture.tensor("vae.picture", device));
    near("VAE encode", numbers(encoded), "vae.latents");
}

/// Σ A · W differentiated through the short pass.
pub fn gradient_agrees(device: &Device, name: &str) {
    let fixture = Fixture::open("toybox.safetensors");
    let model = toybox(device);
    let hidden = fixture.tensor::<3>("text.hidden", device).narrow(0, 1, 1);
    let context = model.unet.prompt_context(hidden);
    let plain = fixture.tensor::<4>("unet.latents", device);
    let latents = plain.clone().autodiff().require_grad();
    let grid = Grid {
        rows: 16,
        columns: 16,
    };
    let maps = model
        .unet
        .cross_attention_maps(latents.clone(), TIMESTEP, &context, grid, &|| true)
        .unwrap();
    let weight = TensorData::new(fixture.floats("gradient.weight"), [1, 16, 16, 77]);
    let weight = Tensor::<4>::from_data(weight, device);
    let mut gradients = maps.mul(weight.clone()).sum().backward();
    let at_once = numbers(latents.grad_remove(&mut gradients).unwrap());
    let by_stages = |activations| {
        let plain = plain.clone();
        let tracked = model
            .unet
            .map_gradient(plain, TIMESTEP, &context, grid, activations, &|| true)
            .unwrap();
        numbers(tracked.backward(weight.clone(), &|| true).unwrap())
    };
    let kept = by_stages(Activations::Keep);
    let by_stages = by_stages(Activations::Recompute);
    let theirs = fixture.floats("gradient.latents");
    let largest = theirs
        .iter()
        .fold(0f32, |largest, value| largest.max(value.abs()));
    for (path, ours) in [
        ("at once", &at_once),
        ("by stages", &by_stages),
        ("by stages, activations kept", &kept),
    ] {
        let what = format!("{name}, gradient of the maps by the latents {path}");
        assert_near(&what, ours, &theirs, 1e-4 * largest);
    }
    let what = format!("{name}, both ways to the gradient");
    assert_near(&what, &by_stages, &at_once, 1e-5 * largest);
}

#[test]
fn components_agree_with_diffusers_on_flex() {
    components_agree(&Device::flex(), "flex");
}

#[test]
fn the_gradient_agrees_with_pytorch_on_flex() {
    gradient_agrees(&Device::flex(), "flex");
}

#[test]
fn weights_stay_out_of_the_gradient() {
    // A parameter that were tracked would make the prediction of untracked
    // latents tracked.
    let device = Device::flex();
    let model = toybox(&device);
    let hidden = Tensor::<3>::zeros([1, 77, 128], &device);
    let context = model.unet.prompt_context(hidden);
    let latents = Tensor::<4>::zeros([1, 4, 16, 16], &device);
    let predicted = model
        .unet
        .predict(latents, TIMESTEP, &context, None, &|| true)
        .unwrap();
    assert!(!predicted.sample.is_autodiff());
    assert!(predicted.maps.is_none());
}

#[test]
fn six_step_trajectories_agree_with_the_pipeline_of_diffusers() {
    use storm_studio::diffusion::{
        Denoising, Method, NoiseKind, NoiseStream, PredictionType, SchedulerKind, UpdateRule,
    };

    let device = Device::flex();
    let fixture = Fixture::open("toybox.safetensors");
    let model = toybox(&device);
    let hidden = fixture.tensor::<3>("text.hidden", &device).narrow(0, 0, 2);
    let context = model.unet.prompt_context(hidden);
    for kind in [SchedulerKind::Ddim, SchedulerKind::Pndm] {
        for (told, prediction_type) in [
            ("epsilon", PredictionType::Epsilon),
            ("v_prediction", PredictionType::VPrediction),
        ] {
            let name = format!("trajectory.{}.{told}", kind.to_string().to_lowercase());
            let mut config = model.description.scheduler.clone();
            config.prediction_type = prediction_type;
            let mut recorder = StandardRun::default();
            Denoising {
                unet: &model.unet,
                context: &context,
                scheduler: kind.build(&config, 6).unwrap(),
                guidance_scale: 2.0,
                guidance_rescale: 0.0,
                latents: fixture.tensor("unet.latents", &device),
                noise: NoiseStream::new(NoiseKind::Cpu, 0, &device),
                methods: vec![Method::Standard],
                objective: None,
                update_rule: &UpdateRule::default(),
                attention_res: 16,
                attention_layers: None,
                batch_lanes: true,
                activations: Activations::Keep,
            }
            .run(&mut recorder)
            .unwrap();
            let timesteps = fixture.integers(&format!("{name}.timesteps"));
            assert_eq!(recorder.timesteps, timesteps, "{name}");
            let theirs = fixture.floats(&format!("{name}.latents"));
            let largest = theirs
                .iter()
                .fold(1f32, |most, value| most.max(value.abs()));
            assert_near(&name, &recorder.latents, &theirs, TOLERANCE * largest);
        }
    }
}

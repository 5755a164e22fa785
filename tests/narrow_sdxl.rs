//! Stable Diffusion XL's true form, narrow, against diffusers' own pipeline.

use burn::tensor::{Device, Tensor, TensorData};
use storm_studio::checkpoint::{CheckpointSource, Family, StableDiffusion};
use storm_studio::diffusion::{Denoising, Method, NoiseKind, NoiseStream, UpdateRule};
use storm_studio::models::unet::{Activations, Capture, Grid, MicroConditioning};

use crate::fixture::{Fixture, StandardRun, assert_near, folder, numbers};

const NAME: &str = "narrow-sdxl";
const PROMPT: &str = "a cat to the left of a blue dog";
const TIMESTEP: f64 = 981.0;

fn model(device: &Device) -> StableDiffusion {
    let source = CheckpointSource::from_path(&folder().join(NAME)).unwrap();
    StableDiffusion::load(&source, device).unwrap_or_else(|error| panic!("{error}"))
}

fn fixture() -> Fixture {
    Fixture::open(&format!("{NAME}.safetensors"))
}

/// The six numbers of the fixture.
fn sizes(fixture: &Fixture) -> MicroConditioning {
    let told = fixture.integers("unet.time_ids");
    let number = |index: usize| told[index] as usize;
    MicroConditioning {
        original_size: [number(1), number(0)],
        crop: [number(3), number(2)],
        target_size: [number(5), number(4)],
    }
}

fn near(fixture: &Fixture, what: &str, ours: Vec<f32>, theirs: &str, tolerance: f32) {
    let theirs = fixture.floats(theirs);
    let largest = theirs
        .iter()
        .fold(0f32, |most, value| most.max(value.abs()));
    assert_near(what, &ours, &theirs, tolerance * largest);
}

#[test]
fn both_text_encoders_and_the_unet_agree_with_diffusers() {
    let device = Device::flex();
    let (model, fixture) = (model(&device), fixture());
    assert_eq!(model.description.family, Family::Xl);
    assert_eq!(model.description.native_size(), [1024, 1024]);
    let ids = |text: &str| model.description.read_prompt(text).ids.clone();
    let read: Vec<i64> = [ids(""), ids(PROMPT)]
        .concat()
        .into_iter()
        .map(i64::from)
        .collect();
    assert_eq!(read, fixture.integers("text.ids"));

    // Each prompt for itself, so that the empty one is encoded and not left out.
    let encoded = ["", PROMPT].map(|prompt| {
        let prompt = model.description.read_prompt(prompt);
        model.condition(vec![prompt], &sizes(&fixture)).unwrap()
    });
    let hidden = encoded.each_ref().map(|it| it.hidden_states.clone());
    let hidden = Tensor::cat(hidden.to_vec(), 0);
    near(
        &fixture,
        "states",
        numbers(hidden.clone()),
        "text.hidden",
        1e-5,
    );
    let pooled = encoded.each_ref().map(|it| it.pooled.clone().unwrap());
    let pooled = Tensor::cat(pooled.to_vec(), 0);
    near(
        &fixture,
        "pooled",
        numbers(pooled.clone()),
        "text.pooled",
        1e-5,
    );

    let added = model
        .unet
        .added_condition(pooled, &sizes(&fixture))
        .unwrap();
    let context = model.unet.prompt_context(hidden).with_added(added);
    let latents = fixture.tensor::<4>("unet.latents", &device);
    let twice = Tensor::cat(vec![latents.clone(), latents.clone()], 0);
    for (name, capture) in captures(&model) {
        let predicted = model
            .unet
            .predict(twice.clone(), TIMESTEP, &context, Some(capture), &|| true)
            .unwrap();
        near(
            &fixture,
            "prediction",
            numbers(predicted.sample),
            "unet.prediction",
            1e-4,
        );
        let maps = predicted.maps.unwrap().narrow(0, 1, 1);
        let theirs = format!("unet.maps.{name}");
        near(&fixture, &theirs, numbers(maps), &theirs, 1e-4);
    }
}

/// The captures of the fixture, by name.
fn captures(model: &StableDiffusion) -> [(&'static str, Capture); 3] {
    let latents = Grid {
        rows: 32,
        columns: 32,
    };
    let capture = |attention_res, layers: Option<&str>| {
        let layers = layers.map(|layers| layers.parse().unwrap());
        model.unet.capture(latents, attention_res, layers).unwrap()
    };
    let chosen = "up_blocks.0.attentions.1.transformer_blocks.1-3";
    let captures = [
        ("8x8", capture(8, None)),
        ("16x16", capture(16, None)),
        ("8x8.chosen", capture(16, Some(chosen))),
    ];
    let sides = captures.map(|(_, capture)| capture.grid.rows);
    assert_eq!(sides, [8, 16, 8]);
    captures
}

#[test]
fn gradients_of_the_maps_agree_with_diffusers() {
    let device = Device::flex();
    let (model, fixture) = (model(&device), fixture());
    let prompt = model.description.read_prompt(PROMPT);
    let conditioning = model.condition(vec![prompt], &sizes(&fixture)).unwrap();
    let context = &conditioning.context;
    let latents = fixture.tensor::<4>("unet.latents", &device);
    for (name, capture) in captures(&model) {
        let Grid { rows, columns } = capture.grid;
        let weight = fixture.floats(&format!("gradient.{name}.weight"));
        let weight = TensorData::new(weight, [1, rows, columns, 77]);
        let weight = Tensor::<4>::from_data(weight, &device);
        let theirs = format!("gradient.{name}.latents");
        let tracked = latents.clone().autodiff().require_grad();
        let maps = model
            .unet
            .cross_attention_maps(tracked.clone(), TIMESTEP, context, capture, &|| true)
            .unwrap();
        let mut gradients = maps.mul(weight.clone()).sum().backward();
        let gradient = tracked.grad_remove(&mut gradients).unwrap();
        // Rounding alone makes 1.3e-4 (tests/fixtures/README.md).
        near(&fixture, &theirs, numbers(gradient), &theirs, 5e-4);
        for activations in [Activations::Recompute, Activations::Keep] {
            let by_stages = model
                .unet
                .map_gradient(
                    latents.clone(),
                    TIMESTEP,
                    context,
                    capture,
                    activations,
                    &|| true,
                )
                .unwrap()
                .backward(weight.clone(), &|| true)
                .unwrap();
            let what = format!("{theirs} by stages, {activations:?}");
            near(&fixture, &what, numbers(by_stages), &theirs, 5e-4);
        }
    }
}

/// The way of an update on any device: text encoders, chosen maps, their gradient by parts.
pub fn update_agrees(device: &Device, name: &str) {
    let (model, fixture) = (model(device), fixture());
    let prompt = model.description.read_prompt(PROMPT);
    let conditioning = model.condition(vec![prompt], &sizes(&fixture)).unwrap();
    let latents = fixture.tensor::<4>("unet.latents", device);
    let (_, capture) = captures(&model)[2];
    let tracked = model
        .unet
        .map_gradient(
            latents,
            TIMESTEP,
            &conditioning.context,
            capture,
            Activations::Recompute,
            &|| true,
        )
        .unwrap();
    let maps = numbers(tracked.maps().clone());
    let what = format!("{name}, chosen maps");
    near(&fixture, &what, maps, "unet.maps.8x8.chosen", 1e-3);
    let weight = fixture.floats("gradient.8x8.chosen.weight");
    let weight = TensorData::new(weight, [1, 8, 8, 77]);
    let weight = Tensor::<4>::from_data(weight, device);
    let gradient = numbers(tracked.backward(weight, &|| true).unwrap());
    let what = format!("{name}, their gradient");
    near(
        &fixture,
        &what,
        gradient,
        "gradient.8x8.chosen.latents",
        2e-3,
    );
}

#[test]
fn layers_that_are_not_there_are_refused_with_those_that_are() {
    let model = model(&Device::flex());
    let latents = Grid {
        rows: 32,
        columns: 32,
    };
    for layers in [
        "down_blocks.0",
        "up_blocks.0.attentions.3",
        "mid_block.attentions.0.transformer_blocks.4",
    ] {
        let choice = layers.parse().unwrap();
        let error = model.unet.capture(latents, 16, Some(choice)).unwrap_err();
        let message = error.to_string();
        assert!(message.contains(layers), "{message}");
        let those = "in down_blocks.1 to down_blocks.2, up_blocks.0 to up_blocks.1, mid_block";
        assert!(message.contains(those), "{message}");
    }
}

#[test]
fn the_decoder_agrees_with_diffusers() {
    let device = Device::flex();
    let (model, fixture) = (model(&device), fixture());
    let decoded = model.vae.decode(fixture.tensor("vae.latents", &device));
    near(&fixture, "decoded", numbers(decoded), "vae.decoded", 1e-5);
}

/// Four steps of Euler with the zeros that stand for no negative prompt.
#[test]
fn a_walk_agrees_with_diffusers_pipeline() {
    let device = Device::flex();
    let (model, fixture) = (model(&device), fixture());
    let config = &model.description.scheduler;
    let prompts = ["", PROMPT].map(|prompt| model.description.read_prompt(prompt));
    let conditioning = model.condition(prompts.to_vec(), &sizes(&fixture)).unwrap();
    let negative = numbers(conditioning.hidden_states.narrow(0, 0, 1));
    assert!(negative.iter().all(|number| *number == 0.0));
    let mut run = StandardRun::default();
    let finished = Denoising {
        unet: &model.unet,
        context: &conditioning.context,
        scheduler: config.kind().build(config, 4).unwrap(),
        guidance_scale: 7.5,
        guidance_rescale: 0.0,
        latents: fixture.tensor("trajectory.initial", &device),
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
    assert_eq!(run.timesteps, fixture.integers("trajectory.timesteps"));
    near(&fixture, "walk", run.latents, "trajectory.latents", 1e-4);
    let picture = model.vae.decode(finished[0].1.clone());
    let picture = picture.mul_scalar(0.5).add_scalar(0.5).clamp(0.0, 1.0);
    near(
        &fixture,
        "picture",
        numbers(picture),
        "trajectory.picture",
        1e-4,
    );
}

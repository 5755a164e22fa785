//! Previews: diffusers' AutoencoderTiny on the same weights, and what the engine keeps of a run.

use burn::tensor::{Device, Distribution, Tensor};
use storm_studio::checkpoint::{CheckpointSource, StableDiffusion};
use storm_studio::diffusion::{Method, Methods};
use storm_studio::engine::{Event, StepRecord};
use storm_studio::models::LatentRgb;
use storm_studio::storm::RelationKind;

use crate::bad_files::refused;
use crate::checkpoints::copy_folder;
use crate::engine::{cat_and_dog, engine, run};
use crate::fixture::{Fixture, assert_near, folder, numbers, toybox};

/// The embedded model's preview decoder on `device`; the wgpu tests run it too.
pub fn decoder_agrees(device: &Device, name: &str) {
    agrees(&toybox(device), device, "toybox", name);
}

fn agrees(model: &StableDiffusion, device: &Device, whose: &str, name: &str) {
    let fixture = Fixture::open("preview_decoder.safetensors");
    let decoder = model.preview_decoder.as_ref().expect("it has one");
    let picture = decoder.decode(fixture.tensor(&format!("{whose}.latents"), device));
    let theirs = fixture.floats(&format!("{whose}.picture"));
    let what = format!("{whose}'s preview on {name}");
    assert_near(&what, &numbers(picture), &theirs, 1e-4);
}

#[test]
fn the_embedded_preview_decoder_agrees_with_diffusers() {
    decoder_agrees(&Device::flex(), "flex");
}

#[test]
fn a_folder_may_hold_a_whole_autoencoder_tiny() {
    let device = Device::flex();
    let source = CheckpointSource::from_path(&folder().join("narrow-sd2")).unwrap();
    let model = StableDiffusion::load(&source, &device).unwrap();
    agrees(&model, &device, "narrow", "flex");
}

#[test]
fn a_model_without_a_preview_decoder_is_previewed_by_its_latents() {
    let device = Device::flex();
    let source = CheckpointSource::from_path(&folder().join("narrow-sd1")).unwrap();
    let model = StableDiffusion::load(&source, &device).unwrap();
    let latents = Tensor::<4>::ones([1, 4, 2, 3], &device);
    assert_eq!(model.preview(&latents).dims(), [1, 4, 2, 3]);
    assert_eq!(model.preview_rgb(), LatentRgb::STABLE_DIFFUSION);
}

#[test]
fn previews_of_large_pictures_are_averaged_down() {
    let device = Device::flex();
    let model = toybox(&device);
    let noise = Distribution::Normal(0.0, 1.0);
    let latents = Tensor::<4>::random([1, 4, 80, 130], noise, &device);
    // 320 × 520 pixels are painted; three by three become one.
    let preview = model.preview(&latents);
    assert_eq!(preview.dims(), [1, 4, 106, 173]);
    let whole = model.preview_decoder.as_ref().unwrap().decode(latents);
    let corner = numbers(whole.slice([0..1, 0..1, 0..3, 0..3]).mean())[0];
    let first = numbers(preview)[0];
    assert!((first - corner).abs() < 1e-5, "{first} {corner}");
}

/// The last preview of a run is the picture that it becomes, in small.
#[test]
fn the_last_preview_is_nearly_the_picture() {
    let engine = engine();
    let mut request = cat_and_dog(RelationKind::LeftOf, 12);
    request.settings.methods = Methods::Standard;
    let events = run(&engine, request);
    let rgb = events.iter().find_map(|event| match event {
        Event::ModelReady(model) => Some(model.preview_rgb.clone()),
        _ => None,
    });
    let picture = events.iter().find_map(|event| match event {
        Event::Picture(picture) => Some(picture.clone()),
        _ => None,
    });
    let picture = picture.expect("a picture was made");
    let steps = engine
        .store()
        .steps(picture.request, picture.seed, Method::Standard);
    let difference = |record: &StepRecord| {
        let colours = rgb.as_ref().unwrap().draw(&record.preview.read().unwrap());
        let bytes = picture.image.as_raw();
        assert_eq!(colours.len(), bytes.len());
        let sum: f64 = colours
            .iter()
            .zip(bytes)
            .map(|(a, b)| f64::from(a.abs_diff(*b)))
            .sum();
        sum / bytes.len() as f64 / 255.0
    };
    let first = difference(&steps.first().unwrap().1);
    let last = difference(&steps.last().unwrap().1);
    assert!(last < 0.03, "the last preview is {last} off");
    assert!(first > 3.0 * last, "{first} {last}");
}

#[test]
fn a_preview_decoder_of_another_size_or_kind_is_refused_in_words() {
    let temporary = copy_folder("narrow-sd2");
    let config = temporary.path().join("preview_decoder/config.json");
    for (json, words) in [
        (
            r#"{"decoder_block_out_channels": [4, 4], "num_decoder_blocks": [1, 1]}"#,
            "2 pixels of a latent, the autoencoder 8",
        ),
        (r#"{"latent_channels": 16}"#, "latent_channels = 16"),
        (r#"{"act_fn": "mish"}"#, "act_fn = mish"),
        (r#"{"num_decoder_blocks": [1]}"#, "1 levels of blocks"),
        (
            r#"{"decoder_block_out_channels": [4, 4, 8, 8]}"#,
            "not all the same",
        ),
    ] {
        std::fs::write(&config, json).unwrap();
        let message = refused(temporary.path()).to_string();
        assert!(message.contains(words), "{message:?} lacks {words:?}");
    }
}

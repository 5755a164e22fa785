//! Every form in which Stable Diffusion XL may come, and what is wrong with those that may not.

mod published;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use burn::tensor::Device;
use serde_json::{Value, json};
use storm_studio::checkpoint::{
    Checkpoint, CheckpointError, CheckpointSource, Family as ModelFamily, Layout, PredictionSource,
    SingleFile, StableDiffusion, WeightType,
};
use storm_studio::diffusion::{PredictionType, SchedulerKind};
use storm_studio::engine::ModelNeeds;
use storm_studio::models::memory::BackwardPass;
use storm_studio::models::unet::{Grid, MicroConditioning};

use crate::checkpoints::{TEXT, UNET, VAE, copy_folder};
use crate::fixture::{Fixture, folder, numbers};
use crate::ldm_names::{Tensors, read, write, xl_single_file};
use crate::single_files::{
    Numbers, UNET_TIMES, VAE_TIMES, VOCABULARY, XL_POOLED, alone, edit_config, widen,
};

const NAME: &str = "narrow-sdxl";
const SECOND_TEXT: &str = "text_encoder_2/model.safetensors";
const PARTS: [&str; 4] = [TEXT, SECOND_TEXT, UNET, VAE];

/// What a model computes: states and pooled state of two prompts, UNet, decoder.
fn outputs(source: &CheckpointSource) -> [Vec<f32>; 4] {
    let device = Device::flex();
    let model = StableDiffusion::load(source, &device).unwrap_or_else(|error| panic!("{error}"));
    let fixture = Fixture::open(&format!("{NAME}.safetensors"));
    let prompts = ["a dog", "a cat to the left of a blue dog"];
    let prompts = prompts.map(|prompt| model.description.read_prompt(prompt));
    let sizes = MicroConditioning::of_picture([768, 1344]);
    let conditioning = model.condition(prompts.to_vec(), &sizes).unwrap();
    let context = conditioning.context.narrow(1, 1);
    let latents = fixture.tensor::<4>("unet.latents", &device);
    let predicted = model.unet.predict(latents, 981.0, &context, None, &|| true);
    let decoded = model.vae.decode(fixture.tensor("vae.latents", &device));
    [
        numbers(conditioning.hidden_states),
        numbers(conditioning.pooled.unwrap()),
        numbers(predicted.unwrap().sample),
        numbers(decoded),
    ]
}

fn in_folder(path: &Path) -> CheckpointSource {
    CheckpointSource::from_path(path).unwrap()
}

fn components(folder: &Path) -> [Tensors; 4] {
    PARTS.map(|file| read(&folder.join(file)))
}

/// The narrow model as one file; its heads and groups are its folder's.
fn narrow_file(path: &Path) -> CheckpointSource {
    CheckpointSource::File(SingleFile {
        path: path.to_path_buf(),
        configs: Some(folder().join(NAME)),
        vae: None,
    })
}

fn refused(source: &CheckpointSource) -> CheckpointError {
    match Checkpoint::open(source, &Device::flex()) {
        Err(error) => error,
        Ok(checkpoint) => panic!("it opened as {}", checkpoint.description.name),
    }
}

#[test]
fn original_names_load_to_identical_outputs() {
    let expected = outputs(&in_folder(&folder().join(NAME)));
    let [text, second, unet, vae] = components(&folder().join(NAME));
    let mut file = xl_single_file(&text, &second, &unet, &vae);
    // What the published file has besides.
    let scale = text.values().next().unwrap().clone();
    let besides = [
        "conditioner.embedders.1.model.logit_scale",
        "denoiser.sigmas",
    ];
    file.extend(besides.map(|name| (name.to_string(), scale.clone())));
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("model.safetensors");
    write(&file, &path);
    assert!(outputs(&narrow_file(&path)) == expected);
}

#[test]
fn shards_and_variants_load_to_identical_outputs() {
    let expected = outputs(&in_folder(&folder().join(NAME)));
    let copy = copy_folder(NAME);
    for file in PARTS {
        let path = copy.path().join(file);
        std::fs::rename(&path, path.with_extension("fp16.safetensors")).unwrap();
    }
    assert!(outputs(&in_folder(copy.path())) == expected);
}

#[test]
fn a_file_without_configs_is_read_from_its_tensors() {
    let folder = copy_folder(NAME);
    let file = |file: &str| folder.path().join(file);
    let mut numbers = Numbers(9);
    for part in [TEXT, SECOND_TEXT, UNET] {
        widen(&file(part), UNET_TIMES, &mut numbers);
    }
    widen(&file(VAE), VAE_TIMES, &mut numbers);
    edit_config(&file("unet/config.json"), |config| {
        config["block_out_channels"] = json!([64, 96, 128]);
        config["attention_head_dim"] = json!([1, 1, 2]);
        config["cross_attention_dim"] = json!(40 * UNET_TIMES);
        config["norm_num_groups"] = json!(32);
        config["addition_time_embed_dim"] = json!(256);
        config["projection_class_embeddings_input_dim"] = json!(XL_POOLED + 6 * 256);
    });
    edit_config(&file("vae/config.json"), |config| {
        config["block_out_channels"] = json!([64, 128, 128, 128]);
        config["norm_num_groups"] = json!(32);
    });
    for (part, width, inner) in [("text_encoder", 16, 40), ("text_encoder_2", 24, 56)] {
        edit_config(&file(&format!("{part}/config.json")), |config| {
            config["hidden_size"] = json!(width * UNET_TIMES);
            config["intermediate_size"] = json!(inner * UNET_TIMES);
            config["num_attention_heads"] = json!(width * UNET_TIMES / 64);
            config["projection_dim"] = json!(XL_POOLED);
            config["vocab_size"] = json!(VOCABULARY);
        });
    }
    // The published vocabulary, which a file's prompts are read with.
    for tokenizer in ["tokenizer", "tokenizer_2"] {
        let clip = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/clip/merges.txt");
        std::fs::copy(clip, file(tokenizer).join("merges.txt")).unwrap();
        std::fs::remove_file(file(tokenizer).join("vocab.json")).unwrap();
    }
    let expected = outputs(&in_folder(folder.path()));
    let [text, second, unet, vae] = components(folder.path());
    let path = folder.path().join("model.safetensors");
    write(&xl_single_file(&text, &second, &unet, &vae), &path);
    let source = alone(&path);
    assert!(outputs(&source) == expected);

    let opened = Checkpoint::open(&source, &Device::flex()).unwrap();
    let is = &opened.description;
    assert_eq!(is.family, ModelFamily::Xl);
    assert_eq!(is.native_size(), [1024, 1024]);
    assert_eq!(is.vae_config.scaling_factor, 0.13025);
    assert_eq!(is.prediction_source, PredictionSource::Guessed);
    assert_eq!(is.own_walk().scheduler, SchedulerKind::Euler);
    // Random weights do not repeat the noise.
    let model = StableDiffusion::load(&source, &Device::flex()).unwrap();
    let is = &model.description;
    assert_eq!(is.scheduler.prediction_type, PredictionType::VPrediction);
    assert_eq!(is.prediction_source, PredictionSource::TriedOut);
    assert_eq!(is.native_size(), [1024, 1024]);
}

/// Numbers of the four networks, as diffusers and transformers count them.
const NUMBERS: [(&str, usize); 4] = [
    ("text encoder", 123_060_480),
    ("second text encoder", 694_659_840),
    ("UNet", 2_567_463_684),
    ("autoencoder", 83_653_863),
];

#[test]
fn a_refiner_and_parts_that_do_not_fit_are_named() {
    let refiner = published::published_folder();
    edit_config(&refiner.path().join("unet/config.json"), |config| {
        config["cross_attention_dim"] = json!(1280);
        config["projection_class_embeddings_input_dim"] = json!(2560);
    });
    std::fs::remove_dir_all(refiner.path().join("text_encoder")).unwrap();
    let message = refused(&in_folder(refiner.path())).to_string();
    assert!(
        message.contains("the refiner of Stable Diffusion XL"),
        "{message}"
    );

    let other = copy_folder(NAME);
    edit_config(&other.path().join("unet/config.json"), |config| {
        config["projection_class_embeddings_input_dim"] = json!(70);
    });
    let message = refused(&in_folder(other.path())).to_string();
    let words = "the second text encoder gives 20 numbers per prompt, the UNet reads 22";
    assert!(message.contains(words), "{message}");

    let without = copy_folder(NAME);
    std::fs::remove_file(without.path().join(SECOND_TEXT)).unwrap();
    let message = refused(&in_folder(without.path())).to_string();
    assert!(
        message.contains("text_encoder_2/model.safetensors"),
        "{message}"
    );
}

#[test]
fn a_file_that_is_cut_or_holds_what_is_no_number_is_refused() {
    let [text, second, unet, vae] = components(&folder().join(NAME));
    let file = xl_single_file(&text, &second, &unet, &vae);
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("model.safetensors");
    write(&file, &path);
    let whole = std::fs::read(&path).unwrap();
    for part in 0..20 {
        std::fs::write(&path, &whole[..whole.len() * part / 20]).unwrap();
        let error = refused(&narrow_file(&path));
        assert!(
            matches!(error, CheckpointError::Damaged { .. }),
            "{error:?}"
        );
    }
    let name = "conditioner.embedders.1.model.text_projection";
    let mut poisoned = file;
    let last = poisoned.get_mut(name).unwrap();
    let length = last.bytes.len();
    last.bytes[length - 2..].copy_from_slice(&half::f16::NAN.to_le_bytes());
    write(&poisoned, &path);
    let error = StableDiffusion::load(&narrow_file(&path), &Device::flex());
    assert!(matches!(
        error,
        Err(CheckpointError::NotFinite { tensor, .. }) if tensor == name
    ));
}

#[test]
fn an_empty_negative_prompt_is_zeros_where_the_pipeline_says_so() {
    let device = Device::flex();
    let negative = |path: &Path| {
        let model = StableDiffusion::load(&in_folder(path), &device).unwrap();
        let conditioning = model.condition_texts(&["", "a cat"]).unwrap();
        let pooled = conditioning.pooled.unwrap().narrow(0, 0, 1);
        let states = conditioning.hidden_states.narrow(0, 0, 1);
        [numbers(states), numbers(pooled)].concat()
    };
    let copy = copy_folder(NAME);
    assert!(negative(copy.path()).iter().all(|number| *number == 0.0));
    edit_config(&copy.path().join("model_index.json"), |index| {
        index["force_zeros_for_empty_prompt"] = json!(false);
    });
    assert!(negative(copy.path()).iter().all(|number| *number != 0.0));
}

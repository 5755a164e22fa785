//! Latent consistency models: folders whose UNet is told its guidance scale.

use std::path::Path;
use std::process::Command;

use burn::tensor::Device;
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize_to_file};
use storm_studio::checkpoint::{CheckpointSource, StableDiffusion};
use storm_studio::diffusion::SchedulerKind;

use crate::fixture::{Fixture, assert_near, folder, largest_difference, numbers};

/// narrow-sd1 as a latent consistency model, in `target`.
fn make(target: &Path, fixture: &Fixture) {
    let source = folder().join("narrow-sd1");
    let files = [
        "model_index.json",
        "text_encoder/config.json",
        "text_encoder/model.safetensors",
        "tokenizer/merges.txt",
        "tokenizer/vocab.json",
        "tokenizer/tokenizer_config.json",
        "tokenizer/special_tokens_map.json",
        "vae/config.json",
        "vae/diffusion_pytorch_model.safetensors",
    ];
    for file in files {
        let to = target.join(file);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(source.join(file), to).unwrap();
    }
    for part in ["unet", "scheduler"] {
        std::fs::create_dir_all(target.join(part)).unwrap();
    }
    let config = std::fs::read(source.join("unet/config.json")).unwrap();
    let mut config: serde_json::Value = serde_json::from_slice(&config).unwrap();
    config["time_cond_proj_dim"] = fixture.shape("cond_proj")[1].into();
    std::fs::write(target.join("unet/config.json"), config.to_string()).unwrap();
    let name = "unet/diffusion_pytorch_model.safetensors";
    let bytes = std::fs::read(source.join(name)).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let mut tensors: Vec<(String, TensorView<'_>)> = tensors.tensors();
    let weight = fixture.bytes("cond_proj");
    let weight = TensorView::new(Dtype::F32, fixture.shape("cond_proj"), &weight).unwrap();
    tensors.push(("time_embedding.cond_proj.weight".to_string(), weight));
    serialize_to_file(tensors, None, &target.join(name)).unwrap();
    // As SimianLuo/LCM_Dreamshaper_v7 has it.
    let scheduler = r#"{"_class_name": "LCMScheduler", "beta_end": 0.012, "beta_start": 0.00085,
        "beta_schedule": "scaled_linear", "original_inference_steps": 50, "steps_offset": 1,
        "prediction_type": "epsilon", "set_alpha_to_one": true, "timestep_scaling": 10.0}"#;
    std::fs::write(target.join("scheduler/scheduler_config.json"), scheduler).unwrap();
}

#[test]
fn a_unet_that_is_told_its_guidance_agrees_with_diffusers_and_predicts_once_a_step() {
    let device = Device::flex();
    let fixture = Fixture::open("consistency.safetensors");
    let target = tempfile::tempdir().unwrap();
    make(target.path(), &fixture);
    let source = CheckpointSource::from_path(target.path()).unwrap();
    let model = StableDiffusion::load(&source, &device).unwrap();
    let own = model.description.own_walk();
    assert_eq!((own.scheduler, own.steps), (SchedulerKind::Lcm, Some(4)));
    let context = model.unet.prompt_context(fixture.tensor("hidden", &device));
    let predict = |scale: f64| {
        let latents = fixture.tensor("latents", &device);
        let context = context.clone().with_guidance_scale(scale);
        let predicted = model.unet.predict(latents, 759.0, &context, None, &|| true);
        numbers(predicted.unwrap().sample)
    };
    for scale in [1.0, 8.5] {
        let name = format!("prediction.{scale:.1}");
        let theirs = fixture.floats(&name);
        let largest = theirs
            .iter()
            .fold(1f32, |most, value| most.max(value.abs()));
        assert_near(&name, &predict(scale), &theirs, 1e-4 * largest);
    }
    assert!(largest_difference(&predict(1.0), &predict(8.5)) > 1e-2);

    let log = target.path().join("log");
    let ran = Command::new(env!("CARGO_BIN_EXE_storm-studio"))
        .args(["generate", "--device", "cpu", "--standard", "--size", "64"])
        .args(["--prompt", "a cat to the left of a dog"])
        .args(["--model".as_ref(), target.path()])
        .args(["--output".as_ref(), target.path()])
        .args(["--log-file".as_ref(), log.as_path()])
        .env_remove("RUST_LOG")
        .output()
        .expect("the program starts");
    let told = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{told}");
    let log = std::fs::read_to_string(&log).unwrap();
    let predictions = log.lines().filter(|line| line.contains("UNet prediction"));
    assert_eq!(
        predictions.filter(|line| line.contains("batch=1 ")).count(),
        4
    );
    assert!(told.contains("LCM, 4 steps, guidance scale 8"), "{told}");
}

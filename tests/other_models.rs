//! What is no Stable Diffusion 1.x, 2.x or XL model is named as what it is, with what is supported.

use std::path::Path;

use burn::tensor::Device;
use serde_json::{Value, json};
use storm_studio::checkpoint::{Checkpoint, CheckpointError, CheckpointSource, ModelDescription};

use crate::bad_files::{refused, zeros};
use crate::checkpoints::{UNET, copy_folder};
use crate::ldm_names::{Tensors, write};

#[test]
fn files_of_other_kinds_are_named_by_their_contents() {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("model.safetensors");
    for (contents, words) in [
        (&b"PK\x03\x04\x00\x00archive/data.pkl"[..], "pickle"),
        (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80", "pickle"),
        (b"GGUF\x03\x00\x00\x00", "GGUF"),
        (b"\x08\x07\x12\x07pytorch", "ONNX"),
        (
            b"version https://git-lfs.github.com/spec/v1\n",
            "git lfs pull",
        ),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"", "cannot be read as safetensors"),
        (b"{}", "cannot be read as safetensors"),
        (b"\x02\x00\x00\x00\x00\x00\x00\x00{}", "without tensors"),
    ] {
        std::fs::write(&path, contents).unwrap();
        let message = refused(&path).to_string();
        assert!(message.contains(words), "{message:?} lacks {words:?}");
    }
}

#[test]
fn models_of_other_kinds_are_named_by_their_tensors() {
    let first = "model.diffusion_model.input_blocks.0.0.weight";
    let keys = "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight";
    let text = "cond_stage_model.transformer.text_model.embeddings.position_ids";
    type Shape<'a> = (&'a str, &'a [usize]);
    let names: &[(&[Shape<'_>], &str)] = &[
        (
            &[(first, &[4, 9, 3, 3]), (keys, &[4, 8]), (text, &[1])],
            "inpainting",
        ),
        (
            &[(first, &[4, 5, 3, 3]), (keys, &[4, 8]), (text, &[1])],
            "depth",
        ),
        (
            &[(first, &[4, 8, 3, 3]), (keys, &[4, 8]), (text, &[1])],
            "InstructPix2Pix",
        ),
        (
            &[(first, &[4, 4, 3, 3]), (keys, &[4, 8])],
            "without its text encoder",
        ),
        (
            &[
                (first, &[4, 4, 3, 3]),
                ("conditioner.embedders.0.model.ln_final.bias", &[1]),
            ],
            "refiner of Stable Diffusion XL",
        ),
        (
            &[
                (first, &[4, 9, 3, 3]),
                ("conditioner.embedders.0.transformer.text_model.x", &[1]),
                ("conditioner.embedders.1.model.ln_final.bias", &[1]),
            ],
            "Stable Diffusion XL model for inpainting",
        ),
        (
            &[
                (first, &[4, 8, 3, 3]),
                ("conditioner.embedders.1.model.ln_final.bias", &[1]),
            ],
            "Stable Diffusion XL model that edits pictures",
        ),
        (
            &[
                (first, &[4, 4, 3, 3]),
                ("conditioner.embedders.1.model.ln_final.bias", &[1]),
            ],
            "without one of its two text encoders",
        ),
        (
            &[("conditioner.embedders.1.model.ln_final.bias", &[1])],
            "text encoders of Stable Diffusion XL",
        ),
        (&[("edm_mean", &[4])], "Playground"),
        (&[("edm_vpred.sigma_max", &[1])], "CosXL"),
        (
            &[("model.diffusion_model.joint_blocks.0.context_block.x", &[1])],
            "Diffusion 3",
        ),
        (
            &[("double_blocks.0.img_attn.norm.key_norm.scale", &[1])],
            "Flux",
        ),
        (
            &[("lora_unet_down_blocks_0_proj_in.lora_down.weight", &[1])],
            "LoRA",
        ),
        (
            &[("unet.mid_block.attentions.0.to_q.lora_A.weight", &[1])],
            "LoRA",
        ),
        (
            &[("down_blocks.0.attn1.processor.to_q_lora.down.weight", &[1])],
            "LoRA",
        ),
        (&[("lora_unet_mid_block.oft_blocks", &[1])], "LyCORIS"),
        (&[("ip_adapter.1.to_k_ip.weight", &[1])], "IP-Adapter"),
        // Without its text encoders, told by what its second level reads.
        (
            &[
                (first, &[4, 4, 3, 3]),
                ("model.diffusion_model.label_emb.0.0.weight", &[4, 4]),
                (
                    "model.diffusion_model.input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight",
                    &[4, 2048],
                ),
            ],
            "UNet of Stable Diffusion XL alone",
        ),
        (
            &[
                (first, &[4, 4, 3, 3]),
                ("model.diffusion_model.label_emb.0.0.weight", &[4, 4]),
            ],
            "class labels",
        ),
        (&[("control_model.time_embed.0.weight", &[1])], "ControlNet"),
        (
            &[("first_stage_model.decoder.conv_in.weight", &[1])],
            "autoencoder (VAE) alone",
        ),
        (
            &[
                ("decoder.conv_in.weight", &[1]),
                ("decoder.conv_out.weight", &[1]),
            ],
            "autoencoder (VAE) alone",
        ),
        (
            &[
                ("conv_in.weight", &[1]),
                ("down_blocks.0.resnets.0.norm1.bias", &[1]),
            ],
            "UNet of a diffusers folder",
        ),
        (
            &[("text_model.encoder.layers.0.layer_norm1.bias", &[1])],
            "text encoder alone",
        ),
        (&[("emb_params", &[1, 8])], "textual inversion"),
        (
            &[("model.diffusion_model.x_embedder.weight", &[1])],
            "unknown family",
        ),
        (&[("some.weight", &[1])], "unknown kind"),
    ];
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("stable-diffusion-v1-5.safetensors");
    for (tensors, words) in names {
        let tensors = tensors.iter();
        let tensors: Tensors = tensors
            .map(|(name, shape)| (name.to_string(), zeros(shape)))
            .collect();
        write(&tensors, &path);
        match refused(&path) {
            error @ CheckpointError::OtherModel { .. } => {
                let message = error.to_string();
                assert!(message.contains(words), "{message:?} lacks {words:?}");
                assert!(message.contains("supported are"), "{message:?}");
            }
            other => panic!("{words}: {other:?}"),
        }
    }
}

/// A copy of a narrow folder that says to be of this class, with parts besides.
fn folder_of_class(class: Value, parts: &[&str]) -> tempfile::TempDir {
    let copy = copy_folder("narrow-sd1");
    let mut index = json!({
        "_class_name": class,
        "unet": ["diffusers", "UNet2DConditionModel"],
        "image_encoder": [null, null],
    });
    for part in parts {
        index[part] = json!(["diffusers", "SomeModel"]);
    }
    std::fs::write(copy.path().join("model_index.json"), index.to_string()).unwrap();
    copy
}

fn opened(path: &Path) -> ModelDescription {
    let source = CheckpointSource::from_path(path).unwrap();
    let checkpoint = Checkpoint::open(&source, &Device::flex());
    checkpoint
        .unwrap_or_else(|error| panic!("{error}"))
        .description
}

#[test]
fn a_pipeline_of_stable_diffusions_own_parts_opens_whatever_its_class() {
    for class in [
        json!("StableDiffusionAttendAndExcitePipeline"),
        json!("StableDiffusionSAGPipeline"),
        json!("StableDiffusionPanoramaPipeline"),
        json!("StableDiffusionPAGPipeline"),
        json!("StableDiffusionPipelineSafe"),
        json!("MyOwnPipeline"),
        json!(["my_pipeline", "MyOwnPipeline"]),
        json!(null),
    ] {
        let copy = folder_of_class(class, &["safety_checker"]);
        assert!(opened(copy.path()).notices.is_empty());
    }
    let copy = folder_of_class(json!("StableDiffusionControlNetPipeline"), &["controlnet"]);
    let notices = opened(copy.path()).notices;
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert!(notices[0].to_string().contains("ControlNet"));
    // Nor need there be any class at all.
    std::fs::remove_file(copy.path().join("model_index.json")).unwrap();
    assert!(opened(copy.path()).notices.is_empty());
    std::fs::remove_dir_all(copy.path().join("unet")).unwrap();
    let nothing = refused(copy.path()).to_string();
    assert!(nothing.contains("lacks model_index.json"), "{nothing}");
}

#[test]
fn folders_of_other_kinds_are_named_by_their_pipeline() {
    let copy = copy_folder("narrow-sd1");
    // What each of them differs in; the UNet stands for all.
    let config = copy.path().join("unet/config.json");
    let unet = std::fs::read_to_string(&config).unwrap();
    let mut unet: Value = serde_json::from_str(&unet).unwrap();
    unet["in_channels"] = json!(9);
    std::fs::write(config, unet.to_string()).unwrap();
    for (class, words) in [
        (
            "StableDiffusionXLInpaintPipeline",
            "Stable Diffusion XL model for inpainting",
        ),
        ("StableDiffusionXLImg2ImgPipeline", "refiner"),
        ("StableDiffusion3Pipeline", "Stable Diffusion 3"),
        ("FluxPipeline", "Flux"),
        ("OnnxStableDiffusionPipeline", "ONNX"),
        ("FlaxStableDiffusionPipeline", "JAX"),
        ("StableDiffusionInpaintPipeline", "inpainting"),
        ("StableDiffusionDepth2ImgPipeline", "depth"),
        ("LatentConsistencyModelPipeline", "latent consistency"),
        ("StableDiffusionControlNetPipeline", "ControlNet"),
        ("KandinskyPipeline", "KandinskyPipeline"),
    ] {
        let index = format!(r#"{{"_class_name": "{class}"}}"#);
        std::fs::write(copy.path().join("model_index.json"), index).unwrap();
        let message = refused(copy.path()).to_string();
        assert!(message.contains(words), "{message:?} lacks {words:?}");
        assert!(message.contains("supported are"), "{message:?}");
    }
}

#[test]
fn a_folder_of_pickles_says_how_to_convert() {
    for pickle in [
        "unet/diffusion_pytorch_model.bin",
        "unet/diffusion_pytorch_model.fp16.bin",
        "unet/diffusion_pytorch_model.bin.index.json",
    ] {
        let copy = copy_folder("narrow-sd1");
        std::fs::rename(copy.path().join(UNET), copy.path().join(pickle)).unwrap();
        match refused(copy.path()) {
            error @ CheckpointError::Pickle { .. } => {
                let message = error.to_string();
                assert!(message.contains("save_file"), "{message}");
            }
            other => panic!("{pickle}: {other:?}"),
        }
    }
}

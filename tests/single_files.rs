//! A model in one file brings no configs: all that shapes it is read from its tensors.
//!
//! The narrow fixtures have other groups and heads than their families, so that they
//! need configs; widened, with new random numbers, they are built as their families are.

use std::path::Path;

use burn::tensor::Device;
use safetensors::tensor::Dtype;
use serde_json::{Value, json};
use storm_studio::checkpoint::{
    Checkpoint, CheckpointSource, PredictionSource, SingleFile, StableDiffusion,
};
use storm_studio::diffusion::PredictionType;

use crate::checkpoints::{TEXT, UNET, VAE, copy_folder, outputs};
use crate::ldm_names::{Family, Stored, Tensors, read, single_file, write};

/// 4 groups of the UNet's norms become 32, and 2 of the autoencoder's.
pub const UNET_TIMES: usize = 8;
pub const VAE_TIMES: usize = 16;
/// Tokens that the tokenizer of every published model knows.
pub const VOCABULARY: usize = 49_408;

/// Numbers of narrow-sdxl's pooled state, widened.
pub const XL_POOLED: usize = 20 * UNET_TIMES;

/// Small random numbers, the same in every run.
pub struct Numbers(pub u64);

impl Numbers {
    /// In [-1, 1).
    fn next(&mut self) -> f32 {
        // Knuth's MMIX generator; its upper bits are random enough for weights.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    /// A tensor of this name and shape, about as large as trained ones are.
    fn tensor(&mut self, name: &str, shape: Vec<usize>) -> Stored {
        let count: usize = shape.iter().product();
        let inputs: usize = shape[1..].iter().product();
        let scale = (inputs.max(1) as f32).sqrt().recip();
        let centre = if name.contains("norm") && name.ends_with("weight") {
            1.0
        } else {
            0.0
        };
        let numbers = (0..count).map(|_| centre + scale.min(0.2) * self.next());
        Stored {
            dtype: Dtype::F32,
            shape,
            bytes: numbers.flat_map(f32::to_le_bytes).collect(),
        }
    }
}

/// The shape of a narrow tensor when channels become `times` as many.
fn widened(name: &str, shape: &[usize], times: usize) -> Vec<usize> {
    let mut shape = shape.to_vec();
    // Latents and colours stay, however wide the networks are.
    let (fixed_outputs, fixed_inputs) = match name {
        // A pooled state, and the sinusoids that all models of XL have.
        "add_embedding.linear_1.weight" => {
            shape[1] = XL_POOLED + 6 * 256;
            (false, true)
        }
        _ if name.starts_with("quant_conv") || name.starts_with("post_quant_conv") => (true, true),
        _ if name.contains("conv_in.") => (false, true),
        _ if name.contains("conv_out.") => (true, false),
        _ if name.contains("position_embedding") => (true, false),
        _ if name.contains("token_embedding") => {
            shape[0] = VOCABULARY;
            (true, false)
        }
        _ => (false, false),
    };
    if !fixed_outputs {
        shape[0] *= times;
    }
    if !fixed_inputs && shape.len() > 1 {
        shape[1] *= times;
    }
    shape
}

pub fn widen(path: &Path, times: usize, numbers: &mut Numbers) -> Tensors {
    let mut tensors = read(path);
    tensors.retain(|name, _| !name.ends_with("position_ids"));
    let wide: Tensors = tensors
        .iter()
        .map(|(name, stored)| {
            let shape = widened(name, &stored.shape, times);
            (name.clone(), numbers.tensor(name, shape))
        })
        .collect();
    write(&wide, path);
    wide
}

pub fn edit_config(path: &Path, edit: impl FnOnce(&mut Value)) {
    let mut config = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    edit(&mut config);
    std::fs::write(path, config.to_string()).unwrap();
}

/// A widened copy of a narrow folder, with the configs that its family would have,
/// and the single file that it would be.
fn wide(name: &str, family: Family) -> (tempfile::TempDir, Tensors) {
    let folder = copy_folder(name);
    let file = |file: &str| folder.path().join(file);
    let mut numbers = Numbers(7);
    let text = widen(&file(TEXT), UNET_TIMES, &mut numbers);
    let unet = widen(&file(UNET), UNET_TIMES, &mut numbers);
    let vae = widen(&file(VAE), VAE_TIMES, &mut numbers);
    edit_config(&file("unet/config.json"), |config| {
        let widths = [64, 96, 128, 128];
        config["block_out_channels"] = json!(widths);
        config["cross_attention_dim"] = json!(128);
        config["norm_num_groups"] = json!(32);
        config["attention_head_dim"] = match family {
            Family::V1 => json!(8),
            _ => json!(widths.map(|width| width / 64)),
        };
    });
    edit_config(&file("vae/config.json"), |config| {
        config["block_out_channels"] = json!([64, 128, 128, 128]);
        config["norm_num_groups"] = json!(32);
    });
    edit_config(&file("text_encoder/config.json"), |config| {
        config["hidden_size"] = json!(128);
        config["intermediate_size"] = json!(320);
        config["num_attention_heads"] = json!(2);
        config["vocab_size"] = json!(VOCABULARY);
    });
    let file = single_file(family, &text, &unet, &vae);
    (folder, file)
}

pub fn alone(path: &Path) -> CheckpointSource {
    CheckpointSource::File(SingleFile {
        path: path.to_path_buf(),
        configs: None,
        vae: None,
    })
}

#[test]
fn a_file_alone_loads_to_the_outputs_of_its_folder() {
    for (name, family) in [("narrow-sd1", Family::V1), ("narrow-sd2", Family::V2)] {
        let (folder, tensors) = wide(name, family);
        let expected = outputs(&CheckpointSource::from_path(folder.path()).unwrap(), name);
        let path = folder.path().join("model.safetensors");
        write(&tensors, &path);
        let source = alone(&path);
        assert!(outputs(&source, name) == expected, "{name}");

        let opened = Checkpoint::open(&source, &Device::flex()).unwrap();
        let is_guessed = opened.description.prediction_source == PredictionSource::Guessed;
        assert_eq!(is_guessed, family == Family::V2);
        // Random weights do not repeat the noise, so 2.x is taken for the velocity.
        let model = StableDiffusion::load(&source, &Device::flex()).unwrap();
        let (predicts, source, size) = match family {
            Family::V1 => (PredictionType::Epsilon, PredictionSource::Told, [512, 512]),
            _ => (
                PredictionType::VPrediction,
                PredictionSource::TriedOut,
                [768, 768],
            ),
        };
        let is = &model.description;
        assert_eq!(is.scheduler.prediction_type, predicts);
        assert_eq!(is.prediction_source, source);
        assert_eq!(is.native_size(), size);
        assert_eq!(is.tokenizer.vocabulary_size(), VOCABULARY);
    }
}

#[test]
fn empty_tensors_tell_the_velocity_and_248_positions_all_of_them() {
    let (folder, mut tensors) = wide("narrow-sd1", Family::V1);
    let path = folder.path().join("model.safetensors");
    for name in ["v_pred", "ztsnr"] {
        let empty = Stored {
            dtype: Dtype::F32,
            shape: vec![0],
            bytes: Vec::new(),
        };
        tensors.insert(name.to_string(), empty);
    }
    let positions = "cond_stage_model.transformer.text_model.embeddings.position_embedding.weight";
    let stored = tensors.get_mut(positions).unwrap();
    let row = stored.bytes.len() / stored.shape[0];
    stored.bytes = stored.bytes.repeat(4)[..248 * row].to_vec();
    stored.shape[0] = 248;
    write(&tensors, &path);
    let opened = Checkpoint::open(&alone(&path), &Device::flex()).unwrap();
    let is = &opened.description;
    assert_eq!(is.scheduler.prediction_type, PredictionType::VPrediction);
    assert_eq!(is.prediction_source, PredictionSource::Told);
    assert_eq!(is.native_size(), [512, 512]);
    assert!(is.scheduler.rescale_betas_zero_snr);
    assert!(is.notices.is_empty(), "{:?}", is.notices);
    assert_eq!(is.tokenizer.length(), 248);
    assert_eq!(is.text_config.max_position_embeddings, 248);
}

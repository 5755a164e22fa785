//! LoRAs: against merges computed here in f64, against diffusers, off again without a
//! trace, refused in words, and through whole runs.

mod lycoris;
mod made;
pub mod runs;
mod xl;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};
use safetensors::tensor::Dtype;
use storm_studio::checkpoint::{
    Checkpoint, CheckpointSource, LoraError, LoraFile, MergedLora, StableDiffusion, WeightType,
};

use crate::checkpoints::{TEXT, UNET, copy_folder};
use crate::fixture::{Fixture, assert_near, folder, largest_difference, numbers};
use crate::ldm_names::{Tensors, read, write};
use made::{Dice, MadeLora, floats, stored};

const FAMILY: &str = "narrow-sd1";
const BLOCK: &str = "down_blocks.1.attentions.0.transformer_blocks.0";

fn model_at(path: &Path) -> StableDiffusion {
    let source = CheckpointSource::from_path(path).unwrap();
    StableDiffusion::load(&source, &Device::flex()).unwrap()
}

fn saved(tensors: &Tensors, name: &str) -> (tempfile::TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join(format!("{name}.safetensors"));
    write(tensors, &path);
    (home, path)
}

fn opened(path: &Path, weight: f64) -> MergedLora {
    MergedLora {
        file: Arc::new(LoraFile::open(path).unwrap()),
        weights: [weight; 2],
    }
}

/// What text encoder and UNet give for a prompt.
fn outputs(model: &StableDiffusion) -> [Vec<f32>; 2] {
    let fixture = Fixture::open(&format!("{FAMILY}.safetensors"));
    let hidden = model
        .text_encoders
        .first
        .network()
        .unwrap()
        .forward(fixture.ids("text.ids", &model.device));
    let context = model.unet.prompt_context(hidden.clone());
    let latents = fixture.tensor::<4>("unet.latents", &model.device);
    let twice = Tensor::cat(vec![latents.clone(), latents], 0);
    let predicted = model.unet.predict(twice, 981.0, &context, None, &|| true);
    [numbers(hidden), numbers(predicted.unwrap().sample)]
}

/// What a network holds.
#[derive(Default)]
struct Bytes(Vec<u8>);

impl ModuleVisitor for Bytes {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.extend_from_slice(param.val().into_data().as_bytes());
    }
}

/// Every weight of text encoder and UNet, bit for bit.
fn weights(model: &StableDiffusion) -> Vec<u8> {
    let mut bytes = Bytes::default();
    model
        .text_encoders
        .first
        .network()
        .unwrap()
        .visit(&mut bytes);
    model.unet.visit(&mut bytes);
    bytes.0
}

fn near(what: &str, ours: &[Vec<f32>; 2], theirs: &[Vec<f32>; 2]) {
    for (part, (ours, theirs)) in ["text", "UNet"].iter().zip(ours.iter().zip(theirs)) {
        let largest = theirs.iter().fold(0f32, |most, it| most.max(it.abs()));
        let difference = largest_difference(ours, theirs) / largest;
        println!("{what}, {part}: {difference:.1e} of the largest number");
        assert_near(&format!("{what}, {part}"), ours, theirs, 1e-4 * largest);
    }
}

#[test]
fn every_spelling_and_type_acts_as_the_merged_checkpoint() {
    let plain = outputs(&model_at(&folder().join(FAMILY)));
    for (name, weight, alpha, is_kohya, dtype) in [
        ("kohya, alpha, f32", 1.0, Some(1.0), true, Dtype::F32),
        ("kohya, no alpha, f16", 0.7, None, true, Dtype::F16),
        ("PEFT, bf16", -0.3, None, false, Dtype::BF16),
    ] {
        let made = MadeLora::new(7, 2, alpha);
        let merged = copy_folder(FAMILY);
        made.merge_into(merged.path(), weight);
        let expected = outputs(&model_at(merged.path()));
        assert!(largest_difference(&expected[0], &plain[0]) > 1e-2);
        assert!(largest_difference(&expected[1], &plain[1]) > 1e-2);
        let tensors = if is_kohya {
            made.kohya(dtype)
        } else {
            made.peft(dtype)
        };
        let (_home, path) = saved(&tensors, "lora");
        let mut model = model_at(&folder().join(FAMILY));
        model.set_loras(vec![opened(&path, weight)]).unwrap();
        near(name, &outputs(&model), &expected);
    }
}

/// Every spelling and form, two at once and other weights, by diffusers with PEFT.
#[test]
fn diffusers_computes_the_same_with_each_file() {
    let fixture = Fixture::open("lora.safetensors");
    let facts = fixture.facts();
    let cases = facts["cases"].as_object().unwrap();
    assert_eq!(cases.len(), 6);
    for (case, files) in cases {
        let files = files.as_object().unwrap().iter();
        let loras = files.map(|(name, weight)| {
            let path = folder().join("lora").join(format!("{name}.safetensors"));
            opened(&path, weight.as_f64().unwrap())
        });
        let mut model = model_at(&folder().join(FAMILY));
        model.set_loras(loras.collect()).unwrap();
        let text_encoder = model.text_encoders.first.network().unwrap();
        let hidden = text_encoder.forward(fixture.ids("ids", &model.device));
        let context = model.unet.prompt_context(hidden.clone());
        let latents = fixture.tensor::<4>("latents", &model.device);
        let predicted = model.unet.predict(latents, 981.0, &context, None, &|| true);
        let ours = [numbers(hidden), numbers(predicted.unwrap().sample)];
        let theirs = ["hidden", "prediction"].map(|part| fixture.floats(&format!("{case}.{part}")));
        near(case, &ours, &theirs);
    }
}

#[test]
fn two_loras_on_the_same_layers_add_up() {
    let (first, second) = (MadeLora::new(1, 3, Some(2.0)), MadeLora::new(2, 2, None));
    let merged = copy_folder(FAMILY);
    first.merge_into(merged.path(), 0.7);
    second.merge_into(merged.path(), -0.3);
    let expected = outputs(&model_at(merged.path()));
    let (_one, first) = saved(&first.kohya(Dtype::F32), "first");
    let (_two, second) = saved(&second.peft(Dtype::F32), "second");
    let mut model = model_at(&folder().join(FAMILY));
    let both = vec![opened(&first, 0.7), opened(&second, -0.3)];
    model.set_loras(both).unwrap();
    near("two at once", &outputs(&model), &expected);
}

/// By the formula of PEFT: each row of W + ΔW is brought to its length.
#[test]
fn a_weight_decomposed_lora_brings_each_row_to_its_length() {
    let made = MadeLora::new(5, 2, Some(2.0));
    let mut dice = Dice(11);
    let mut tensors = made.kohya(Dtype::F32);
    let merged = copy_folder(FAMILY);
    for file in [UNET, TEXT] {
        let mut weights = read(&merged.path().join(file));
        for (_, parameter, layer) in made.layers.iter().filter(|(it, ..)| *it == file) {
            let rows = layer.shape[0];
            let lengths: Vec<f64> = dice.numbers(rows).iter().map(|it| it + 1.0).collect();
            let prefix = if file == UNET {
                "lora_unet_"
            } else {
                "lora_te_"
            };
            let module = parameter.trim_end_matches(".weight").replace('.', "_");
            let name = format!("{prefix}{module}.dora_scale");
            tensors.insert(name, stored(&lengths, &[rows, 1], Dtype::F32));
            let whole = layer.merged(&floats(&weights[parameter]), 0.6);
            let columns = whole.len() / rows;
            let scaled = whole
                .chunks(columns)
                .zip(&lengths)
                .flat_map(|(row, length)| {
                    let norm = row.iter().map(|it| it * it).sum::<f64>().sqrt();
                    row.iter().map(move |it| it * length / norm)
                });
            let scaled: Vec<f64> = scaled.collect();
            let shape = weights[parameter].shape.clone();
            weights.insert(parameter.clone(), stored(&scaled, &shape, Dtype::F32));
        }
        write(&weights, &merged.path().join(file));
    }
    let expected = outputs(&model_at(merged.path()));
    let (_home, path) = saved(&tensors, "dora");
    let mut model = model_at(&folder().join(FAMILY));
    model.set_loras(vec![opened(&path, 0.6)]).unwrap();
    near("DoRA", &outputs(&model), &expected);
}

/// After twenty changes every weight is the one that was loaded.
fn leaves_no_trace(weight_type: WeightType) {
    let load = || {
        let source = CheckpointSource::from_path(&folder().join(FAMILY)).unwrap();
        let checkpoint = Checkpoint::open(&source, &Device::flex()).unwrap();
        StableDiffusion::build(checkpoint, weight_type, &mut |_| true).unwrap()
    };
    let mut model = load();
    let before = weights(&model);
    let (_one, first) = saved(&MadeLora::new(1, 3, Some(2.0)).kohya(Dtype::F16), "first");
    let (_two, second) = saved(&MadeLora::new(2, 2, None).peft(Dtype::F32), "second");
    let (first, second) = (opened(&first, 1.0), opened(&second, 1.0));
    let with = |lora: &MergedLora, weight: f64| MergedLora {
        weights: [weight, -weight],
        ..lora.clone()
    };
    for change in 0..20 {
        let weight = 0.1 * f64::from(change);
        let mut loras = vec![with(&first, weight)];
        if change % 3 == 0 {
            loras.push(with(&second, 1.0 - weight));
        }
        model.set_loras(loras).unwrap();
        assert!(change == 0 || weights(&model) != before);
    }
    // The same at once, on a fresh model.
    model.set_loras(vec![with(&second, 0.3)]).unwrap();
    let mut fresh = load();
    fresh.set_loras(vec![with(&second, 0.3)]).unwrap();
    assert!(weights(&model) == weights(&fresh));
    model.set_loras(Vec::new()).unwrap();
    assert!(weights(&model) == before, "{weight_type}");
}

#[test]
fn twenty_changes_leave_no_trace_in_f32() {
    leaves_no_trace(WeightType::F32);
}

#[test]
fn twenty_changes_leave_no_trace_in_f16() {
    leaves_no_trace(WeightType::F16);
}

/// Why a file is refused; the model is untouched, with the LoRA that it had.
fn refused(tensors: &Tensors) -> String {
    let (_good, good) = saved(&MadeLora::new(1, 2, None).kohya(Dtype::F32), "good");
    let (_home, path) = saved(tensors, "bad");
    let mut model = model_at(&folder().join(FAMILY));
    let good = opened(&good, 1.0);
    model.set_loras(vec![good.clone()]).unwrap();
    let before = weights(&model);
    let error: LoraError = match LoraFile::open(&path) {
        Err(error) => error,
        Ok(file) => {
            let bad = MergedLora {
                file: Arc::new(file),
                weights: [1.0; 2],
            };
            model.set_loras(vec![good, bad]).unwrap_err()
        }
    };
    assert!(weights(&model) == before && model.loras().len() == 1);
    error.to_string()
}

#[test]
fn bad_files_are_refused_in_a_sentence_and_nothing_is_half_applied() {
    let good = MadeLora::new(3, 2, Some(1.0)).kohya(Dtype::F32);
    let key = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k";
    let changed = |change: &dyn Fn(&mut Tensors)| {
        let mut tensors = good.clone();
        change(&mut tensors);
        refused(&tensors)
    };
    let lacks = changed(&|it| {
        it.remove(&format!("{key}.lora_up.weight"));
    });
    assert!(
        lacks.contains("lacks the up half") && lacks.contains(key),
        "{lacks}"
    );
    let misshapen = changed(&|it| {
        let wrong = stored(&[0.0; 2 * 15], &[2, 15], Dtype::F32);
        it.insert(format!("{key}.lora_down.weight"), wrong);
    });
    // Of a cross-attention the width tells the family.
    assert!(misshapen.contains("15 numbers a token"), "{misshapen}");
    let other = "lora_unet_mid_block_resnets_0_conv1.lora_up.weight";
    let misshapen = changed(&|it| {
        it.insert(
            other.to_string(),
            stored(&[0.0; 8], &[4, 2, 1, 1], Dtype::F32),
        );
    });
    assert!(
        misshapen.contains("[4, 2, 1, 1]") && misshapen.contains("needs"),
        "{misshapen}"
    );
    let not_finite = changed(&|it| {
        let tensor = it.get_mut(other).unwrap();
        tensor.bytes[..4].copy_from_slice(&f32::NAN.to_le_bytes());
    });
    assert!(
        not_finite.contains("not finite") && not_finite.contains(other),
        "{not_finite}"
    );
    let unknown = changed(&|it| {
        let half = stored(&[0.0; 4], &[2, 2], Dtype::F32);
        it.insert(
            "lora_unet_nowhere.lora_down.weight".to_string(),
            half.clone(),
        );
        it.insert("lora_unet_nowhere.lora_up.weight".to_string(), half);
    });
    assert!(unknown.contains("does not have"), "{unknown}");
    let xl = changed(&|it| {
        let wide = stored(&[0.0; 2 * 2048], &[2, 2048], Dtype::F32);
        it.insert(format!("{key}.lora_down.weight"), wide);
    });
    assert!(xl.contains("made for Stable Diffusion XL"), "{xl}");
    let second = changed(&|it| {
        let half = stored(&[0.0; 4], &[2, 2], Dtype::F32);
        let name = "lora_te2_text_model_encoder_layers_0_mlp_fc1";
        it.insert(format!("{name}.lora_down.weight"), half.clone());
        it.insert(format!("{name}.lora_up.weight"), half);
    });
    assert!(second.contains("made for Stable Diffusion XL"), "{second}");
    let oft = changed(&|it| {
        it.insert(
            format!("{key}.oft_blocks"),
            stored(&[0.0; 4], &[1, 2, 2], Dtype::F32),
        );
    });
    assert!(oft.contains("of the form OFT"), "{oft}");
    let mixed = changed(&|it| {
        it.insert(
            format!("{key}.lokr_w1"),
            stored(&[0.0; 4], &[2, 2], Dtype::F32),
        );
    });
    assert!(mixed.contains("lacks the second half"), "{mixed}");
    let model = refused(&read(&folder().join(FAMILY).join(UNET)));
    assert!(model.contains("UNet of a diffusers folder"), "{model}");
    let huge = changed(&|it| {
        for (name, tensor) in it.iter_mut() {
            if name.ends_with(".alpha") {
                *tensor = stored(&[3e38], &[], Dtype::F32);
            } else if name.ends_with(".lora_up.weight") {
                let shape = tensor.shape.clone();
                let count: usize = shape.iter().product();
                *tensor = stored(&vec![1e30; count], &shape, Dtype::F32);
            }
        }
    });
    assert!(huge.contains("leaves the range"), "{huge}");
}

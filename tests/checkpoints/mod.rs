//! Every form in which a checkpoint may come loads to the same model.

mod folders;

use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor};
use half::{bf16, f16};
use safetensors::tensor::Dtype;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use storm_studio::checkpoint::{
    Checkpoint, CheckpointError, CheckpointSource, Family as ModelFamily, FoundModels, SingleFile,
    StableDiffusion, WeightType,
};
use storm_studio::models::unet::Grid;

use crate::fixture::{Fixture, folder, numbers};
use crate::ldm_names::{Family, Stored, Tensors, read, single_file, write};

pub const TEXT: &str = "text_encoder/model.safetensors";
pub const UNET: &str = "unet/diffusion_pytorch_model.safetensors";
pub const VAE: &str = "vae/diffusion_pytorch_model.safetensors";

/// What a model computes: text encoder, UNet, decoder.
pub fn outputs(source: &CheckpointSource, family: &str) -> [Vec<f32>; 3] {
    let device = Device::flex();
    let model = StableDiffusion::load(source, &device).unwrap_or_else(|error| panic!("{error}"));
    let fixture = Fixture::open(&format!("{family}.safetensors"));
    let hidden = model
        .text_encoders
        .first
        .network()
        .unwrap()
        .forward(fixture.ids("text.ids", &device));
    let context = model.unet.prompt_context(hidden.clone().narrow(0, 1, 1));
    let latents = fixture.tensor::<4>("unet.latents", &device);
    let predicted = model.unet.predict(latents, 981.0, &context, None, &|| true);
    let decoded = model.vae.decode(fixture.tensor("vae.latents", &device));
    [
        numbers(hidden),
        numbers(predicted.unwrap().sample),
        numbers(decoded),
    ]
}

fn in_folder(path: &Path) -> CheckpointSource {
    CheckpointSource::from_path(path).unwrap()
}

/// A single file of a narrow model; its heads and groups are not its family's,
/// so its folder's configs go with it.
fn in_file(path: PathBuf, family: &str) -> SingleFile {
    SingleFile {
        path,
        configs: Some(folder().join(family)),
        vae: None,
    }
}

fn components(family: &str) -> [Tensors; 3] {
    [TEXT, UNET, VAE].map(|file| read(&folder().join(family).join(file)))
}

/// A copy of a narrow folder.
pub fn copy_folder(family: &str) -> tempfile::TempDir {
    let target = tempfile::tempdir().unwrap();
    copy_into(family, target.path());
    target
}

/// Copies what is in a narrow folder.
pub fn copy_into(family: &str, target: &Path) {
    let mut stack = vec![(folder().join(family), target.to_path_buf())];
    while let Some((from, to)) = stack.pop() {
        std::fs::create_dir_all(&to).unwrap();
        for entry in std::fs::read_dir(&from).unwrap() {
            let entry = entry.unwrap();
            let to = to.join(entry.file_name());
            if entry.path().is_dir() {
                stack.push((entry.path(), to));
            } else {
                std::fs::copy(entry.path(), to).unwrap();
            }
        }
    }
}

const FAMILIES: [(&str, Family); 2] = [("narrow-sd1", Family::V1), ("narrow-sd2", Family::V2)];

#[test]
fn original_names_load_to_identical_outputs() {
    for (name, family) in FAMILIES {
        let expected = outputs(&in_folder(&folder().join(name)), name);
        let [text, unet, vae] = components(name);
        let mut file = single_file(family, &text, &unet, &vae);
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("model.bin");
        // What training leaves behind in the published files.
        for (name, shape) in [
            ("alphas_cumprod", vec![10]),
            ("first_stage_model.loss.logvar", vec![1]),
            ("cond_stage_model.model.text_projection", vec![4, 4]),
            (
                "cond_stage_model.transformer.text_projection.weight",
                vec![4, 4],
            ),
        ] {
            let bytes = vec![0; 4 * shape.iter().product::<usize>()];
            let stored = Stored {
                dtype: Dtype::F32,
                shape,
                bytes,
            };
            file.insert(name.to_string(), stored);
        }
        file.remove(match family {
            Family::V1 => "cond_stage_model.model.text_projection",
            _ => "cond_stage_model.transformer.text_projection.weight",
        });
        write(&file, &path);
        let source = CheckpointSource::File(in_file(path, name));
        assert!(outputs(&source, name) == expected, "{name}");
    }
}

#[test]
fn the_moving_average_is_taken_where_it_is_whole() {
    let (name, family) = FAMILIES[0];
    let expected = outputs(&in_folder(&folder().join(name)), name);
    let [text, unet, vae] = components(name);
    let mut file = single_file(family, &text, &unet, &vae);
    let plain: Vec<(String, Stored)> = file
        .iter()
        .filter(|(name, _)| name.starts_with("model.diffusion_model."))
        .map(|(name, stored)| (name.clone(), stored.clone()))
        .collect();
    for (name, stored) in &plain {
        // The training's last weights, which are not the average.
        let mut last = stored.clone();
        last.bytes.fill(0);
        file.insert(name.clone(), last);
        let averaged = name.replacen("model.", "", 1).replace('.', "");
        file.insert(format!("model_ema.{averaged}"), stored.clone());
    }
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("with-ema.safetensors");
    write(&file, &path);
    let source = CheckpointSource::File(in_file(path.clone(), name));
    assert!(outputs(&source, name) == expected);
    // One averaged weight less: not mixed, but left.
    let averaged = "model_ema.diffusion_modelinput_blocks00weight";
    file.remove(averaged)
        .expect("the average of the first convolution");
    write(&file, &path);
    assert!(outputs(&source, name) != expected);
}

#[test]
fn an_autoencoder_may_lie_elsewhere() {
    let (name, family) = FAMILIES[1];
    let expected = outputs(&in_folder(&folder().join(name)), name);
    let [text, unet, vae] = components(name);
    let temporary = tempfile::tempdir().unwrap();
    let whole = single_file(family, &text, &unet, &vae);
    let (alone, without): (Tensors, Tensors) = whole
        .into_iter()
        .partition(|(name, _)| name.starts_with("first_stage_model."));
    let path = temporary.path().join("pruned.safetensors");
    write(&without, &path);
    let mut source = in_file(path.clone(), name);
    let refused = StableDiffusion::load(&CheckpointSource::File(source.clone()), &Device::flex());
    assert!(matches!(
        refused,
        Err(CheckpointError::NoAutoencoder { .. })
    ));

    for vae in [folder().join(name).join("vae"), folder().join(name)] {
        source.vae = Some(vae);
        assert!(outputs(&CheckpointSource::File(source.clone()), name) == expected);
    }
    // Alone in a file: with the original names, prefixed or not. Its groups of 2
    // channels are those of the folder's config.
    let vae_file = temporary.path().join("vae.safetensors");
    let bare: Tensors = alone
        .iter()
        .map(|(name, stored)| (name.replacen("first_stage_model.", "", 1), stored.clone()))
        .collect();
    for alone in [&alone, &bare, &vae] {
        write(alone, &vae_file);
        source.vae = Some(vae_file.clone());
        assert!(outputs(&CheckpointSource::File(source.clone()), name) == expected);
    }
}

/// The same numbers in another type.
fn cast(tensors: &Tensors, to: Dtype) -> Tensors {
    let cast = |stored: &Stored| {
        let numbers: Vec<f64> = match stored.dtype {
            Dtype::F64 => words(stored, f64::from_le_bytes),
            Dtype::F32 => words(stored, |bytes| f32::from_le_bytes(bytes).into()),
            Dtype::F16 => words(stored, |bytes| f16::from_le_bytes(bytes).into()),
            Dtype::BF16 => words(stored, |bytes| bf16::from_le_bytes(bytes).into()),
            _ => return stored.clone(),
        };
        let numbers = numbers.into_iter();
        let bytes = match to {
            Dtype::F16 => numbers
                .flat_map(|n| f16::from_f64(n).to_le_bytes())
                .collect(),
            Dtype::BF16 => numbers
                .flat_map(|n| bf16::from_f64(n).to_le_bytes())
                .collect(),
            Dtype::F64 => numbers.flat_map(f64::to_le_bytes).collect(),
            _ => numbers.flat_map(|n| (n as f32).to_le_bytes()).collect(),
        };
        let shape = stored.shape.clone();
        Stored {
            dtype: to,
            shape,
            bytes,
        }
    };
    let tensors = tensors.iter();
    tensors
        .map(|(name, stored)| (name.clone(), cast(stored)))
        .collect()
}

fn words<const SIZE: usize>(stored: &Stored, read: fn([u8; SIZE]) -> f64) -> Vec<f64> {
    let words = stored.bytes.chunks_exact(SIZE);
    words.map(|word| read(word.try_into().unwrap())).collect()
}

#[test]
fn files_of_every_precision_load_as_the_numbers_that_they_hold() {
    let name = "narrow-sd1";
    let whole = outputs(&in_folder(&folder().join(name)), name);
    for dtype in [Dtype::F64, Dtype::F16, Dtype::BF16] {
        let [stored, as_f32] = [dtype, Dtype::F32].map(|last| {
            let copy = copy_folder(name);
            for file in [TEXT, UNET, VAE] {
                let path = copy.path().join(file);
                let rounded = cast(&read(&path), dtype);
                write(&cast(&rounded, last), &path);
            }
            outputs(&in_folder(copy.path()), name)
        });
        assert!(stored == as_f32, "{dtype}");
        // The weights are f32 numbers that neither half holds exactly.
        assert_eq!(stored == whole, dtype == Dtype::F64, "{dtype}");
    }
}

/// A narrow folder whose text encoder knows 248 positions, as LongCLIP does.
fn long_folder(length: Option<usize>) -> tempfile::TempDir {
    let copy = copy_folder("narrow-sd1");
    let path = copy.path().join(TEXT);
    let mut tensors = read(&path);
    let name = tensors
        .keys()
        .find(|name| name.ends_with("position_embedding.weight"))
        .unwrap()
        .clone();
    let stored = tensors.get_mut(&name).unwrap();
    let positions = stored.shape[0];
    let repeated = stored.bytes.repeat(248usize.div_ceil(positions));
    let row = stored.bytes.len() / positions;
    stored.bytes = repeated[..248 * row].to_vec();
    stored.shape[0] = 248;
    tensors.retain(|name, _| !name.ends_with("position_ids"));
    write(&tensors, &path);
    let edit = |file: &str, key: &str, value: Option<usize>| {
        let path = copy.path().join(file);
        let mut config: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        config.as_object_mut().unwrap().remove(key);
        if let Some(value) = value {
            config[key] = json!(value);
        }
        std::fs::write(path, config.to_string()).unwrap();
    };
    edit(
        "text_encoder/config.json",
        "max_position_embeddings",
        Some(248),
    );
    edit(
        "tokenizer/tokenizer_config.json",
        "model_max_length",
        length,
    );
    copy
}

#[test]
fn a_text_encoder_of_248_positions_is_given_as_many() {
    let device = Device::flex();
    let prompt = format!("a cat {}to the left of a dog", "very ".repeat(40));
    for length in [Some(248), None] {
        let copy = long_folder(length);
        let model = StableDiffusion::load(&in_folder(copy.path()), &device).unwrap();
        let conditioning = model.condition_texts(&["", &prompt]).unwrap();
        let read = &conditioning.prompts[1];
        assert_eq!(read.ids.len(), 248);
        assert!(read.lost_words.is_empty(), "{:?}", read.lost_words);
        assert_eq!(conditioning.hidden_states.dims()[1], 248);
        assert_eq!(model.description.prompt_facts(read).columns, 1..247);
        let latents = Tensor::<4>::zeros([2, 4, 16, 16], &device);
        let (rows, columns) = (16, 16);
        let grid = model.unet.attention_grid(Grid { rows, columns }, 16);
        let context = &conditioning.context;
        let predicted = model
            .unet
            .predict(latents, 981.0, context, Some(grid.into()), &|| true);
        assert_eq!(predicted.unwrap().maps.unwrap().dims()[3], 248);
    }
    // A tokenizer that says less is followed, as everywhere else.
    let copy = long_folder(Some(77));
    let model = StableDiffusion::load(&in_folder(copy.path()), &device).unwrap();
    assert_eq!(model.description.read_prompt(&prompt).ids.len(), 77);
}

#[test]
fn loading_ends_within_a_tensor_of_being_cancelled() {
    let checkpoint = Checkpoint::open(&in_folder(&folder().join("narrow-sd1")), &Device::flex());
    let mut told = Vec::new();
    let ended = StableDiffusion::build(checkpoint.unwrap(), WeightType::F32, &mut |fraction| {
        told.push(fraction);
        fraction < 0.5
    });
    assert!(matches!(ended, Err(CheckpointError::Cancelled)));
    let (last, before) = told.split_last().unwrap();
    assert!(*last >= 0.5 && before.iter().all(|fraction| *fraction < 0.5));
}

#[test]
fn a_model_is_told_by_the_hash_of_its_file_or_of_its_unets() {
    let hash_of = |path: &Path| -> String {
        let digest = Sha256::digest(std::fs::read(path).unwrap());
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    };
    let device = Device::flex();
    let copy = copy_folder("narrow-sd1");
    let model = StableDiffusion::load(&in_folder(copy.path()), &device).unwrap();
    assert_eq!(model.hash.get(), None, "nobody asked for it");
    assert_eq!(model.hash.wait(), hash_of(&copy.path().join(UNET)));
    let path = copy.path().join("whole.safetensors");
    write(&crate::bad_files::narrow_file(), &path);
    let file = CheckpointSource::File(in_file(path.clone(), "narrow-sd1"));
    let model = StableDiffusion::load(&file, &device).unwrap();
    assert_eq!(model.hash.wait(), hash_of(&path));
}

#[test]
fn a_vocabulary_tells_what_a_model_knows_and_hinders_no_picture() {
    let copy = copy_folder("narrow-sd1");
    let opened = |text: &str| {
        std::fs::write(copy.path().join("vocabulary.json"), text).unwrap();
        let opened = Checkpoint::open(&in_folder(copy.path()), &Device::flex());
        opened.unwrap().description
    };
    let own = opened(
        r#"{"objects": [{"word": "cat"}], "extents": {"small": 0.2, "normal": 0.3, "big": 0.5}}"#,
    );
    assert_eq!(
        own.sizes().map(|own| (own.small, own.big)),
        Some((0.2, 0.5))
    );
    assert!(own.notices.is_empty());
    let known = own.vocabulary.unwrap();
    assert!(known.knows("Cat") && !known.knows("dog"));
    let read = in_folder(copy.path()).vocabulary().unwrap();
    assert_eq!(read.as_ref(), Some(&*known));
    // Every part may be absent.
    assert!(opened("{}").vocabulary.is_some());
    assert_eq!(opened("{}").sizes(), None);
    for wrong in [r#"{"extents": 3}"#, "cat, dog", "\0\0\0\0"] {
        let description = opened(wrong);
        assert!(description.vocabulary.is_none(), "{wrong}");
        let [notice] = &description.notices[..] else {
            panic!("{wrong}: {:?}", description.notices);
        };
        assert!(notice.to_string().contains("vocabulary.json"), "{notice}");
        assert!(in_folder(copy.path()).vocabulary().is_err(), "{wrong}");
    }
    std::fs::remove_file(copy.path().join("vocabulary.json")).unwrap();
    let without = Checkpoint::open(&in_folder(copy.path()), &Device::flex()).unwrap();
    assert!(without.description.vocabulary.is_none() && without.description.notices.is_empty());
}

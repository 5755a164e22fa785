//! Damaged files and configs by the thousand: an error or a model, never a panic or a large allocation.
//!
//! PROPTEST_CASES sets how many; each campaign prints how many it ran and how they ended.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use burn::tensor::Device;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use safetensors::tensor::Dtype;
use serde_json::Value;
use storm_studio::checkpoint::{Checkpoint, CheckpointSource, StableDiffusion, WeightType};

use crate::allocation::largest_allocation;
use crate::bad_files::{narrow_file, narrow_source};
use crate::checkpoints::{UNET, copy_into};
use crate::ldm_names::{Tensors, read, write};

/// What can happen to a file.
#[derive(Debug, Clone)]
enum Damage {
    /// Bytes overwritten, counted from the start; most hit the header.
    Overwrite(Vec<(usize, u8)>),
    Cut(usize),
    Insert(usize, Vec<u8>),
    Remove(usize, usize),
    HeaderLength(u64),
    /// A key of one tensor's entry gets another value.
    Entry(usize, &'static str, String),
}

fn damage() -> impl Strategy<Value = Damage> {
    let place = prop_oneof![0usize..64, 0usize..100_000, 0usize..1_500_000];
    let entry = prop_oneof![
        (
            Just("dtype"),
            prop_oneof![
                "\"F(8_E4M3|4|16|32|64)\"",
                "\"(I8|I64|BOOL|C64|BF16)\"",
                "null|7"
            ]
        ),
        (
            Just("shape"),
            prop_oneof![
                r"\[[0-9]{1,3}(,[0-9]{1,3}){0,4}\]",
                r"\[[0-9]{10,20}\]",
                r"\[-1\]|\[\]"
            ]
        ),
        (
            Just("data_offsets"),
            prop_oneof![
                r"\[[0-9]{1,7},[0-9]{1,7}\]",
                r"\[[0-9]{1,20},[0-9]{19,20}\]"
            ]
        ),
    ];
    prop_oneof![
        proptest::collection::vec((place.clone(), any::<u8>()), 1..8).prop_map(Damage::Overwrite),
        place.clone().prop_map(Damage::Cut),
        (place.clone(), proptest::collection::vec(any::<u8>(), 1..40))
            .prop_map(|(place, bytes)| Damage::Insert(place, bytes)),
        (place, 1usize..40).prop_map(|(place, count)| Damage::Remove(place, count)),
        prop_oneof![any::<u64>(), 0u64..1 << 25].prop_map(Damage::HeaderLength),
        (0usize..2000, entry).prop_map(|(tensor, (key, value))| Damage::Entry(tensor, key, value)),
    ]
}

fn whole_file() -> &'static [u8] {
    static FILE: OnceLock<Vec<u8>> = OnceLock::new();
    FILE.get_or_init(|| {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("whole.safetensors");
        write(&narrow_file(), &path);
        std::fs::read(path).unwrap()
    })
}

fn damaged(damage: &Damage) -> Vec<u8> {
    let mut bytes = whole_file().to_vec();
    let length = bytes.len();
    match damage {
        Damage::Overwrite(changes) => {
            for (place, value) in changes {
                bytes[place % length] = *value;
            }
        }
        Damage::Cut(place) => bytes.truncate(place % length),
        Damage::Insert(place, more) => {
            bytes.splice(place % length..place % length, more.iter().copied());
        }
        Damage::Remove(place, count) => {
            let start = place % length;
            bytes.drain(start..(start + count).min(length));
        }
        Damage::HeaderLength(value) => bytes[..8].copy_from_slice(&value.to_le_bytes()),
        Damage::Entry(tensor, key, value) => {
            let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
            let text = std::str::from_utf8(&bytes[8..8 + header]).unwrap();
            let needle = format!("\"{key}\":");
            let places: Vec<usize> = text
                .match_indices(&needle)
                .map(|(place, _)| place)
                .collect();
            let start = places[tensor % places.len()] + needle.len();
            let end = match key {
                &"dtype" => start + 1 + text[start + 1..].find('"').unwrap() + 1,
                _ => start + text[start..].find(']').unwrap() + 1,
            };
            let changed = format!("{}{value}{}", &text[..start], &text[end..]);
            let data = bytes.split_off(8 + header);
            bytes = (changed.len() as u64).to_le_bytes().to_vec();
            bytes.extend(changed.as_bytes());
            bytes.extend(data);
        }
    }
    bytes
}

/// Runs `cases` of damage through opening and building: only that each ends in a
/// result matters. Prints how many there were and how they ended.
fn campaign<S: Strategy>(
    name: &str,
    damages: &S,
    damage: impl Fn(S::Value, &Path) -> CheckpointSource,
) {
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let tally: RefCell<BTreeMap<String, usize>> = RefCell::default();
    let run = TestRunner::new(config).run(damages, |value| {
        let temporary = tempfile::tempdir().unwrap();
        let source = damage(value, temporary.path());
        let (result, bytes) = largest_allocation(|| {
            let checkpoint = Checkpoint::open(&source, &Device::flex())?;
            StableDiffusion::build(checkpoint, WeightType::F32, &mut |_| true)
        });
        prop_assert!(bytes < 64 << 20, "{bytes} bytes at once");
        let ended = match result {
            Ok(_) => "a model".to_string(),
            Err(error) => {
                prop_assert!(!error.to_string().is_empty());
                // The variant's name, as Debug begins.
                let debug = format!("{error:?}");
                debug.split([' ', '(']).next().unwrap().to_string()
            }
        };
        *tally.borrow_mut().entry(ended).or_default() += 1;
        Ok(())
    });
    let tally = tally.into_inner();
    println!("{name}: {} cases, {tally:?}", tally.values().sum::<usize>());
    if let Err(error) = run {
        panic!("{error}");
    }
}

/// What can happen to one tensor of a file whose header stays true.
#[derive(Debug, Clone)]
enum TensorDamage {
    Rename(String),
    Remove,
    /// Beside the others, with a tensor's bytes.
    Add(String),
    /// To another type of the same size.
    Retype,
    /// The same numbers in another shape.
    Reshape(usize),
    /// A number, by its place, that is none.
    Poison(usize),
}

fn tensor_damage() -> impl Strategy<Value = TensorDamage> {
    let name = prop_oneof![
        r"(\.\./){0,3}[a-z/\\:.]{0,20}",
        ".{0,20}",
        r"(model\.diffusion_model|first_stage_model|cond_stage_model|model_ema)\.[a-z0-9_.]{0,30}",
    ];
    prop_oneof![
        name.clone().prop_map(TensorDamage::Rename),
        Just(TensorDamage::Remove),
        name.prop_map(TensorDamage::Add),
        Just(TensorDamage::Retype),
        (0usize..6).prop_map(TensorDamage::Reshape),
        any::<usize>().prop_map(TensorDamage::Poison),
    ]
}

fn reshaped(shape: &[usize], how: usize) -> Vec<usize> {
    let mut shape = shape.to_vec();
    match how {
        0 => shape.reverse(),
        1 => shape.rotate_left(1),
        2 => shape.push(1),
        3 => shape.insert(0, 1),
        4 => shape = vec![shape.iter().product()],
        _ => shape.extend([1; 30]),
    }
    shape
}

fn damage_tensor(tensors: &mut Tensors, index: usize, damage: TensorDamage) {
    let names: Vec<String> = tensors.keys().cloned().collect();
    let name = &names[index % names.len()];
    let tensor = tensors.get_mut(name).unwrap();
    match damage {
        TensorDamage::Rename(to) => {
            let tensor = tensors.remove(name).unwrap();
            tensors.insert(to, tensor);
        }
        TensorDamage::Remove => {
            tensors.remove(name);
        }
        TensorDamage::Add(added) => {
            let tensor = tensor.clone();
            tensors.insert(added, tensor);
        }
        TensorDamage::Retype => {
            tensor.dtype = match tensor.dtype {
                Dtype::F32 => Dtype::I32,
                Dtype::F16 => Dtype::BF16,
                other => other,
            };
        }
        TensorDamage::Reshape(how) => tensor.shape = reshaped(&tensor.shape, how),
        TensorDamage::Poison(place) => {
            // All ones are NaN in every floating-point type.
            let numbers = tensor.bytes.len() / 4;
            let start = 4 * (place % numbers.max(1));
            for byte in tensor.bytes.iter_mut().skip(start).take(4) {
                *byte = 0xff;
            }
        }
    }
}

/// What a value in a config may become.
fn json_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        prop_oneof![0u64..20, any::<u64>()].prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        proptest::collection::vec(0u64..5000, 0..20).prop_map(Value::from),
        proptest::collection::vec(any::<u64>(), 0..6).prop_map(Value::from),
    ]
}

const CONFIGS: [&str; 7] = [
    "model_index.json",
    "unet/config.json",
    "unet/config.json",
    "vae/config.json",
    "text_encoder/config.json",
    "tokenizer/tokenizer_config.json",
    "scheduler/scheduler_config.json",
];

/// What a list of shards may say instead of a file's name.
fn shard_name() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("aside.safetensors".to_string()),
        Just("../unet/aside.safetensors".to_string()),
        r"(\.\./){1,3}[a-z]{1,5}",
        r"/(dev/zero|etc/passwd|proc/self/mem)",
        r"[a-z.\\/:]{0,12}",
        ".{0,30}",
        "a{200,5000}",
    ]
}

#[test]
fn a_damaged_file_ends_in_an_error_or_a_model() {
    campaign("files", &damage(), |damage, temporary| {
        let path = temporary.join("damaged.safetensors");
        std::fs::write(&path, damaged(&damage)).unwrap();
        narrow_source(path)
    });
}

#[test]
fn damaged_tensors_in_a_sound_file_end_in_an_error_or_a_model() {
    let whole = narrow_file();
    let damages = proptest::collection::vec((0usize..2000, tensor_damage()), 1..3);
    campaign("tensors", &damages, |damages, temporary| {
        let mut tensors = whole.clone();
        for (index, damage) in damages {
            damage_tensor(&mut tensors, index, damage);
        }
        let path = temporary.join("damaged.safetensors");
        write(&tensors, &path);
        narrow_source(path)
    });
}

#[test]
fn a_changed_config_ends_in_an_error_or_a_model() {
    let changes = (
        proptest::sample::select(&CONFIGS[..]),
        proptest::collection::vec((0usize..40, json_value()), 1..4),
    );
    campaign("configs", &changes, |(file, changes), temporary| {
        copy_into("narrow-sd1", temporary);
        let path = temporary.join(file);
        let mut config: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let keys: Vec<String> = config.as_object().unwrap().keys().cloned().collect();
        for (key, value) in changes {
            config[&keys[key % keys.len()]] = value;
        }
        std::fs::write(&path, config.to_string()).unwrap();
        CheckpointSource::from_path(temporary).unwrap()
    });
}

#[test]
fn a_changed_list_of_shards_ends_in_an_error_or_a_model() {
    let changes = proptest::collection::vec((0usize..2000, shard_name(), 0u8..4), 0..4);
    campaign("lists of shards", &changes, |changes, temporary| {
        copy_into("narrow-sd1", temporary);
        let weights = temporary.join(UNET);
        let tensors = read(&weights);
        let names: Vec<&String> = tensors.keys().collect();
        std::fs::rename(&weights, weights.with_file_name("aside.safetensors")).unwrap();
        let entries = names
            .iter()
            .map(|name| ((*name).clone(), "aside.safetensors".into()));
        let mut map: serde_json::Map<String, Value> = entries.collect();
        for (tensor, file, what) in changes {
            let name = names[tensor % names.len()].clone();
            match what {
                0 => map.insert(format!("{name}{file}"), "aside.safetensors".into()),
                1 => map.remove(&name),
                _ => map.insert(name, file.into()),
            };
        }
        let index = serde_json::json!({ "weight_map": map }).to_string();
        std::fs::write(temporary.join(format!("{UNET}.index.json")), index).unwrap();
        CheckpointSource::from_path(temporary).unwrap()
    });
}

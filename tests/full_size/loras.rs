//! What switching LoRAs costs on Stable Diffusion 1.4's full-size shapes: seconds and
//! memory, printed as rows of a table.
//!
//! Run by hand: `FULL_SIZE=DIR cargo test --release --test integration full_size::loras --
//! --ignored --nocapture`, DIR as parity/make_full_size.py writes it; its numbers are random,
//! and so are the LoRAs'.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use burn::tensor::Device;
use half::f16;
use safetensors::tensor::Dtype;
use storm_studio::checkpoint::{
    Checkpoint, CheckpointSource, LoraFile, MergedLora, StableDiffusion, WeightType,
};

use super::{Peak, anonymous_memory};
use crate::checkpoints::{TEXT, UNET};
use crate::ldm_names::{Stored, Tensors, write};

/// Layers that trainers change by default, by the ends of their names.
const LAYERS: &[&str] = &[
    ".to_q",
    ".to_k",
    ".to_v",
    ".to_out.0",
    ".ff.net.0.proj",
    ".ff.net.2",
    ".proj_in",
    ".proj_out",
    ".q_proj",
    ".k_proj",
    ".v_proj",
    ".out_proj",
    ".fc1",
    ".fc2",
];

/// Names and shapes in a file, without its numbers.
fn shapes(path: &Path) -> Vec<(String, Vec<usize>)> {
    let mut file = File::open(path).unwrap();
    let mut length = [0; 8];
    file.read_exact(&mut length).unwrap();
    let mut header = Vec::new();
    let length = u64::from_le_bytes(length);
    file.take(length).read_to_end(&mut header).unwrap();
    let header: BTreeMap<String, serde_json::Value> = serde_json::from_slice(&header).unwrap();
    let tensors = header
        .into_iter()
        .filter(|(name, _)| name != "__metadata__");
    tensors
        .map(|(name, entry)| {
            let shape = serde_json::from_value(entry["shape"].clone());
            (name, shape.unwrap())
        })
        .collect()
}

/// Writes a LoRA in f16 for every layer that trainers change; how many those are.
fn write_lora(model: &Path, rank: usize, path: &Path) -> usize {
    let mut state = 1u32;
    let mut numbers = |shape: Vec<usize>| {
        let count: usize = shape.iter().product();
        let bytes = (0..count).flat_map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let number = (state >> 16) as f32 / 65536.0 - 0.5;
            f16::from_f32(0.05 * number).to_le_bytes()
        });
        Stored {
            dtype: Dtype::F16,
            bytes: bytes.collect(),
            shape,
        }
    };
    let mut tensors = Tensors::new();
    for (file, prefix) in [(UNET, "lora_unet_"), (TEXT, "lora_te_")] {
        for (name, shape) in shapes(&model.join(file)) {
            let layer = name.strip_suffix(".weight").unwrap_or_default();
            if !LAYERS.iter().any(|end| layer.ends_with(end)) {
                continue;
            }
            let module = format!("{prefix}{}", layer.replace('.', "_"));
            let ones = vec![1; shape.len() - 2];
            let down = [&[rank], &shape[1..]].concat();
            let up = [&[shape[0], rank][..], &ones].concat();
            tensors.insert(format!("{module}.lora_down.weight"), numbers(down));
            tensors.insert(format!("{module}.lora_up.weight"), numbers(up));
        }
    }
    write(&tensors, path);
    tensors.len() / 2
}

fn held() -> f64 {
    anonymous_memory() as f64 / 1e9
}

#[test]
#[ignore = "needs the folder that parity/make_full_size.py writes, named by FULL_SIZE"]
fn switching_a_lora_keeps_no_second_copy() {
    let folder = PathBuf::from(std::env::var_os("FULL_SIZE").expect("FULL_SIZE names a folder"));
    let home = tempfile::tempdir().unwrap();
    let paths = [8, 32].map(|rank| {
        let path = home.path().join(format!("rank-{rank}.safetensors"));
        let layers = write_lora(&folder, rank, &path);
        let size = path.metadata().unwrap().len() as f64 / 1e6;
        println!("rank {rank}: {layers} layers, {size:.0} MB");
        path
    });
    for weight_type in [WeightType::F32, WeightType::F16] {
        let source = CheckpointSource::from_path(&folder).unwrap();
        let checkpoint = Checkpoint::open(&source, &Device::flex()).unwrap();
        let mut model = StableDiffusion::build(checkpoint, weight_type, &mut |_| true).unwrap();
        let [first, second] = paths.each_ref().map(|path| {
            let began = Instant::now();
            let file = Arc::new(LoraFile::open(path).unwrap());
            file.hash();
            println!("open and hash: {:.2} s", began.elapsed().as_secs_f64());
            file
        });
        let with = |file: &Arc<LoraFile>, weight: f64| MergedLora {
            file: Arc::clone(file),
            weights: [weight; 2],
        };
        let steps = [
            ("one of rank 8", vec![with(&first, 0.8)]),
            ("its weight changed", vec![with(&first, 0.5)]),
            ("one of rank 32 in its place", vec![with(&second, 0.8)]),
            ("both", vec![with(&first, 0.7), with(&second, -0.3)]),
            ("none", Vec::new()),
        ];
        let plain = held();
        let peak = Peak::watch();
        println!("| weights | step | seconds | held before | most | held then |");
        println!("| --- | --- | --- | --- | --- | --- |");
        for (step, loras) in steps {
            let before = held();
            peak.take();
            let began = Instant::now();
            model.set_loras(loras).unwrap();
            let seconds = began.elapsed().as_secs_f64();
            let (most, then) = (peak.take(), held());
            println!(
                "| {weight_type} | {step} | {seconds:.1} | {before:.2} GB | {most:.2} GB | \
                 {then:.2} GB |"
            );
            assert!(most < plain + 1.0, "{step}: {most} GB");
        }
        // Allocators keep a little.
        assert!(held() < plain + 0.3, "{} of {plain} GB", held());
    }
}

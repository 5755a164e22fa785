//! LoRAs made here, and the checkpoints that they are merged into by the formula.

use std::path::Path;

use half::{bf16, f16};
use safetensors::tensor::Dtype;

use super::{BLOCK, FAMILY};
use crate::checkpoints::{TEXT, UNET};
use crate::fixture::folder;
use crate::ldm_names::{Stored, Tensors, read, write};

pub(super) fn floats(stored: &Stored) -> Vec<f64> {
    assert_eq!(stored.dtype, Dtype::F32);
    let words = stored.bytes.chunks_exact(4);
    words
        .map(|it| f64::from(f32::from_le_bytes(it.try_into().unwrap())))
        .collect()
}

pub(super) fn stored(numbers: &[f64], shape: &[usize], dtype: Dtype) -> Stored {
    let bytes = numbers.iter().flat_map(|&number| match dtype {
        Dtype::F16 => f16::from_f64(number).to_le_bytes().to_vec(),
        Dtype::BF16 => bf16::from_f64(number).to_le_bytes().to_vec(),
        _ => (number as f32).to_le_bytes().to_vec(),
    });
    Stored {
        dtype,
        shape: shape.to_vec(),
        bytes: bytes.collect(),
    }
}

/// Numbers that every type holds exactly, from a small generator of our own.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn numbers(&mut self, count: usize) -> Vec<f64> {
        let mut roll = || {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            ((self.0 >> 33) % 33) as f64 / 32.0 - 0.5
        };
        (0..count).map(|_| roll()).collect()
    }
}

/// One layer of a LoRA: its halves, and what they add with weight 1.
pub(super) struct Layer {
    pub(super) down: Vec<f64>,
    pub(super) up: Vec<f64>,
    rank: usize,
    pub(super) shape: Vec<usize>,
    alpha: Option<f64>,
}

impl Layer {
    pub(super) fn new(dice: &mut Dice, shape: &[usize], rank: usize, alpha: Option<f64>) -> Self {
        let columns: usize = shape[1..].iter().product();
        Self {
            down: dice.numbers(rank * columns),
            up: dice.numbers(shape[0] * rank),
            rank,
            shape: shape.to_vec(),
            alpha,
        }
    }

    pub(super) fn down_shape(&self) -> Vec<usize> {
        [&[self.rank], &self.shape[1..]].concat()
    }

    pub(super) fn up_shape(&self) -> Vec<usize> {
        let ones = vec![1; self.shape.len() - 2];
        [&[self.shape[0], self.rank][..], &ones].concat()
    }

    /// The weight with it, by the formula.
    pub(super) fn merged(&self, base: &[f64], weight: f64) -> Vec<f64> {
        let scale = weight * self.alpha.unwrap_or(self.rank as f64) / self.rank as f64;
        let columns = base.len() / self.shape[0];
        let mut merged = base.to_vec();
        for row in 0..self.shape[0] {
            for column in 0..columns {
                let product: f64 = (0..self.rank)
                    .map(|k| self.up[row * self.rank + k] * self.down[k * columns + column])
                    .sum();
                merged[row * columns + column] += scale * product;
            }
        }
        merged
    }
}

/// The layers that the LoRAs of these tests change, in UNet and text encoder.
pub(super) const UNET_LAYERS: &[&str] = &[
    "attn1.to_q",
    "attn2.to_k",
    "attn2.to_out.0",
    "ff.net.0.proj",
];
pub(super) const OTHERS: &[&str] = &[
    "mid_block.resnets.0.conv1",
    "down_blocks.0.downsamplers.0.conv",
    "mid_block.attentions.0.proj_in",
];
pub(super) const TEXT_LAYERS: &[&str] = &[
    "encoder.layers.0.self_attn.q_proj",
    "encoder.layers.1.mlp.fc2",
];

pub(super) struct MadeLora {
    /// (file of the folder, parameter there, layer).
    pub(super) layers: Vec<(&'static str, String, Layer)>,
}

impl MadeLora {
    pub(super) fn new(seed: u64, rank: usize, alpha: Option<f64>) -> Self {
        let mut dice = Dice(seed);
        let (unet, text) = (
            read(&folder().join(FAMILY).join(UNET)),
            read(&folder().join(FAMILY).join(TEXT)),
        );
        let blocks = UNET_LAYERS.iter().map(|layer| format!("{BLOCK}.{layer}"));
        let unet_names = blocks.chain(OTHERS.iter().map(|it| (*it).to_string()));
        let mut layers = Vec::new();
        for name in unet_names {
            let parameter = format!("{name}.weight");
            let layer = Layer::new(&mut dice, &unet[&parameter].shape, rank, alpha);
            layers.push((UNET, parameter, layer));
        }
        for name in TEXT_LAYERS {
            let parameter = format!("text_model.{name}.weight");
            let layer = Layer::new(&mut dice, &text[&parameter].shape, rank, alpha);
            layers.push((TEXT, parameter, layer));
        }
        Self { layers }
    }

    /// As kohya's scripts write it.
    pub(super) fn kohya(&self, dtype: Dtype) -> Tensors {
        let mut tensors = Tensors::new();
        for (file, parameter, layer) in &self.layers {
            let prefix = if *file == UNET {
                "lora_unet_"
            } else {
                "lora_te_"
            };
            let module = parameter.trim_end_matches(".weight").replace('.', "_");
            let name = format!("{prefix}{module}");
            tensors.insert(
                format!("{name}.lora_down.weight"),
                stored(&layer.down, &layer.down_shape(), dtype),
            );
            tensors.insert(
                format!("{name}.lora_up.weight"),
                stored(&layer.up, &layer.up_shape(), dtype),
            );
            if let Some(alpha) = layer.alpha {
                tensors.insert(format!("{name}.alpha"), stored(&[alpha], &[], dtype));
            }
        }
        tensors
    }

    /// As diffusers writes it with PEFT.
    pub(super) fn peft(&self, dtype: Dtype) -> Tensors {
        let mut tensors = Tensors::new();
        for (file, parameter, layer) in &self.layers {
            let prefix = if *file == UNET {
                "unet"
            } else {
                "text_encoder"
            };
            let module = parameter.trim_end_matches(".weight");
            tensors.insert(
                format!("{prefix}.{module}.lora_A.weight"),
                stored(&layer.down, &layer.down_shape(), dtype),
            );
            tensors.insert(
                format!("{prefix}.{module}.lora_B.weight"),
                stored(&layer.up, &layer.up_shape(), dtype),
            );
        }
        tensors
    }

    /// Merges it into the weight files of a folder.
    pub(super) fn merge_into(&self, target: &Path, weight: f64) {
        for file in [UNET, TEXT] {
            let mut tensors = read(&target.join(file));
            for (_, parameter, layer) in self.layers.iter().filter(|(it, ..)| *it == file) {
                let tensor = &tensors[parameter];
                let merged = layer.merged(&floats(tensor), weight);
                let shape = tensor.shape.clone();
                tensors.insert(parameter.clone(), stored(&merged, &shape, Dtype::F32));
            }
            write(&tensors, &target.join(file));
        }
    }
}

//! diffusers folders rewritten as single files with the original names, independently of the loader.
//!
//! The loader computes a stored name from each parameter; here, as in the scripts that published the
//! original files, lists of replacements are applied to each stored name.

use std::collections::BTreeMap;
use std::path::Path;

use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize_to_file};

/// A tensor with its own bytes.
#[derive(Clone, PartialEq, Debug)]
pub struct Stored {
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    pub bytes: Vec<u8>,
}

pub type Tensors = BTreeMap<String, Stored>;

pub fn read(path: &Path) -> Tensors {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let tensors = file.tensors().into_iter().map(|(name, view)| {
        let stored = Stored {
            dtype: view.dtype(),
            shape: view.shape().to_vec(),
            bytes: view.data().to_vec(),
        };
        (name, stored)
    });
    tensors.collect()
}

pub fn write(tensors: &Tensors, path: &Path) {
    let views = tensors.iter().map(|(name, stored)| {
        let view = TensorView::new(stored.dtype, stored.shape.clone(), &stored.bytes).unwrap();
        (name, view)
    });
    serialize_to_file(views, None, path).unwrap();
}

/// Which family's spelling to write.
#[derive(Clone, Copy, PartialEq)]
pub enum Family {
    V1,
    V2,
    Xl,
}

/// The single file that a diffusers folder with these components would be.
pub fn single_file(family: Family, text: &Tensors, unet: &Tensors, vae: &Tensors) -> Tensors {
    let mut all = text_encoder(family, text);
    all.extend(unet.iter().map(|(name, stored)| {
        let name = match family {
            Family::Xl => xl_unet_name(name),
            Family::V1 | Family::V2 => unet_name(name),
        };
        let name = format!("model.diffusion_model.{name}");
        (name, stored.clone())
    }));
    all.extend(vae.iter().map(|(name, stored)| {
        let mut stored = stored.clone();
        let name = vae_name(name);
        // The original attention of the autoencoder is made of convolutions.
        if name.contains("attn_1") && stored.shape.len() == 2 {
            stored.shape.extend([1, 1]);
        }
        (format!("first_stage_model.{name}"), stored)
    }));
    all
}

/// The single file that a diffusers folder of Stable Diffusion XL would be.
pub fn xl_single_file(text: &Tensors, second: &Tensors, unet: &Tensors, vae: &Tensors) -> Tensors {
    let mut all = single_file(Family::Xl, text, unet, vae);
    let learned = second
        .iter()
        .filter(|(name, _)| *name != "text_projection.weight");
    let learned = learned.map(|(name, stored)| (name.clone(), stored.clone()));
    all.extend(open_clip(
        "conditioner.embedders.1.model.",
        &learned.collect(),
    ));
    let projection = transposed(&second["text_projection.weight"]);
    let name = "conditioner.embedders.1.model.text_projection";
    all.insert(name.to_string(), projection);
    all
}

/// A matrix the other way round.
fn transposed(stored: &Stored) -> Stored {
    let [rows, columns] = stored.shape[..] else {
        panic!("{:?} is no matrix", stored.shape);
    };
    let size = stored.bytes.len() / (rows * columns);
    let mut bytes = Vec::with_capacity(stored.bytes.len());
    for column in 0..columns {
        for row in 0..rows {
            let start = (row * columns + column) * size;
            bytes.extend(&stored.bytes[start..start + size]);
        }
    }
    Stored {
        dtype: stored.dtype,
        shape: vec![columns, rows],
        bytes,
    }
}

fn replace_all(name: &str, replacements: &[(String, String)]) -> String {
    replacements
        .iter()
        .fold(name.to_string(), |name, (new, old)| {
            name.replace(new.as_str(), old)
        })
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    let list = list.iter();
    list.map(|(new, old)| (new.to_string(), old.to_string()))
        .collect()
}

/// Stable Diffusion XL's: its coarsest level attends, so that all upsamplers come third.
fn xl_unet_name(name: &str) -> String {
    for (new, old) in [
        ("add_embedding.linear_1", "label_emb.0.0"),
        ("add_embedding.linear_2", "label_emb.0.2"),
        ("up_blocks.0.upsamplers.0", "output_blocks.2.2"),
    ] {
        if let Some(leaf) = name.strip_prefix(new) {
            return format!("{old}{leaf}");
        }
    }
    unet_name(name)
}

pub fn unet_name(name: &str) -> String {
    for (new, old) in [
        ("time_embedding.linear_1", "time_embed.0"),
        ("time_embedding.linear_2", "time_embed.2"),
        ("conv_in", "input_blocks.0.0"),
        ("conv_norm_out", "out.0"),
        ("conv_out", "out.2"),
    ] {
        if let Some(leaf) = name.strip_prefix(new) {
            return format!("{old}{leaf}");
        }
    }
    let mut blocks = Vec::new();
    for block in 0..4 {
        for layer in 0..2 {
            let number = 3 * block + layer + 1;
            blocks.push((
                format!("down_blocks.{block}.resnets.{layer}."),
                format!("input_blocks.{number}.0."),
            ));
            blocks.push((
                format!("down_blocks.{block}.attentions.{layer}."),
                format!("input_blocks.{number}.1."),
            ));
        }
        blocks.push((
            format!("down_blocks.{block}.downsamplers.0.conv."),
            format!("input_blocks.{}.0.op.", 3 * (block + 1)),
        ));
        for layer in 0..3 {
            let number = 3 * block + layer;
            blocks.push((
                format!("up_blocks.{block}.resnets.{layer}."),
                format!("output_blocks.{number}.0."),
            ));
            blocks.push((
                format!("up_blocks.{block}.attentions.{layer}."),
                format!("output_blocks.{number}.1."),
            ));
        }
        // Without attention the upsampler comes second.
        let place = if block == 0 { 1 } else { 2 };
        blocks.push((
            format!("up_blocks.{block}.upsamplers.0."),
            format!("output_blocks.{}.{place}.", 3 * block + 2),
        ));
    }
    blocks.extend(pairs(&[
        ("mid_block.attentions.0.", "middle_block.1."),
        ("mid_block.resnets.0.", "middle_block.0."),
        ("mid_block.resnets.1.", "middle_block.2."),
    ]));
    let is_resnet = name.contains("resnets");
    let name = replace_all(name, &blocks);
    if !is_resnet {
        return name;
    }
    let parts = pairs(&[
        ("norm1", "in_layers.0"),
        ("conv1", "in_layers.2"),
        ("norm2", "out_layers.0"),
        ("conv2", "out_layers.3"),
        ("time_emb_proj", "emb_layers.1"),
        ("conv_shortcut", "skip_connection"),
    ]);
    replace_all(&name, &parts)
}

pub fn vae_name(name: &str) -> String {
    let mut replacements = pairs(&[
        ("conv_shortcut", "nin_shortcut"),
        ("conv_norm_out", "norm_out"),
        ("mid_block.attentions.0.", "mid.attn_1."),
        ("mid_block.resnets.0.", "mid.block_1."),
        ("mid_block.resnets.1.", "mid.block_2."),
    ]);
    for level in 0..4 {
        for layer in 0..3 {
            replacements.push((
                format!("encoder.down_blocks.{level}.resnets.{layer}."),
                format!("encoder.down.{level}.block.{layer}."),
            ));
            replacements.push((
                format!("decoder.up_blocks.{level}.resnets.{layer}."),
                format!("decoder.up.{}.block.{layer}.", 3 - level),
            ));
        }
        replacements.push((
            format!("down_blocks.{level}.downsamplers.0."),
            format!("down.{level}.downsample."),
        ));
        replacements.push((
            format!("up_blocks.{level}.upsamplers.0."),
            format!("up.{}.upsample.", 3 - level),
        ));
    }
    let name = replace_all(name, &replacements);
    if !name.contains("attn_1.") {
        return name;
    }
    let parts = pairs(&[
        ("group_norm.", "norm."),
        ("query.", "q."),
        ("key.", "k."),
        ("value.", "v."),
        ("proj_attn.", "proj_out."),
        ("to_q.", "q."),
        ("to_k.", "k."),
        ("to_v.", "v."),
        ("to_out.0.", "proj_out."),
    ]);
    replace_all(&name, &parts)
}

fn text_encoder(family: Family, text: &Tensors) -> Tensors {
    let prefix = match family {
        Family::V1 => "cond_stage_model.transformer.",
        Family::Xl => "conditioner.embedders.0.transformer.",
        Family::V2 => return open_clip("cond_stage_model.model.", text),
    };
    let tensors = text.iter();
    tensors
        .map(|(name, stored)| (format!("{prefix}{}", long_text_name(name)), stored.clone()))
        .collect()
}

fn long_text_name(name: &str) -> String {
    match name.strip_prefix("text_model.") {
        Some(_) => name.to_string(),
        None => format!("text_model.{name}"),
    }
}

fn open_clip(prefix: &str, text: &Tensors) -> Tensors {
    let long = |name: &String| long_text_name(name);
    let parts = pairs(&[
        ("text_model.encoder.layers.", "transformer.resblocks."),
        ("layer_norm1", "ln_1"),
        ("layer_norm2", "ln_2"),
        (".fc1.", ".c_fc."),
        (".fc2.", ".c_proj."),
        (".self_attn", ".attn"),
        ("text_model.final_layer_norm.", "ln_final."),
        (
            "text_model.embeddings.token_embedding.weight",
            "token_embedding.weight",
        ),
        (
            "text_model.embeddings.position_embedding.weight",
            "positional_embedding",
        ),
    ]);
    let mut all = Tensors::new();
    for (name, stored) in text {
        let name = format!("{prefix}{}", replace_all(&long(name), &parts));
        // Queries, keys and values are one tensor, in this order.
        let Some((block, leaf)) = name.split_once(".q_proj.") else {
            if !name.contains(".k_proj.") && !name.contains(".v_proj.") {
                all.insert(name, stored.clone());
            }
            continue;
        };
        let mut fused = stored.clone();
        fused.shape[0] *= 3;
        for other in ["k_proj", "v_proj"] {
            let other = text.iter().find(|(name, _)| {
                let wanted = format!("{block}.{other}.{leaf}");
                format!("{prefix}{}", replace_all(&long(name), &parts)) == wanted
            });
            fused
                .bytes
                .extend(&other.expect("all three are there").1.bytes);
        }
        all.insert(format!("{block}.in_proj_{leaf}"), fused);
    }
    all
}

//! What a weight file is, by the names and shapes of its tensors, never by its own name.
//!
//! Files of many kinds carry the same ending. Those that this program cannot use
//! are told apart so that the message can say what was opened.

use std::collections::BTreeMap;

use super::CheckpointError;
use super::family::Family;
use super::ldm_names::{
    CLIP_PREFIX, OPEN_CLIP_PREFIX, UNET_PREFIX, VAE_PREFIX, XL_CLIP_PREFIX, XL_OPEN_CLIP_PREFIX,
};
use super::weight_file::StoredTensor;

/// The first convolution of a UNet with the original names.
const FIRST_CONVOLUTION: &str = "model.diffusion_model.input_blocks.0.0.weight";
/// Keys of its first cross-attention; their columns are the prompt's width.
const FIRST_KEYS: &str =
    "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight";

/// The same at its second level, where Stable Diffusion XL begins to attend.
const SECOND_KEYS: &str =
    "model.diffusion_model.input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight";
/// Numbers per token of the prompt that Stable Diffusion XL reads.
const XL_WIDTH: usize = 2048;

type Tensors = BTreeMap<String, StoredTensor>;

/// The family of the Stable Diffusion model in one file that these tensors are.
///
/// # Errors
/// [`CheckpointError::OtherModel`], naming what they are instead.
pub(super) fn recognise(tensors: &Tensors) -> Result<Family, CheckpointError> {
    match other_model(tensors) {
        Some(what) => Err(CheckpointError::OtherModel { what }),
        None if has_prefix(tensors, XL_OPEN_CLIP_PREFIX) => Ok(Family::Xl),
        None if has_prefix(tensors, OPEN_CLIP_PREFIX) => Ok(Family::V2),
        None => Ok(Family::V1),
    }
}

fn other_model(tensors: &Tensors) -> Option<String> {
    if let Some((_, what)) = SIGNS.iter().find(|(sign, _)| sign.is_in(tensors)) {
        return Some((*what).to_string());
    }
    if has_prefix(tensors, XL_CLIP_PREFIX) || has_prefix(tensors, XL_OPEN_CLIP_PREFIX) {
        return other_xl(tensors);
    }
    if has_prefix(tensors, "model.diffusion_model.label_emb.") {
        // Stable Diffusion XL has such an embedding too, here without its text encoders.
        let what = match width_of(tensors, SECOND_KEYS) {
            Some(XL_WIDTH) => "the UNet of Stable Diffusion XL alone, without its text encoders",
            _ => "a diffusion model with class labels",
        };
        return Some(what.to_string());
    }
    let is_stable_diffusion = tensors.contains_key(FIRST_CONVOLUTION);
    if !is_stable_diffusion {
        return Some(part_or_unknown(tensors));
    }
    match width_of(tensors, FIRST_CONVOLUTION) {
        Some(4) => {}
        Some(9) => return Some("a Stable Diffusion model for inpainting".to_string()),
        Some(8) => return Some("a model that edits pictures (InstructPix2Pix)".to_string()),
        Some(5) => return Some("a Stable Diffusion model that reads depth".to_string()),
        Some(7) => return Some("the Stable Diffusion upscaler".to_string()),
        _ => return Some("a model whose latents do not have 4 channels".to_string()),
    }
    if width_of(tensors, FIRST_KEYS).is_none() {
        return Some("a diffusion model whose first block does not attend to a prompt".to_string());
    }
    if !has_prefix(tensors, CLIP_PREFIX) && !has_prefix(tensors, OPEN_CLIP_PREFIX) {
        return Some("a Stable Diffusion UNet alone, without its text encoder".to_string());
    }
    None
}

/// What a file with text encoders of Stable Diffusion XL is instead of the base model.
fn other_xl(tensors: &Tensors) -> Option<String> {
    let what = match width_of(tensors, FIRST_CONVOLUTION) {
        Some(4) => {
            let has_both =
                [XL_CLIP_PREFIX, XL_OPEN_CLIP_PREFIX].map(|prefix| has_prefix(tensors, prefix));
            if has_both == [true; 2] {
                return None;
            }
            "a Stable Diffusion XL model without one of its two text encoders"
        }
        Some(9) => "a Stable Diffusion XL model for inpainting",
        Some(8) => "a Stable Diffusion XL model that edits pictures (InstructPix2Pix)",
        Some(_) => "a model whose latents do not have 4 channels",
        None => "the text encoders of Stable Diffusion XL, without their UNet",
    };
    Some(what.to_string())
}

/// The length of a tensor's second axis, if it is there.
fn width_of(tensors: &Tensors, name: &str) -> Option<usize> {
    tensors.get(name)?.shape.get(1).copied()
}

/// How a kind of file shows itself.
enum Sign {
    /// A tensor of this name is there.
    Name(&'static str),
    /// A tensor whose name begins so.
    Prefix(&'static str),
    /// A tensor whose name contains this.
    Part(&'static str),
}

impl Sign {
    fn is_in(&self, tensors: &Tensors) -> bool {
        match self {
            Self::Name(name) => tensors.contains_key(*name),
            Self::Prefix(prefix) => has_prefix(tensors, prefix),
            Self::Part(part) => tensors.keys().any(|name| name.contains(part)),
        }
    }
}

/// Signs of other kinds, the more telling first.
const SIGNS: &[(Sign, &str)] = &[
    (Sign::Part(".lora_down."), LORA),
    (Sign::Part(".lora_up."), LORA),
    (Sign::Part(".lora_A."), LORA),
    (Sign::Part(".lora.down."), LORA),
    (Sign::Part("_lora.down."), LORA),
    (Sign::Part(".hada_w1_a"), LYCORIS),
    (Sign::Part(".lokr_w1"), LYCORIS),
    (Sign::Part(".oft_blocks"), LYCORIS),
    (Sign::Part(".oft_diag"), LYCORIS),
    (
        Sign::Prefix("ip_adapter."),
        "an IP-Adapter, an addition to a model",
    ),
    (Sign::Part("double_blocks.0.img_attn."), "a Flux model"),
    (
        Sign::Part("transformer_blocks.0.norm1_context."),
        "a Flux or Stable Diffusion 3 transformer",
    ),
    (
        Sign::Part("joint_blocks.0.context_block."),
        "a Stable Diffusion 3 model",
    ),
    (Sign::Prefix("conditioner.embedders.0.model."), REFINER),
    (
        Sign::Name("edm_mean"),
        "Playground 2.5, whose latents are scaled otherwise",
    ),
    (
        Sign::Prefix("edm_vpred."),
        "CosXL, whose noise is scaled otherwise",
    ),
    (
        Sign::Prefix("add_embedding."),
        "the UNet of Stable Diffusion XL",
    ),
    (Sign::Prefix("control_model."), CONTROL_NET),
    (Sign::Prefix("controlnet_"), CONTROL_NET),
    (
        Sign::Prefix("embedder.model.visual."),
        "Stable Diffusion 2.1 unCLIP, which reads pictures",
    ),
    (
        Sign::Part("motion_modules."),
        "AnimateDiff, an addition that moves pictures",
    ),
    (Sign::Name("emb_params"), EMBEDDING),
    (Sign::Name("string_to_param"), EMBEDDING),
    (Sign::Name("clip_l"), EMBEDDING),
];

pub(super) const REFINER: &str =
    "the refiner of Stable Diffusion XL, which goes over the pictures of another model";
const LORA: &str = "a LoRA, an addition to a model";
const LYCORIS: &str = "a LyCORIS file, an addition to a model";
const CONTROL_NET: &str = "a ControlNet, an addition to a model";
const EMBEDDING: &str = "a textual inversion, a word for a model";

/// A part of a Stable Diffusion model, told by its names, or something unknown.
fn part_or_unknown(tensors: &Tensors) -> String {
    let has = |name: &str| tensors.contains_key(name);
    if has("conv_in.weight") && has_prefix(tensors, "down_blocks.0.") {
        "the UNet of a diffusers folder (open the folder that holds all parts)"
    } else if has_prefix(tensors, VAE_PREFIX)
        || (has("decoder.conv_in.weight") && has("decoder.conv_out.weight"))
    {
        "an autoencoder (VAE) alone (open the model and give this file with --vae)"
    } else if has_prefix(tensors, UNET_PREFIX) {
        "a diffusion model of an unknown family"
    } else if tensors
        .keys()
        .any(|name| name.contains("text_model.encoder."))
        || has_prefix(tensors, "encoder.layers.")
    {
        "a text encoder alone"
    } else if tensors.is_empty() {
        "a file without tensors"
    } else {
        "a model of an unknown kind"
    }
    .to_string()
}

/// Whether a tensor's name begins with `prefix`.
pub(super) fn has_prefix(tensors: &Tensors, prefix: &str) -> bool {
    let mut from_there = tensors.range(prefix.to_string()..);
    from_there
        .next()
        .is_some_and(|(name, _)| name.starts_with(prefix))
}

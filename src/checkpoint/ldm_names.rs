//! The names of the original latent diffusion code (CompVis, Stability AI), in
//! which single-file checkpoints are written.
//!
//! Its modules are numbered lists where diffusers has blocks; the rules are those
//! of diffusers' published conversion script, read backwards.

use super::family::Family;
use super::naming::{Component, StoredForm, StoredName};
use crate::models::config::UNetConfig;

pub(super) const UNET_PREFIX: &str = "model.diffusion_model.";
pub(super) const VAE_PREFIX: &str = "first_stage_model.";
/// OpenCLIP's text encoder, in Stable Diffusion 2.x.
pub(super) const OPEN_CLIP_PREFIX: &str = "cond_stage_model.model.";
/// transformers' CLIPTextModel, in Stable Diffusion 1.x.
pub(super) const CLIP_PREFIX: &str = "cond_stage_model.transformer.";
/// The two text encoders of Stable Diffusion XL: transformers' CLIPTextModel and
/// OpenCLIP's.
pub(super) const XL_CLIP_PREFIX: &str = "conditioner.embedders.0.transformer.";
pub(super) const XL_OPEN_CLIP_PREFIX: &str = "conditioner.embedders.1.model.";
/// The moving average of the UNet's weights, which a training run keeps.
pub(super) const EMA_PREFIX: &str = "model_ema.";

/// What the numbering in a file depends on.
#[derive(Debug, Clone)]
pub(super) struct LdmNames {
    pub(super) layers_per_block: usize,
    /// Of each up block, from the coarsest: whether it has attention.
    pub(super) up_blocks_attend: Vec<bool>,
    pub(super) vae_levels: usize,
    /// [`VAE_PREFIX`], or nothing in a file of an autoencoder alone.
    pub(super) vae_prefix: &'static str,
    /// Whose text encoder it is.
    pub(super) family: Family,
    /// Layers of the text encoder that are used; further ones are left.
    pub(super) text_layers: usize,
    /// Take the moving average of the UNet's weights, which the file holds too.
    pub(super) ema: bool,
}

impl LdmNames {
    /// Names for networks of these shapes.
    pub(super) fn new(
        unet: &UNetConfig,
        vae_levels: usize,
        family: Family,
        text_layers: usize,
    ) -> Self {
        let kinds = unet.up_block_types.iter();
        Self {
            layers_per_block: unet.layers_per_block,
            up_blocks_attend: kinds.map(|kind| kind.starts_with("CrossAttn")).collect(),
            vae_levels,
            vae_prefix: VAE_PREFIX,
            family,
            text_layers,
            ema: false,
        }
    }

    /// Names for the UNet alone.
    pub(super) fn of_unet(unet: &UNetConfig) -> Self {
        Self::new(unet, 0, Family::V1, 0)
    }

    pub(super) fn candidates(&self, component: Component, parameter: &str) -> Vec<StoredName> {
        match component {
            Component::UNet => {
                let plain = format!("{UNET_PREFIX}{}", self.unet(parameter));
                let averaged = self.ema.then(|| ema_name(&plain));
                averaged
                    .into_iter()
                    .chain([plain])
                    .map(Into::into)
                    .collect()
            }
            Component::PreviewDecoder | Component::Detector => Vec::new(),
            Component::Vae => vec![format!("{}{}", self.vae_prefix, self.vae(parameter)).into()],
            Component::TextEncoder | Component::SecondTextEncoder => {
                match self.text_names(component) {
                    TextNames::OpenClip(prefix) => vec![open_clip(prefix, parameter)],
                    TextNames::Clip(prefix) => vec![
                        format!("{prefix}text_model.{parameter}").into(),
                        format!("{prefix}{parameter}").into(),
                    ],
                }
            }
        }
    }

    pub(super) fn claims(&self, component: Component, name: &str) -> bool {
        match component {
            Component::PreviewDecoder | Component::Detector => false,
            Component::UNet => name.starts_with(UNET_PREFIX),
            Component::Vae => {
                let Some(name) = name.strip_prefix(self.vae_prefix) else {
                    return false;
                };
                // Beside them lie the losses of its training.
                let parts = ["encoder.", "decoder.", "quant_conv.", "post_quant_conv."];
                parts.iter().any(|part| name.starts_with(part))
            }
            Component::TextEncoder | Component::SecondTextEncoder => {
                match self.text_names(component) {
                    TextNames::Clip(prefix) => {
                        // A buffer, and what compares texts with pictures.
                        let others = [
                            "embeddings.position_ids",
                            "text_projection.weight",
                            "logit_scale",
                        ];
                        name.starts_with(prefix) && !others.iter().any(|it| name.ends_with(it))
                    }
                    TextNames::OpenClip(prefix) => {
                        name.strip_prefix(prefix)
                            .is_some_and(|name| match component {
                                Component::SecondTextEncoder => {
                                    name == "text_projection" || is_learned(name)
                                }
                                _ => self.is_used(name),
                            })
                    }
                }
            }
        }
    }

    /// Whose names the file has for a text encoder, and behind which prefix.
    fn text_names(&self, component: Component) -> TextNames {
        match (self.family, component) {
            (_, Component::SecondTextEncoder) => TextNames::OpenClip(XL_OPEN_CLIP_PREFIX),
            (Family::V1, _) => TextNames::Clip(CLIP_PREFIX),
            (Family::V2, _) => TextNames::OpenClip(OPEN_CLIP_PREFIX),
            (Family::Xl, _) => TextNames::Clip(XL_CLIP_PREFIX),
        }
    }

    /// Whether it is a parameter of a layer that is not left out.
    fn is_used(&self, name: &str) -> bool {
        match name.strip_prefix("transformer.resblocks.") {
            Some(rest) => {
                let layer = rest.split('.').next().and_then(|layer| layer.parse().ok());
                layer.is_none_or(|layer: usize| layer < self.text_layers)
            }
            None => is_learned(name),
        }
    }

    /// diffusers' name of a UNet parameter → the original one, without prefix.
    pub(super) fn unet(&self, parameter: &str) -> String {
        let parts: Vec<&str> = parameter.split('.').collect();
        let layers = self.layers_per_block;
        match parts.as_slice() {
            ["conv_in", leaf] => format!("input_blocks.0.0.{leaf}"),
            ["time_embedding", "linear_1", leaf] => format!("time_embed.0.{leaf}"),
            ["time_embedding", "linear_2", leaf] => format!("time_embed.2.{leaf}"),
            ["add_embedding", "linear_1", leaf] => format!("label_emb.0.0.{leaf}"),
            ["add_embedding", "linear_2", leaf] => format!("label_emb.0.2.{leaf}"),
            ["conv_norm_out", leaf] => format!("out.0.{leaf}"),
            ["conv_out", leaf] => format!("out.2.{leaf}"),
            ["down_blocks", block, kind, layer, rest @ ..] => {
                // A block is its layers and a downsampler; number 0 is conv_in.
                let first = 1 + index(block) * (layers + 1);
                let number = first + index(layer);
                match *kind {
                    "resnets" => format!("input_blocks.{number}.0.{}", unet_resnet(rest)),
                    "attentions" => format!("input_blocks.{number}.1.{}", rest.join(".")),
                    _ => format!("input_blocks.{}.0.op.{}", first + layers, last(rest)),
                }
            }
            ["mid_block", "resnets", "0", rest @ ..] => {
                format!("middle_block.0.{}", unet_resnet(rest))
            }
            ["mid_block", "attentions", _, rest @ ..] => {
                format!("middle_block.1.{}", rest.join("."))
            }
            ["mid_block", "resnets", _, rest @ ..] => {
                format!("middle_block.2.{}", unet_resnet(rest))
            }
            ["up_blocks", block, kind, layer, rest @ ..] => {
                let first = index(block) * (layers + 1);
                let number = first + index(layer);
                match *kind {
                    "resnets" => format!("output_blocks.{number}.0.{}", unet_resnet(rest)),
                    "attentions" => format!("output_blocks.{number}.1.{}", rest.join(".")),
                    _ => {
                        // The upsampler stands in the last layer's list, behind
                        // its resnet and, where there is one, its attention.
                        let number = first + layers;
                        let attends = self.up_blocks_attend.get(index(block)) == Some(&true);
                        let place = if attends { 2 } else { 1 };
                        format!("output_blocks.{number}.{place}.conv.{}", last(rest))
                    }
                }
            }
            _ => parameter.to_string(),
        }
    }

    /// diffusers' name of an autoencoder parameter → the original one, without prefix.
    fn vae(&self, parameter: &str) -> String {
        let parts: Vec<&str> = parameter.split('.').collect();
        match parts.as_slice() {
            [side, "conv_norm_out", leaf] => format!("{side}.norm_out.{leaf}"),
            [side, "mid_block", "resnets", layer, rest @ ..] => {
                format!("{side}.mid.block_{}.{}", index(layer) + 1, vae_resnet(rest))
            }
            [side, "mid_block", "attentions", _, part @ .., leaf] => {
                let part = match part {
                    ["group_norm"] => "norm",
                    ["to_q"] => "q",
                    ["to_k"] => "k",
                    ["to_v"] => "v",
                    _ => "proj_out",
                };
                format!("{side}.mid.attn_1.{part}.{leaf}")
            }
            ["encoder", "down_blocks", block, kind, layer, rest @ ..] => match *kind {
                "resnets" => format!("encoder.down.{block}.block.{layer}.{}", vae_resnet(rest)),
                _ => format!("encoder.down.{block}.downsample.{}", rest.join(".")),
            },
            ["decoder", "up_blocks", block, kind, layer, rest @ ..] => {
                // The original numbers levels from the finest in both directions.
                let level = self.vae_levels.saturating_sub(1 + index(block));
                match *kind {
                    "resnets" => format!("decoder.up.{level}.block.{layer}.{}", vae_resnet(rest)),
                    _ => format!("decoder.up.{level}.upsample.{}", rest.join(".")),
                }
            }
            _ => parameter.to_string(),
        }
    }
}

/// The moving average drops the dots of what it averages.
pub(super) fn ema_name(plain: &str) -> String {
    let name = plain.strip_prefix("model.").unwrap_or(plain);
    format!("{EMA_PREFIX}{}", name.replace('.', ""))
}

fn unet_resnet(rest: &[&str]) -> String {
    let part = match rest.first() {
        Some(&"norm1") => "in_layers.0",
        Some(&"conv1") => "in_layers.2",
        Some(&"time_emb_proj") => "emb_layers.1",
        Some(&"norm2") => "out_layers.0",
        Some(&"conv2") => "out_layers.3",
        _ => "skip_connection",
    };
    format!("{part}.{}", last(rest))
}

fn vae_resnet(rest: &[&str]) -> String {
    match rest {
        ["conv_shortcut", leaf] => format!("nin_shortcut.{leaf}"),
        _ => rest.join("."),
    }
}

/// Whose names a file has for a text encoder.
enum TextNames {
    /// transformers', behind this prefix.
    Clip(&'static str),
    OpenClip(&'static str),
}

/// Whether a tensor of OpenCLIP's text encoder is none of those that compare texts
/// with pictures, and no buffer.
fn is_learned(name: &str) -> bool {
    !["text_projection", "logit_scale", "attn_mask"].contains(&name)
}

/// transformers' name of a text encoder's parameter → OpenCLIP's.
fn open_clip(prefix: &str, parameter: &str) -> StoredName {
    let parts: Vec<&str> = parameter.split('.').collect();
    let form = match parts.as_slice() {
        [.., "q_proj", _] => StoredForm::Third(0),
        [.., "k_proj", _] => StoredForm::Third(1),
        [.., "v_proj", _] => StoredForm::Third(2),
        ["text_projection", _] => StoredForm::Transposed,
        _ => StoredForm::Whole,
    };
    let name = match parts.as_slice() {
        ["text_projection", _] => "text_projection".to_string(),
        ["embeddings", "position_embedding", _] => "positional_embedding".to_string(),
        ["embeddings", rest @ ..] => rest.join("."),
        ["final_layer_norm", leaf] => format!("ln_final.{leaf}"),
        ["encoder", "layers", layer, part @ .., leaf] => {
            let part = match part {
                ["layer_norm1"] => format!("ln_1.{leaf}"),
                ["layer_norm2"] => format!("ln_2.{leaf}"),
                ["mlp", "fc1"] => format!("mlp.c_fc.{leaf}"),
                ["mlp", ..] => format!("mlp.c_proj.{leaf}"),
                ["self_attn", "out_proj"] => format!("attn.out_proj.{leaf}"),
                _ => format!("attn.in_proj_{leaf}"),
            };
            format!("transformer.resblocks.{layer}.{part}")
        }
        _ => parameter.to_string(),
    };
    StoredName {
        name: format!("{prefix}{name}"),
        form,
    }
}

fn index(part: &str) -> usize {
    part.parse().expect("burn numbers the modules of a list")
}

fn last<'a>(rest: &[&'a str]) -> &'a str {
    rest.last().expect("a parameter ends in weight or bias")
}

#[cfg(test)]
mod tests;

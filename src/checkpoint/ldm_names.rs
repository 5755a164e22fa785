//! The names of the original latent diffusion code (CompVis, Stability AI), in
//! which single-file checkpoints are written.
//!
//! Its modules are numbered lists where diffusers has blocks; the rules are those
//! of diffusers' published conversion script, read backwards.

use super::family::Family;
use super::naming::{Component, StoredName};
use crate::models::config::UNetConfig;

pub(super) const UNET_PREFIX: &str = "model.diffusion_model.";
pub(super) const VAE_PREFIX: &str = "first_stage_model.";
/// OpenCLIP's text encoder, in Stable Diffusion 2.x.
pub(super) const OPEN_CLIP_PREFIX: &str = "cond_stage_model.model.";
/// transformers' CLIPTextModel, in Stable Diffusion 1.x.
pub(super) const CLIP_PREFIX: &str = "cond_stage_model.transformer.";
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
            Component::TextEncoder => match self.family {
                Family::V2 => {
                    let StoredName { name, third } = open_clip(parameter);
                    let name = format!("{OPEN_CLIP_PREFIX}{name}");
                    vec![StoredName { name, third }]
                }
                Family::V1 => vec![
                    format!("{CLIP_PREFIX}text_model.{parameter}").into(),
                    format!("{CLIP_PREFIX}{parameter}").into(),
                ],
            },
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
            Component::TextEncoder => match self.family {
                Family::V1 => {
                    // A buffer, and what compares texts with pictures.
                    let others = [
                        "embeddings.position_ids",
                        "text_projection.weight",
                        "logit_scale",
                    ];
                    name.starts_with(CLIP_PREFIX) && !others.iter().any(|it| name.ends_with(it))
                }
                Family::V2 => {
                    let name = name.strip_prefix(OPEN_CLIP_PREFIX);
                    name.is_some_and(|name| self.is_open_clip_parameter(name))
                }
            },
        }
    }

    /// Neither the projection to pictures' embeddings, nor a layer left out.
    fn is_open_clip_parameter(&self, name: &str) -> bool {
        match name.strip_prefix("transformer.resblocks.") {
            Some(rest) => {
                let layer = rest.split('.').next().and_then(|layer| layer.parse().ok());
                layer.is_none_or(|layer: usize| layer < self.text_layers)
            }
            None => !["text_projection", "logit_scale", "attn_mask"].contains(&name),
        }
    }

    /// diffusers' name of a UNet parameter → the original one, without prefix.
    fn unet(&self, parameter: &str) -> String {
        let parts: Vec<&str> = parameter.split('.').collect();
        let layers = self.layers_per_block;
        match parts.as_slice() {
            ["conv_in", leaf] => format!("input_blocks.0.0.{leaf}"),
            ["time_embedding", "linear_1", leaf] => format!("time_embed.0.{leaf}"),
            ["time_embedding", "linear_2", leaf] => format!("time_embed.2.{leaf}"),
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

/// transformers' name of a text encoder's parameter → OpenCLIP's.
fn open_clip(parameter: &str) -> StoredName {
    let parts: Vec<&str> = parameter.split('.').collect();
    let third = match parts.as_slice() {
        [.., "q_proj", _] => Some(0),
        [.., "k_proj", _] => Some(1),
        [.., "v_proj", _] => Some(2),
        _ => None,
    };
    let name = match parts.as_slice() {
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
    StoredName { name, third }
}

fn index(part: &str) -> usize {
    part.parse().expect("burn numbers the modules of a list")
}

fn last<'a>(rest: &[&'a str]) -> &'a str {
    rest.last().expect("a parameter ends in weight or bias")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> LdmNames {
        LdmNames::new(&UNetConfig::default(), 4, Family::V2, 23)
    }

    #[test]
    fn names_are_those_of_the_original_code() {
        // Pairs as the conversion script of diffusers makes them from SD 1.4 and 2.1.
        let unet = |name: &str| names().candidates(Component::UNet, name)[0].name.clone();
        for (diffusers, original) in [
            (
                "down_blocks.1.resnets.0.conv_shortcut.weight",
                "input_blocks.4.0.skip_connection.weight",
            ),
            (
                "down_blocks.2.downsamplers.0.conv.bias",
                "input_blocks.9.0.op.bias",
            ),
            (
                "down_blocks.3.resnets.1.conv2.weight",
                "input_blocks.11.0.out_layers.3.weight",
            ),
            (
                "mid_block.resnets.1.time_emb_proj.bias",
                "middle_block.2.emb_layers.1.bias",
            ),
            (
                "up_blocks.0.upsamplers.0.conv.weight",
                "output_blocks.2.1.conv.weight",
            ),
            (
                "up_blocks.1.upsamplers.0.conv.weight",
                "output_blocks.5.2.conv.weight",
            ),
            (
                "up_blocks.3.attentions.2.transformer_blocks.0.ff.net.0.proj.weight",
                "output_blocks.11.1.transformer_blocks.0.ff.net.0.proj.weight",
            ),
        ] {
            assert_eq!(unet(diffusers), format!("{UNET_PREFIX}{original}"));
        }
        let vae = |name: &str| names().candidates(Component::Vae, name)[0].name.clone();
        for (diffusers, original) in [
            (
                "decoder.up_blocks.3.resnets.0.conv_shortcut.weight",
                "decoder.up.0.block.0.nin_shortcut.weight",
            ),
            (
                "decoder.up_blocks.0.upsamplers.0.conv.bias",
                "decoder.up.3.upsample.conv.bias",
            ),
            (
                "encoder.mid_block.attentions.0.to_out.0.weight",
                "encoder.mid.attn_1.proj_out.weight",
            ),
            ("post_quant_conv.weight", "post_quant_conv.weight"),
        ] {
            assert_eq!(vae(diffusers), format!("{VAE_PREFIX}{original}"));
        }
        let text = names().candidates(
            Component::TextEncoder,
            "encoder.layers.22.self_attn.v_proj.weight",
        );
        assert_eq!(
            text,
            [StoredName {
                name: "cond_stage_model.model.transformer.resblocks.22.attn.in_proj_weight".into(),
                third: Some(2),
            }]
        );
    }

    #[test]
    fn the_moving_average_comes_first_where_it_is_taken() {
        let names = LdmNames {
            ema: true,
            ..names()
        };
        let candidates = names.candidates(Component::UNet, "conv_in.weight");
        assert_eq!(
            candidates[0].name,
            "model_ema.diffusion_modelinput_blocks00weight"
        );
        assert_eq!(
            candidates[1].name,
            "model.diffusion_model.input_blocks.0.0.weight"
        );
    }

    #[test]
    fn what_is_not_learned_or_left_out_is_nobodys() {
        let names = names();
        let claims = |name: &str| names.claims(Component::TextEncoder, name);
        assert!(claims("cond_stage_model.model.ln_final.weight"));
        assert!(claims(
            "cond_stage_model.model.transformer.resblocks.22.ln_1.weight"
        ));
        assert!(!claims(
            "cond_stage_model.model.transformer.resblocks.23.ln_1.weight"
        ));
        assert!(!claims("cond_stage_model.model.text_projection"));
        assert!(!names.claims(Component::Vae, "first_stage_model.loss.logvar"));
        assert!(!names.claims(Component::UNet, "alphas_cumprod"));
    }
}

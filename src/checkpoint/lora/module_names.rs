//! What a LoRA's tensors are called by kohya's scripts, ComfyUI, diffusers and PEFT.
//!
//! A key is a module and a part of it. Modules are compared with dots as
//! underscores, since kohya writes them so, behind the name of their network.

/// What a tensor is in its module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// Of a plain LoRA.
    Plain(Piece),
    /// Of LoHa, whose two products are multiplied number by number.
    Hadamard(Side, Piece),
    /// Of LoKr, whose two factors are multiplied as Kronecker does.
    Kronecker(Side, Piece),
    Alpha,
    /// DoRA's length of each row.
    Magnitude,
    /// Something that holds nothing.
    Ignored,
}

/// Which of two factors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    First,
    Second,
}

/// What a tensor is of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Piece {
    Down,
    Up,
    /// Between the two, in convolutions that were taken apart (Tucker).
    Mid,
    /// The product itself.
    Whole,
}

const DOWN: Part = Part::Plain(Piece::Down);
const UP: Part = Part::Plain(Piece::Up);

/// Endings of keys, the longer ones first.
const ENDINGS: &[(&str, Part)] = &[
    (".lora_linear_layer.down.weight", DOWN),
    (".lora_linear_layer.up.weight", UP),
    (".lora_A.default.weight", DOWN),
    (".lora_B.default.weight", UP),
    (".lora_A.weight", DOWN),
    (".lora_B.weight", UP),
    (".lora_down.weight", DOWN),
    (".lora_up.weight", UP),
    (".lora_mid.weight", Part::Plain(Piece::Mid)),
    (".lora.down.weight", DOWN),
    (".lora.up.weight", UP),
    ("_lora.down.weight", DOWN),
    ("_lora.up.weight", UP),
    (".lora_magnitude_vector.default.weight", Part::Magnitude),
    (".lora_magnitude_vector.weight", Part::Magnitude),
    (".lora_magnitude_vector", Part::Magnitude),
    (".dora_scale", Part::Magnitude),
    (".hada_w1_a", Part::Hadamard(Side::First, Piece::Up)),
    (".hada_w1_b", Part::Hadamard(Side::First, Piece::Down)),
    (".hada_t1", Part::Hadamard(Side::First, Piece::Mid)),
    (".hada_w2_a", Part::Hadamard(Side::Second, Piece::Up)),
    (".hada_w2_b", Part::Hadamard(Side::Second, Piece::Down)),
    (".hada_t2", Part::Hadamard(Side::Second, Piece::Mid)),
    (".lokr_w1_a", Part::Kronecker(Side::First, Piece::Up)),
    (".lokr_w1_b", Part::Kronecker(Side::First, Piece::Down)),
    (".lokr_w1", Part::Kronecker(Side::First, Piece::Whole)),
    (".lokr_w2_a", Part::Kronecker(Side::Second, Piece::Up)),
    (".lokr_w2_b", Part::Kronecker(Side::Second, Piece::Down)),
    (".lokr_t2", Part::Kronecker(Side::Second, Piece::Mid)),
    (".lokr_w2", Part::Kronecker(Side::Second, Piece::Whole)),
    (".network_alpha", Part::Alpha),
    (".alpha", Part::Alpha),
    (".rank", Part::Ignored),
];

/// A text encoder's name behind the prefix of its network.
const TEXT_MODEL: &str = "text_model_";
/// The networks' prefixes, and what they are here.
const NETWORKS: &[(&str, &str)] = &[
    ("lora_unet_", UNET),
    ("lycoris_unet_", UNET),
    ("diffusion_model_", UNET),
    ("unet_", UNET),
    ("lora_te_", TEXT_ENCODER),
    ("lora_te1_", TEXT_ENCODER),
    ("text_encoder_2_", SECOND_TEXT_ENCODER),
    ("lora_te2_", SECOND_TEXT_ENCODER),
    ("text_encoder_", TEXT_ENCODER),
];
pub(super) const UNET: &str = "unet_";
pub(super) const TEXT_ENCODER: &str = "te_";
pub(super) const SECOND_TEXT_ENCODER: &str = "te2_";

/// The module that a key belongs to, as it is compared, and the part; `None` for a key
/// of no known spelling.
pub(super) fn module_and_part(key: &str) -> Option<(String, Part)> {
    let (ending, part) = ENDINGS.iter().find(|(ending, _)| key.ends_with(ending))?;
    let module = &key[..key.len() - ending.len()];
    let mut module = module.replace('.', "_");
    // An attention's processor held the halves in older versions of diffusers.
    if let Some((attention, layer)) = module.split_once("_processor_") {
        let layer = match layer {
            "to_out" => "to_out_0",
            other => other,
        };
        module = format!("{attention}_{layer}");
    }
    Some((with_network(&module), *part))
}

/// A module behind the name of its network.
fn with_network(module: &str) -> String {
    let mut module = module;
    let mut network = None;
    // PEFT's wrapper stands before or behind the network's name.
    loop {
        if let Some(rest) = module.strip_prefix("base_model_model_") {
            module = rest;
            continue;
        }
        let found = NETWORKS
            .iter()
            .find(|(prefix, _)| module.starts_with(prefix));
        match found {
            Some((prefix, name)) if network.is_none() => {
                network = Some(*name);
                module = &module[prefix.len()..];
            }
            _ => break,
        }
    }
    let is_text = module.starts_with(TEXT_MODEL);
    let network = network.unwrap_or(if is_text { TEXT_ENCODER } else { UNET });
    let module = module.strip_prefix(TEXT_MODEL).unwrap_or(module);
    format!("{network}{module}")
}

/// A parameter of a network of the model, as modules are compared.
pub(super) fn module_of(network: &str, parameter: &str) -> Option<String> {
    let path = parameter.strip_suffix(".weight")?;
    Some(format!("{network}{}", path.replace('.', "_")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_layer_is_the_same_module() {
        let query = "unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q";
        let path = "down_blocks.0.attentions.0.transformer_blocks.0.attn1";
        for key in [
            "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q.lora_down.weight",
            &format!("unet.{path}.to_q.lora.down.weight"),
            &format!("unet.{path}.processor.to_q_lora.down.weight"),
            &format!("{path}.processor.to_q_lora.down.weight"),
            &format!("unet.{path}.to_q.lora_A.weight"),
            &format!("base_model.model.{path}.to_q.lora_A.default.weight"),
            &format!("unet.base_model.model.{path}.to_q.lora_A.weight"),
        ] {
            assert_eq!(
                module_and_part(key),
                Some((query.to_string(), DOWN)),
                "{key}"
            );
        }
        assert_eq!(
            module_of(UNET, &format!("{path}.to_q.weight")).unwrap(),
            query
        );
        let (output, _) =
            module_and_part(&format!("unet.{path}.processor.to_out_lora.up.weight")).unwrap();
        assert!(output.ends_with("attn1_to_out_0"), "{output}");

        let query = "te_encoder_layers_0_self_attn_q_proj";
        let path = "text_model.encoder.layers.0.self_attn.q_proj";
        for key in [
            "lora_te_text_model_encoder_layers_0_self_attn_q_proj.lora_up.weight",
            "lora_te1_text_model_encoder_layers_0_self_attn_q_proj.lora_up.weight",
            &format!("text_encoder.{path}.lora_linear_layer.up.weight"),
            &format!("text_encoder.{path}.lora_B.weight"),
            &format!("base_model.model.{path}.lora_B.weight"),
        ] {
            assert_eq!(module_and_part(key), Some((query.to_string(), UP)), "{key}");
        }
        let parameter = "encoder.layers.0.self_attn.q_proj.weight";
        assert_eq!(module_of(TEXT_ENCODER, parameter).unwrap(), query);
        let (second, part) = module_and_part("lora_te2_text_model_encoder_x.alpha").unwrap();
        assert_eq!((second.as_str(), part), ("te2_encoder_x", Part::Alpha));
        assert_eq!(module_and_part("model.diffusion_model.out.2.weight"), None);
    }
}

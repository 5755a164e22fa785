//! LoRAs of Stable Diffusion XL: kohya's trainer names the UNet's modules as the
//! original code does, and both text encoders.

use safetensors::tensor::Dtype;

use super::made::{Dice, Layer, stored};
use super::*;

const XL: &str = "narrow-sdxl";
const SECOND: &str = "text_encoder_2/model.safetensors";

/// diffusers' module, and its name in kohya's conversion table for SDXL.
const UNET_MODULES: &[(&str, &str)] = &[
    ("conv_in", "input_blocks_0_0"),
    ("time_embedding.linear_1", "time_embed_0"),
    ("add_embedding.linear_2", "label_emb_0_2"),
    (
        "down_blocks.0.resnets.1.conv1",
        "input_blocks_2_0_in_layers_2",
    ),
    ("down_blocks.0.downsamplers.0.conv", "input_blocks_3_0_op"),
    (
        "down_blocks.1.resnets.0.time_emb_proj",
        "input_blocks_4_0_emb_layers_1",
    ),
    (
        "down_blocks.1.resnets.0.conv_shortcut",
        "input_blocks_4_0_skip_connection",
    ),
    (
        "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q",
        "input_blocks_4_1_transformer_blocks_0_attn1_to_q",
    ),
    (
        "down_blocks.1.attentions.1.transformer_blocks.1.attn2.to_k",
        "input_blocks_5_1_transformer_blocks_1_attn2_to_k",
    ),
    (
        "down_blocks.2.attentions.0.proj_in",
        "input_blocks_7_1_proj_in",
    ),
    (
        "mid_block.attentions.0.transformer_blocks.3.ff.net.0.proj",
        "middle_block_1_transformer_blocks_3_ff_net_0_proj",
    ),
    ("mid_block.resnets.1.conv2", "middle_block_2_out_layers_3"),
    (
        "up_blocks.0.attentions.1.transformer_blocks.0.attn1.to_out.0",
        "output_blocks_1_1_transformer_blocks_0_attn1_to_out_0",
    ),
    ("up_blocks.0.upsamplers.0.conv", "output_blocks_2_2_conv"),
    (
        "up_blocks.1.attentions.2.transformer_blocks.0.attn2.to_v",
        "output_blocks_5_1_transformer_blocks_0_attn2_to_v",
    ),
    ("up_blocks.1.upsamplers.0.conv", "output_blocks_5_2_conv"),
    (
        "up_blocks.2.resnets.2.conv1",
        "output_blocks_8_0_in_layers_2",
    ),
    ("conv_out", "out_2"),
];
const TEXT_MODULE: &str = "text_model.encoder.layers.1.mlp.fc1";

/// The same LoRA with diffusers' names, kohya's, and ComfyUI's.
fn in_three_spellings() -> [Tensors; 3] {
    let home = folder().join(XL);
    let mut dice = Dice(17);
    let mut spelled: [Tensors; 3] = Default::default();
    let mut add = |layer: &Layer, names: [String; 3]| {
        for (index, (tensors, name)) in spelled.iter_mut().zip(names).enumerate() {
            let halves = match index {
                2 => ["lora_A", "lora_B"],
                _ => ["lora_down", "lora_up"],
            };
            let [down, up] = halves.map(|half| format!("{name}.{half}.weight"));
            tensors.insert(down, stored(&layer.down, &layer.down_shape(), Dtype::F32));
            tensors.insert(up, stored(&layer.up, &layer.up_shape(), Dtype::F32));
        }
    };
    let unet = read(&home.join(UNET));
    for (module, original) in UNET_MODULES {
        let shape = &unet[&format!("{module}.weight")].shape;
        let names = [
            format!("lora_unet_{}", module.replace('.', "_")),
            format!("lora_unet_{original}"),
            format!("diffusion_model.{original}"),
        ];
        add(&Layer::new(&mut dice, shape, 2, None), names);
    }
    for (file, kohya, diffusers) in [
        (TEXT, "lora_te1_", "text_encoder."),
        (SECOND, "lora_te2_", "text_encoder_2."),
    ] {
        let weights = read(&home.join(file));
        let shape = &weights[&format!("{TEXT_MODULE}.weight")].shape;
        let kohya = format!("{kohya}{}", TEXT_MODULE.replace('.', "_"));
        let names = [kohya.clone(), kohya, format!("{diffusers}{TEXT_MODULE}")];
        add(&Layer::new(&mut dice, shape, 2, None), names);
    }
    spelled
}

/// Every weight of UNet and text encoders, bit for bit.
fn all_weights(model: &StableDiffusion) -> [Vec<u8>; 2] {
    let second = model.text_encoders.second.as_ref().unwrap();
    let mut bytes = Bytes::default();
    second.network().unwrap().visit(&mut bytes);
    [weights(model), bytes.0]
}

#[test]
fn the_original_codes_names_mean_the_same_layers() {
    let mut model = model_at(&folder().join(XL));
    let plain = all_weights(&model);
    let merged = in_three_spellings().map(|tensors| {
        let (_home, path) = saved(&tensors, "xl");
        model.set_loras(vec![opened(&path, 0.8)]).unwrap();
        let merged = all_weights(&model);
        model.set_loras(Vec::new()).unwrap();
        assert!(all_weights(&model) == plain);
        merged
    });
    assert!(merged[0][0] != plain[0] && merged[0][1] != plain[1]);
    assert!(merged[0] == merged[1], "kohya's names for SDXL");
    assert!(merged[0] == merged[2], "ComfyUI's");
}

#[test]
fn a_lora_of_both_text_encoders_is_refused_where_there_is_one() {
    let [_, kohya, _] = in_three_spellings();
    let text: Tensors = kohya
        .into_iter()
        .filter(|(name, _)| name.starts_with("lora_te"))
        .collect();
    let (_home, path) = saved(&text, "xl");
    let mut model = model_at(&folder().join(FAMILY));
    let error = model.set_loras(vec![opened(&path, 1.0)]).unwrap_err();
    assert!(error.to_string().contains("made for Stable Diffusion XL"));
}

//! Names as the conversion scripts of diffusers pair them.

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
            form: StoredForm::Third(2),
        }]
    );
}

#[test]
fn xl_has_two_text_encoders_and_the_second_ones_projection_stands_the_other_way() {
    let names = LdmNames {
        family: Family::Xl,
        ..names()
    };
    let first = names.candidates(Component::TextEncoder, "final_layer_norm.bias");
    assert_eq!(
        first[0].name,
        "conditioner.embedders.0.transformer.text_model.final_layer_norm.bias"
    );
    let projection = names.candidates(Component::SecondTextEncoder, "text_projection.weight");
    assert_eq!(
        projection,
        [StoredName {
            name: "conditioner.embedders.1.model.text_projection".into(),
            form: StoredForm::Transposed,
        }]
    );
    let added = names.candidates(Component::UNet, "add_embedding.linear_2.bias");
    assert_eq!(added[0].name, "model.diffusion_model.label_emb.0.2.bias");
    let claims = |name: &str| names.claims(Component::SecondTextEncoder, name);
    assert!(claims("conditioner.embedders.1.model.text_projection"));
    assert!(claims(
        "conditioner.embedders.1.model.transformer.resblocks.31.ln_1.weight"
    ));
    assert!(!claims("conditioner.embedders.1.model.logit_scale"));
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

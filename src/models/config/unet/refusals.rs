//! UNets that this program does not compute, told by their config's keys.
//!
//! diffusers' class serves many families; each of these keys changes the
//! arithmetic, with or without tensors of its own.

use super::{OnlyCross, TEXT_TIME, UNetConfig};
use crate::models::config::ConfigError;

/// A key and, if its value is not supported, that value in words.
type Refusal = (&'static str, Option<String>);

impl UNetConfig {
    pub(super) fn refuse_other_families(&self) -> Result<(), ConfigError> {
        let refusals = self.other_families().into_iter();
        let mut refusals = refusals.chain(self.other_arithmetic());
        match refusals.find_map(|(key, value)| Some((key, value?))) {
            None => Ok(()),
            Some((key, value)) => Err(ConfigError::Unsupported {
                component: "UNet",
                key,
                value,
            }),
        }
    }

    /// The keys that name a family, the more telling first.
    fn other_families(&self) -> [Refusal; 10] {
        let not = |value: usize, wanted: usize| (value != wanted).then(|| value.to_string());
        let number = |value: &Option<usize>| value.map(|value| value.to_string());
        let mid = self.mid_block_type.as_deref();
        let other_mid = mid != Some("UNetMidBlock2DCrossAttn");
        [
            (
                "addition_embed_type",
                self.addition_embed_type
                    .as_deref()
                    .and_then(|kind| unless(kind, &[TEXT_TIME])),
            ),
            ("class_embed_type", self.class_embed_type.clone()),
            ("num_class_embeds", number(&self.num_class_embeds)),
            ("encoder_hid_dim", number(&self.encoder_hid_dim)),
            (
                "in_channels (9 inpaints, 5 reads depth)",
                not(self.in_channels, 4),
            ),
            ("out_channels", not(self.out_channels, 4)),
            ("attention_type", unless(&self.attention_type, &["default"])),
            (
                "reverse_transformer_layers_per_block (a distilled UNet)",
                self.reverse_transformer_layers_per_block
                    .as_ref()
                    .map(ToString::to_string),
            ),
            (
                "dual_cross_attention",
                self.dual_cross_attention.then(|| "true".to_string()),
            ),
            (
                "mid_block_type",
                other_mid.then(|| mid.unwrap_or("null (a distilled UNet)").to_string()),
            ),
        ]
    }

    /// The keys of variants that no published checkpoint of these families has.
    fn other_arithmetic(&self) -> [Refusal; 14] {
        let yes = |is: bool| is.then(|| "true".to_string());
        let not_one = |value: f64| (value != 1.0).then(|| value.to_string());
        let kernel = |side: usize| (side != 3).then(|| side.to_string());
        let padding = self.downsample_padding;
        [
            ("act_fn", unless(&self.act_fn, &["silu", "swish"])),
            ("center_input_sample", yes(self.center_input_sample)),
            (
                "resnet_time_scale_shift",
                unless(&self.resnet_time_scale_shift, &["default"]),
            ),
            (
                "mid_block_scale_factor",
                not_one(self.mid_block_scale_factor),
            ),
            (
                "downsample_padding",
                (padding > 1).then(|| padding.to_string()),
            ),
            ("conv_in_kernel", kernel(self.conv_in_kernel)),
            ("conv_out_kernel", kernel(self.conv_out_kernel)),
            (
                "time_embedding_type",
                unless(&self.time_embedding_type, &["positional"]),
            ),
            ("time_embedding_act_fn", self.time_embedding_act_fn.clone()),
            ("timestep_post_act", self.timestep_post_act.clone()),
            ("cross_attention_norm", self.cross_attention_norm.clone()),
            ("resnet_skip_time_act", yes(self.resnet_skip_time_act)),
            (
                "resnet_out_scale_factor",
                not_one(self.resnet_out_scale_factor),
            ),
            (
                "only_cross_attention",
                yes(self.only_cross_attention.anywhere()),
            ),
        ]
    }
}

impl OnlyCross {
    fn anywhere(&self) -> bool {
        match self {
            Self::All(only) => *only,
            Self::Each(levels) => levels.contains(&true),
        }
    }
}

/// `value`, unless it is one of those `supported`.
fn unless(value: &str, supported: &[&str]) -> Option<String> {
    (!supported.contains(&value)).then(|| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_the_arithmetic_is_refused_by_its_key() {
        for (json, key) in [
            (r#"{"mid_block_type": null}"#, "distilled"),
            (r#"{"only_cross_attention": [false, true]}"#, "only_cross"),
            (r#"{"resnet_out_scale_factor": 1.4}"#, "1.4"),
            (r#"{"attention_type": "gated"}"#, "gated"),
            (r#"{"time_embedding_type": "fourier"}"#, "fourier"),
            (r#"{"num_class_embeds": 1000}"#, "num_class_embeds"),
        ] {
            let error = UNetConfig::from_json(json.as_bytes()).unwrap_err();
            assert!(error.to_string().contains(key), "{json}: {error}");
        }
        // As diffusers writes a config in full.
        let full = r#"{"time_cond_proj_dim": null, "only_cross_attention": false,
            "mid_block_type": "UNetMidBlock2DCrossAttn", "attention_type": "default",
            "timestep_post_act": null, "resnet_out_scale_factor": 1.0}"#;
        UNetConfig::from_json(full.as_bytes()).unwrap();
    }
}

//! The keys of a checkpoint's `config.json` files that shape the networks.
//!
//! Keys that a file leaves out take the defaults of diffusers' and
//! transformers' constructors; keys that would change the arithmetic in a way
//! this program does not implement are refused by name.

mod autoencoder;
mod autoencoder_tiny;
mod text_encoder;
mod unet;

pub use autoencoder::AutoencoderConfig;
pub use autoencoder_tiny::AutoencoderTinyConfig;
pub use text_encoder::{ClipTextConfig, HiddenActivation};
pub use unet::{PerLevel, SampleSize, TextTime, UNetConfig};

/// Why a `config.json` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not the JSON that the model class writes.
    #[error("cannot read the {component} config ({source}); {}", json_remedy(.source))]
    Json {
        component: &'static str,
        source: serde_json::Error,
    },
    /// The model is of a kind that this program does not compute.
    #[error("the {component} has {key} = {value}, which is not supported")]
    Unsupported {
        component: &'static str,
        key: &'static str,
        value: String,
    },
    /// A number that cannot be.
    #[error(
        "the {component} has {key} = {value}, which must be {rule}; correct its config, or download it again"
    )]
    OutOfRange {
        component: &'static str,
        key: &'static str,
        value: String,
        rule: &'static str,
    },
    /// Two keys contradict each other.
    #[error("the {component} config is inconsistent: {reason}")]
    Inconsistent {
        component: &'static str,
        reason: String,
    },
}

/// What to do about a JSON file that cannot be read: one that is whole and says
/// something else would be the same after another download.
pub(crate) fn json_remedy(error: &serde_json::Error) -> &'static str {
    match error.classify() {
        serde_json::error::Category::Data => {
            "it is of another kind of model, or was changed by hand"
        }
        _ => "download it again",
    }
}

fn parse<T: serde::de::DeserializeOwned>(
    component: &'static str,
    json: &[u8],
) -> Result<T, ConfigError> {
    serde_json::from_slice(json).map_err(|source| ConfigError::Json { component, source })
}

/// Most layers of one block and most channels of one layer taken for real: a
/// config that says more would only exhaust the machine.
const MOST_LAYERS: usize = 256;
const MOST_CHANNELS: usize = 1 << 16;

fn bounded(
    component: &'static str,
    key: &str,
    value: usize,
    most: usize,
) -> Result<(), ConfigError> {
    if value <= most {
        return Ok(());
    }
    Err(ConfigError::Inconsistent {
        component,
        reason: format!("{key} = {value} is more than any model has"),
    })
}

/// Whether `value` is a number that lies above 0, and at `most`.
fn positive(
    component: &'static str,
    key: &'static str,
    value: f64,
    most: f64,
    rule: &'static str,
) -> Result<(), ConfigError> {
    if value > 0.0 && value <= most {
        return Ok(());
    }
    Err(ConfigError::OutOfRange {
        component,
        key,
        value: value.to_string(),
        rule,
    })
}

/// Whether `epsilon` keeps a norm from dividing by zero and nothing more.
fn norm_epsilon(component: &'static str, key: &'static str, value: f64) -> Result<(), ConfigError> {
    positive(component, key, value, 0.1, "above 0 and at most 0.1")
}

fn divides(
    component: &'static str,
    key: &str,
    divisor: usize,
    channels: usize,
) -> Result<(), ConfigError> {
    if divisor > 0 && channels > 0 && channels.is_multiple_of(divisor) {
        return Ok(());
    }
    Err(ConfigError::Inconsistent {
        component,
        reason: format!("{key} = {divisor} does not divide {channels} channels"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_keys_take_the_defaults_of_diffusers() {
        let vae = AutoencoderConfig::from_json(br#"{"block_out_channels": [32, 64]}"#).unwrap();
        assert_eq!(vae.scaling_factor, 0.18215);
        assert_eq!(vae.downscale_factor(), 2);
        let unet = UNetConfig::from_json(br#"{"attention_head_dim": [5, 10, 20, 20]}"#).unwrap();
        assert_eq!(unet.heads(2), 20);
        assert_eq!(unet.side_multiple(), 8);
    }

    #[test]
    fn other_families_are_named() {
        let error = UNetConfig::from_json(br#"{"addition_embed_type": "image"}"#);
        assert!(error.unwrap_err().to_string().contains("image"));
        let error = UNetConfig::from_json(br#"{"in_channels": 9}"#);
        assert!(error.unwrap_err().to_string().contains("inpaints"));
    }

    #[test]
    fn what_sdxl_is_told_besides_the_prompt_is_read_from_its_widths() {
        let json = |width: usize| {
            format!(
                r#"{{"addition_embed_type": "text_time", "addition_time_embed_dim": 256,
                    "projection_class_embeddings_input_dim": {width}}}"#
            )
        };
        let base = UNetConfig::from_json(json(2816).as_bytes()).unwrap();
        let told = TextTime {
            pooled: 1280,
            sinusoids: 256,
        };
        assert_eq!(base.text_time(), Some(told));
        assert!(!base.is_refiner(1280));
        let refiner = UNetConfig::from_json(json(2560).as_bytes()).unwrap();
        assert!(refiner.is_refiner(1280));
        assert!(UNetConfig::from_json(json(1536).as_bytes()).is_err());
        assert_eq!(UNetConfig::default().text_time(), None);
    }

    #[test]
    fn sizes_that_would_exhaust_the_machine_are_refused_before_anything_is_made() {
        for json in [
            &br#"{"layers_per_block": 4000000000}"#[..],
            br#"{"transformer_layers_per_block": [1, 1, 1, 100000]}"#,
            br#"{"cross_attention_dim": 18446744073709551615}"#,
        ] {
            let error = UNetConfig::from_json(json).unwrap_err();
            assert!(
                error.to_string().contains("more than any model has"),
                "{error}"
            );
        }
        let json = br#"{"num_hidden_layers": 100000}"#;
        assert!(ClipTextConfig::from_json(json).is_err());
        let json = br#"{"block_out_channels": [32, 3200000]}"#;
        assert!(AutoencoderConfig::from_json(json).is_err());
    }

    #[test]
    fn a_config_that_says_something_else_is_not_to_be_downloaded_again() {
        let message = |json: &str| match ClipTextConfig::from_json(json.as_bytes()) {
            Err(error) => error.to_string(),
            Ok(config) => panic!("{config:?}"),
        };
        let other = message(r#"{"hidden_act": "gelu_fast"}"#);
        assert!(other.contains("gelu_fast"), "{other}");
        assert!(!other.contains("download"), "{other}");
        assert!(message(r#"{"hidden_act": "ge"#).contains("download it again"));
    }

    #[test]
    fn numbers_that_cannot_be_are_refused_by_their_key() {
        let vae = |json: &str| AutoencoderConfig::from_json(json.as_bytes()).err();
        let unet = |json: &str| UNetConfig::from_json(json.as_bytes()).err();
        let text = |json: &str| ClipTextConfig::from_json(json.as_bytes()).err();
        for (error, key) in [
            (vae(r#"{"scaling_factor": 0}"#), "scaling_factor = 0"),
            (
                vae(r#"{"scaling_factor": -0.18}"#),
                "scaling_factor = -0.18",
            ),
            (vae(r#"{"scaling_factor": 1e300}"#), "scaling_factor"),
            (unet(r#"{"norm_eps": 0}"#), "norm_eps"),
            (unet(r#"{"norm_eps": -1e-5}"#), "norm_eps"),
            (unet(r#"{"freq_shift": 160}"#), "freq_shift = 160"),
            (text(r#"{"layer_norm_eps": -1}"#), "layer_norm_eps = -1"),
            (
                text(r#"{"max_position_embeddings": 2}"#),
                "max_position_embeddings",
            ),
        ] {
            let message = error.map(|error| error.to_string()).unwrap_or_default();
            assert!(message.contains(key), "{message:?} lacks {key:?}");
        }
    }

    #[test]
    fn a_level_without_heads_is_an_error_not_a_panic() {
        let error = UNetConfig::from_json(br#"{"attention_head_dim": [5, 10]}"#);
        assert!(matches!(error, Err(ConfigError::Inconsistent { .. })));
    }
}

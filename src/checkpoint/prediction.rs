//! What a UNet predicts, and how that is known.
//!
//! A folder says it in its scheduler's config. A model in one file may say it in
//! its metadata; where it does not, its family decides, and a guess is tried out
//! once the weights are there.

use strum::Display;

use super::family::Family;
use super::weight_file::WeightFile;
use crate::diffusion::{PredictionType, SchedulerConfig, TimestepSpacing};
use crate::models::config::SampleSize;

/// How it is known what a UNet predicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display)]
pub enum PredictionSource {
    /// The checkpoint says it, or all models of its family predict the same.
    #[strum(to_string = "told")]
    Told,
    /// The more frequent one of its family, until it is tried out.
    #[strum(to_string = "guessed")]
    Guessed,
    /// By what the UNet made of noise.
    #[strum(to_string = "tried out")]
    TriedOut,
}

/// Empty tensors by which files say that their UNet predicts the velocity, and that
/// it was trained down to no signal at all; other programs read them as well.
const VELOCITY_MARK: &str = "v_pred";
const ZERO_SNR_MARK: &str = "ztsnr";

/// The scheduler of a model in one file whose UNet predicts this.
pub(super) fn scheduler_of_file(file: &WeightFile, prediction: PredictionType) -> SchedulerConfig {
    let mut config = scheduler_config(prediction);
    if file.tensors.contains_key(ZERO_SNR_MARK) {
        config.rescale_betas_zero_snr = true;
        config.timestep_spacing = Some(TimestepSpacing::Trailing);
    }
    config
}

/// What the UNet of a model in one file predicts.
pub(super) fn of_file(file: &WeightFile, family: Family) -> (PredictionType, PredictionSource) {
    use PredictionSource::{Guessed, Told};
    if file.tensors.contains_key(VELOCITY_MARK) {
        return (PredictionType::VPrediction, Told);
    }
    // The key of Stability AI's metadata standard, ModelSpec.
    let told = file.metadata.get("modelspec.prediction_type");
    match (told.map(String::as_str), family) {
        (Some("epsilon"), _) => (PredictionType::Epsilon, Told),
        (Some("v"), _) => (PredictionType::VPrediction, Told),
        (_, Family::V1) => (PredictionType::Epsilon, Told),
        // 2.0-base predicts the noise and looks the same as 2.0 and 2.1.
        (_, Family::V2) => (PredictionType::VPrediction, Guessed),
    }
}

/// The scheduler of the published folders whose UNets predict this.
pub(super) fn scheduler_config(prediction: PredictionType) -> SchedulerConfig {
    let class = match prediction {
        PredictionType::VPrediction => "DDIMScheduler",
        _ => "PNDMScheduler",
    };
    let config = serde_json::json!({
        "_class_name": class,
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "beta_start": 0.00085,
        "num_train_timesteps": 1000,
        "prediction_type": prediction,
        "set_alpha_to_one": false,
        "skip_prk_steps": true,
        "steps_offset": 1,
    });
    SchedulerConfig::from_json(config.to_string().as_bytes())
        .expect("the published config is fixed and supported")
}

/// Side of the latents that a model of this family was trained on: of 2.x those
/// that predict the velocity on pictures of 768 × 768 pixels, all others on
/// 512 × 512.
pub(super) fn sample_size(prediction: PredictionType, family: Family) -> SampleSize {
    SampleSize::Side(match (prediction, family) {
        (PredictionType::VPrediction, Family::V2) => 96,
        _ => 64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file without tensors, with this as its `__metadata__`.
    fn file(metadata: &str) -> WeightFile {
        let header = format!(r#"{{"__metadata__":{metadata}}}"#);
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        WeightFile::from_static(bytes.leak(), "model.safetensors").unwrap()
    }

    #[test]
    fn a_file_says_what_its_unet_predicts_or_its_family_does() {
        use PredictionSource::{Guessed, Told};
        use PredictionType::{Epsilon, VPrediction};
        let silent = file(r#"{"format":"pt"}"#);
        assert_eq!(of_file(&silent, Family::V1), (Epsilon, Told));
        assert_eq!(of_file(&silent, Family::V2), (VPrediction, Guessed));
        for (told, is) in [("epsilon", Epsilon), ("v", VPrediction)] {
            let file = file(&format!(r#"{{"modelspec.prediction_type":"{told}"}}"#));
            for family in [Family::V1, Family::V2] {
                assert_eq!(of_file(&file, family), (is, Told));
            }
        }
        let side = |family| sample_size(VPrediction, family);
        assert_eq!(side(Family::V1), SampleSize::Side(64));
        assert_eq!(side(Family::V2), SampleSize::Side(96));
    }

    #[test]
    fn marks_in_a_file_say_velocity_and_zero_terminal_snr() {
        let header = r#"{"v_pred":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},
            "ztsnr":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}"#;
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        let marked = WeightFile::from_static(bytes.leak(), "model.safetensors").unwrap();
        let (prediction, source) = of_file(&marked, Family::V1);
        assert_eq!(prediction, PredictionType::VPrediction);
        assert_eq!(source, PredictionSource::Told);
        let config = scheduler_of_file(&marked, prediction);
        assert!(config.rescale_betas_zero_snr);
        assert_eq!(config.timestep_spacing, Some(TimestepSpacing::Trailing));
        let plain = scheduler_of_file(&file("{}"), prediction);
        assert!(!plain.rescale_betas_zero_snr);
    }

    #[test]
    fn the_published_schedulers_are_read() {
        for prediction in [PredictionType::Epsilon, PredictionType::VPrediction] {
            assert_eq!(scheduler_config(prediction).prediction_type, prediction);
        }
    }
}

//! What a UNet predicts, and how that is known.
//!
//! A folder says it in its scheduler's config. A model in one file may say it in
//! its metadata; where it does not, its family decides, and a guess is tried out
//! once the weights are there.

use strum::Display;

use super::family::Family;
use super::weight_file::WeightFile;
use crate::diffusion::{PredictionType, SchedulerConfig, TimestepSpacing};

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

/// What the UNet of a model in one file predicts.
pub(super) fn of_file(file: &WeightFile, family: Family) -> (PredictionType, PredictionSource) {
    if file.tensors.contains_key(VELOCITY_MARK) {
        return (PredictionType::VPrediction, PredictionSource::Told);
    }
    // The key of Stability AI's metadata standard, ModelSpec.
    let told = file.metadata.get("modelspec.prediction_type");
    match told.and_then(|told| told.parse().ok()) {
        Some(told) => (told, PredictionSource::Told),
        None => family.usual_prediction(),
    }
}

/// Whether a model in one file says that it was trained with zero terminal SNR:
/// by a tensor beside `v_pred`, or as kohya's trainer does.
fn has_zero_terminal_snr(file: &WeightFile) -> bool {
    let told = file.metadata.get("ss_zero_terminal_snr");
    file.tensors.contains_key(ZERO_SNR_MARK) || told.is_some_and(|told| told == "True")
}

/// The scheduler of a model in one file whose UNet predicts this.
pub(super) fn scheduler_of_file(
    file: &WeightFile,
    family: Family,
    prediction: PredictionType,
) -> SchedulerConfig {
    let mut config = scheduler_config(family, prediction);
    if has_zero_terminal_snr(file) {
        config.rescale_betas_zero_snr = true;
        // The pure noise of the last timestep is left out by any other spacing
        // (Lin et al. 2023, section 3.3).
        config.timestep_spacing = Some(TimestepSpacing::Trailing);
    }
    config
}

/// The scheduler of the published folders of a family whose UNets predict this.
pub(super) fn scheduler_config(family: Family, prediction: PredictionType) -> SchedulerConfig {
    let class = match (family, prediction) {
        (Family::Xl, _) => "EulerDiscreteScheduler",
        (_, PredictionType::VPrediction) => "DDIMScheduler",
        _ => "PNDMScheduler",
    };
    let mut config = serde_json::json!({
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
    if family == Family::Xl {
        config["timestep_spacing"] = "leading".into();
    }
    SchedulerConfig::from_json(config.to_string().as_bytes())
        .expect("the published config is fixed and supported")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diffusion::SchedulerKind;

    /// A file without numbers: with this as its `__metadata__`, and empty tensors.
    fn file_with(metadata: &str, tensors: &[&str]) -> WeightFile {
        let tensors = tensors
            .iter()
            .map(|name| format!(r#","{name}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}"#));
        let tensors: String = tensors.collect();
        let header = format!(r#"{{"__metadata__":{metadata}{tensors}}}"#);
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        WeightFile::from_static(bytes.leak(), "model.safetensors").unwrap()
    }

    fn file(metadata: &str) -> WeightFile {
        file_with(metadata, &[])
    }

    #[test]
    fn empty_tensors_mark_the_velocity_and_zero_terminal_snr() {
        let marked = file_with("{}", &["v_pred", "ztsnr"]);
        let told = (PredictionType::VPrediction, PredictionSource::Told);
        for family in [Family::V1, Family::V2] {
            assert_eq!(of_file(&marked, family), told);
        }
        assert!(has_zero_terminal_snr(&marked));
        assert!(!has_zero_terminal_snr(&file_with("{}", &["v_pred"])));
        let kohya = file(r#"{"ss_zero_terminal_snr":"True"}"#);
        assert!(has_zero_terminal_snr(&kohya));
        let scheduler = scheduler_of_file(&marked, Family::Xl, PredictionType::VPrediction);
        assert!(scheduler.rescale_betas_zero_snr);
        assert_eq!(scheduler.timestep_spacing, Some(TimestepSpacing::Trailing));
    }

    #[test]
    fn a_file_says_what_its_unet_predicts_or_its_family_does() {
        use PredictionSource::{Guessed, Told};
        use PredictionType::{Epsilon, VPrediction};
        let silent = file(r#"{"format":"pt"}"#);
        assert_eq!(of_file(&silent, Family::V1), (Epsilon, Told));
        assert_eq!(of_file(&silent, Family::V2), (VPrediction, Guessed));
        for (told, is) in [
            ("epsilon", Epsilon),
            ("v", VPrediction),
            ("v_prediction", VPrediction),
        ] {
            let file = file(&format!(r#"{{"modelspec.prediction_type":"{told}"}}"#));
            for family in [Family::V1, Family::V2] {
                assert_eq!(of_file(&file, family), (is, Told));
            }
        }
    }

    #[test]
    fn the_published_schedulers_are_read() {
        for prediction in [PredictionType::Epsilon, PredictionType::VPrediction] {
            for family in [Family::V1, Family::V2, Family::Xl] {
                let config = scheduler_config(family, prediction);
                assert_eq!(config.prediction_type, prediction);
            }
        }
        let own = scheduler_config(Family::Xl, PredictionType::Epsilon).own_walk(false);
        assert_eq!(own.scheduler, SchedulerKind::Euler);
        assert_eq!(own.steps, None);
    }
}

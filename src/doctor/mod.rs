//! A device is believed only after a check.
//!
//! Graphics drivers and kernel tuners are known to compute silently wrong
//! results on some adapters (burn issues 5079, 5257, 5626). So an adapter's
//! first use computes one prediction of the embedded model with its maps and one
//! gradient of the objective, on it and on the CPU, and compares. The verdict is
//! kept on disk; a device that is wrong is not used.

mod exercise;
mod verdicts;

use std::time::Instant;

use serde::{Deserialize, Serialize};

pub use exercise::{Answers, ExerciseError, answer};
pub use verdicts::{Verdicts, VerdictsError};

use crate::device::ComputeDevice;

/// Largest difference from the CPU that rounding explains, as a fraction of the
/// largest number: f32 kernels on wgpu stay below 2e-5 here.
const TOLERANCE: f32 = 2e-3;

/// What a device was found to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Largest differences from the CPU, each as a fraction of the largest
    /// number: prediction, maps, gradient. `None` if the device failed to answer.
    pub differences: Option<[f32; 3]>,
    /// Why it failed to answer.
    pub failure: Option<String>,
    /// Milliseconds for the whole exercise, kernel compilation included.
    pub milliseconds: f64,
}

impl Verdict {
    /// Whether the device computes what the CPU computes.
    pub fn is_right(&self) -> bool {
        let differences = self.differences;
        differences.is_some_and(|all| all.iter().all(|difference| *difference <= TOLERANCE))
    }
}

/// Examines whoever answers `exercise` against the right `answers`.
pub fn examine(
    right: &Answers,
    exercise: impl FnOnce() -> Result<Answers, ExerciseError>,
) -> Verdict {
    let began = Instant::now();
    let answered = exercise();
    let milliseconds = began.elapsed().as_secs_f64() * 1e3;
    match answered {
        Ok(answers) => Verdict {
            differences: Some(answers.differences(right)),
            failure: None,
            milliseconds,
        },
        Err(error) => Verdict {
            differences: None,
            failure: Some(error.to_string()),
            milliseconds,
        },
    }
}

/// `device` if it is right, else the CPU with the reason as its note. `begin`
/// is called before anything is computed, which a device seen before needs not.
///
/// A software adapter is used as asked: only a person who names it gets one,
/// and compiling the kernels for it takes minutes.
pub fn trusted(
    device: ComputeDevice,
    verdicts: &mut Verdicts,
    begin: impl FnOnce(),
) -> ComputeDevice {
    let Some(adapter) = device.wgpu().map(|handles| handles.summary()) else {
        return device;
    };
    if adapter.is_software {
        return device;
    }
    let verdict = match verdicts.of(&adapter) {
        Some(verdict) => verdict.clone(),
        None => {
            begin();
            let verdict = match answer(ComputeDevice::cpu(None).burn()) {
                Ok(right) => examine(&right, || answer(device.burn())),
                Err(error) => {
                    tracing::error!("the device is used unchecked: {error}");
                    return device;
                }
            };
            verdicts.keep(&adapter, verdict.clone());
            verdict
        }
    };
    if verdict.is_right() {
        return device;
    }
    ComputeDevice::cpu(Some(format!(
        "{adapter} computes wrong results with this driver; `storm-studio doctor` shows them"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers() -> Answers {
        Answers {
            prediction: vec![1.0, -2.0, 0.5],
            maps: vec![0.1, 0.2],
            gradient: vec![1e-4, -3e-4],
        }
    }

    #[test]
    fn rounding_passes_and_a_planted_error_does_not() {
        let mut rounded = answers();
        rounded.prediction[1] += 1e-5;
        assert!(examine(&answers(), || Ok(rounded)).is_right());
        // One wrong number in the smallest of the three is enough.
        let mut planted = answers();
        planted.gradient[0] = -1e-4;
        assert!(!examine(&answers(), || Ok(planted)).is_right());
        let mut absent = answers();
        absent.maps[0] = f32::NAN;
        assert!(!examine(&answers(), || Ok(absent)).is_right());
    }

    #[test]
    fn a_device_that_fails_to_answer_is_not_right() {
        let failed = || Err(ExerciseError::Device("lost".to_string()));
        let verdict = examine(&answers(), failed);
        assert!(!verdict.is_right());
        assert_eq!(verdict.failure.as_deref(), Some("the device failed: lost"));
    }
}

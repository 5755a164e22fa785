//! A device is believed only after a check.
//!
//! Graphics drivers and kernel tuners are known to compute silently wrong
//! results on some adapters (burn issues 5079, 5257, 5626). So an adapter's
//! first use computes one prediction of the embedded model with its maps and one
//! gradient of the objective, on it and on the CPU, and compares. The verdict is
//! kept on disk; a device that is wrong is not used, and the next way of computing
//! is tried.
//!
//! Those ways are wgpu and, last, the CPU. burn's kernel fusion, the first suspect
//! in the issues above, is not built in (see Cargo.toml), and autotune cannot be
//! turned off in a running process, so neither makes a way of its own.

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

/// One way of computing, and its answers to the exercise.
pub struct Variant<'a, T> {
    pub way: T,
    pub exercise: Box<dyn FnOnce() -> Result<Answers, ExerciseError> + 'a>,
}

/// The first of `variants` that answers as it should, if any does, and the
/// verdicts on all that had to be examined, in order.
pub fn first_right<T>(right: &Answers, variants: Vec<Variant<'_, T>>) -> (Option<T>, Vec<Verdict>) {
    let mut verdicts = Vec::new();
    for variant in variants {
        let verdict = examine(right, variant.exercise);
        let is_right = verdict.is_right();
        verdicts.push(verdict);
        if is_right {
            return (Some(variant.way), verdicts);
        }
    }
    (None, verdicts)
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
    let refusal = format!(
        "{adapter} computes wrong results with this driver; `storm-studio doctor` shows them"
    );
    let cpu = ComputeDevice::cpu(Some(refusal));
    if let Some(verdict) = verdicts.of(&adapter) {
        return if verdict.is_right() { device } else { cpu };
    }
    begin();
    let right = match answer(cpu.burn()) {
        Ok(right) => right,
        Err(error) => {
            tracing::error!("the device is used unchecked: {error}");
            return device;
        }
    };
    let on_wgpu = device.burn().clone();
    let variants = vec![
        Variant {
            way: device,
            exercise: Box::new(move || answer(&on_wgpu)),
        },
        Variant {
            way: cpu.clone(),
            exercise: Box::new(|| Ok(right.clone())),
        },
    ];
    let (way, examined) = first_right(&right, variants);
    if let Some(verdict) = examined.into_iter().next() {
        verdicts.keep(&adapter, verdict);
    }
    way.unwrap_or(cpu)
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
    fn a_planted_error_makes_the_next_variant_the_one() {
        let variant = |way: &'static str, answers: Option<Answers>| Variant {
            way,
            exercise: Box::new(move || {
                answers.ok_or_else(|| ExerciseError::Device("lost".to_string()))
            }),
        };
        let mut planted = answers();
        planted.maps[0] *= 1.01;
        let variants = vec![
            variant("silently wrong", Some(planted.clone())),
            variant("broken", None),
            variant("right", Some(answers())),
            variant("never asked", Some(answers())),
        ];
        let (way, verdicts) = first_right(&answers(), variants);
        assert_eq!(way, Some("right"));
        let found: Vec<bool> = verdicts.iter().map(Verdict::is_right).collect();
        assert_eq!(found, [false, false, true]);
        let (way, _) = first_right(&answers(), vec![variant("wrong", Some(planted))]);
        assert_eq!(way, None);
    }

    #[test]
    fn a_device_that_fails_to_answer_is_not_right() {
        let failed = || Err(ExerciseError::Device("lost".to_string()));
        let verdict = examine(&answers(), failed);
        assert!(!verdict.is_right());
        assert_eq!(verdict.failure.as_deref(), Some("the device failed: lost"));
    }
}

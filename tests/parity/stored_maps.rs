//! Every recorded loss and gradient again, from the recorded maps.

use storm_studio::storm::{AttentionMaps, Evaluation, Objective, StepContext};

use super::recording::{LossKind, Recording, kinds};

/// Largest errors over the losses of a run.
#[derive(Debug, Clone, Copy, Default)]
pub struct LossErrors {
    pub losses: usize,
    /// |ours − theirs| / |theirs|
    pub value: f64,
    /// max |ours − theirs| / max |theirs|, of one gradient
    pub gradient: f64,
    /// |ours − theirs|
    pub coordinate: f64,
}

/// The loss as the release computes it for this purpose.
pub fn evaluate(
    objective: &dyn Objective,
    maps: &AttentionMaps,
    step_index: usize,
    step_count: usize,
    kind: LossKind,
) -> Evaluation {
    let context = StepContext {
        step_index,
        step_count,
        noise: 1.0,
    };
    let evaluation = match kind {
        LossKind::Refinement => objective.evaluate_in_refinement(maps, context),
        LossKind::First | LossKind::Own => objective.evaluate(maps, context),
    };
    evaluation.expect("recorded maps are good")
}

/// |ours − theirs| / |theirs|
pub fn relative(ours: f64, theirs: f64) -> f64 {
    ((ours - theirs) / theirs).abs()
}

/// Largest |ours − theirs|.
pub fn largest_error(ours: &[f32], theirs: &[f32]) -> f64 {
    assert_eq!(ours.len(), theirs.len());
    let errors = ours
        .iter()
        .zip(theirs)
        .map(|(a, b)| f64::from((a - b).abs()));
    // Unlike f64::max, keeps NaN.
    errors.fold(
        0.0,
        |largest, error| if error <= largest { largest } else { error },
    )
}

/// [`largest_error`] over the largest |theirs|.
pub fn relative_error(ours: &[f32], theirs: &[f32]) -> f64 {
    let largest = theirs
        .iter()
        .fold(0f32, |most, value| most.max(value.abs()));
    largest_error(ours, theirs) / f64::from(largest)
}

pub fn check(recording: &Recording, objective: &dyn Objective) -> LossErrors {
    let steps = recording.loss_steps();
    let mut errors = LossErrors {
        losses: steps.len(),
        ..Default::default()
    };
    for (number, (&step, kind)) in steps.iter().zip(kinds(&steps)).enumerate() {
        let name = |part: &str| format!("loss.{number}.{part}");
        let maps = recording.maps(&name("maps"));
        let ours = evaluate(objective, &maps, step, recording.calls(), kind);
        let value = recording
            .values(&name("value"))
            .expect("every loss has a value");
        errors.value = errors.value.max(relative(ours.loss, f64::from(value[0])));
        if let Some(gradient) = recording.values(&name("grad_maps")) {
            let error = relative_error(&ours.gradient, gradient);
            errors.gradient = errors.gradient.max(error);
        }
        if let (Some(ours), Some(theirs)) = (ours.coordinate, recording.values(&name("coordinate")))
        {
            let ours = ours.map(|value| value as f32);
            errors.coordinate = errors.coordinate.max(largest_error(&ours, theirs));
        }
    }
    errors
}

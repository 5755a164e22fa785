//! A dozen recorded losses of each run, from the maps among the fixtures.

use std::path::Path;

use storm_studio::diffusion::{UpdateRule, WalkPlace};
use storm_studio::prompt::{ClipTokenizer, TokenizerFiles};
use storm_studio::storm::{Evaluation, ReferenceParameters, StepContext};

use super::recording::{LossKind, Recording};
use super::stored_maps::{evaluate, largest_error, relative, relative_error};
use crate::fixture::folder;

const RUNS: [&str; 3] = ["left-blue-dog", "above", "sd2-left"];
/// Columns of the maps.
const TOKENS: usize = 77;

/// A fixture of tests/fixtures/reference, which holds the scalars of all losses
/// in one tensor each.
pub struct Part {
    pub recording: Recording,
}

impl Part {
    pub fn open(name: &str) -> Self {
        let path = folder()
            .join("reference")
            .join(format!("{name}.safetensors"));
        Self {
            recording: Recording::read(&path),
        }
    }

    pub fn floats(&self, name: &str) -> &[f32] {
        self.recording.values(name).expect(name)
    }

    pub fn indices(&self, name: &str) -> Vec<usize> {
        let values = self.floats(name).iter();
        values.map(|&value| value as usize).collect()
    }

    /// The step of every loss and what it was computed for.
    pub fn losses(&self) -> Vec<(usize, LossKind)> {
        let kinds = self.indices("kinds").into_iter().map(|kind| match kind {
            0 => LossKind::First,
            1 => LossKind::Refinement,
            _ => LossKind::Own,
        });
        self.indices("steps").into_iter().zip(kinds).collect()
    }

    /// Scheduler calls of PNDM.
    pub fn calls(&self) -> usize {
        self.recording.run.steps + 1
    }
}

/// CLIP's own, as the recordings were made with.
fn tokenizer() -> ClipTokenizer {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let merges = std::fs::read(root.join("assets/clip/merges.txt")).expect("the asset is there");
    let files = TokenizerFiles {
        merges: Some(&merges),
        ..Default::default()
    };
    ClipTokenizer::from_files(files).expect("the fixture is whole")
}

#[test]
fn losses_and_gradients_agree_with_the_release() {
    let tokenizer = tokenizer();
    for name in RUNS {
        let part = Part::open(name);
        let end_token = tokenizer.encode(&part.recording.run.prompt).end;
        let objective = part.recording.objective(end_token);
        let losses = part.losses();
        let records = part.indices("records");
        assert_eq!(records.len(), 12);
        let mut worst = [0f64; 2];
        for (&number, end) in records.iter().zip(part.indices("column_ends")) {
            let (step, kind) = losses[number];
            let maps = part.recording.maps(&format!("loss.{number}.maps"));
            let ours = evaluate(&*objective, &maps, step, part.calls(), kind);
            let loss = relative(ours.loss, f64::from(part.floats("values")[number]));
            let coordinate = ours.coordinate.unwrap().map(|value| value as f32);
            let theirs = &part.floats("coordinates")[2 * number..][..2];
            assert!(largest_error(&coordinate, theirs) < 1e-5);
            let gradient = gradient_error(&part, number, &ours);
            worst = [worst[0].max(loss), worst[1].max(gradient)];
            check_columns(&ours.gradient, end);
        }
        println!("{name}: loss {:.1e}, gradient {:.1e}", worst[0], worst[1]);
        assert!(worst[0] <= 1e-3 && worst[1] <= 1e-2, "{name}: {worst:?}");
    }
}

/// Largest error of the kept columns, and of all where all were kept, over the
/// largest entry.
fn gradient_error(part: &Part, number: usize, ours: &Evaluation) -> f64 {
    let tokens: Vec<usize> =
        serde_json::from_value(part.recording.trajectory.run["tokens"].clone()).unwrap();
    let pixels = ours.gradient.chunks_exact(TOKENS);
    let kept: Vec<f32> = pixels
        .flat_map(|pixel| tokens.iter().map(|&token| pixel[token]))
        .collect();
    let of_kept = relative_error(&kept, part.floats(&format!("loss.{number}.grad_tokens")));
    let whole = part.recording.values(&format!("loss.{number}.grad_maps"));
    whole.map_or(of_kept, |whole| {
        of_kept.max(relative_error(&ours.gradient, whole))
    })
}

/// The token softmax covers the columns 1 ≤ token < `end`: others have no
/// gradient, and those sum to zero at every pixel.
fn check_columns(gradient: &[f32], end: usize) {
    let largest = gradient
        .iter()
        .fold(0f32, |most, value| most.max(value.abs()));
    for pixel in gradient.chunks_exact(TOKENS) {
        assert_eq!(pixel[0], 0.0);
        assert!(pixel[end..].iter().all(|value| *value == 0.0));
        assert!(pixel.iter().sum::<f32>().abs() < 1e-4 * largest);
    }
    assert!(
        gradient
            .chunks_exact(TOKENS)
            .any(|pixel| pixel[end - 1] != 0.0)
    );
}

#[test]
fn step_sizes_agree_with_the_release() {
    let rule = UpdateRule::Clipped(ReferenceParameters::default());
    for name in RUNS {
        let part = Part::open(name);
        let losses = part.losses().into_iter();
        let updates = losses.filter(|(_, kind)| *kind != LossKind::First);
        let step_sizes = part.floats("step_sizes");
        assert_eq!(updates.clone().count(), step_sizes.len());
        for ((step_index, _), theirs) in updates.zip(step_sizes) {
            let context = StepContext {
                step_index,
                step_count: part.calls(),
                noise: 1.0,
            };
            // The released rule does not look at the noise.
            let place = WalkPlace {
                context,
                calls: &[],
                bodies: 2,
            };
            let ours = rule.step_size(place, 4096);
            assert!(relative(ours, f64::from(*theirs)) < 1e-6, "{name}: {ours}");
        }
    }
}

//! Each scheduler against diffusers' class of its name, without a model.

use burn::tensor::{Device, Tensor, TensorData};
use storm_studio::diffusion::{SchedulerConfig, SchedulerKind};

use crate::fixture::{Fixture, assert_near, numbers};

/// Largest error of a walk that passes, relative to its largest number.
const TOLERANCE: f32 = 1e-4;

/// Also to the bit what they were when they were the only ones.
#[test]
fn timesteps_and_samples_of_pndm_and_ddim_agree_with_diffusers() {
    let device = Device::flex();
    let fixture = Fixture::open("schedulers.safetensors");
    let before = Fixture::open("schedulers-before.safetensors");
    let outputs = fixture.floats("model_outputs");
    for (kind, case) in [(SchedulerKind::Pndm, "pndm"), (SchedulerKind::Ddim, "ddim")] {
        for prediction_type in ["epsilon", "v_prediction"] {
            for steps in [4, 6, 20, 50] {
                let json = format!(
                    r#"{{"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
                        "steps_offset": 1, "set_alpha_to_one": false,
                        "prediction_type": "{prediction_type}"}}"#
                );
                let config = SchedulerConfig::from_json(json.as_bytes()).unwrap();
                let mut scheduler = kind.build(&config, steps).unwrap();
                let name = format!("{case}.{prediction_type}.{steps}");
                let calls = scheduler.calls().to_vec();
                let ours: Vec<i64> = calls.iter().map(|call| call.timestep as i64).collect();
                assert_eq!(
                    ours,
                    fixture.integers(&format!("{name}.timesteps")),
                    "{name}"
                );

                let tensor = |values: &[f32]| {
                    let data = TensorData::new(values.to_vec(), [1, 4, 2, 2]);
                    Tensor::<4>::from_data(data, &device)
                };
                let mut sample = tensor(&fixture.floats("initial"));
                let mut samples = Vec::new();
                for (index, output) in outputs.chunks(16).take(calls.len()).enumerate() {
                    let mut no_noise = || unreachable!("neither adds noise");
                    let step = scheduler.step(tensor(output), index, sample, &mut no_noise);
                    sample = step.prev_sample;
                    samples.extend(numbers(sample.clone()));
                }
                if before.holds(&name) {
                    let before = before.floats(&name);
                    assert_eq!(samples, before, "{name} changed");
                }
                let theirs = fixture.floats(&format!("{name}.samples"));
                let largest = theirs
                    .iter()
                    .fold(1f32, |most, value| most.max(value.abs()));
                assert_near(&name, &samples, &theirs, 2e-5 * largest);
            }
        }
    }
}

/// The model of `samplers.safetensors`: a fixed linear map of what it sees, and a
/// wave of the timestep.
fn predict(sample: &[f32], timestep: f64) -> Vec<f32> {
    let wave = |index: usize| (timestep as f32 / 200.0 + index as f32).sin();
    let map = |index: usize| {
        let next = sample[(index + 1) % sample.len()];
        0.7 * sample[index] + 0.2 * next + 0.3 * wave(index)
    };
    (0..sample.len()).map(map).collect()
}

/// Every sampler, sigma schedule, spacing and prediction type that diffusers
/// offers; both sides were handed the same noise.
#[test]
fn whole_walks_of_every_sampler_agree_with_diffusers() {
    let device = Device::flex();
    let fixture = Fixture::open("samplers.safetensors");
    let facts = fixture.facts();
    let noise = fixture.floats("noise");
    let tensor = |values: &[f32]| {
        let data = TensorData::new(values.to_vec(), [1, 4, 1, 1]);
        Tensor::<4>::from_data(data, &device)
    };
    let mut walked = Vec::new();
    let mut worst: (f32, &str) = (0.0, "none");
    for (name, json) in facts["cases"].as_object().unwrap() {
        let (sampler, rest) = name.split_once('.').unwrap();
        let (_, steps) = rest.rsplit_once('.').unwrap();
        let kind: SchedulerKind = sampler.parse().unwrap();
        let config = SchedulerConfig::from_json(json.to_string().as_bytes()).unwrap();
        // The class names the sampler, but for two that share one.
        assert_eq!(config.kind(), kind, "{name}");
        let mut scheduler = kind.build(&config, steps.parse().unwrap()).unwrap();
        let calls = scheduler.calls().to_vec();
        let timesteps: Vec<f32> = calls.iter().map(|call| call.timestep as f32).collect();
        let theirs = fixture.floats(&format!("{name}.timesteps"));
        // Where a fraction is cut off, rounding in f32 can cost diffusers a whole one.
        let cuts = timesteps.iter().all(|at| at.fract() == 0.0);
        let tolerance = if cuts { 1.0 } else { 2e-2 };
        assert_near(
            &format!("{name}, timesteps"),
            &timesteps,
            &theirs,
            tolerance,
        );
        let start = tensor(&fixture.floats("initial"));
        let mut sample = start.mul_scalar(scheduler.init_noise_sigma());
        let mut samples = Vec::new();
        for (index, row) in noise.chunks(4).take(calls.len()).enumerate() {
            let seen = numbers(scheduler.scale_model_input(sample.clone(), index));
            // The very timesteps that diffusers computed, rounded to f32.
            let output = tensor(&predict(&seen, f64::from(theirs[index])));
            let step = scheduler.step(output, index, sample, &mut || tensor(row));
            sample = step.prev_sample;
            samples.extend(numbers(sample.clone()));
        }
        let theirs = fixture.floats(&format!("{name}.samples"));
        let largest = theirs
            .iter()
            .fold(1f32, |most, value| most.max(value.abs()));
        let errors = samples
            .iter()
            .zip(&theirs)
            .map(|(a, b)| (a - b).abs() / largest);
        let error = errors.fold(0f32, f32::max);
        if error > worst.0 {
            worst = (error, name);
        }
        assert_eq!(samples.len(), theirs.len(), "{name}");
        assert!(
            error <= TOLERANCE,
            "{name}: {error:e}\n{samples:?}\n{theirs:?}"
        );
        walked.push(kind);
    }
    println!(
        "{} walks; largest relative error {:.1e} ({})",
        walked.len(),
        worst.0,
        worst.1
    );
    for kind in SchedulerKind::ALL {
        assert!(walked.contains(kind), "{kind} is not compared");
    }
}

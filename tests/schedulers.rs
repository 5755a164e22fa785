//! Each scheduler against diffusers' class of its name, without a model.

use burn::tensor::{Device, Tensor, TensorData};
use storm_studio::diffusion::{SchedulerConfig, SchedulerKind};

use crate::fixture::{Fixture, assert_near, numbers};

#[test]
fn timesteps_and_samples_agree_with_diffusers() {
    let device = Device::flex();
    let fixture = Fixture::open("schedulers.safetensors");
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
                let timesteps = scheduler.timesteps().to_vec();
                let ours: Vec<i64> = timesteps.iter().map(|&timestep| timestep as i64).collect();
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
                for (index, output) in outputs.chunks(16).take(timesteps.len()).enumerate() {
                    sample = scheduler.step(tensor(output), index, sample).prev_sample;
                    samples.extend(numbers(sample.clone()));
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

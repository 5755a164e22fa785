//! Pictures decoded in tiles against the same pictures decoded whole.

use burn::tensor::{Device, Tensor, TensorData};
use storm_studio::checkpoint::{CheckpointSource, StableDiffusion};

use crate::fixture::{Fixture, folder, numbers};

/// A picture [1, 3, side, side] in [-1, 1]: a sky that fades into ground, and discs.
fn picture(side: usize, device: &Device) -> Tensor<4> {
    let value = |colour: usize, row: usize, column: usize| {
        let (y, x) = (row as f32 / side as f32, column as f32 / side as f32);
        let mut value = [0.9 - 1.4 * y, 0.4 - y, 0.2 + 0.7 * y][colour];
        for (centre_x, centre_y, radius, shade) in [
            (0.25, 0.3, 0.12, [0.9, -0.6, -0.8]),
            (0.7, 0.45, 0.2, [-0.7, 0.3, 0.8]),
            (0.45, 0.8, 0.15, [0.8, 0.8, -0.5]),
        ] {
            if (x - centre_x).hypot(y - centre_y) < radius {
                value = shade[colour];
            }
        }
        value
    };
    let values: Vec<f32> = (0..3 * side * side)
        .map(|index| {
            let pixel = index % (side * side);
            value(index / (side * side), pixel / side, pixel % side)
        })
        .collect();
    Tensor::from_data(TensorData::new(values, [1, 3, side, side]), device)
}

/// Largest and mean difference between two pictures.
fn differences(one: &[f32], other: &[f32]) -> (f32, f32) {
    let all = one.iter().zip(other).map(|(a, b)| (a - b).abs());
    let largest = all.clone().fold(0.0, f32::max);
    (largest, all.sum::<f32>() / one.len() as f32)
}

#[test]
fn tiles_of_a_trained_decoder_join_without_a_seam() {
    let device = Device::flex();
    let model = StableDiffusion::load(&CheckpointSource::Embedded, &device).unwrap();
    let cells = 64;
    let latents = model
        .vae
        .encode(picture(cells * model.pixels_per_cell(), &device));
    let whole = numbers(model.vae.decode(latents.clone()));
    for side in [48, 40, 24] {
        let tiled = numbers(model.vae.decode_tiled(latents.clone(), side));
        let (largest, mean) = differences(&tiled, &whole);
        println!(
            "{side}: largest {:.2}/255, mean {:.3}/255",
            127.5 * largest,
            127.5 * mean
        );
    }
}

#[test]
fn tiles_of_random_decoders_join_without_a_seam() {
    let device = Device::flex();
    for name in ["narrow-sd1", "narrow-sd2"] {
        let fixture = Fixture::open(&format!("{name}.safetensors"));
        let source = CheckpointSource::from_path(&folder().join(name)).unwrap();
        let model = StableDiffusion::load(&source, &device).unwrap();
        let latents = fixture
            .tensor::<4>("unet.latents", &device)
            .repeat_dim(3, 2);
        let whole = numbers(model.vae.decode(latents.clone()));
        for side in [64, 32, 24] {
            let tiled = numbers(model.vae.decode_tiled(latents.clone(), side));
            let (largest, mean) = differences(&tiled, &whole);
            println!(
                "{name} {side}: largest {:.2}/255, mean {:.3}/255",
                127.5 * largest,
                127.5 * mean
            );
        }
    }
}

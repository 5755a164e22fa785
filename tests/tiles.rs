//! Pictures decoded in tiles are those decoded whole: no seam, no cast of colour.

use burn::tensor::{Device, Tensor, TensorData};
use storm_studio::checkpoint::{CheckpointSource, StableDiffusion};

use crate::fixture::{Fixture, folder, largest_difference, numbers};

/// A hundredth of a shade of 255, where pictures reach from -1 to 1.
const ROUNDING: f32 = 0.01 * 2.0 / 255.0;

/// A picture [1, 3, side, side] in [-1, 1], brighter above than below: each tile's
/// own statistics are far from those of the whole.
fn picture(side: usize, device: &Device) -> Tensor<4> {
    let values = (0..3 * side * side).map(|index| {
        let (colour, pixel) = (index / (side * side), index % (side * side));
        let (y, x) = (pixel / side, pixel % side);
        let (y, x) = (y as f32 / side as f32, x as f32 / side as f32);
        let sky = [0.9 - 1.4 * y, 0.4 - y, 0.2 + 0.7 * y][colour];
        let is_disc = (x - 0.4).hypot(y - 0.5) < 0.2;
        if is_disc {
            [0.9, -0.6, -0.8][colour]
        } else {
            sky
        }
    });
    let data = TensorData::new(values.collect::<Vec<f32>>(), [1, 3, side, side]);
    Tensor::from_data(data, device)
}

fn tiles_are_the_whole(model: &StableDiffusion, latents: &Tensor<4>) {
    let whole = numbers(model.vae.decode(latents.clone()));
    // One tile, several with a shorter last one, and single rows.
    for rows in [64, 11, 1] {
        let tiled = numbers(model.vae.decode_tiled(latents.clone(), rows));
        let difference = largest_difference(&tiled, &whole);
        let name = &model.description.name;
        assert!(difference < ROUNDING, "{name}, {rows} rows: {difference}");
    }
}

#[test]
fn the_trained_decoder_gives_the_same_picture_in_tiles() {
    let device = Device::flex();
    let model = StableDiffusion::load(&CheckpointSource::Embedded, &device).unwrap();
    let picture = picture(32 * model.description.pixels_per_cell(), &device);
    let latents = model.vae.encode(picture);
    assert_eq!(latents.dims(), [1, 4, 32, 32]);
    tiles_are_the_whole(&model, &latents);
}

#[test]
fn decoders_of_stable_diffusions_form_give_the_same_picture_in_tiles() {
    let device = Device::flex();
    for name in ["narrow-sd1", "narrow-sd2"] {
        let fixture = Fixture::open(&format!("{name}.safetensors"));
        let source = CheckpointSource::from_path(&folder().join(name)).unwrap();
        let model = StableDiffusion::load(&source, &device).unwrap();
        tiles_are_the_whole(&model, &fixture.tensor("unet.latents", &device));
    }
}

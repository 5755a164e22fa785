//! The detector of the embedded model's world: which objects a picture shows, where,
//! how large, in which colour, and which pixels are theirs.
//!
//! Two halvings of the picture and a third, then back: a grid a quarter as wide and
//! high tells objects, places, extents and colours, a finer one the pixels. What its
//! outputs mean is read in [`ObjectScores`]. The benchmark judges pictures with it, and
//! the window its canvases. assets/toybox/recipe/detector.py trains it.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::interpolate::{Interpolate2dConfig, InterpolateMode};
use burn::nn::{PaddingConfig2d, Sigmoid};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor, TensorData};
use image::RgbImage;

use super::object_scores::{FoundObject, GridOutputs, ObjectScores, Thresholds};

/// Sides of pictures are filled up to a multiple of this: the coarsest grid's cells.
const CELL_OF_COARSEST: u32 = 8;

/// Shape of a [`DetectorNetwork`].
#[derive(Debug, Clone, Copy)]
pub struct DetectorNetworkConfig {
    /// How many kinds of objects it tells apart.
    pub objects: usize,
    /// How many colours, beside an object's own.
    pub colours: usize,
    /// Channels at a half, a quarter and an eighth of the picture's sides.
    pub channels: [usize; 3],
}

/// Convolutions with ReLU; batch norms were folded into them when they were saved.
#[derive(Module, Debug)]
pub struct DetectorNetwork {
    fine: Vec<Conv2d>,
    middle: Vec<Conv2d>,
    coarse: Vec<Conv2d>,
    coarse_out: Conv2d,
    merged: Vec<Conv2d>,
    heads: Conv2d,
    merged_out: Conv2d,
    pixels: Vec<Conv2d>,
}

impl DetectorNetworkConfig {
    /// A network with untrained weights.
    pub fn init(&self, device: &Device) -> DetectorNetwork {
        let [fine, middle, coarse] = self.channels;
        let wide = |inputs: usize, outputs: usize, stride: usize| {
            Conv2dConfig::new([inputs, outputs], [3, 3])
                .with_stride([stride, stride])
                .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
                .init(device)
        };
        let point = |inputs: usize, outputs: usize| {
            Conv2dConfig::new([inputs, outputs], [1, 1]).init(device)
        };
        // The first convolution of a part halves the sides.
        let halving = |inputs: usize, outputs: usize, count: usize| {
            let further = (1..count).map(|_| wide(outputs, outputs, 1));
            std::iter::once(wide(inputs, outputs, 2))
                .chain(further)
                .collect()
        };
        DetectorNetwork {
            fine: halving(3, fine, 2),
            middle: halving(fine, middle, 3),
            coarse: halving(middle, coarse, 4),
            coarse_out: point(coarse, middle),
            merged: vec![wide(middle, middle, 1), wide(middle, middle, 1)],
            heads: point(middle, self.objects + BOX + 1 + self.colours),
            merged_out: point(middle, fine),
            pixels: vec![wide(fine, fine, 1), wide(fine, 4, 1)],
        }
    }
}

/// Numbers that tell a box: offset of the centre, log of width and height.
const BOX: usize = 4;

impl DetectorNetwork {
    /// Pictures [batch, 3, height, width] in [-1, 1], sides multiples of eight → logits
    /// and boxes [batch, objects + 4 + 1 + colours, height / 4, width / 4], and logits of
    /// pixels [batch, 4, height / 2, width / 2], the four pixels of a cell row by row.
    pub fn forward(&self, pictures: Tensor<4>) -> (Tensor<4>, Tensor<4>) {
        let double = Interpolate2dConfig::new()
            .with_scale_factor(Some([2.0, 2.0]))
            .with_mode(InterpolateMode::Nearest)
            .init();
        let through = |part: &[Conv2d], features: Tensor<4>| {
            part.iter()
                .fold(features, |features, layer| relu(layer.forward(features)))
        };
        let fine = through(&self.fine, pictures);
        let middle = through(&self.middle, fine.clone());
        let coarse = through(&self.coarse, middle.clone());
        let coarse = double.forward(self.coarse_out.forward(coarse));
        let merged = through(&self.merged, middle + coarse);
        let finer = double.forward(self.merged_out.forward(merged.clone()));
        let [first, last] = [0, 1].map(|index| &self.pixels[index]);
        let pixels = last.forward(relu(first.forward(fine + finer)));
        (self.heads.forward(merged), pixels)
    }
}

/// What the detector can tell apart.
#[derive(Debug, Clone, PartialEq)]
pub struct DetectorNames {
    /// Objects, in the order of the network's outputs.
    pub objects: Vec<String>,
    /// Colours, in the order of the outputs after an object's own.
    pub colours: Vec<String>,
    /// For each object, the colours that its own goes by.
    pub own_colours: Vec<Vec<String>>,
}

/// The network with the names of what it finds.
///
/// It stays on the CPU: one picture of 128 × 128 pixels costs 0.7 GFLOP.
#[derive(Debug)]
pub struct ObjectDetector {
    network: DetectorNetwork,
    names: DetectorNames,
    thresholds: Thresholds,
    device: Device,
}

impl ObjectDetector {
    /// A detector whose network lies on `device`, a CPU, and tells `names` apart.
    pub fn new(
        network: DetectorNetwork,
        names: DetectorNames,
        thresholds: Thresholds,
        device: Device,
    ) -> Self {
        Self {
            network,
            names,
            thresholds,
            device,
        }
    }

    /// The objects that it can find.
    pub fn names(&self) -> &[String] {
        &self.names.objects
    }

    /// The colours, and for each object those that its own goes by.
    pub fn colours(&self) -> (&[String], &[Vec<String>]) {
        (&self.names.colours, &self.names.own_colours)
    }

    /// The objects in a picture, the most certain first; an object that is
    /// there twice comes twice.
    pub fn find(&self, picture: &RgbImage) -> Vec<FoundObject> {
        self.scores(picture).found()
    }

    /// The scores from which [`Self::find`] decides.
    pub fn scores(&self, picture: &RgbImage) -> ObjectScores {
        let [width, height] = [picture.width(), picture.height()];
        let whole = |side: u32| {
            side.next_multiple_of(CELL_OF_COARSEST)
                .max(CELL_OF_COARSEST)
        };
        let [columns, rows] = [whole(width), whole(height)];
        // Grey beyond the edge, as the network's own padding is.
        let values = (0..rows).flat_map(|row| (0..columns).map(move |column| (column, row)));
        let values =
            values.flat_map(
                |(column, row)| match picture.get_pixel_checked(column, row) {
                    Some(pixel) => pixel.0.map(|byte| f32::from(byte) / 127.5 - 1.0),
                    None => [0.0; 3],
                },
            );
        let values: Vec<f32> = values.collect();
        let data = TensorData::new(values, [1, rows as usize, columns as usize, 3]);
        // Channels first, as the network has them.
        let pictures = Tensor::<4>::from_data(data, &self.device)
            .swap_dims(2, 3)
            .swap_dims(1, 2);
        let (heads, pixels) = self.network.forward(pictures);
        let objects = self.names.objects.len();
        let colours = 1 + self.names.colours.len();
        let heat = Sigmoid::new().forward(heads.clone().narrow(1, 0, objects));
        let boxes = heads.clone().narrow(1, objects, BOX);
        let shades = heads.narrow(1, objects + BOX, colours);
        let numbers = |tensor: Tensor<4>| -> Vec<f32> {
            let values = tensor.into_data().try_into_vec_as();
            values.expect("the CPU's memory can always be read")
        };
        ObjectScores::new(
            self.names.clone(),
            self.thresholds,
            [width as usize, height as usize],
            GridOutputs {
                rows: rows as usize / 4,
                columns: columns as usize / 4,
                heat: numbers(heat),
                boxes: numbers(boxes),
                colours: numbers(shades),
                pixels: numbers(pixels),
            },
        )
    }
}

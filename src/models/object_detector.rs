//! The detector of the embedded model's world: which objects a picture shows, and where.
//!
//! A small convolutional network gives one map of scores per object, a quarter
//! as wide and high as the picture; the cells that stand out are the objects.
//! The benchmark judges pictures with it, and the window its canvases.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, PaddingConfig2d};
use burn::tensor::activation::{relu, sigmoid};
use burn::tensor::{Device, Tensor, TensorData};
use image::RgbImage;
use serde::Serialize;

/// Score over which an object counts as found.
pub const FOUND_ABOVE: f32 = 0.5;

/// Channels and stride of every block; recipe/detector.py trains this network.
const BLOCKS: [(usize, usize); 6] = [(32, 1), (64, 2), (96, 2), (96, 1), (96, 1), (96, 1)];

/// Shape of a [`DetectorNetwork`].
#[derive(Debug, Clone, Copy)]
pub struct DetectorNetworkConfig {
    /// How many kinds of objects it tells apart.
    pub objects: usize,
}

/// Convolutions, each with batch norm and ReLU, then one score per object and cell.
#[derive(Module, Debug)]
pub struct DetectorNetwork {
    blocks: Vec<Block>,
    conv_out: Conv2d,
}

#[derive(Module, Debug)]
struct Block {
    conv: Conv2d,
    norm: BatchNorm,
}

impl DetectorNetworkConfig {
    /// A network with untrained weights.
    pub fn init(&self, device: &Device) -> DetectorNetwork {
        let mut channels_in = 3;
        let blocks = BLOCKS.iter().map(|&(channels, stride)| {
            let conv = Conv2dConfig::new([channels_in, channels], [3, 3])
                .with_stride([stride, stride])
                .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1));
            channels_in = channels;
            Block {
                conv: conv.init(device),
                norm: BatchNormConfig::new(channels).init(device),
            }
        });
        DetectorNetwork {
            blocks: blocks.collect(),
            conv_out: Conv2dConfig::new([channels_in, self.objects], [1, 1]).init(device),
        }
    }
}

impl DetectorNetwork {
    /// Pictures [batch, 3, height, width] in [-1, 1] → logits
    /// [batch, objects, ⌈height / 4⌉, ⌈width / 4⌉].
    pub fn forward(&self, pictures: Tensor<4>) -> Tensor<4> {
        let features = self.blocks.iter().fold(pictures, |features, block| {
            relu(block.norm.forward(block.conv.forward(features)))
        });
        self.conv_out.forward(features)
    }
}

/// An object in a picture.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FoundObject {
    pub name: String,
    /// Score of its cell, 0 to 1.
    pub confidence: f32,
    /// Centre of its cell, as a fraction of the picture's width.
    pub x: f64,
    /// Centre of its cell, as a fraction of the picture's height.
    pub y: f64,
}

/// The network with the names of what it finds.
///
/// It stays on the CPU: one picture of 64 × 64 pixels costs 0.2 GFLOP.
#[derive(Debug)]
pub struct ObjectDetector {
    network: DetectorNetwork,
    names: Vec<String>,
    device: Device,
}

impl ObjectDetector {
    /// A detector whose network lies on `device`, a CPU, and tells `names` apart.
    pub fn new(network: DetectorNetwork, names: Vec<String>, device: Device) -> Self {
        Self {
            network,
            names,
            device,
        }
    }

    /// What it can find.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The objects in a picture, the most certain first; an object that is
    /// there twice comes twice.
    pub fn find(&self, picture: &RgbImage) -> Vec<FoundObject> {
        self.scores(picture).found()
    }

    /// The scores from which [`Self::find`] decides.
    pub fn scores(&self, picture: &RgbImage) -> ObjectScores {
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let pixels: Vec<f32> = picture
            .as_raw()
            .iter()
            .map(|&byte| f32::from(byte) / 127.5 - 1.0)
            .collect();
        let data = TensorData::new(pixels, [1, height, width, 3]);
        // Channels first, as the network has them.
        let pictures = Tensor::<4>::from_data(data, &self.device)
            .swap_dims(2, 3)
            .swap_dims(1, 2);
        let scores = sigmoid(self.network.forward(pictures));
        let [_, _, rows, columns] = scores.dims();
        ObjectScores {
            names: self.names.clone(),
            rows,
            columns,
            values: scores
                .try_into_vec_as()
                .expect("the CPU's memory can always be read"),
        }
    }
}

/// Scores of every object in every cell of one picture.
#[derive(Debug, Clone)]
pub struct ObjectScores {
    names: Vec<String>,
    rows: usize,
    columns: usize,
    /// [objects, rows, columns], row-major, 0 to 1.
    values: Vec<f32>,
}

impl ObjectScores {
    /// [objects, rows, columns], row-major, objects in the detector's order.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The most certain place of an object, found or not; `None` if the
    /// detector does not know it.
    pub fn strongest(&self, name: &str) -> Option<FoundObject> {
        let object = self.names.iter().position(|known| known == name)?;
        let cells = self.map(object).iter().enumerate();
        let (cell, _) = cells.max_by(|(_, a), (_, b)| a.total_cmp(b))?;
        Some(self.object_at(object, cell))
    }

    /// Every peak over [`FOUND_ABOVE`], the most certain first.
    pub fn found(&self) -> Vec<FoundObject> {
        let mut found: Vec<FoundObject> = (0..self.names.len())
            .flat_map(|object| {
                let cells = 0..self.rows * self.columns;
                cells
                    .filter(move |&cell| self.is_peak(object, cell))
                    .map(move |cell| self.object_at(object, cell))
            })
            .collect();
        found.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
        found
    }

    /// Whether a cell is over the threshold and over its eight neighbours; of
    /// equal neighbours the first is the peak.
    fn is_peak(&self, object: usize, cell: usize) -> bool {
        let map = self.map(object);
        let (row, column) = (cell / self.columns, cell % self.columns);
        let rows = row.saturating_sub(1)..(row + 2).min(self.rows);
        let columns = column.saturating_sub(1)..(column + 2).min(self.columns);
        let mut neighbours = rows.flat_map(|row| {
            let columns = columns.clone();
            columns.map(move |column| row * self.columns + column)
        });
        map[cell] > FOUND_ABOVE
            && neighbours
                .all(|other| map[cell] > map[other] || (map[cell] == map[other] && cell <= other))
    }

    fn map(&self, object: usize) -> &[f32] {
        let cells = self.rows * self.columns;
        &self.values[object * cells..][..cells]
    }

    fn object_at(&self, object: usize, cell: usize) -> FoundObject {
        FoundObject {
            name: self.names[object].clone(),
            confidence: self.map(object)[cell],
            x: ((cell % self.columns) as f64 + 0.5) / self.columns as f64,
            y: ((cell / self.columns) as f64 + 0.5) / self.rows as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peaks_are_found_once_each_with_the_centre_of_their_cell() {
        let mut values = vec![0.1; 2 * 4 * 8];
        // A cat with a shoulder, its twin, and a dog too faint to be found.
        values[8 + 2] = 0.9;
        values[8 + 3] = 0.8;
        values[3 * 8 + 7] = 0.6;
        values[32 + 5] = 0.4;
        let scores = ObjectScores {
            names: vec!["cat".to_string(), "dog".to_string()],
            rows: 4,
            columns: 8,
            values,
        };
        let places: Vec<(String, f64, f64)> = scores
            .found()
            .into_iter()
            .map(|found| (found.name, found.x, found.y))
            .collect();
        let cat = "cat".to_string();
        let expected = [
            (cat.clone(), 2.5 / 8.0, 1.5 / 4.0),
            (cat, 7.5 / 8.0, 3.5 / 4.0),
        ];
        assert_eq!(places, expected);
        let dog = scores.strongest("dog").unwrap();
        assert_eq!((dog.confidence, dog.x), (0.4, 5.5 / 8.0));
        assert!(scores.strongest("unicorn").is_none());
    }

    #[test]
    fn a_plateau_is_one_peak() {
        let scores = ObjectScores {
            names: vec!["cat".to_string()],
            rows: 1,
            columns: 3,
            values: vec![0.7, 0.7, 0.2],
        };
        assert_eq!(scores.found().len(), 1);
    }
}

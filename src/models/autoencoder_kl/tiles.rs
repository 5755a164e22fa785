//! Decoding large latents tile by tile.
//!
//! Only the way up is tiled: what is before it is small, and its attention looks
//! at the whole picture. A tile sees further latents around it than it shows, and
//! neighbours fade into each other. Group norms measure whole pictures, so the
//! tiles are decoded twice: once to measure, each with its own statistics, and
//! once with the statistics of all.

use burn::module::Param;
use burn::nn::GroupNorm;
use burn::tensor::{Device, Tensor, TensorData};

/// Along one side: where the tiles of a picture lie, in latent cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tiles {
    pub(super) side: usize,
    pub(super) starts: Vec<usize>,
}

/// What a tile shows beyond its share at most; the fade to its neighbour happens there.
const OVERLAP: usize = 16;

impl Tiles {
    /// Tiles of at most `side` cells that cover `cells` cells, neighbours
    /// overlapping by [`OVERLAP`] or more, as far as `side` allows.
    pub(super) fn new(cells: usize, side: usize) -> Self {
        if cells <= side {
            return Self {
                side: cells,
                starts: vec![0],
            };
        }
        let overlap = OVERLAP.min(side / 2);
        let count = (cells - overlap).div_ceil(side - overlap);
        let starts = (0..count).map(|tile| tile * (cells - side) / (count - 1));
        Self {
            side,
            starts: starts.collect(),
        }
    }

    /// The share of tile `index` in each of its `scale` · side pixels: 1 where it
    /// is alone, falling linearly to its ends where it is not. Shares of all
    /// tiles sum to 1 in every pixel.
    fn shares(&self, index: usize, scale: usize) -> Vec<f32> {
        let pixels = self.side * scale;
        let weight = |tile: usize, pixel: usize| {
            let start = self.starts[tile] * scale;
            let within = pixel.checked_sub(start).filter(|within| *within < pixels)?;
            let from_left = within + 1;
            let from_right = pixels - within;
            let is_first = tile == 0;
            let is_last = tile + 1 == self.starts.len();
            let distance = match (is_first, is_last) {
                (true, true) => pixels,
                (true, false) => from_right,
                (false, true) => from_left,
                (false, false) => from_left.min(from_right),
            };
            // Beyond the overlap a tile has its full weight.
            Some(distance.min(OVERLAP * scale) as f32)
        };
        let start = self.starts[index] * scale;
        (start..start + pixels)
            .map(|pixel| {
                let tiles = 0..self.starts.len();
                let all: f32 = tiles.filter_map(|tile| weight(tile, pixel)).sum();
                weight(index, pixel).map_or(0.0, |own| own / all)
            })
            .collect()
    }
}

/// The share of the tile (`row`, `column`) in each of its pixels, [1, 1, height, width].
pub(super) fn shares(
    rows: (&Tiles, usize),
    columns: (&Tiles, usize),
    scale: usize,
    device: &Device,
) -> Tensor<4> {
    let (down, across) = (
        rows.0.shares(rows.1, scale),
        columns.0.shares(columns.1, scale),
    );
    let shape = [1, 1, down.len(), across.len()];
    let shares = down
        .iter()
        .flat_map(|down| across.iter().map(move |across| down * across));
    Tensor::from_data(TensorData::new(shares.collect(), shape), device)
}

/// Statistics of the group norms of a decoder, in the order in which they run.
#[derive(Debug, Default)]
pub(super) struct NormStatistics {
    /// Per norm, of every tile: mean and variance, [1, groups, 1].
    of_tiles: Vec<Vec<[Tensor<3>; 2]>>,
    /// Per norm, of the whole picture; empty while tiles are measured.
    of_picture: Vec<[Tensor<3>; 2]>,
    next: usize,
}

impl NormStatistics {
    /// Before each tile.
    pub(super) fn begin_tile(&mut self) {
        self.next = 0;
    }

    /// Unites what was measured; from here on norms use it.
    pub(super) fn finish_measuring(&mut self) {
        self.of_picture = self.of_tiles.drain(..).map(united).collect();
    }

    /// Normalises `sample` [1, channels, height, width], a part of a picture, by
    /// its own statistics while measuring and by those of the picture after.
    pub(super) fn normalise(&mut self, norm: &GroupNorm, sample: Tensor<4>) -> Tensor<4> {
        let [batch, channels, height, width] = sample.dims();
        let groups = norm.num_groups;
        let grouped = sample.reshape([batch, groups, channels / groups * height * width]);
        let [mean, variance] = match self.of_picture.get(self.next) {
            Some(of_picture) => of_picture.clone(),
            None => {
                let mean = grouped.clone().mean_dim(2);
                let variance = grouped.clone().sub(mean.clone()).square().mean_dim(2);
                let own = [mean, variance];
                if self.of_tiles.len() == self.next {
                    self.of_tiles.push(Vec::new());
                }
                self.of_tiles[self.next].push(own.clone());
                own
            }
        };
        self.next += 1;
        let normalised = grouped
            .sub(mean)
            .div(variance.add_scalar(norm.epsilon).sqrt());
        let affine = |parameter: &Option<Param<Tensor<1>>>| {
            let parameter = parameter.as_ref().map(Param::val);
            parameter
                .expect("the autoencoder's norms have weights and biases")
                .reshape([1, channels, 1, 1])
        };
        normalised
            .reshape([batch, channels, height, width])
            .mul(affine(&norm.gamma))
            .add(affine(&norm.beta))
    }
}

/// Mean and variance of the union of equally large parts.
fn united(parts: Vec<[Tensor<3>; 2]>) -> [Tensor<3>; 2] {
    let (means, variances): (Vec<_>, Vec<_>) = parts
        .into_iter()
        .map(|[mean, variance]| (mean, variance))
        .unzip();
    let means = Tensor::cat(means, 2);
    let mean = means.clone().mean_dim(2);
    let between = means.sub(mean.clone()).square().mean_dim(2);
    let within = Tensor::cat(variances, 2).mean_dim(2);
    [mean, within.add(between)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_every_cell_and_their_shares_sum_to_one() {
        for (cells, side) in [
            (10, 64),
            (64, 64),
            (65, 64),
            (96, 64),
            (200, 64),
            (40, 24),
            (7, 4),
        ] {
            let tiles = Tiles::new(cells, side);
            assert_eq!(tiles.starts[0], 0);
            assert_eq!(tiles.starts[tiles.starts.len() - 1] + tiles.side, cells);
            let scale = 3;
            let mut sums = vec![0.0; cells * scale];
            for (index, start) in tiles.starts.iter().enumerate() {
                for (offset, share) in tiles.shares(index, scale).into_iter().enumerate() {
                    assert!((0.0..=1.0).contains(&share));
                    sums[start * scale + offset] += share;
                }
            }
            assert!(
                sums.iter().all(|sum: &f32| (sum - 1.0).abs() < 1e-5),
                "{cells} {side}"
            );
            for pair in tiles.starts.windows(2) {
                assert!(
                    pair[1] + OVERLAP.min(side / 2) <= pair[0] + side,
                    "{tiles:?}"
                );
            }
        }
    }
}

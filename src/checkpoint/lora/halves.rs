//! Two halves and the product that they stand for, row by row.

use rayon::prelude::*;

use super::error::LoraError;
use super::file::LoraFile;
use super::module::{Factor, HalfTensors};

/// What a product is added to: a matrix of rows, whose columns are inputs, each with the
/// numbers of a kernel.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layer<'a> {
    pub(super) rows: usize,
    pub(super) inputs: usize,
    /// Sides of a convolution's kernel.
    pub(super) kernel: &'a [usize],
}

impl Layer<'_> {
    pub(super) fn columns(&self) -> usize {
        self.inputs * self.kernel.iter().product::<usize>()
    }
}

/// The numbers of two halves.
#[derive(Debug)]
pub(super) struct Halves {
    /// [rows, rank].
    up: Vec<f32>,
    /// [rank, columns].
    down: Vec<f32>,
    rank: usize,
}

impl HalfTensors {
    /// The rank, if they multiply to `layer`.
    pub(super) fn rank(&self, layer: Layer<'_>) -> Option<usize> {
        let (up, down) = (&self.up.tensor.shape, &self.down.tensor.shape);
        let count = |shape: &[usize]| shape.iter().product::<usize>();
        let &[first, second] = up.get(..2)? else {
            return None;
        };
        let (rows, rank) = match self.is_turned {
            true => (second, first),
            false => (first, second),
        };
        let fits = match &self.mid {
            None => down.first() == Some(&rank) && count(down) == rank * layer.columns(),
            Some(mid) => {
                let inner = down.first().copied().unwrap_or(0);
                let wanted = [&[rank, inner], layer.kernel].concat();
                // Both are the rank in every trainer.
                inner == rank && mid.tensor.shape == wanted && count(down) == rank * layer.inputs
            }
        };
        let has_rows = rows == layer.rows && count(up) == rows * rank;
        (rank > 0 && fits && has_rows && down.len() >= 2).then_some(rank)
    }
}

impl Halves {
    /// Reads halves that were found to multiply to `layer`; up is multiplied by `scale`.
    pub(super) fn read(
        file: &LoraFile,
        tensors: &HalfTensors,
        layer: Layer<'_>,
        rank: usize,
        scale: f64,
    ) -> Result<Self, LoraError> {
        let down = match &tensors.mid {
            None => file.numbers(&tensors.down)?,
            Some(mid) => {
                let kernel = layer.kernel.iter().product();
                let both = (file.numbers(mid)?, file.numbers(&tensors.down)?);
                joined(both, rank, layer.inputs, kernel)
            }
        };
        let mut up = file.numbers(&tensors.up)?;
        if tensors.is_turned {
            let turned = up;
            let place = |index: usize| (index % rank) * layer.rows + index / rank;
            up = (0..turned.len())
                .map(|index| turned[place(index)])
                .collect();
        }
        up.iter_mut()
            .for_each(|number| *number = (f64::from(*number) * scale) as f32);
        Ok(Self { up, down, rank })
    }

    /// Adds a row of the product.
    pub(super) fn add_row(&self, row: usize, sum: &mut [f32]) {
        let up = &self.up[row * self.rank..(row + 1) * self.rank];
        for (factor, down) in up.iter().zip(self.down.chunks_exact(sum.len().max(1))) {
            for (sum, number) in sum.iter_mut().zip(down) {
                *sum += factor * number;
            }
        }
    }

    /// The product, [rows, columns].
    fn product(&self) -> Vec<f32> {
        let rows = self.up.len() / self.rank;
        let columns = self.down.len() / self.rank;
        let mut product = vec![0.0; rows * columns];
        let each = product.chunks_exact_mut(columns.max(1)).enumerate();
        each.for_each(|(row, sum)| self.add_row(row, sum));
        product
    }
}

impl Factor {
    /// How many rows it has.
    pub(super) fn rows(&self) -> Option<usize> {
        let (tensor, place) = match self {
            Self::Whole(whole) => (whole, 0),
            Self::Halves(halves) => (&halves.up, usize::from(halves.is_turned)),
        };
        tensor.tensor.shape.get(place).copied()
    }

    /// Whether it is a matrix as `layer`, and its rank if it is written as halves.
    pub(super) fn rank(&self, layer: Layer<'_>) -> Option<Option<usize>> {
        match self {
            Self::Whole(whole) => {
                let shape = &whole.tensor.shape;
                let fits = shape.first() == Some(&layer.rows)
                    && shape.get(1) == Some(&layer.inputs)
                    && shape.iter().product::<usize>() == layer.rows * layer.columns();
                fits.then_some(None)
            }
            Self::Halves(halves) => halves.rank(layer).map(Some),
        }
    }

    /// Reads a factor that was found to be as `layer`, [rows, columns].
    pub(super) fn read(&self, file: &LoraFile, layer: Layer<'_>) -> Result<Vec<f32>, LoraError> {
        match self {
            Self::Whole(whole) => file.numbers(whole),
            Self::Halves(halves) => {
                let rank = halves.rank(layer).expect("the factor fits the layer");
                Ok(Halves::read(file, halves, layer, rank, 1.0)?.product())
            }
        }
    }
}

/// mid [rank, rank, kernel] and down [rank, inputs] → [rank, inputs, kernel].
fn joined(
    (mid, down): (Vec<f32>, Vec<f32>),
    rank: usize,
    inputs: usize,
    kernel: usize,
) -> Vec<f32> {
    let mut whole = vec![0.0; rank * inputs * kernel];
    let rows = whole.par_chunks_mut((inputs * kernel).max(1)).enumerate();
    rows.for_each(|(row, whole)| {
        for inner in 0..rank {
            let mid = &mid[(row * rank + inner) * kernel..][..kernel];
            for input in 0..inputs {
                let factor = down[inner * inputs + input];
                let whole = &mut whole[input * kernel..][..kernel];
                for (sum, number) in whole.iter_mut().zip(mid) {
                    *sum += factor * number;
                }
            }
        }
    });
    whole
}

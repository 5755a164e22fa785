//! What a LoRA adds to one layer: its halves multiplied out.
//!
//! ΔW = weight · alpha / rank · up · down (Hu et al. 2021); a convolution is the same
//! with its kernel in the down half. Weight-decomposed (DoRA, Liu et al. 2024) each
//! row of W + ΔW is brought to a length of its own, as diffusers' PEFT does it.

use rayon::prelude::*;

use super::error::LoraError;
use super::file::{LoraFile, Module, Named};

/// The numbers of one module, ready to be added.
#[derive(Debug)]
pub(in crate::checkpoint) struct Contribution {
    /// [rows, rank], times weight and alpha / rank.
    up: Vec<f32>,
    /// [rank, columns].
    down: Vec<f32>,
    rank: usize,
    /// Length of each row.
    magnitude: Option<Vec<f32>>,
}

impl Contribution {
    /// Reads a module that acts with `weight` on a layer of that `shape`.
    ///
    /// # Errors
    /// If its halves do not fit the layer, or a number is not finite.
    pub(super) fn read(
        file: &LoraFile,
        module: &Module,
        weight: f64,
        shape: &[usize],
    ) -> Result<Self, LoraError> {
        let rank = check(file, module, shape)?;
        let down = match &module.mid {
            None => file.numbers(&module.down)?,
            Some(mid) => {
                let kernel: usize = shape[2..].iter().product();
                let halves = (file.numbers(mid)?, file.numbers(&module.down)?);
                joined(halves, rank, shape[1], kernel)
            }
        };
        let alpha = match &module.alpha {
            Some(alpha) => file.numbers(alpha)?.first().copied(),
            None => None,
        };
        let scale = weight * f64::from(alpha.unwrap_or(rank as f32)) / rank as f64;
        let mut up = file.numbers(&module.up)?;
        up.iter_mut()
            .for_each(|number| *number = (f64::from(*number) * scale) as f32);
        let magnitude = module.magnitude.as_ref();
        Ok(Self {
            up,
            down,
            rank,
            magnitude: magnitude.map(|it| file.numbers(it)).transpose()?,
        })
    }

    /// Adds what it changes of `base` to `sum`, both [rows, columns].
    pub(super) fn add_to(&self, sum: &mut [f32], base: &[f32]) {
        let rows = self.up.len() / self.rank;
        let columns = base.len() / rows.max(1);
        let pieces = sum.par_chunks_mut(columns.max(1));
        pieces.enumerate().for_each(|(row, sum)| {
            let up = &self.up[row * self.rank..(row + 1) * self.rank];
            match &self.magnitude {
                None => self.add_row(up, sum),
                Some(magnitude) => {
                    let base = &base[row * columns..(row + 1) * columns];
                    let mut whole = base.to_vec();
                    self.add_row(up, &mut whole);
                    let squares: f64 = whole.iter().map(|it| f64::from(*it).powi(2)).sum();
                    let scale = f64::from(magnitude[row]) / squares.sqrt();
                    for ((sum, whole), base) in sum.iter_mut().zip(&whole).zip(base) {
                        *sum += (f64::from(*whole) * scale) as f32 - base;
                    }
                }
            }
        });
    }

    /// Adds a row of the product of the halves.
    fn add_row(&self, up: &[f32], row: &mut [f32]) {
        let columns = row.len();
        for (factor, down) in up.iter().zip(self.down.chunks_exact(columns)) {
            for (sum, number) in row.iter_mut().zip(down) {
                *sum += factor * number;
            }
        }
    }
}

/// Whether the halves multiply to a layer of that shape → the rank.
fn check(file: &LoraFile, module: &Module, shape: &[usize]) -> Result<usize, LoraError> {
    let (down, up) = (&module.down.tensor.shape, &module.up.tensor.shape);
    let count = |shape: &[usize]| shape.iter().product::<usize>();
    let rows = shape.first().copied().unwrap_or(0);
    let is_layer = shape.len() >= 2 && down.len() >= 2 && up.len() >= 2 && !up.contains(&0);
    let rank = up.get(1).copied().unwrap_or(0);
    let columns: usize = shape.iter().skip(1).product();
    let fits = match &module.mid {
        None => down.first() == Some(&rank) && count(down) == rank * columns,
        Some(mid) => {
            let inner = down.first().copied().unwrap_or(0);
            let wanted = [&[rank, inner], &shape[2.min(shape.len())..]].concat();
            // Both are the rank in every trainer.
            inner == rank && mid.tensor.shape == wanted && count(down) == rank * shape[1]
        }
    };
    let has_rows = up.first() == Some(&rows) && count(up) == rows * rank;
    // Of rows only: older DoRAs that keep the length of columns are another form.
    let has_lengths = module.magnitude.as_ref().is_none_or(|it| {
        let lengths = &it.tensor.shape;
        lengths.first() == Some(&rows) && count(lengths) == rows
    });
    if is_layer && rank > 0 && fits && has_rows && has_lengths {
        return Ok(rank);
    }
    let shapes = [
        Some(&module.down),
        Some(&module.up),
        module.mid.as_ref(),
        module.magnitude.as_ref(),
    ];
    let shapes = shapes.into_iter().flatten();
    let shapes: Vec<String> = shapes
        .map(|it: &Named| format!("{:?}", it.tensor.shape))
        .collect();
    Err(LoraError::Shape {
        file: file.shown_name(),
        module: module.spelled.clone(),
        found: shapes.join(", "),
        wanted: shape.to_vec(),
    })
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

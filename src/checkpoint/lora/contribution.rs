//! What a LoRA adds to one layer: its form multiplied out, row by row.
//!
//! ΔW = weight · alpha / rank · up · down (Hu et al. 2021); a convolution is the same
//! with its kernel in the down half. LoHa and LoKr put two matrices in the place of
//! up · down. Weight-decomposed (DoRA, Liu et al. 2024) each row of W + ΔW is brought to
//! a length of its own, as diffusers' PEFT does it.

use rayon::prelude::*;

use super::error::LoraError;
use super::file::LoraFile;
use super::halves::{Halves, Layer};
use super::module::{Factor, Form, Module, Named};

/// The numbers of one module, ready to be added.
#[derive(Debug)]
pub(in crate::checkpoint) struct Contribution {
    /// Times weight and alpha / rank.
    product: Product,
    rows: usize,
    /// Length of each row.
    magnitude: Option<Vec<f32>>,
}

/// ΔW, as it is read.
#[derive(Debug)]
enum Product {
    Halves(Halves),
    /// Multiplied number by number.
    Hadamard([Halves; 2]),
    Kronecker {
        /// [first's rows, first's columns].
        first: Vec<f32>,
        first_columns: usize,
        /// [second's rows, columns of the layer / first's columns].
        second: Vec<f32>,
        second_rows: usize,
    },
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
        let misshapen = || misshapen(file, module, shape);
        let &[rows, inputs, ref kernel @ ..] = shape else {
            return Err(misshapen());
        };
        let layer = Layer {
            rows,
            inputs,
            kernel,
        };
        if !has_lengths(module, rows) {
            return Err(misshapen());
        }
        let alpha = match &module.alpha {
            Some(alpha) => file.numbers(alpha)?.first().copied(),
            None => None,
        };
        let scale = |rank: usize| weight * f64::from(alpha.unwrap_or(rank as f32)) / rank as f64;
        let product = match &module.form {
            Form::Product(halves) => {
                let rank = halves.rank(layer).ok_or_else(misshapen)?;
                let halves = Halves::read(file, halves, layer, rank, scale(rank))?;
                Product::Halves(halves)
            }
            Form::Hadamard([first, second]) => {
                let ranks = first.rank(layer).zip(second.rank(layer));
                let (rank, other) = ranks.ok_or_else(misshapen)?;
                let first = Halves::read(file, first, layer, rank, scale(rank))?;
                let second = Halves::read(file, second, layer, other, 1.0)?;
                Product::Hadamard([first, second])
            }
            Form::Kronecker(factors) => {
                let (layers, rank) = kronecker(factors, layer).ok_or_else(misshapen)?;
                let [mut first, second] = [
                    factors[0].read(file, layers[0])?,
                    factors[1].read(file, layers[1])?,
                ];
                // Where both are whole, trainers leave alpha out of account.
                let scale = rank.map_or(weight, scale);
                first
                    .iter_mut()
                    .for_each(|number| *number = (f64::from(*number) * scale) as f32);
                Product::Kronecker {
                    first,
                    first_columns: layers[0].inputs,
                    second,
                    second_rows: layers[1].rows,
                }
            }
        };
        let magnitude = module.magnitude.as_ref();
        Ok(Self {
            product,
            rows,
            magnitude: magnitude.map(|it| file.numbers(it)).transpose()?,
        })
    }

    /// Adds what it changes of `base` to `sum`, both [rows, columns].
    pub(super) fn add_to(&self, sum: &mut [f32], base: &[f32]) {
        let columns = base.len() / self.rows.max(1);
        let pieces = sum.par_chunks_mut(columns.max(1));
        pieces
            .enumerate()
            .for_each(|(row, sum)| match &self.magnitude {
                None => self.product.add_row(row, sum),
                Some(magnitude) => {
                    let base = &base[row * columns..(row + 1) * columns];
                    let mut whole = base.to_vec();
                    self.product.add_row(row, &mut whole);
                    let squares: f64 = whole.iter().map(|it| f64::from(*it).powi(2)).sum();
                    let scale = f64::from(magnitude[row]) / squares.sqrt();
                    for ((sum, whole), base) in sum.iter_mut().zip(&whole).zip(base) {
                        *sum += (f64::from(*whole) * scale) as f32 - base;
                    }
                }
            });
    }
}

impl Product {
    /// Adds its row to that of the layer.
    fn add_row(&self, row: usize, sum: &mut [f32]) {
        match self {
            Self::Halves(halves) => halves.add_row(row, sum),
            Self::Hadamard(both) => {
                let rows = both.each_ref().map(|halves| {
                    let mut numbers = vec![0.0; sum.len()];
                    halves.add_row(row, &mut numbers);
                    numbers
                });
                for ((sum, first), second) in sum.iter_mut().zip(&rows[0]).zip(&rows[1]) {
                    *sum += first * second;
                }
            }
            Self::Kronecker {
                first,
                first_columns,
                second,
                second_rows,
            } => {
                let columns = sum.len() / first_columns;
                let (outer, inner) = (row / second_rows, row % second_rows);
                let first = &first[outer * first_columns..(outer + 1) * first_columns];
                let second = &second[inner * columns..(inner + 1) * columns];
                for (factor, sum) in first.iter().zip(sum.chunks_exact_mut(columns)) {
                    for (sum, number) in sum.iter_mut().zip(second) {
                        *sum += factor * number;
                    }
                }
            }
        }
    }
}

/// What each factor is if their Kronecker product is `layer`, and the rank of the one
/// whose rank scales it, if one is written as halves.
fn kronecker<'a>(
    [first, second]: &[Factor; 2],
    layer: Layer<'a>,
) -> Option<([Layer<'a>; 2], Option<usize>)> {
    let rows = first.rows().filter(|&rows| rows > 0)?;
    let inputs = first.inputs().filter(|&inputs| inputs > 0)?;
    let is_whole = layer.rows.is_multiple_of(rows) && layer.inputs.is_multiple_of(inputs);
    let layers = [
        Layer {
            rows,
            inputs,
            kernel: &[],
        },
        Layer {
            rows: layer.rows / rows,
            inputs: layer.inputs / inputs,
            kernel: layer.kernel,
        },
    ];
    let ranks = first.rank(layers[0]).zip(second.rank(layers[1]));
    let (first, second) = ranks.filter(|_| is_whole)?;
    Some((layers, second.or(first)))
}

/// Of rows only: older DoRAs that keep the length of columns are another form.
fn has_lengths(module: &Module, rows: usize) -> bool {
    module.magnitude.as_ref().is_none_or(|it| {
        let lengths = &it.tensor.shape;
        lengths.first() == Some(&rows) && lengths.iter().product::<usize>() == rows
    })
}

fn misshapen(file: &LoraFile, module: &Module, shape: &[usize]) -> LoraError {
    let tensors = module.tensors().into_iter();
    let shapes: Vec<String> = tensors
        .map(|it: &Named| format!("{:?}", it.tensor.shape))
        .collect();
    LoraError::Shape {
        file: file.shown_name(),
        module: module.spelled.clone(),
        found: shapes.join(", "),
        wanted: shape.to_vec(),
    }
}

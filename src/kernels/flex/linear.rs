//! Linear layers: products that start from bias and residual instead of from zero.

use rayon::prelude::*;

use super::matrix::{Destination, Layout, multiply};
use super::{FlexTensor, WORTH_A_THREAD, tensor, values};

/// A linear layer's numbers.
pub(in crate::kernels) struct Weights {
    weight: FlexTensor,
    /// None of the way back.
    bias: Option<FlexTensor>,
    /// Of the weight as a matrix [inputs, outputs].
    layout: Layout,
}

impl Weights {
    /// `weight` is [outputs, inputs] if `outputs_first`, else [inputs, outputs].
    pub(in crate::kernels) fn new(
        weight: &FlexTensor,
        bias: Option<&FlexTensor>,
        outputs_first: bool,
    ) -> Self {
        let weight = weight.to_contiguous();
        let [rows, columns] = weight.layout().shape().dims::<2>();
        let layout = Layout::rows(0, rows, columns, columns);
        Self {
            layout: if outputs_first {
                layout.transposed()
            } else {
                layout
            },
            bias: bias.map(FlexTensor::to_contiguous),
            weight,
        }
    }

    /// Those of the way back: from the gradient by the output to that by the input.
    pub(in crate::kernels) fn back(&self) -> Self {
        Self {
            weight: self.weight.clone(),
            bias: None,
            layout: self.layout.transposed(),
        }
    }

    /// The bias of the outputs from `first` on; nothing if there is none.
    fn bias(&self, first: usize) -> &[f32] {
        self.bias
            .as_ref()
            .map_or(&[], |bias| &values(bias)[first..])
    }

    fn outputs(&self) -> usize {
        self.layout.columns
    }
}

/// `input` [batch, positions, inputs] → [batch, positions, outputs], added to
/// `residual` if there is one.
pub(in crate::kernels) fn linear(
    input: &FlexTensor,
    weights: &Weights,
    residual: Option<FlexTensor>,
) -> FlexTensor {
    let input = input.to_contiguous();
    let [batch, positions, inputs] = input.layout().shape().dims::<3>();
    let outputs = weights.outputs();
    let rows = batch * positions;
    let mut output = start(residual, rows * outputs);
    let bias = weights.bias(0);
    let at_once = rows_at_once(rows, inputs * outputs);
    let numbers = values(&input);
    let parts = output
        .par_chunks_mut((at_once * outputs).max(1))
        .zip(numbers.par_chunks((at_once * inputs).max(1)));
    parts.for_each(|(output, input)| {
        for row in output.chunks_exact_mut(outputs) {
            for (output, bias) in row.iter_mut().zip(bias) {
                *output += bias;
            }
        }
        let rows = output.len() / outputs;
        multiply(
            (output, Layout::rows(0, rows, outputs, outputs)),
            Destination::AddedTo,
            1.0,
            (input, Layout::rows(0, rows, inputs, inputs)),
            (values(&weights.weight), weights.layout),
        );
    });
    tensor(output, [batch, positions, outputs])
}

/// Rows of a task: a share for each thread, if that is worth one.
fn rows_at_once(rows: usize, work_per_row: usize) -> usize {
    let worthwhile = (rows * work_per_row / WORTH_A_THREAD).max(1);
    let tasks = rayon::current_num_threads().min(worthwhile);
    rows.div_ceil(tasks).max(1)
}

/// What a product is added to: the residual's numbers or zeros.
fn start(residual: Option<FlexTensor>, length: usize) -> Vec<f32> {
    match residual {
        None => vec![0.0; length],
        Some(residual) => {
            let numbers = values(&residual.to_contiguous()).to_vec();
            assert_eq!(numbers.len(), length, "a residual has the output's shape");
            numbers
        }
    }
}

/// `sample` [batch, inputs, height, width] → [batch, height · width, outputs].
pub(in crate::kernels) fn grid_to_sequence(sample: &FlexTensor, weights: &Weights) -> FlexTensor {
    let sample = sample.to_contiguous();
    let [batch, inputs, height, width] = sample.layout().shape().dims::<4>();
    let (cells, outputs) = (height * width, weights.outputs());
    let mut output = vec![0.0; batch * cells * outputs];
    if weights.bias.is_some() {
        let rows = output.chunks_exact_mut(outputs.max(1));
        rows.for_each(|row| row.copy_from_slice(weights.bias(0)));
    }
    let at_once = rows_at_once(batch * cells, inputs * outputs).min(cells.max(1));
    let samples = output
        .par_chunks_mut((cells * outputs).max(1))
        .zip(values(&sample).par_chunks((inputs * cells).max(1)));
    samples.for_each(|(output, sample)| {
        let parts = output
            .par_chunks_mut((at_once * outputs).max(1))
            .enumerate();
        parts.for_each(|(part, output)| {
            let rows = output.len() / outputs;
            let planes = Layout::rows(part * at_once, inputs, rows, cells);
            multiply(
                (output, Layout::rows(0, rows, outputs, outputs)),
                Destination::AddedTo,
                1.0,
                (sample, planes.transposed()),
                (values(&weights.weight), weights.layout),
            );
        });
    });
    tensor(output, [batch, cells, outputs])
}

/// `hidden` [batch, cells, inputs] → [batch, outputs, height, width], added to
/// `residual` of that shape.
pub(in crate::kernels) fn sequence_to_grid_added(
    hidden: &FlexTensor,
    weights: &Weights,
    residual: FlexTensor,
) -> FlexTensor {
    let hidden = hidden.to_contiguous();
    let [_, cells, inputs] = hidden.layout().shape().dims::<3>();
    let layout = Layout::rows(0, cells, inputs, inputs).transposed();
    onto_grid(&hidden, layout, weights, residual)
}

/// `sample` [batch, inputs, height, width] → [batch, outputs, height, width], added to
/// `residual` of that shape.
pub(in crate::kernels) fn grid_added(
    sample: &FlexTensor,
    weights: &Weights,
    residual: FlexTensor,
) -> FlexTensor {
    let sample = sample.to_contiguous();
    let [_, inputs, height, width] = sample.layout().shape().dims::<4>();
    let cells = height * width;
    onto_grid(
        &sample,
        Layout::rows(0, inputs, cells, cells),
        weights,
        residual,
    )
}

/// A layer on `input`, each of whose samples is a matrix [inputs, cells] as
/// `input_at` says, added to `residual` [batch, outputs, height, width].
fn onto_grid(
    input: &FlexTensor,
    input_at: Layout,
    weights: &Weights,
    residual: FlexTensor,
) -> FlexTensor {
    let shape = residual.layout().shape().dims::<4>();
    let (batch, outputs) = (shape[0], weights.outputs());
    let (inputs, cells) = (input_at.rows, input_at.columns);
    let mut output = start(Some(residual), batch * outputs * cells);
    let tasks = rayon::current_num_threads().div_ceil(batch.max(1));
    let worthwhile = (outputs * inputs * cells / WORTH_A_THREAD).max(1);
    let at_once = outputs.div_ceil(tasks.min(worthwhile)).max(1);
    let samples = output
        .par_chunks_mut((outputs * cells).max(1))
        .zip(values(input).par_chunks((cells * inputs).max(1)));
    samples.for_each(|(output, input)| {
        let parts = output.par_chunks_mut((at_once * cells).max(1)).enumerate();
        parts.for_each(|(part, output)| {
            let first = part * at_once;
            let planes = output.chunks_exact_mut(cells.max(1));
            for (plane, bias) in planes.zip(weights.bias(first)) {
                plane.iter_mut().for_each(|number| *number += bias);
            }
            let rows = output.len() / cells.max(1);
            let of_outputs = Layout {
                start: first * weights.layout.column_stride,
                columns: rows,
                ..weights.layout
            };
            multiply(
                (output, Layout::rows(0, rows, cells, cells)),
                Destination::AddedTo,
                1.0,
                (values(&weights.weight), of_outputs.transposed()),
                (input, input_at),
            );
        });
    });
    tensor(output, shape)
}

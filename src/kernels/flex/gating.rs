//! GEGLU: one pass that reads both halves and writes their product, and its way back.

use macerator::Simd;
use rayon::prelude::*;

use super::elementary::{gelu, gelu_slope};
use super::{FlexTensor, WORTH_A_THREAD, tensor, values};

/// `projected` [batch, positions, 2 · width] → [batch, positions, width].
pub(in crate::kernels) fn geglu(projected: &FlexTensor) -> FlexTensor {
    let projected = projected.to_contiguous();
    let [batch, positions, doubled] = projected.layout().shape().dims::<3>();
    let width = doubled / 2;
    let mut gated = vec![0.0; batch * positions * width];
    // Rows enough to be worth a task.
    let rows = (WORTH_A_THREAD / 8 / width.max(1)).max(1);
    if width > 0 {
        let inputs = values(&projected).par_chunks(rows * doubled);
        let outputs = gated.par_chunks_mut(rows * width);
        outputs
            .zip(inputs)
            .for_each(|(output, input)| gate_rows(output, input, width));
    }
    tensor(gated, [batch, positions, width])
}

#[macerator::with_simd]
fn gate_rows<S: Simd>(output: &mut [f32], input: &[f32], width: usize) {
    for (output, input) in output
        .chunks_exact_mut(width)
        .zip(input.chunks_exact(2 * width))
    {
        let (hidden, gate) = input.split_at(width);
        for index in 0..width {
            output[index] = hidden[index] * gelu(gate[index]);
        }
    }
}

/// The gradient by `projected` from that by [`geglu`]'s output.
pub(in crate::kernels) fn geglu_backward(
    projected: &FlexTensor,
    gradient: &FlexTensor,
) -> FlexTensor {
    let (projected, gradient) = (projected.to_contiguous(), gradient.to_contiguous());
    let [batch, positions, doubled] = projected.layout().shape().dims::<3>();
    let width = doubled / 2;
    let mut of_projected = vec![0.0; batch * positions * doubled];
    let rows = (WORTH_A_THREAD / 8 / width.max(1)).max(1);
    if width > 0 {
        of_projected
            .par_chunks_mut(rows * doubled)
            .zip(values(&projected).par_chunks(rows * doubled))
            .zip(values(&gradient).par_chunks(rows * width))
            .for_each(|((output, input), gradient)| ungate_rows(output, input, gradient, width));
    }
    tensor(of_projected, [batch, positions, doubled])
}

#[macerator::with_simd]
fn ungate_rows<S: Simd>(output: &mut [f32], input: &[f32], gradient: &[f32], width: usize) {
    for ((output, input), gradient) in output
        .chunks_exact_mut(2 * width)
        .zip(input.chunks_exact(2 * width))
        .zip(gradient.chunks_exact(width))
    {
        let (hidden, gate) = input.split_at(width);
        let (of_hidden, of_gate) = output.split_at_mut(width);
        for index in 0..width {
            of_hidden[index] = gradient[index] * gelu(gate[index]);
            of_gate[index] = gradient[index] * hidden[index] * gelu_slope(gate[index]);
        }
    }
}

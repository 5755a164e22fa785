//! GEGLU: one pass that reads both halves and writes their product.

use macerator::Simd;
use rayon::prelude::*;

use super::elementary::gelu;
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

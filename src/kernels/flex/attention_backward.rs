//! The way back through attention, some rows at a time: scores are computed once more, never kept.

use macerator::Simd;
use rayon::prelude::*;

use super::attention::{rows_at_once, softmax_rows};
use super::matrix::{Destination, Layout, multiply};
use super::{FlexTensor, tensor, values};

/// What attention was computed from, and what came out.
pub(in crate::kernels) struct Attended {
    /// Query, key and value, [batch, positions or context, heads · head width].
    pub(in crate::kernels) inputs: [FlexTensor; 3],
    /// Of the shape of the query.
    pub(in crate::kernels) output: FlexTensor,
    pub(in crate::kernels) heads: usize,
}

/// One sample of [`Attended`], and the gradient by its output.
#[derive(Clone, Copy)]
struct Sample<'a> {
    query: &'a [f32],
    key: &'a [f32],
    value: &'a [f32],
    output: &'a [f32],
    gradient: &'a [f32],
    context: usize,
    heads: usize,
    width: usize,
}

impl Sample<'_> {
    /// The rows `first .. first + count` of one head.
    fn head(&self, head: usize, first: usize, count: usize) -> Layout {
        let head_width = self.width / self.heads;
        let start = first * self.width + head * head_width;
        Layout::rows(start, count, head_width, self.width)
    }
}

/// Gradients by query and, `with_context`, by key and value, from that by the
/// output. With P the probabilities, s = 1/√(head width) and O the output: dV =
/// Pᵀ dO, dS = P ∘ (dO Vᵀ − rowsum(dO ∘ O)), dQ = s dS K, dK = s dSᵀ Q (Dao et
/// al. 2022, FlashAttention, appendix B).
pub(in crate::kernels) fn gradients(
    attended: &Attended,
    gradient: &FlexTensor,
    with_context: bool,
) -> [Option<FlexTensor>; 3] {
    let [query, key, value] = attended.inputs.each_ref().map(FlexTensor::to_contiguous);
    let [output, gradient] = [&attended.output, gradient].map(FlexTensor::to_contiguous);
    let [batch, positions, width] = query.layout().shape().dims::<3>();
    let context = key.layout().shape().dims::<3>()[1];
    let mut of_query = vec![0.0; batch * positions * width];
    let mut of_key_value = [(); 2].map(|()| Vec::new());
    let rows = rows_at_once(positions, context);
    let samples = of_query.chunks_exact_mut((positions * width).max(1));
    for (index, of_query) in samples.enumerate() {
        let of = |rows: usize| index * rows * width..(index + 1) * rows * width;
        let sample = Sample {
            query: &values(&query)[of(positions)],
            key: &values(&key)[of(context)],
            value: &values(&value)[of(context)],
            output: &values(&output)[of(positions)],
            gradient: &values(&gradient)[of(positions)],
            context,
            heads: attended.heads,
            width,
        };
        let parts = of_query.par_chunks_mut((rows * width).max(1)).enumerate();
        // Every thread sums up keys and values of its own.
        let numbers = if with_context { context * width } else { 0 };
        let nothing = || [vec![0.0; numbers], vec![0.0; numbers]];
        let sums = parts
            .fold(nothing, |mut sums, (part, of_query)| {
                go_back(
                    &sample,
                    part * rows,
                    of_query,
                    with_context.then_some(&mut sums),
                );
                sums
            })
            .reduce(nothing, |mut sums, more| {
                for (sum, more) in sums.iter_mut().flatten().zip(more.iter().flatten()) {
                    *sum += more;
                }
                sums
            });
        for (all, sums) in of_key_value.iter_mut().zip(sums) {
            all.extend_from_slice(&sums);
        }
    }
    let of_query = tensor(of_query, [batch, positions, width]);
    if !with_context {
        return [Some(of_query), None, None];
    }
    let [of_key, of_value] = of_key_value.map(|all| tensor(all, [batch, context, width]));
    [Some(of_query), Some(of_key), Some(of_value)]
}

/// The rows of `of_query` from `first` on, for all heads, and their part of the
/// sums by key and value.
fn go_back(
    sample: &Sample,
    first: usize,
    of_query: &mut [f32],
    mut of_key_value: Option<&mut [Vec<f32>; 2]>,
) {
    let rows = of_query.len() / sample.width.max(1);
    let context = sample.context;
    let scale = ((sample.width / sample.heads) as f32).powf(-0.5);
    let mut probabilities = vec![0.0; rows * context];
    let mut of_scores = vec![0.0; rows * context];
    let at = Layout::rows(0, rows, context, context);
    for head in 0..sample.heads {
        let (these, all) = (
            sample.head(head, first, rows),
            sample.head(head, 0, context),
        );
        multiply(
            (&mut probabilities, at),
            Destination::Overwritten,
            scale,
            (sample.query, these),
            (sample.key, all.transposed()),
        );
        softmax_rows(&mut probabilities, context);
        multiply(
            (&mut of_scores, at),
            Destination::Overwritten,
            1.0,
            (sample.gradient, these),
            (sample.value, all.transposed()),
        );
        for row in 0..rows {
            let numbers = these.start + row * these.row_stride..;
            let numbers = numbers.start..numbers.start + these.columns;
            let sum = dot(&sample.gradient[numbers.clone()], &sample.output[numbers]);
            let row = row * context..(row + 1) * context;
            centre(&mut of_scores[row.clone()], &probabilities[row], sum);
        }
        multiply(
            (of_query, sample.head(head, 0, rows)),
            Destination::Overwritten,
            scale,
            (&of_scores, at),
            (sample.key, all),
        );
        if let Some([of_key, of_value]) = of_key_value.as_deref_mut() {
            multiply(
                (of_key, all),
                Destination::AddedTo,
                scale,
                (&of_scores, at.transposed()),
                (sample.query, these),
            );
            multiply(
                (of_value, all),
                Destination::AddedTo,
                1.0,
                (&probabilities, at.transposed()),
                (sample.gradient, these),
            );
        }
    }
}

fn dot(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}

/// probabilities · (gradient − sum) in the place of the gradient by them.
#[macerator::with_simd]
fn centre<S: Simd>(gradient: &mut [f32], probabilities: &[f32], sum: f32) {
    for (gradient, probability) in gradient.iter_mut().zip(probabilities) {
        *gradient = probability * (*gradient - sum);
    }
}

//! The way back through attention, some rows at a time: scores are computed once more, never kept.

use macerator::Simd;
use rayon::prelude::*;

use super::attention::{LANES, rows_at_once, softmax_rows};
use super::matrix::{Destination, Layout, multiply};
use super::{FlexTensor, tensor, values};

/// What attention was computed from.
pub(in crate::kernels) struct Inputs {
    /// [batch, positions, heads · head width].
    pub(in crate::kernels) query: FlexTensor,
    /// [batch, context, heads · head width].
    pub(in crate::kernels) key: FlexTensor,
    pub(in crate::kernels) heads: usize,
}

/// Where the gradient by the probabilities comes from.
pub(in crate::kernels) enum Source<'a> {
    /// What was attended to.
    Attended {
        value: &'a FlexTensor,
        /// Of the shape of the query, as `gradient` is.
        output: &'a FlexTensor,
        gradient: &'a FlexTensor,
    },
    /// The probabilities' mean over the heads; its gradient, [batch, positions, context].
    Mean(&'a FlexTensor),
}

/// Gradients by query, key and value; the latter two only where wanted, and no value's
/// from the probabilities alone.
pub(in crate::kernels) type Gradients = [Option<FlexTensor>; 3];

/// One sample, and the gradient by its probabilities or what they come from.
#[derive(Clone, Copy)]
struct Sample<'a> {
    query: &'a [f32],
    key: &'a [f32],
    from: From<'a>,
    context: usize,
    heads: usize,
    width: usize,
}

#[derive(Clone, Copy)]
enum From<'a> {
    Attended {
        value: &'a [f32],
        output: &'a [f32],
        gradient: &'a [f32],
    },
    Mean(&'a [f32]),
}

impl Sample<'_> {
    /// The rows `first .. first + count` of one head.
    fn head(&self, head: usize, first: usize, count: usize) -> Layout {
        let head_width = self.width / self.heads;
        let start = first * self.width + head * head_width;
        Layout::rows(start, count, head_width, self.width)
    }
}

/// Gradients by query and, `with_context`, by key and value. With P the probabilities,
/// dP the gradient by them, s = 1/√(head width): dS = P ∘ (dP − rowsum(P ∘ dP)), dQ =
/// s dS K, dK = s dSᵀ Q. From the output O, dP = dO Vᵀ, the sum of a row is that of
/// dO ∘ O, and dV = Pᵀ dO (Dao et al. 2022, FlashAttention, appendix B).
pub(in crate::kernels) fn gradients(
    inputs: &Inputs,
    source: &Source<'_>,
    with_context: bool,
) -> Gradients {
    let [query, key] = [&inputs.query, &inputs.key].map(FlexTensor::to_contiguous);
    // What else is read, made contiguous: all of an output's, or a mean's gradient.
    let others: Vec<FlexTensor> = match source {
        Source::Attended {
            value,
            output,
            gradient,
        } => [value, output, gradient]
            .map(|it| it.to_contiguous())
            .into(),
        Source::Mean(gradient) => vec![gradient.to_contiguous()],
    };
    let [batch, positions, width] = query.layout().shape().dims::<3>();
    let context = key.layout().shape().dims::<3>()[1];
    let mut of_query = vec![0.0; batch * positions * width];
    let mut of_key_value = [(); 2].map(|()| Vec::new());
    let rows = rows_at_once(positions, context);
    let samples = of_query.chunks_exact_mut((positions * width).max(1));
    for (index, of_query) in samples.enumerate() {
        let of = |rows: usize, width: usize| index * rows * width..(index + 1) * rows * width;
        let sample = Sample {
            query: &values(&query)[of(positions, width)],
            key: &values(&key)[of(context, width)],
            from: match &others[..] {
                [value, output, gradient] => From::Attended {
                    value: &values(value)[of(context, width)],
                    output: &values(output)[of(positions, width)],
                    gradient: &values(gradient)[of(positions, width)],
                },
                others => From::Mean(&values(&others[0])[of(positions, context)]),
            },
            context,
            heads: inputs.heads,
            width,
        };
        let parts = of_query.par_chunks_mut((rows * width).max(1)).enumerate();
        // Every thread sums up keys and values of its own.
        let numbers = if with_context { context * width } else { 0 };
        let nothing = || [vec![0.0; numbers], vec![0.0; numbers]];
        let sums = parts
            .fold(nothing, |mut sums, (part, of_query)| {
                let wanted = with_context.then_some(&mut sums);
                go_back(&sample, part * rows, of_query, wanted);
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
    let has_value = matches!(source, Source::Attended { .. });
    [Some(of_query), Some(of_key), has_value.then_some(of_value)]
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
        match sample.from {
            From::Attended {
                value,
                output,
                gradient,
            } => {
                multiply(
                    (&mut of_scores, at),
                    Destination::Overwritten,
                    1.0,
                    (gradient, these),
                    (value, all.transposed()),
                );
                for row in 0..rows {
                    let start = these.start + row * these.row_stride;
                    let numbers = start..start + these.columns;
                    let sum = dot(&gradient[numbers.clone()], &output[numbers]);
                    let row = row * context..(row + 1) * context;
                    centre(&mut of_scores[row.clone()], &probabilities[row], sum);
                }
                if let Some([_, of_value]) = of_key_value.as_deref_mut() {
                    multiply(
                        (of_value, all),
                        Destination::AddedTo,
                        1.0,
                        (&probabilities, at.transposed()),
                        (gradient, these),
                    );
                }
            }
            From::Mean(gradient) => {
                let gradient = &gradient[first * context..][..rows * context];
                centre_of_mean(&mut of_scores, &probabilities, gradient, context);
            }
        }
        // Of a mean, a head has its share.
        let share = match sample.from {
            From::Attended { .. } => scale,
            From::Mean(_) => scale / sample.heads as f32,
        };
        multiply(
            (of_query, sample.head(head, 0, rows)),
            Destination::Overwritten,
            share,
            (&of_scores, at),
            (sample.key, all),
        );
        if let Some([of_key, _]) = of_key_value.as_deref_mut() {
            multiply(
                (of_key, all),
                Destination::AddedTo,
                share,
                (&of_scores, at.transposed()),
                (sample.query, these),
            );
        }
    }
}

#[inline(always)]
fn dot(one: &[f32], other: &[f32]) -> f32 {
    let mut sums = [0f32; LANES];
    let (one, one_rest) = one.as_chunks::<LANES>();
    let (other, other_rest) = other.as_chunks::<LANES>();
    for (one, other) in one.iter().zip(other) {
        for lane in 0..LANES {
            sums[lane] += one[lane] * other[lane];
        }
    }
    let rest = one_rest.iter().zip(other_rest);
    rest.map(|(one, other)| one * other).sum::<f32>() + sums.iter().sum::<f32>()
}

/// probabilities ∘ (gradient − rowsum(probabilities ∘ gradient)), for each row.
#[macerator::with_simd]
fn centre_of_mean<S: Simd>(
    of_scores: &mut [f32],
    probabilities: &[f32],
    gradient: &[f32],
    context: usize,
) {
    let rows = of_scores.chunks_exact_mut(context.max(1));
    let inputs = probabilities.chunks_exact(context.max(1));
    for ((of_scores, probabilities), gradient) in
        rows.zip(inputs).zip(gradient.chunks_exact(context.max(1)))
    {
        let sum = dot(probabilities, gradient);
        for ((of_score, probability), gradient) in
            of_scores.iter_mut().zip(probabilities).zip(gradient)
        {
            *of_score = probability * (gradient - sum);
        }
    }
}

/// probabilities · (gradient − sum) in the place of the gradient by them.
#[macerator::with_simd]
fn centre<S: Simd>(gradient: &mut [f32], probabilities: &[f32], sum: f32) {
    for (gradient, probability) in gradient.iter_mut().zip(probabilities) {
        *gradient = probability * (*gradient - sum);
    }
}

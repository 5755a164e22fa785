//! The way back through attention, in the same parts as the way there: probabilities are
//! computed once more from their scores and the sum that was kept, never held all at once.

use std::cell::RefCell;
use std::sync::Arc;

use macerator::Simd;
use rayon::prelude::*;

use super::attention::{CONTEXT_AT_ONCE, Heads, rows_at_once, transpose};
use super::elementary::exp;
use super::matrix::{Destination, Layout, multiply};
use super::{FlexTensor, tensor, values};

/// What attention was computed from, and the sums that it found.
#[derive(Clone)]
pub(in crate::kernels) struct Inputs {
    /// [batch, positions, heads · head width].
    pub(in crate::kernels) query: FlexTensor,
    /// [batch, context, heads · head width].
    pub(in crate::kernels) key: FlexTensor,
    pub(in crate::kernels) heads: usize,
    /// [batch, positions, heads].
    pub(in crate::kernels) log_sums: Arc<Vec<f32>>,
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

/// One sample, and what the gradient by its probabilities comes from.
#[derive(Clone, Copy)]
struct Sample<'a> {
    query: &'a [f32],
    key: &'a [f32],
    log_sums: &'a [f32],
    from: From<'a>,
    context: usize,
    heads: Heads,
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

/// The numbers of a task, a column for each query.
#[derive(Default)]
struct Workspace {
    /// [context at once, queries].
    probabilities: Vec<f32>,
    /// Of the same shape: gradients by probabilities, then by scores.
    of_scores: Vec<f32>,
    /// The gradient by a mean, [context, queries].
    of_mean: Vec<f32>,
    /// [head width, queries].
    of_query: Vec<f32>,
    log_sums: Vec<f32>,
    /// rowsum(P ∘ dP).
    sums: Vec<f32>,
}

thread_local! {
    /// Kept for the next task.
    static WORKSPACE: RefCell<Workspace> = RefCell::default();
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
    // What else is read: all of an output's, or a mean's gradient.
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
    let heads = inputs.heads;
    let mut of_query = vec![0.0; batch * positions * width];
    let mut of_key_value = [(); 2].map(|()| Vec::new());
    let rows = rows_at_once(positions);
    let samples = of_query.chunks_exact_mut((positions * width).max(1));
    for (index, of_query) in samples.enumerate() {
        let of = |rows: usize, width: usize| index * rows * width..(index + 1) * rows * width;
        let sample = Sample {
            query: &values(&query)[of(positions, width)],
            key: &values(&key)[of(context, width)],
            log_sums: &inputs.log_sums[of(positions, heads)],
            from: match &others[..] {
                [value, output, gradient] => From::Attended {
                    value: &values(value)[of(context, width)],
                    output: &values(output)[of(positions, width)],
                    gradient: &values(gradient)[of(positions, width)],
                },
                others => From::Mean(&values(&others[0])[of(positions, context)]),
            },
            context,
            heads: Heads {
                count: heads,
                width,
            },
        };
        let parts = of_query.par_chunks_mut((rows * width).max(1)).enumerate();
        // Every thread sums up keys and values of its own.
        let numbers = if with_context { context * width } else { 0 };
        let nothing = || [vec![0.0; numbers], vec![0.0; numbers]];
        let sums = parts
            .fold(nothing, |mut sums, (part, of_query)| {
                let wanted = with_context.then_some(&mut sums);
                WORKSPACE.with_borrow_mut(|workspace| {
                    go_back(&sample, part * rows, of_query, wanted, workspace);
                });
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
    workspace: &mut Workspace,
) {
    let (context, heads) = (sample.context, sample.heads);
    let head_width = heads.head_width();
    let rows = of_query.len() / heads.width.max(1);
    // Of a mean, the sum of a row is not known before all of it was seen.
    let at_once = match sample.from {
        From::Attended { .. } => context.min(CONTEXT_AT_ONCE),
        From::Mean(gradient) => {
            workspace.of_mean.resize(context * rows, 0.0);
            let gradient = &gradient[first * context..][..rows * context];
            let into = workspace.of_mean.chunks_exact_mut(rows);
            transpose(gradient, into);
            context
        }
    };
    let Workspace {
        probabilities,
        of_scores,
        of_mean,
        of_query: of_queries,
        log_sums,
        sums,
    } = workspace;
    // Every number is written before it is read.
    probabilities.resize(at_once * rows, 0.0);
    of_scores.resize(at_once * rows, 0.0);
    let scale = (head_width as f32).powf(-0.5);
    // Of a mean, a head has its share.
    let share = match sample.from {
        From::Attended { .. } => scale,
        From::Mean(_) => scale / heads.count as f32,
    };
    for head in 0..heads.count {
        let these = heads.rows(head, first, rows);
        let of_these = sample.log_sums[first * heads.count + head..].iter();
        log_sums.clear();
        log_sums.extend(of_these.step_by(heads.count).take(rows));
        of_queries.clear();
        of_queries.resize(head_width * rows, 0.0);
        sums.clear();
        sums.resize(rows, 0.0);
        if let From::Attended {
            output, gradient, ..
        } = sample.from
        {
            for (row, sum) in sums.iter_mut().enumerate() {
                let numbers = these.start + row * these.row_stride..;
                let numbers = numbers.start..numbers.start + head_width;
                let pairs = gradient[numbers.clone()].iter().zip(&output[numbers]);
                *sum = pairs.map(|(gradient, output)| gradient * output).sum();
            }
        }
        for start in (0..context).step_by(at_once.max(1)) {
            let count = at_once.min(context - start);
            let at = Layout::rows(0, count, rows, rows);
            let part = heads.rows(head, start, count);
            let probabilities = &mut probabilities[..count * rows];
            let of_scores = &mut of_scores[..count * rows];
            multiply(
                (probabilities, at),
                Destination::Overwritten,
                scale,
                (sample.key, part),
                (sample.query, these.transposed()),
            );
            find_again(probabilities, log_sums);
            match sample.from {
                From::Attended {
                    value, gradient, ..
                } => {
                    multiply(
                        (of_scores, at),
                        Destination::Overwritten,
                        1.0,
                        (value, part),
                        (gradient, these.transposed()),
                    );
                    centre(of_scores, probabilities, sums);
                    if let Some([_, of_value]) = of_key_value.as_deref_mut() {
                        multiply(
                            (of_value, part),
                            Destination::AddedTo,
                            1.0,
                            (probabilities, at),
                            (gradient, these),
                        );
                    }
                }
                From::Mean(_) => {
                    add_products(sums, probabilities, of_mean);
                    of_scores.copy_from_slice(of_mean);
                    centre(of_scores, probabilities, sums);
                }
            }
            multiply(
                (of_queries, Layout::rows(0, head_width, rows, rows)),
                Destination::AddedTo,
                share,
                (sample.key, part.transposed()),
                (of_scores, at),
            );
            if let Some([of_key, _]) = of_key_value.as_deref_mut() {
                multiply(
                    (of_key, part),
                    Destination::AddedTo,
                    share,
                    (of_scores, at),
                    (sample.query, these),
                );
            }
        }
        let into = of_query.chunks_exact_mut(heads.width);
        let into = into.map(|row| &mut row[head * head_width..][..head_width]);
        transpose(of_queries, into);
    }
}

/// Scores, a column for each of `log_sums`, → probabilities.
#[macerator::with_simd]
fn find_again<S: Simd>(scores: &mut [f32], log_sums: &[f32]) {
    for row in scores.chunks_exact_mut(log_sums.len()) {
        for (score, log_sum) in row.iter_mut().zip(log_sums) {
            *score = exp(*score - log_sum);
        }
    }
}

/// Adds the sum of each column's products to `sums`.
#[macerator::with_simd]
fn add_products<S: Simd>(sums: &mut [f32], ones: &[f32], others: &[f32]) {
    let rows = ones.chunks_exact(sums.len());
    for (ones, others) in rows.zip(others.chunks_exact(sums.len())) {
        for ((sum, one), other) in sums.iter_mut().zip(ones).zip(others) {
            *sum += one * other;
        }
    }
}

/// probabilities · (gradient − sum of its column) in the place of the gradient by them.
#[macerator::with_simd]
fn centre<S: Simd>(gradients: &mut [f32], probabilities: &[f32], sums: &[f32]) {
    let rows = gradients.chunks_exact_mut(sums.len());
    for (gradients, probabilities) in rows.zip(probabilities.chunks_exact(sums.len())) {
        for ((gradient, probability), sum) in gradients.iter_mut().zip(probabilities).zip(sums) {
            *gradient = probability * (*gradient - sum);
        }
    }
}

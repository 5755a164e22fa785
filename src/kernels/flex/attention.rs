//! Attention some queries and some of the context at a time, so that scores stay in
//! the cache (Dao et al. 2022, FlashAttention).
//!
//! Scores lie as [context, queries]: so every product writes rows as long as there
//! are queries, for which matrix kernels are made, instead of rows as short as a head
//! is wide; and a softmax goes down many columns side by side.

use std::cell::RefCell;

use macerator::Simd;
use rayon::prelude::*;

use super::elementary::exp;
use super::matrix::{Destination, Layout, multiply};
use super::{FlexTensor, tensor, values};

/// Most queries of a task.
const QUERIES_AT_ONCE: usize = 128;

/// Most positions of the context whose scores are held at once: with as many queries,
/// 256 KiB, beside which keys and values still have room in a second-level cache.
pub(super) const CONTEXT_AT_ONCE: usize = 512;

/// Most scores of a task, where no probabilities are wanted.
pub(in crate::kernels) const SCORES_AT_ONCE: usize = QUERIES_AT_ONCE * CONTEXT_AT_ONCE;

thread_local! {
    /// The numbers of a task, kept for the next one.
    static WORKSPACE: RefCell<Workspace> = const { RefCell::new(Workspace::new()) };
}

/// What a task holds of one head, a column for each query.
struct Workspace {
    /// [context at once, queries].
    scores: Vec<f32>,
    /// Sums of values, [head width, queries].
    attended: Vec<f32>,
    /// Probabilities summed over the heads, [context, queries].
    maps: Vec<f32>,
    softmax: Softmax,
}

impl Workspace {
    const fn new() -> Self {
        Self {
            scores: Vec::new(),
            attended: Vec::new(),
            maps: Vec::new(),
            softmax: Softmax::new(),
        }
    }
}

/// A softmax that sees its column in parts: the largest score so far, the sum of
/// e^(score − largest), and what sums before the last part are worth after it.
struct Softmax {
    largest: Vec<f32>,
    sum: Vec<f32>,
    factor: Vec<f32>,
}

impl Softmax {
    const fn new() -> Self {
        Self {
            largest: Vec::new(),
            sum: Vec::new(),
            factor: Vec::new(),
        }
    }

    fn begin(&mut self, columns: usize) {
        for (numbers, start) in [
            (&mut self.largest, f32::NEG_INFINITY),
            (&mut self.sum, 0.0),
            (&mut self.factor, 0.0),
        ] {
            numbers.clear();
            numbers.resize(columns, start);
        }
    }
}

/// Queries, keys and values of one sample.
#[derive(Debug, Clone, Copy)]
struct Sample<'a> {
    query: &'a [f32],
    key: &'a [f32],
    value: &'a [f32],
    context: usize,
    heads: Heads,
}

/// How the heads' numbers lie side by side in a position's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heads {
    pub(super) count: usize,
    /// Numbers from one position to the next.
    pub(super) width: usize,
}

impl Heads {
    pub(super) fn head_width(self) -> usize {
        self.width / self.count
    }

    /// The positions `first .. first + count` of one head.
    pub(super) fn rows(self, head: usize, first: usize, count: usize) -> Layout {
        let head_width = self.head_width();
        let start = first * self.width + head * head_width;
        Layout::rows(start, count, head_width, self.width)
    }
}

/// What attention gives.
pub(in crate::kernels) struct Attended {
    /// [batch, positions, heads · head width].
    pub(in crate::kernels) output: FlexTensor,
    /// The mean of the probabilities over the heads, [batch, positions, context], if
    /// it was wanted.
    pub(in crate::kernels) mean: Option<FlexTensor>,
    /// ln Σ e^score of each query and head, [batch, positions, heads]: with it the way
    /// back finds every probability from its score alone.
    pub(in crate::kernels) log_sums: Vec<f32>,
}

/// `query` [batch, positions, heads · head width], `key` and `value` [batch, context,
/// heads · head width].
pub(in crate::kernels) fn attend(
    query: &FlexTensor,
    key: &FlexTensor,
    value: &FlexTensor,
    heads: usize,
    with_mean: bool,
) -> Attended {
    let [query, key, value] = [query, key, value].map(FlexTensor::to_contiguous);
    let [batch, positions, width] = query.layout().shape().dims::<3>();
    let context = key.layout().shape().dims::<3>()[1];
    let mut output = vec![0.0; batch * positions * width];
    // A row of no numbers would leave nothing to cut the others along.
    let map_width = if with_mean { context } else { 1 };
    let mut maps = vec![0.0; batch * positions * map_width];
    let mut log_sums = vec![0.0; batch * positions * heads];
    let rows = rows_at_once(positions);
    let samples = output
        .par_chunks_mut((positions * width).max(1))
        .zip(maps.par_chunks_mut((positions * map_width).max(1)))
        .zip(log_sums.par_chunks_mut((positions * heads).max(1)))
        .enumerate();
    samples.for_each(|(index, ((output, maps), log_sums))| {
        let of = |rows: usize| index * rows * width..(index + 1) * rows * width;
        let sample = Sample {
            query: &values(&query)[of(positions)],
            key: &values(&key)[of(context)],
            value: &values(&value)[of(context)],
            context,
            heads: Heads {
                count: heads,
                width,
            },
        };
        let parts = output
            .par_chunks_mut((rows * width).max(1))
            .zip(maps.par_chunks_mut((rows * map_width).max(1)))
            .zip(log_sums.par_chunks_mut((rows * heads).max(1)))
            .enumerate();
        parts.for_each(|(part, ((output, maps), log_sums))| {
            let maps = with_mean.then_some(maps);
            attend_rows(&sample, part * rows, output, maps, log_sums);
        });
    });
    Attended {
        output: tensor(output, [batch, positions, width]),
        mean: with_mean.then(|| tensor(maps, [batch, positions, context])),
        log_sums,
    }
}

/// Queries of a task: few enough for every thread to have some.
pub(super) fn rows_at_once(positions: usize) -> usize {
    let share = positions.div_ceil(rayon::current_num_threads()).max(16);
    QUERIES_AT_ONCE.min(share).min(positions.max(1))
}

/// The rows of `output` from `first` on, for all heads, of `maps` and of `log_sums`.
fn attend_rows(
    sample: &Sample,
    first: usize,
    output: &mut [f32],
    maps: Option<&mut [f32]>,
    log_sums: &mut [f32],
) {
    let (context, heads) = (sample.context, sample.heads);
    let head_width = heads.head_width();
    let rows = output.len() / heads.width.max(1);
    // The mean needs all of a column's scores after its sum is known.
    let at_once = match maps {
        Some(_) => context,
        None => context.min(CONTEXT_AT_ONCE),
    };
    WORKSPACE.with_borrow_mut(|workspace| {
        let Workspace {
            scores,
            attended,
            maps: summed,
            softmax,
        } = workspace;
        // Every score is written before it is read.
        scores.resize(at_once * rows, 0.0);
        summed.clear();
        summed.resize(maps.as_ref().map_or(0, |maps| maps.len()), 0.0);
        for head in 0..heads.count {
            softmax.begin(rows);
            attended.clear();
            attended.resize(head_width * rows, 0.0);
            for start in (0..context).step_by(at_once.max(1)) {
                let count = at_once.min(context - start);
                let scores = &mut scores[..count * rows];
                let at = Layout::rows(0, count, rows, rows);
                multiply(
                    (scores, at),
                    Destination::Overwritten,
                    (head_width as f32).powf(-0.5),
                    (sample.key, heads.rows(head, start, count)),
                    (sample.query, heads.rows(head, first, rows).transposed()),
                );
                soften(scores, rows, softmax);
                if start > 0 {
                    scale_columns(attended, &softmax.factor);
                }
                let sums_at = Layout::rows(0, head_width, rows, rows);
                multiply(
                    (attended, sums_at),
                    Destination::AddedTo,
                    1.0,
                    (sample.value, heads.rows(head, start, count).transposed()),
                    (scores, at),
                );
            }
            let Softmax {
                largest,
                sum,
                factor: share,
            } = softmax;
            for (row, (largest, sum)) in largest.iter().zip(sum.iter()).enumerate() {
                log_sums[row * heads.count + head] = largest + sum.ln();
                share[row] = 1.0 / sum;
            }
            if !summed.is_empty() {
                add_columns(summed, scores, share);
            }
            scale_columns(attended, share);
            let into = output.chunks_exact_mut(heads.width);
            let into = into.map(|row| &mut row[head * head_width..][..head_width]);
            transpose(attended, into);
        }
        if let Some(maps) = maps {
            let share = 1.0 / heads.count as f32;
            summed.iter_mut().for_each(|sum| *sum *= share);
            transpose(summed, maps.chunks_exact_mut(context.max(1)));
        }
    });
}

/// The columns of `numbers` into `rows`.
pub(super) fn transpose<'a>(numbers: &[f32], rows: impl Iterator<Item = &'a mut [f32]>) {
    let rows: Vec<&mut [f32]> = rows.collect();
    let columns = rows.len();
    for (index, row) in rows.into_iter().enumerate() {
        let column = numbers[index..].iter().step_by(columns);
        for (number, into) in column.zip(row) {
            *into = *number;
        }
    }
}

/// Scores, `columns` a row, → e^(score − the largest of its column so far).
#[macerator::with_simd]
fn soften<S: Simd>(scores: &mut [f32], columns: usize, softmax: &mut Softmax) {
    let Softmax {
        largest,
        sum,
        factor,
    } = softmax;
    factor.copy_from_slice(largest);
    for row in scores.chunks_exact(columns) {
        for (largest, score) in largest.iter_mut().zip(row) {
            *largest = if *score > *largest { *score } else { *largest };
        }
    }
    for ((factor, sum), largest) in factor.iter_mut().zip(sum.iter_mut()).zip(largest.iter()) {
        *factor = exp(*factor - *largest);
        *sum *= *factor;
    }
    for row in scores.chunks_exact_mut(columns) {
        for ((score, sum), largest) in row.iter_mut().zip(sum.iter_mut()).zip(largest.iter()) {
            *score = exp(*score - *largest);
            *sum += *score;
        }
    }
}

#[macerator::with_simd]
fn scale_columns<S: Simd>(numbers: &mut [f32], scales: &[f32]) {
    for row in numbers.chunks_exact_mut(scales.len()) {
        for (number, scale) in row.iter_mut().zip(scales) {
            *number *= scale;
        }
    }
}

#[macerator::with_simd]
fn add_columns<S: Simd>(sums: &mut [f32], terms: &[f32], scales: &[f32]) {
    let rows = sums.chunks_exact_mut(scales.len());
    for (sums, terms) in rows.zip(terms.chunks_exact(scales.len())) {
        for ((sum, term), scale) in sums.iter_mut().zip(terms).zip(scales) {
            *sum += term * scale;
        }
    }
}

//! Attention some rows at a time, so that scores stay in the cache.

use std::cell::RefCell;

use macerator::Simd;
use rayon::prelude::*;

use super::elementary::exp;
use super::matrix::{Destination, Layout, multiply};
use super::{FlexTensor, tensor, values};

/// Most scores of a task, in numbers: 2 MiB, which the second-level cache nearly holds.
pub(in crate::kernels) const SCORES_AT_ONCE: usize = 512 << 10;

/// Most queries of a task: enough for a matrix product to run at full speed.
const QUERIES_AT_ONCE: usize = 128;

thread_local! {
    /// The scores of a task, kept for the next one.
    static SCORES: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// Queries, keys and values of one sample: numbers, and where each head's rows lie.
#[derive(Debug, Clone, Copy)]
struct Sample<'a> {
    query: &'a [f32],
    key: &'a [f32],
    value: &'a [f32],
    positions: usize,
    context: usize,
    heads: usize,
    head_width: usize,
    /// Numbers from one position to the next.
    row_stride: usize,
}

impl Sample<'_> {
    /// The rows `first .. first + count` of one head.
    fn head(&self, head: usize, first: usize, count: usize) -> Layout {
        let start = first * self.row_stride + head * self.head_width;
        Layout::rows(start, count, self.head_width, self.row_stride)
    }
}

/// [batch, positions, heads · head width] and twice [batch, context, heads · head
/// width] → [batch, positions, heads · head width].
pub(in crate::kernels) fn side_by_side(
    query: &FlexTensor,
    key: &FlexTensor,
    value: &FlexTensor,
    heads: usize,
) -> FlexTensor {
    attend(query, key, value, heads, false).0
}

/// As [`side_by_side`], and the mean of the probabilities over the heads, [batch,
/// positions, context].
pub(in crate::kernels) fn with_probabilities(
    query: &FlexTensor,
    key: &FlexTensor,
    value: &FlexTensor,
    heads: usize,
) -> (FlexTensor, FlexTensor) {
    attend(query, key, value, heads, true)
}

fn attend(
    query: &FlexTensor,
    key: &FlexTensor,
    value: &FlexTensor,
    heads: usize,
    with_probabilities: bool,
) -> (FlexTensor, FlexTensor) {
    let [query, key, value] = [query, key, value].map(FlexTensor::to_contiguous);
    let [batch, positions, width] = query.layout().shape().dims::<3>();
    let context = key.layout().shape().dims::<3>()[1];
    let mut attended = vec![0.0; batch * positions * width];
    // A row of no numbers would leave nothing to cut the others along.
    let map_width = if with_probabilities { context } else { 1 };
    let mut maps = vec![0.0; batch * positions * map_width];
    let rows = rows_at_once(positions, context);
    let samples = attended
        .par_chunks_mut((positions * width).max(1))
        .zip(maps.par_chunks_mut((positions * map_width).max(1)))
        .enumerate();
    samples.for_each(|(index, (attended, maps))| {
        let of = |rows: usize| index * rows * width..(index + 1) * rows * width;
        let sample = Sample {
            query: &values(&query)[of(positions)],
            key: &values(&key)[of(context)],
            value: &values(&value)[of(context)],
            positions,
            context,
            heads,
            head_width: width / heads,
            row_stride: width,
        };
        let parts = attended
            .par_chunks_mut((rows * width).max(1))
            .zip(maps.par_chunks_mut((rows * map_width).max(1)))
            .enumerate();
        parts.for_each(|(part, (attended, maps))| {
            attend_rows(
                &sample,
                part * rows,
                attended,
                with_probabilities.then_some(maps),
            );
        });
    });
    let maps = tensor(maps, [batch, positions, map_width]);
    (tensor(attended, [batch, positions, width]), maps)
}

/// Queries of a task: as many as the cache holds the scores of, and few enough for
/// every thread to have some.
pub(super) fn rows_at_once(positions: usize, context: usize) -> usize {
    let in_cache = (SCORES_AT_ONCE / context.max(1)).clamp(1, QUERIES_AT_ONCE);
    let share = positions.div_ceil(rayon::current_num_threads()).max(16);
    in_cache.min(share).min(positions.max(1))
}

/// The rows of `attended` from `first` on, for all heads, and of `maps`.
fn attend_rows(sample: &Sample, first: usize, attended: &mut [f32], mut maps: Option<&mut [f32]>) {
    let rows = attended.len() / sample.row_stride.max(1);
    let context = sample.context;
    debug_assert!(first + rows <= sample.positions);
    let scale = (sample.head_width as f32).powf(-0.5);
    SCORES.with_borrow_mut(|scores| {
        // Every score is written before it is read.
        scores.resize(rows * context, 0.0);
        let scores_at = Layout::rows(0, rows, context, context);
        for head in 0..sample.heads {
            multiply(
                (scores, scores_at),
                Destination::Overwritten,
                scale,
                (sample.query, sample.head(head, first, rows)),
                (sample.key, sample.head(head, 0, context).transposed()),
            );
            softmax_rows(scores, context);
            if let Some(maps) = maps.as_deref_mut() {
                add_scaled(maps, scores, 1.0 / sample.heads as f32);
            }
            let into = Layout::rows(
                head * sample.head_width,
                rows,
                sample.head_width,
                sample.row_stride,
            );
            multiply(
                (attended, into),
                Destination::Overwritten,
                1.0,
                (scores, scores_at),
                (sample.value, sample.head(head, 0, context)),
            );
        }
    });
}

/// Sums side by side, so that loops vectorise.
pub(super) const LANES: usize = 16;

#[macerator::with_simd]
pub(super) fn softmax_rows<S: Simd>(scores: &mut [f32], context: usize) {
    for row in scores.chunks_exact_mut(context.max(1)) {
        softmax(row);
    }
}

#[inline(always)]
fn softmax(row: &mut [f32]) {
    let mut largest = [f32::NEG_INFINITY; LANES];
    let (whole, rest) = row.as_chunks::<LANES>();
    for chunk in whole {
        for lane in 0..LANES {
            largest[lane] = if chunk[lane] > largest[lane] {
                chunk[lane]
            } else {
                largest[lane]
            };
        }
    }
    let largest = largest
        .iter()
        .chain(rest)
        .copied()
        .fold(f32::NEG_INFINITY, f32::max);
    let mut sums = [0f32; LANES];
    let (whole, rest) = row.as_chunks_mut::<LANES>();
    for chunk in whole {
        for lane in 0..LANES {
            chunk[lane] = exp(chunk[lane] - largest);
            sums[lane] += chunk[lane];
        }
    }
    let mut sum: f32 = sums.iter().sum();
    for score in rest {
        *score = exp(*score - largest);
        sum += *score;
    }
    let share = 1.0 / sum;
    for score in row {
        *score *= share;
    }
}

#[macerator::with_simd]
fn add_scaled<S: Simd>(sums: &mut [f32], terms: &[f32], scale: f32) {
    for (sum, term) in sums.iter_mut().zip(terms) {
        *sum += scale * term;
    }
}

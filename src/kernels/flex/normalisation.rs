//! Group normalisation: two passes for the statistics, one for everything else.

use macerator::Simd;
use rayon::prelude::*;

use super::elementary::silu;
use super::{FlexTensor, WORTH_A_THREAD, tensor, values};

/// A group norm's numbers.
pub(in crate::kernels) struct Norm {
    /// One per channel.
    pub(in crate::kernels) gamma: Vec<f32>,
    pub(in crate::kernels) beta: Vec<f32>,
    /// Added to every channel first, [1 or batch, channels].
    pub(in crate::kernels) shift: Vec<f32>,
    pub(in crate::kernels) groups: usize,
    pub(in crate::kernels) epsilon: f64,
    pub(in crate::kernels) with_silu: bool,
}

/// `sample` [batch, channels, height, width] → the same shape, in the same memory
/// if nobody else holds it.
pub(in crate::kernels) fn group_norm(sample: FlexTensor, norm: &Norm) -> FlexTensor {
    let mut sample = sample.to_contiguous();
    let shape = sample.layout().shape().dims::<4>();
    if let Some(numbers) = sample.try_storage_mut::<f32>()
        && numbers.len() == shape.iter().product::<usize>()
    {
        norm_groups(numbers, shape, norm);
        return sample;
    }
    let mut numbers = values(&sample).to_vec();
    norm_groups(&mut numbers, shape, norm);
    tensor(numbers, shape)
}

fn norm_groups(numbers: &mut [f32], [_, channels, height, width]: [usize; 4], norm: &Norm) {
    let cells = height * width;
    let per_group = channels / norm.groups;
    let parallel = numbers.len() >= WORTH_A_THREAD / 8;
    let group = |(index, group): (usize, &mut [f32])| {
        let (sample, first) = (index / norm.groups, index % norm.groups * per_group);
        // One row serves all samples, or each has its own.
        let row = sample * channels % norm.shift.len();
        let shifts = &norm.shift[row + first..][..per_group];
        let [mean, deviation] = statistics(group, cells, shifts, norm.epsilon);
        for (offset, plane) in group.chunks_exact_mut(cells).enumerate() {
            let channel = first + offset;
            let scale = norm.gamma[channel] / deviation;
            scale_and_activate(
                plane,
                shifts[offset],
                mean,
                scale,
                norm.beta[channel],
                norm.with_silu,
            );
        }
    };
    let size = per_group * cells;
    if parallel {
        numbers
            .par_chunks_exact_mut(size)
            .enumerate()
            .for_each(group);
    } else {
        numbers.chunks_exact_mut(size).enumerate().for_each(group);
    }
}

/// Mean and √(variance + ε) of a group, each of whose planes of `cells` numbers is
/// shifted. The variance is that around the mean: sums of squares would cancel
/// where the mean is large.
fn statistics(group: &[f32], cells: usize, shifts: &[f32], epsilon: f64) -> [f32; 2] {
    let count = group.len() as f64;
    let planes = || group.chunks_exact(cells).zip(shifts);
    let sum: f64 = planes().map(|(plane, shift)| sum_of(plane, *shift)).sum();
    let mean = (sum / count) as f32;
    let squares: f64 = planes()
        .map(|(plane, shift)| sum_of_squares(plane, *shift, mean))
        .sum();
    [mean, (squares / count + epsilon).sqrt() as f32]
}

/// Sums side by side, so that the loop vectorises and errors stay small.
const LANES: usize = 32;

/// Numbers summed in f32 before the sum goes into f64.
const SUMMED_AT_ONCE: usize = 4096;

#[macerator::with_simd]
fn sum_of<S: Simd>(numbers: &[f32], shift: f32) -> f64 {
    lane_sums(numbers, |number| number + shift)
}

#[macerator::with_simd]
fn sum_of_squares<S: Simd>(numbers: &[f32], shift: f32, mean: f32) -> f64 {
    lane_sums(numbers, |number| {
        let apart = number + shift - mean;
        apart * apart
    })
}

#[inline(always)]
fn lane_sums(numbers: &[f32], term: impl Fn(f32) -> f32) -> f64 {
    let mut total = 0.0;
    for part in numbers.chunks(SUMMED_AT_ONCE) {
        let mut sums = [0f32; LANES];
        let (whole, rest) = part.as_chunks::<LANES>();
        for chunk in whole {
            for lane in 0..LANES {
                sums[lane] += term(chunk[lane]);
            }
        }
        total += sums.iter().map(|sum| f64::from(*sum)).sum::<f64>();
        total += rest
            .iter()
            .map(|number| f64::from(term(*number)))
            .sum::<f64>();
    }
    total
}

/// (number + shift − mean) · scale + bias, in this order: where a group hardly
/// varies the scale is large, and a difference of products would be noise.
#[macerator::with_simd]
fn scale_and_activate<S: Simd>(
    numbers: &mut [f32],
    shift: f32,
    mean: f32,
    scale: f32,
    bias: f32,
    with_silu: bool,
) {
    if with_silu {
        for number in numbers.iter_mut() {
            *number = silu((*number + shift - mean) * scale + bias);
        }
    } else {
        for number in numbers.iter_mut() {
            *number = (*number + shift - mean) * scale + bias;
        }
    }
}

//! Group normalisation: two passes for the statistics, one for everything else; and the
//! way back through group and layer norms.

use macerator::Simd;
use rayon::prelude::*;

use super::super::normalisation::GroupNormSettings;
use super::elementary::{silu, silu_slope};
use super::{FlexTensor, WORTH_A_THREAD, tensor, values};

/// Scale and bias after a norm, one per channel.
pub(in crate::kernels) struct Affine {
    gamma: Vec<f32>,
    beta: Vec<f32>,
}

impl Affine {
    pub(in crate::kernels) fn new(gamma: &FlexTensor, beta: &FlexTensor) -> Self {
        Self {
            gamma: values(&gamma.to_contiguous()).to_vec(),
            beta: values(&beta.to_contiguous()).to_vec(),
        }
    }
}

/// A group norm's numbers.
pub(in crate::kernels) struct Norm {
    affine: Affine,
    /// Added to every channel first, [1 or batch, channels].
    shift: Vec<f32>,
    settings: GroupNormSettings,
}

impl Norm {
    pub(in crate::kernels) fn new(
        shift: &FlexTensor,
        gamma: &FlexTensor,
        beta: &FlexTensor,
        settings: GroupNormSettings,
    ) -> Self {
        let affine = Affine::new(gamma, beta);
        Self {
            shift: match settings.has_shift {
                true => values(&shift.to_contiguous()).to_vec(),
                false => vec![0.0; affine.beta.len()],
            },
            affine,
            settings,
        }
    }
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

impl Norm {
    /// The first channel of the `index`-th group of a batch, and the shifts of all.
    fn channels_of(&self, index: usize, channels: usize) -> (usize, &[f32]) {
        let per_group = channels / self.settings.groups;
        let (sample, first) = (
            index / self.settings.groups,
            index % self.settings.groups * per_group,
        );
        // One row serves all samples, or each has its own.
        let row = sample * channels % self.shift.len();
        (first, &self.shift[row + first..][..per_group])
    }
}

fn norm_groups(numbers: &mut [f32], [_, channels, height, width]: [usize; 4], norm: &Norm) {
    let cells = height * width;
    let per_group = channels / norm.settings.groups;
    let parallel = numbers.len() >= WORTH_A_THREAD / 8;
    let group = |(index, group): (usize, &mut [f32])| {
        let (first, shifts) = norm.channels_of(index, channels);
        let [mean, deviation] = statistics(group, cells, shifts, norm.settings.epsilon);
        for (offset, plane) in group.chunks_exact_mut(cells).enumerate() {
            let channel = first + offset;
            let scale = norm.affine.gamma[channel] / deviation;
            scale_and_activate(
                plane,
                shifts[offset],
                mean,
                scale,
                norm.affine.beta[channel],
                norm.settings.with_silu,
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

/// The gradient by `sample` from that by [`group_norm`]'s output. With x̂ the
/// normalised sample, σ its deviation and g the gradient by x̂ this is
/// (g − mean(g) − x̂ mean(g x̂)) / σ, with means over the group.
pub(in crate::kernels) fn group_norm_backward(
    sample: &FlexTensor,
    gradient: &FlexTensor,
    norm: &Norm,
) -> FlexTensor {
    let (sample, gradient) = (sample.to_contiguous(), gradient.to_contiguous());
    let shape = sample.layout().shape().dims::<4>();
    let [batch, channels, height, width] = shape;
    let cells = height * width;
    let size = channels / norm.settings.groups * cells;
    let mut of_sample = vec![0.0; batch * channels * cells];
    let groups = of_sample
        .par_chunks_mut(size.max(1))
        .zip(values(&sample).par_chunks(size.max(1)))
        .zip(values(&gradient).par_chunks(size.max(1)))
        .enumerate();
    groups.for_each(|(index, ((output, sample), gradient))| {
        let (first, shifts) = norm.channels_of(index, channels);
        let [mean, deviation] = statistics(sample, cells, shifts, norm.settings.epsilon);
        let mut sums = [0.0f64; 2];
        let planes = output
            .chunks_exact_mut(cells)
            .zip(sample.chunks_exact(cells))
            .zip(gradient.chunks_exact(cells))
            .zip(shifts);
        for (offset, (((output, sample), gradient), shift)) in planes.enumerate() {
            let channel = first + offset;
            let way = Way {
                centre: mean - shift,
                steepness: 1.0 / deviation,
                gamma: norm.affine.gamma[channel],
                beta: norm.affine.beta[channel],
                with_silu: norm.settings.with_silu,
            };
            let [sum, with_normalised] = by_normalised(output, sample, gradient, way);
            sums[0] += sum;
            sums[1] += with_normalised;
        }
        let means = sums.map(|sum| (sum / size as f64) as f32);
        let planes = output
            .chunks_exact_mut(cells)
            .zip(sample.chunks_exact(cells));
        for ((output, sample), shift) in planes.zip(shifts) {
            take_means(output, sample, mean - shift, 1.0 / deviation, means);
        }
    });
    tensor(of_sample, shape)
}

/// The gradient by `input` [batch, positions, width] from that by a layer norm's
/// output, over the last dimension; as [`group_norm_backward`].
pub(in crate::kernels) fn layer_norm_backward(
    input: &FlexTensor,
    gradient: &FlexTensor,
    affine: &Affine,
    epsilon: f64,
) -> FlexTensor {
    let (input, gradient) = (input.to_contiguous(), gradient.to_contiguous());
    let shape = input.layout().shape().dims::<3>();
    let [batch, positions, width] = shape;
    let mut of_input = vec![0.0; batch * positions * width];
    let rows_at_once = (WORTH_A_THREAD / 8 / width.max(1)).max(1) * width.max(1);
    of_input
        .par_chunks_mut(rows_at_once)
        .zip(values(&input).par_chunks(rows_at_once))
        .zip(values(&gradient).par_chunks(rows_at_once))
        .for_each(|((output, input), gradient)| {
            let rows = output
                .chunks_exact_mut(width)
                .zip(input.chunks_exact(width))
                .zip(gradient.chunks_exact(width));
            for ((output, input), gradient) in rows {
                let [mean, deviation] = statistics(input, width, &[0.0], epsilon);
                multiply_by(output, gradient, &affine.gamma);
                let sums = sums_with_normalised(output, input, mean, 1.0 / deviation);
                let means = sums.map(|sum| (sum / width as f64) as f32);
                take_means(output, input, mean, 1.0 / deviation, means);
            }
        });
    tensor(of_input, shape)
}

/// How a plane was normalised: x̂ = (x − centre) · steepness, then gamma x̂ + beta.
#[derive(Clone, Copy)]
struct Way {
    centre: f32,
    steepness: f32,
    gamma: f32,
    beta: f32,
    with_silu: bool,
}

/// Writes the gradient by x̂ into `output`, and returns its sum and that of its
/// product with x̂.
#[macerator::with_simd]
fn by_normalised<S: Simd>(
    output: &mut [f32],
    sample: &[f32],
    gradient: &[f32],
    way: Way,
) -> [f64; 2] {
    for ((output, number), gradient) in output.iter_mut().zip(sample).zip(gradient) {
        let normalised = (number - way.centre) * way.steepness;
        *output = way.gamma * gradient;
        if way.with_silu {
            *output *= silu_slope(way.gamma * normalised + way.beta);
        }
    }
    product_sums(output, sample, way.centre, way.steepness)
}

#[macerator::with_simd]
fn sums_with_normalised<S: Simd>(
    gradient: &[f32],
    input: &[f32],
    centre: f32,
    steepness: f32,
) -> [f64; 2] {
    product_sums(gradient, input, centre, steepness)
}

/// Σ gradient and Σ gradient · x̂.
#[inline(always)]
fn product_sums(gradient: &[f32], input: &[f32], centre: f32, steepness: f32) -> [f64; 2] {
    let mut totals = [0.0f64; 2];
    let parts = gradient
        .chunks(SUMMED_AT_ONCE)
        .zip(input.chunks(SUMMED_AT_ONCE));
    for (gradient, input) in parts {
        let mut sums = [[0f32; LANES]; 2];
        let (whole, rest) = gradient.as_chunks::<LANES>();
        let (inputs, rest_of_inputs) = input.as_chunks::<LANES>();
        for (chunk, inputs) in whole.iter().zip(inputs) {
            for lane in 0..LANES {
                sums[0][lane] += chunk[lane];
                sums[1][lane] += chunk[lane] * ((inputs[lane] - centre) * steepness);
            }
        }
        for (gradient, number) in rest.iter().zip(rest_of_inputs) {
            totals[0] += f64::from(*gradient);
            totals[1] += f64::from(gradient * ((number - centre) * steepness));
        }
        for (total, sums) in totals.iter_mut().zip(&sums) {
            *total += sums.iter().map(|sum| f64::from(*sum)).sum::<f64>();
        }
    }
    totals
}

#[macerator::with_simd]
fn multiply_by<S: Simd>(output: &mut [f32], gradient: &[f32], gamma: &[f32]) {
    for ((output, gradient), gamma) in output.iter_mut().zip(gradient).zip(gamma) {
        *output = gradient * gamma;
    }
}

/// (g − mean(g) − x̂ mean(g x̂)) / σ in the place of g.
#[macerator::with_simd]
fn take_means<S: Simd>(
    gradient: &mut [f32],
    input: &[f32],
    centre: f32,
    steepness: f32,
    means: [f32; 2],
) {
    for (gradient, number) in gradient.iter_mut().zip(input) {
        let normalised = (number - centre) * steepness;
        *gradient = (*gradient - means[0] - normalised * means[1]) * steepness;
    }
}

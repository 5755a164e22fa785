//! 3 × 3 convolutions as matrix products of patches, and the way back; larger ones of
//! stride 1 go [another way](super::winograd).
//!
//! A task computes some output channels of one sample, which lie together in
//! memory. It goes over the picture in tiles and over the input channels in
//! blocks: the patches of one tile and block are copied into a matrix that stays in
//! the second-level cache, nine shifted copies of each plane, and multiplied by
//! the weights as they are stored. So the weights are never rearranged, and neither
//! is the picture. On the way back a task has some input channels, and what the
//! product gives is added up where the patches came from.

use std::cell::RefCell;

use rayon::prelude::*;

use super::matrix::{Destination, Layout, multiply};
use super::patches::{Shape, TAPS, gather, give_back};
use super::winograd;
use super::{FlexTensor, WORTH_A_THREAD, tensor, values};

/// Input channels of a block.
const BLOCK_CHANNELS: usize = 32;

thread_local! {
    /// The patches of a tile and block, kept for the next one.
    static PATCHES: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// `sample` [batch, channels_in, height, width] with one cell of zeros around it
/// and `weight` [channels_out, channels_in, 3, 3] → [batch, channels_out,
/// ⌈height / stride⌉, ⌈width / stride⌉].
pub(in crate::kernels) fn conv3x3(
    sample: &FlexTensor,
    weight: &FlexTensor,
    bias: &FlexTensor,
    stride: usize,
) -> FlexTensor {
    let (sample, weight) = (sample.to_contiguous(), weight.to_contiguous());
    let bias = bias.to_contiguous();
    let [batch, channels_in, height, width] = sample.layout().shape().dims::<4>();
    let channels_out = weight.layout().shape().dims::<4>()[0];
    let size = [batch, height, width];
    if stride == 1 && winograd::pays(size, [channels_in, channels_out]) {
        let filters = winograd::Filters::of(values(&weight), channels_out, channels_in);
        let output = winograd::convolve(values(&sample), size, &filters, values(&bias));
        return tensor(output, [batch, channels_out, height, width]);
    }
    let shape = Shape {
        channels_in,
        height,
        width,
        stride,
    };
    let cells = shape.cells();
    let mut output = Vec::with_capacity(batch * channels_out * cells);
    for channel in 0..batch * channels_out {
        output.resize((channel + 1) * cells, values(&bias)[channel % channels_out]);
    }
    let weight = values(&weight);
    let at_once = channels_at_once(batch, channels_out, channels_in * cells * TAPS);
    let tasks = output
        .par_chunks_mut((channels_out * cells).max(1))
        .zip(values(&sample).par_chunks((channels_in * shape.plane()).max(1)));
    tasks.for_each(|(output, sample)| {
        let blocks = output.par_chunks_mut((at_once * cells).max(1));
        let weights = weight.par_chunks((at_once * channels_in * TAPS).max(1));
        blocks
            .zip(weights)
            .for_each(|(output, weight)| add_products(output, sample, weight, shape));
    });
    tensor(output, [batch, channels_out, shape.rows(), shape.columns()])
}

/// Channels of a task: all of a sample's, unless threads would be idle.
/// Tasks of one sample copy the same patches, which pays from some dozen channels on.
fn channels_at_once(batch: usize, channels: usize, work_per_channel: usize) -> usize {
    let threads = rayon::current_num_threads();
    let worthwhile = (channels * work_per_channel / WORTH_A_THREAD).max(1);
    let tasks = threads.div_ceil(batch.max(1)).min(worthwhile);
    channels.div_ceil(tasks).next_multiple_of(16)
}

/// Adds the convolution to `output`, whole planes of some output channels, whose
/// `weight` it is.
fn add_products(output: &mut [f32], sample: &[f32], weight: &[f32], shape: Shape) {
    let cells = shape.cells();
    if cells == 0 || shape.channels_in == 0 {
        return;
    }
    let channels_out = output.len() / cells;
    let weight_row = shape.channels_in * TAPS;
    PATCHES.with_borrow_mut(|patches| {
        for tile in shape.tiles() {
            let tile_cells = tile.len() * shape.columns();
            let start = tile.start * shape.columns();
            for first in (0..shape.channels_in).step_by(BLOCK_CHANNELS) {
                let block = first..(first + BLOCK_CHANNELS).min(shape.channels_in);
                let depth = block.len() * TAPS;
                // Every number is written before it is read.
                patches.resize(depth * tile_cells, 0.0);
                for (channel, patches) in block.zip(patches.chunks_exact_mut(TAPS * tile_cells)) {
                    let plane = &sample[channel * shape.plane()..][..shape.plane()];
                    gather(patches, plane, tile.clone(), shape);
                }
                multiply(
                    (output, Layout::rows(start, channels_out, tile_cells, cells)),
                    Destination::AddedTo,
                    1.0,
                    (
                        weight,
                        Layout::rows(first * TAPS, channels_out, depth, weight_row),
                    ),
                    (patches, Layout::rows(0, depth, tile_cells, tile_cells)),
                );
            }
        }
    });
}

/// The gradient by a sample of `size` from `gradient`, that by the output
/// [batch, channels_out, …].
pub(in crate::kernels) fn conv3x3_backward(
    gradient: &FlexTensor,
    weight: &FlexTensor,
    stride: usize,
    [height, width]: [usize; 2],
) -> FlexTensor {
    let (gradient, weight) = (gradient.to_contiguous(), weight.to_contiguous());
    let [batch, channels_out, ..] = gradient.layout().shape().dims::<4>();
    let channels_in = weight.layout().shape().dims::<4>()[1];
    let size = [batch, height, width];
    if stride == 1 && winograd::pays(size, [channels_in, channels_out]) {
        let filters = winograd::Filters::of_way_back(values(&weight), channels_out, channels_in);
        let of_sample = winograd::convolve(values(&gradient), size, &filters, &[]);
        return tensor(of_sample, [batch, channels_in, height, width]);
    }
    let shape = Shape {
        channels_in,
        height,
        width,
        stride,
    };
    let mut of_sample = vec![0.0; batch * channels_in * shape.plane()];
    let work_per_channel = channels_out * shape.cells() * TAPS;
    let at_once = channels_at_once(batch, channels_in, work_per_channel);
    let tasks = of_sample
        .par_chunks_mut((channels_in * shape.plane()).max(1))
        .zip(values(&gradient).par_chunks((channels_out * shape.cells()).max(1)));
    tasks.for_each(|(of_sample, gradient)| {
        let blocks = of_sample.par_chunks_mut((at_once * shape.plane()).max(1));
        blocks.enumerate().for_each(|(index, planes)| {
            go_back(planes, index * at_once, gradient, values(&weight), shape);
        });
    });
    tensor(of_sample, [batch, channels_in, height, width])
}

/// Adds the gradient to `planes`, those of the input channels from `first` on.
fn go_back(planes: &mut [f32], first: usize, gradient: &[f32], weight: &[f32], shape: Shape) {
    let cells = shape.cells();
    if cells == 0 {
        return;
    }
    let channels_out = gradient.len() / cells;
    let weight_row = shape.channels_in * TAPS;
    PATCHES.with_borrow_mut(|patches| {
        for tile in shape.tiles() {
            let tile_cells = tile.len() * shape.columns();
            let start = tile.start * shape.columns();
            let blocks = planes.chunks_mut(BLOCK_CHANNELS * shape.plane());
            for (block, planes) in blocks.enumerate() {
                let depth = planes.len() / shape.plane() * TAPS;
                let first = (first + block * BLOCK_CHANNELS) * TAPS;
                // Every number is written before it is read.
                patches.resize(depth * tile_cells, 0.0);
                multiply(
                    (patches, Layout::rows(0, depth, tile_cells, tile_cells)),
                    Destination::Overwritten,
                    1.0,
                    (
                        weight,
                        Layout::rows(first, channels_out, depth, weight_row).transposed(),
                    ),
                    (
                        gradient,
                        Layout::rows(start, channels_out, tile_cells, cells),
                    ),
                );
                let planes = planes.chunks_exact_mut(shape.plane());
                for (plane, patches) in planes.zip(patches.chunks_exact_mut(TAPS * tile_cells)) {
                    give_back(patches, plane, tile.clone(), shape);
                }
            }
        }
    });
}

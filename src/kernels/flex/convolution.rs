//! 3 × 3 convolutions as matrix products of patches.
//!
//! A task computes some output channels of one sample, which lie together in
//! memory. It goes over the picture in tiles and over the input channels in
//! blocks: the patches of one tile and block are copied into a matrix that stays in
//! the second-level cache, nine shifted copies of each plane's rows, and multiplied by
//! the weights as they are stored. So the weights are never rearranged, and neither
//! is the picture.

use std::cell::RefCell;

use rayon::prelude::*;

use super::matrix::{Destination, Layout, multiply};
use super::{FlexTensor, WORTH_A_THREAD, tensor, values};

/// Taps of a 3 × 3 kernel.
const TAPS: usize = 9;

/// Cells of a tile, about.
const TILE_CELLS: usize = 256;

/// Input channels of a block.
const BLOCK_CHANNELS: usize = 32;

thread_local! {
    /// The patches of a tile and block, kept for the next one.
    static PATCHES: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// Sizes of one sample's convolution.
#[derive(Debug, Clone, Copy)]
struct Shape {
    channels_in: usize,
    height: usize,
    width: usize,
    stride: usize,
}

impl Shape {
    fn output_height(self) -> usize {
        self.height.div_ceil(self.stride)
    }

    fn output_width(self) -> usize {
        self.width.div_ceil(self.stride)
    }
}

/// `sample` [batch, channels_in, height, width] with one cell of zeros around it
/// and `weight` [channels_out, channels_in, 3, 3] → [batch, channels_out,
/// ⌈height / stride⌉, ⌈width / stride⌉].
pub(in crate::kernels) fn conv3x3(
    sample: &FlexTensor,
    weight: &FlexTensor,
    bias: Option<&FlexTensor>,
    stride: usize,
) -> FlexTensor {
    let (sample, weight) = (sample.to_contiguous(), weight.to_contiguous());
    let bias = bias.map(FlexTensor::to_contiguous);
    let [batch, channels_in, height, width] = sample.layout().shape().dims::<4>();
    let channels_out = weight.layout().shape().dims::<4>()[0];
    let shape = Shape {
        channels_in,
        height,
        width,
        stride,
    };
    let cells = shape.output_height() * shape.output_width();
    let mut output = Vec::with_capacity(batch * channels_out * cells);
    for channel in 0..batch * channels_out {
        let start = bias
            .as_ref()
            .map_or(0.0, |bias| values(bias)[channel % channels_out]);
        output.resize((channel + 1) * cells, start);
    }
    let sample = values(&sample);
    let weight = values(&weight);
    let at_once = channels_at_once(batch, channels_out, channels_in * cells * TAPS);
    let sample_output = (channels_out * cells).max(1);
    let tasks = output
        .par_chunks_mut(sample_output)
        .zip(sample.par_chunks((channels_in * height * width).max(1)));
    tasks.for_each(|(output, sample)| {
        let blocks = output.par_chunks_mut((at_once * cells).max(1));
        let weights = weight.par_chunks((at_once * channels_in * TAPS).max(1));
        blocks
            .zip(weights)
            .for_each(|(output, weight)| add_products(output, sample, weight, shape));
    });
    tensor(
        output,
        [
            batch,
            channels_out,
            shape.output_height(),
            shape.output_width(),
        ],
    )
}

/// Output channels of a task: all of a sample's, unless threads would be idle.
/// Tasks of one sample copy the same patches, which pays from some dozen channels on.
fn channels_at_once(batch: usize, channels_out: usize, work_per_channel: usize) -> usize {
    let threads = rayon::current_num_threads();
    let worthwhile = (channels_out * work_per_channel / WORTH_A_THREAD).max(1);
    let tasks = threads.div_ceil(batch.max(1)).min(worthwhile);
    channels_out.div_ceil(tasks).next_multiple_of(16)
}

/// Adds the convolution to `output`, whole planes of some output channels, whose
/// `weight` it is.
fn add_products(output: &mut [f32], sample: &[f32], weight: &[f32], shape: Shape) {
    let (rows, columns) = (shape.output_height(), shape.output_width());
    let cells = rows * columns;
    if cells == 0 || shape.channels_in == 0 {
        return;
    }
    let channels_out = output.len() / cells;
    let tile_rows = (TILE_CELLS / columns).clamp(1, rows);
    let weight_row = shape.channels_in * TAPS;
    PATCHES.with_borrow_mut(|patches| {
        for first_row in (0..rows).step_by(tile_rows) {
            let tile = first_row..(first_row + tile_rows).min(rows);
            let tile_cells = tile.len() * columns;
            for first in (0..shape.channels_in).step_by(BLOCK_CHANNELS) {
                let block = first..(first + BLOCK_CHANNELS).min(shape.channels_in);
                let depth = block.len() * TAPS;
                // Every number is written before it is read.
                patches.resize(depth * tile_cells, 0.0);
                for (channel, patches) in block.zip(patches.chunks_exact_mut(TAPS * tile_cells)) {
                    let plane = shape.height * shape.width;
                    let plane = &sample[channel * plane..][..plane];
                    copy_patches(patches, plane, tile.clone(), shape);
                }
                multiply(
                    (
                        output,
                        Layout::rows(first_row * columns, channels_out, tile_cells, cells),
                    ),
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

/// The nine numbers that each cell of some output rows sees of one plane, a row of
/// `patches` for each tap.
fn copy_patches(patches: &mut [f32], plane: &[f32], rows: std::ops::Range<usize>, shape: Shape) {
    let columns = shape.output_width();
    let tile_cells = rows.len() * columns;
    for (tap, taps) in patches.chunks_exact_mut(tile_cells).enumerate() {
        let (down, across) = (tap / 3, tap % 3);
        for (row, target) in rows.clone().zip(taps.chunks_exact_mut(columns)) {
            // One more than the row of the plane, since a row of zeros stands above.
            let seen = row * shape.stride + down;
            if seen == 0 || seen > shape.height {
                target.fill(0.0);
                continue;
            }
            let source = &plane[(seen - 1) * shape.width..][..shape.width];
            if shape.stride == 1 {
                copy_shifted(target, source, across);
            } else {
                for (column, target) in target.iter_mut().enumerate() {
                    let seen = (column * shape.stride + across).checked_sub(1);
                    *target = seen
                        .and_then(|seen| source.get(seen))
                        .copied()
                        .unwrap_or(0.0);
                }
            }
        }
    }
}

/// A row as the tap `across` (0, 1 or 2) of its cells sees it, zeros beyond its ends.
fn copy_shifted(target: &mut [f32], source: &[f32], across: usize) {
    let last = target.len() - 1;
    match across {
        0 => {
            target[0] = 0.0;
            target[1..].copy_from_slice(&source[..last]);
        }
        1 => target.copy_from_slice(source),
        _ => {
            target[..last].copy_from_slice(&source[1..]);
            target[last] = 0.0;
        }
    }
}

/// The gradient by a sample of `size` from `gradient`, that by the output
/// [batch, channels_out, …]: a convolution with the kernel turned round, of the
/// gradient with zeros between its cells where the stride is 2.
pub(in crate::kernels) fn conv3x3_backward(
    gradient: &FlexTensor,
    weight: &FlexTensor,
    stride: usize,
    size: [usize; 2],
) -> FlexTensor {
    let turned = turned_round(weight);
    let gradient = gradient.to_contiguous();
    if stride == 1 {
        return conv3x3(&gradient, &turned, None, 1);
    }
    conv3x3(&spread(&gradient, stride, size), &turned, None, 1)
}

/// [channels_out, channels_in, 3, 3] → [channels_in, channels_out, 3, 3], each
/// kernel upside down and back to front.
fn turned_round(weight: &FlexTensor) -> FlexTensor {
    let weight = weight.to_contiguous();
    let [channels_out, channels_in, ..] = weight.layout().shape().dims::<4>();
    let numbers = values(&weight);
    let mut turned = vec![0.0; numbers.len()];
    let rows = turned
        .par_chunks_mut((channels_out * TAPS).max(1))
        .enumerate();
    rows.for_each(|(channel_in, row)| {
        for (channel_out, kernel) in row.chunks_exact_mut(TAPS).enumerate() {
            let source = &numbers[(channel_out * channels_in + channel_in) * TAPS..][..TAPS];
            for (target, source) in kernel.iter_mut().zip(source.iter().rev()) {
                *target = *source;
            }
        }
    });
    tensor(turned, [channels_in, channels_out, 3, 3])
}

/// Puts the cells of `gradient` `stride` apart on planes of `size`, zeros between them.
fn spread(gradient: &FlexTensor, stride: usize, [height, width]: [usize; 2]) -> FlexTensor {
    let [batch, channels, rows, columns] = gradient.layout().shape().dims::<4>();
    let mut spread = vec![0.0; batch * channels * height * width];
    let planes = spread.chunks_exact_mut((height * width).max(1));
    let sources = values(gradient).chunks_exact((rows * columns).max(1));
    for (plane, source) in planes.zip(sources) {
        for (row, source) in source.chunks_exact(columns).enumerate() {
            let line = &mut plane[row * stride * width..][..width];
            for (target, source) in line.iter_mut().step_by(stride).zip(source) {
                *target = *source;
            }
        }
    }
    tensor(spread, [batch, channels, height, width])
}

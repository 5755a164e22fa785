//! 3 × 3 convolutions of stride 1 with fewer products: Winograd's minimal filtering
//! F(2 × 2, 3 × 3) (Lavin and Gray 2016, arXiv 1509.09308, section 4.1).
//!
//! Four cells of an output are one tile: 16 products for each pair of channels
//! instead of 36. The 4 × 4 numbers that a tile sees become 16 others, each a
//! position; at every position a matrix of filters is multiplied by the matrix of
//! tiles, and the 16 products become the tile's four cells. All the sums before and
//! after have coefficients of 1, −1 and ½, so that little of f32's precision is lost.
//!
//! Filters are made anew at every call: kept, they would take 16/9 of the memory of
//! the weights beside these, and where they are used they cost little.

mod filters;
mod transforms;

use std::cell::RefCell;
use std::ops::Range;

use rayon::prelude::*;

pub(super) use filters::Filters;
use transforms::{Channel, Tiles, enter, leave};

use super::WORTH_A_THREAD;
use super::matrix::{Destination, Layout, multiply};

/// Numbers of a tile before and after its products.
const POSITIONS: usize = 16;
/// Fewest channels, and smallest width, where the sums before and after the products
/// cost less than the products that are saved.
const LEAST_CHANNELS: usize = 16;
const LEAST_WIDTH: usize = 16;
/// Fewest tiles that filters are worth being made for: of filters that stay in a
/// cache, and of others.
const LEAST_TILES: [usize; 2] = [64, 256];
/// Numbers of filters that do, 4 MiB.
const NEAR_FILTERS: usize = 1 << 20;
/// Between the matrices of two positions, so that they do not fall on the same lines
/// of a cache.
const GAP: usize = 16;
/// Tiles of a part of a task, about: filters are read once for all of them.
const PART_TILES: usize = 256;

thread_local! {
    /// What the tiles of a part see, and their products, kept for the next part.
    static BUFFERS: RefCell<[Vec<f32>; 2]> = const { RefCell::new([Vec::new(), Vec::new()]) };
}

/// Whether it is faster than products of patches.
pub(super) fn pays([pictures, height, width]: [usize; 3], channels: [usize; 2]) -> bool {
    let tiles = pictures * height.div_ceil(2) * width.div_ceil(2);
    let filters = POSITIONS * channels[0] * channels[1];
    channels.into_iter().min() >= Some(LEAST_CHANNELS)
        && width >= LEAST_WIDTH
        && tiles >= LEAST_TILES[usize::from(filters > NEAR_FILTERS)]
}

/// What a task has to do.
struct Task<'a> {
    rows: Range<usize>,
    /// Its cells of every plane that it has some of, picture by picture.
    planes: Vec<&'a mut [f32]>,
}

/// The convolution of `sample` [pictures, inputs, height, width] with one cell of
/// zeros around it → [pictures, outputs, height, width]; `bias` is by output, or empty.
pub(super) fn convolve(
    sample: &[f32],
    [pictures, height, width]: [usize; 3],
    filters: &Filters,
    bias: &[f32],
) -> Vec<f32> {
    let tiles = Tiles {
        pictures,
        height,
        width,
    };
    let mut output = vec![0.0; pictures * filters.outputs * tiles.plane()];
    let tasks = tasks(&mut output, tiles, filters);
    tasks
        .into_par_iter()
        .for_each(|task| convolve_rows(task, sample, tiles, filters, bias));
    output
}

/// Rows of tiles of a task; all pictures' rows are counted together.
fn rows_of_a_task(tiles: Tiles, work_per_tile: usize) -> usize {
    let rows = tiles.pictures * tiles.down();
    let worthwhile = (rows * tiles.across() * work_per_tile / WORTH_A_THREAD).max(1);
    rows.div_ceil(rayon::current_num_threads().min(worthwhile))
}

/// The output in parts that threads can work on at once.
fn tasks<'a>(output: &'a mut [f32], tiles: Tiles, filters: &Filters) -> Vec<Task<'a>> {
    let down = tiles.down();
    let rows = tiles.pictures * down;
    let at_once = rows_of_a_task(tiles, POSITIONS * filters.inputs * filters.outputs);
    let mut tasks: Vec<Task> = (0..rows)
        .step_by(at_once.max(1))
        .map(|first| Task {
            rows: first..(first + at_once).min(rows),
            planes: Vec::new(),
        })
        .collect();
    let planes = output.chunks_exact_mut(tiles.plane().max(1)).enumerate();
    for (index, mut plane) in planes {
        let first = index / filters.outputs * down;
        for task in &mut tasks {
            let own = task.rows.start.max(first)..task.rows.end.min(first + down);
            if own.is_empty() {
                continue;
            }
            let cells = (2 * own.len() * tiles.width).min(plane.len());
            let (part, rest) = plane.split_at_mut(cells);
            task.planes.push(part);
            plane = rest;
        }
    }
    tasks
}

/// One task, in parts whose numbers stay near.
fn convolve_rows(task: Task<'_>, sample: &[f32], tiles: Tiles, filters: &Filters, bias: &[f32]) {
    let Task { rows, mut planes } = task;
    let Filters {
        outputs, inputs, ..
    } = *filters;
    let across = tiles.across();
    let at_once = (PART_TILES / across).max(1);
    BUFFERS.with_borrow_mut(|[seen, products]| {
        for first in rows.clone().step_by(at_once) {
            let part = first..(first + at_once).min(rows.end);
            let count = part.len() * across;
            // Every number is written before it is read.
            seen.resize(POSITIONS * (inputs * count + GAP), 0.0);
            products.resize(POSITIONS * (outputs * count + GAP), 0.0);
            enter(seen, sample, tiles, part.clone(), inputs);
            for position in 0..POSITIONS {
                let into = Layout::rows(position * (outputs * count + GAP), outputs, count, count);
                let right = Layout::rows(position * (inputs * count + GAP), inputs, count, count);
                multiply(
                    (products, into),
                    Destination::Overwritten,
                    1.0,
                    (&filters.numbers, filters.layout(position)),
                    (seen, right),
                );
            }
            let down = tiles.down();
            let first_picture = rows.start / down;
            for (index, plane) in planes.iter_mut().enumerate() {
                let (picture, channel) = (first_picture + index / outputs, index % outputs);
                let whole = Channel {
                    channel,
                    outputs,
                    bias: bias.get(channel).copied().unwrap_or(0.0),
                    first_row: rows.start.max(picture * down),
                };
                let own = part.start.max(picture * down)..part.end.min((picture + 1) * down);
                if own.is_empty() {
                    continue;
                }
                leave(plane, products, tiles, own, part.clone(), whole);
            }
        }
    });
}

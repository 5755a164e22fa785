//! 3 × 3 convolutions of stride 1 with fewer products: Winograd's minimal filtering
//! F(2 × 2, 3 × 3) (Lavin and Gray 2016, arXiv 1509.09308, section 4.1).
//!
//! Four cells of an output are one tile: 16 products for each pair of channels
//! instead of 36. The 4 × 4 numbers that a tile sees become 16 others, each a
//! position; at every position a matrix of filters is multiplied by the matrix of
//! tiles, and the 16 products become the tile's four cells. All the sums before and
//! after have coefficients of 1 and −1, so that little of f32's precision is lost.

use std::cell::RefCell;
use std::ops::Range;

use macerator::Simd;
use rayon::prelude::*;

use super::WORTH_A_THREAD;
use super::matrix::{Destination, Layout, multiply};
use super::patches::TAPS;

/// Numbers of a tile before and after its products.
const POSITIONS: usize = 16;
/// Tiles of a row that are computed together.
const LANES: usize = 8;
const HALF: usize = LANES / 2;
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

/// The filters of a convolution at every position: a matrix [outputs, positions ·
/// inputs] with a gap between rows.
pub(super) struct Filters {
    numbers: Vec<f32>,
    outputs: usize,
    inputs: usize,
}

impl Filters {
    /// Of `weight` [outputs, inputs, 3, 3].
    pub(super) fn of(weight: &[f32], outputs: usize, inputs: usize) -> Self {
        Self::new(outputs, inputs, |output, filters| {
            let weight = &weight[output * inputs * TAPS..];
            transform_filters(filters, weight, inputs, TAPS, false);
        })
    }

    /// Those of the way back: from the gradient by the output to that by the input,
    /// whose convolution has the same taps in opposite order.
    pub(super) fn of_way_back(weight: &[f32], outputs: usize, inputs: usize) -> Self {
        Self::new(inputs, outputs, |input, filters| {
            let weight = &weight[input * TAPS..];
            transform_filters(filters, weight, outputs, inputs * TAPS, true);
        })
    }

    fn new(outputs: usize, inputs: usize, of_output: impl Fn(usize, &mut [f32]) + Sync) -> Self {
        let mut filters = Self {
            numbers: vec![0.0; outputs * row(inputs)],
            outputs,
            inputs,
        };
        let rows = filters.numbers.par_chunks_mut(row(inputs));
        let at_once = (WORTH_A_THREAD / (POSITIONS * inputs)).max(1);
        rows.with_min_len(at_once)
            .enumerate()
            .for_each(|(output, filters)| of_output(output, filters));
        filters
    }

    /// The matrix at a position.
    fn layout(&self, position: usize) -> Layout {
        let start = position * self.inputs;
        Layout::rows(start, self.outputs, self.inputs, row(self.inputs))
    }
}

/// Numbers of a row of filters with the gap behind it.
fn row(inputs: usize) -> usize {
    POSITIONS * inputs + GAP
}

/// G g Gᵀ of every input's taps g, with G = [1 0 0; ½ ½ ½; ½ −½ ½; 0 0 1]:
/// the taps of `inputs`, `apart` from one to the next → `filters` [positions, inputs].
#[macerator::with_simd]
fn transform_filters<S: Simd>(
    filters: &mut [f32],
    weight: &[f32],
    inputs: usize,
    apart: usize,
    is_turned: bool,
) {
    let whole = inputs - inputs % LANES;
    for input in (0..whole).step_by(LANES) {
        transform_some::<LANES>(
            filters,
            &weight[input * apart..],
            [inputs, input],
            apart,
            is_turned,
        );
    }
    for input in whole..inputs {
        transform_some::<1>(
            filters,
            &weight[input * apart..],
            [inputs, input],
            apart,
            is_turned,
        );
    }
}

/// The same for some inputs from `input` on.
#[inline(always)]
fn transform_some<const N: usize>(
    filters: &mut [f32],
    weight: &[f32],
    [inputs, input]: [usize; 2],
    apart: usize,
    is_turned: bool,
) {
    let mut taps = [[0.0f32; N]; TAPS];
    for lane in 0..N {
        let own = &weight[lane * apart..][..TAPS];
        for tap in 0..TAPS {
            taps[tap][lane] = own[if is_turned { TAPS - 1 - tap } else { tap }];
        }
    }
    let columns = [0, 1, 2].map(|column| {
        let [first, middle, last] = [0, 3, 6].map(|tap| taps[tap + column]);
        spread_taps(first, middle, last)
    });
    for line in 0..4 {
        let [first, middle, last] = columns;
        let spread = spread_taps(first[line], middle[line], last[line]);
        for (column, numbers) in spread.into_iter().enumerate() {
            let start = (4 * line + column) * inputs + input;
            store(&mut filters[start..], numbers);
        }
    }
}

/// Writes the first numbers of a slice.
#[inline(always)]
fn store<const N: usize>(into: &mut [f32], numbers: [f32; N]) {
    let into = into.first_chunk_mut::<N>();
    *into.expect("whole lanes are asked for") = numbers;
}

/// G along one side.
#[inline(always)]
fn spread_taps<const N: usize>(first: [f32; N], middle: [f32; N], last: [f32; N]) -> [[f32; N]; 4] {
    let (mut sum, mut difference) = ([0.0; N], [0.0; N]);
    for lane in 0..N {
        let ends = first[lane] + last[lane];
        sum[lane] = 0.5 * (ends + middle[lane]);
        difference[lane] = 0.5 * (ends - middle[lane]);
    }
    [first, sum, difference, last]
}

/// The tiles of some pictures, row by row.
#[derive(Debug, Clone, Copy)]
struct Tiles {
    pictures: usize,
    height: usize,
    width: usize,
}

impl Tiles {
    /// Rows of tiles in one picture.
    fn down(self) -> usize {
        self.height.div_ceil(2)
    }

    /// Tiles of a row.
    fn across(self) -> usize {
        self.width.div_ceil(2)
    }

    fn plane(self) -> usize {
        self.height * self.width
    }

    /// Rows of tiles of a task; all pictures' rows are counted together.
    fn rows_of_a_task(self, work_per_tile: usize) -> usize {
        let rows = self.pictures * self.down();
        let worthwhile = (rows * self.across() * work_per_tile / WORTH_A_THREAD).max(1);
        rows.div_ceil(rayon::current_num_threads().min(worthwhile))
    }
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

/// The output in parts that threads can work on at once.
fn tasks<'a>(output: &'a mut [f32], tiles: Tiles, filters: &Filters) -> Vec<Task<'a>> {
    let down = tiles.down();
    let rows = tiles.pictures * down;
    let at_once = tiles.rows_of_a_task(POSITIONS * filters.inputs * filters.outputs);
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

/// Bᵀ d B of what every tile of some `rows` sees, with
/// Bᵀ = [1 0 −1 0; 0 1 1 0; 0 −1 1 0; 0 1 0 −1]: `sample` [pictures, inputs, height,
/// width] → `seen` [positions, inputs, tiles].
#[macerator::with_simd]
fn enter<S: Simd>(
    seen: &mut [f32],
    sample: &[f32],
    tiles: Tiles,
    rows: Range<usize>,
    inputs: usize,
) {
    let across = tiles.across();
    let count = rows.len() * across;
    let of_position = inputs * count + GAP;
    let whole = across - across % LANES;
    let mut lines = Lines::new(across);
    for (number, row) in rows.enumerate() {
        let (picture, row) = (row / tiles.down(), row % tiles.down());
        for input in 0..inputs {
            let plane = &sample[(picture * inputs + input) * tiles.plane()..][..tiles.plane()];
            lines.read(plane, tiles, row);
            let seen = &mut seen[input * count + number * across..];
            for tile in (0..whole).step_by(LANES) {
                enter_some::<LANES>(&mut seen[tile..], of_position, &lines, tile);
            }
            let mut tile = whole;
            if tile + HALF <= across {
                enter_some::<HALF>(&mut seen[tile..], of_position, &lines, tile);
                tile += HALF;
            }
            for tile in tile..across {
                enter_some::<1>(&mut seen[tile..], of_position, &lines, tile);
            }
        }
    }
}

/// The four lines that a row of tiles sees, each as its even and its odd cells; a cell
/// of zeros comes before the first of the plane, and one or two behind the last.
struct Lines {
    cells: Vec<f32>,
    /// Of each of the eight.
    length: usize,
}

impl Lines {
    fn new(across: usize) -> Self {
        let length = across + 1;
        Self {
            cells: vec![0.0; 8 * length],
            length,
        }
    }

    #[inline(always)]
    fn read(&mut self, plane: &[f32], tiles: Tiles, row: usize) {
        let lines = self.cells.chunks_exact_mut(2 * self.length);
        for (index, line) in lines.enumerate() {
            let (even, odd) = line.split_at_mut(self.length);
            let cells = match (2 * row + index).checked_sub(1) {
                Some(line) if line < tiles.height => &plane[line * tiles.width..][..tiles.width],
                _ => {
                    line.fill(0.0);
                    continue;
                }
            };
            let (pairs, last) = cells.as_chunks::<2>();
            // The plane's first cell is the second of the line.
            for ((odd, even), pair) in odd.iter_mut().zip(&mut even[1..]).zip(pairs) {
                (*odd, *even) = (pair[0], pair[1]);
            }
            if let [last] = last {
                (odd[pairs.len()], even[pairs.len() + 1]) = (*last, 0.0);
            }
        }
    }

    /// The cells at some tiles' first, second, third and fourth column.
    #[inline(always)]
    fn columns<const N: usize>(&self, line: usize, tile: usize) -> [[f32; N]; 4] {
        let even = &self.cells[2 * line * self.length + tile..][..N + 1];
        let odd = &self.cells[(2 * line + 1) * self.length + tile..][..N + 1];
        [first(even), first(odd), first(&even[1..]), first(&odd[1..])]
    }
}

/// Bᵀ d B of some tiles.
#[inline(always)]
fn enter_some<const N: usize>(seen: &mut [f32], of_position: usize, lines: &Lines, tile: usize) {
    let [above, upper, lower, below] = [
        lines.columns::<N>(0, tile),
        lines.columns::<N>(1, tile),
        lines.columns::<N>(2, tile),
        lines.columns::<N>(3, tile),
    ];
    for line in 0..4 {
        let mut down = [[0.0; N]; 4];
        for column in 0..4 {
            down[column] = match line {
                0 => minus(above[column], lower[column]),
                1 => plus(upper[column], lower[column]),
                2 => minus(lower[column], upper[column]),
                _ => minus(upper[column], below[column]),
            };
        }
        let seen = &mut seen[4 * line * of_position..];
        store(seen, minus(down[0], down[2]));
        store(&mut seen[of_position..], plus(down[1], down[2]));
        store(&mut seen[2 * of_position..], minus(down[2], down[1]));
        store(&mut seen[3 * of_position..], minus(down[1], down[3]));
    }
}

#[inline(always)]
fn first<const N: usize>(numbers: &[f32]) -> [f32; N] {
    let own = numbers.first_chunk::<N>();
    *own.expect("whole lanes are asked for")
}

#[inline(always)]
fn plus<const N: usize>(left: [f32; N], right: [f32; N]) -> [f32; N] {
    let mut sum = [0.0; N];
    for lane in 0..N {
        sum[lane] = left[lane] + right[lane];
    }
    sum
}

#[inline(always)]
fn minus<const N: usize>(left: [f32; N], right: [f32; N]) -> [f32; N] {
    let mut difference = [0.0; N];
    for lane in 0..N {
        difference[lane] = left[lane] - right[lane];
    }
    difference
}

/// One of the outputs.
#[derive(Debug, Clone, Copy)]
struct Channel {
    channel: usize,
    /// Of all.
    outputs: usize,
    bias: f32,
    /// The row of tiles that the plane's first cells belong to.
    first_row: usize,
}

/// Aᵀ m A of the products of every tile of some `rows`, with
/// Aᵀ = [1 1 1 0; 0 1 −1 −1], and the `bias`: `products` [positions, outputs, tiles] of
/// some rows, `part`, → their cells of one channel's `plane`.
#[macerator::with_simd]
fn leave<S: Simd>(
    plane: &mut [f32],
    products: &[f32],
    tiles: Tiles,
    rows: Range<usize>,
    part: Range<usize>,
    output: Channel,
) {
    let Channel {
        channel,
        outputs,
        bias,
        first_row,
    } = output;
    let across = tiles.across();
    let count = part.len() * across;
    let of_position = outputs * count + GAP;
    // Of a picture of odd width the last tile is half of one.
    let whole = tiles.width / 2 - tiles.width / 2 % LANES;
    for row in rows {
        let products = &products[channel * count + (row - part.start) * across..];
        let line = 2 * (row - first_row) * tiles.width;
        let (upper, lower) = plane[line..].split_at_mut(tiles.width);
        // The last row of tiles may reach beyond an odd picture.
        let mut lower = lower.get_mut(..tiles.width);
        for tile in (0..whole).step_by(LANES) {
            let [above, below] = leave_some::<LANES>(&products[tile..], of_position, bias);
            store_pairs(&mut upper[2 * tile..], above);
            if let Some(lower) = &mut lower {
                store_pairs(&mut lower[2 * tile..], below);
            }
        }
        let mut tile = whole;
        if tile + HALF <= tiles.width / 2 {
            let [above, below] = leave_some::<HALF>(&products[tile..], of_position, bias);
            store_pairs(&mut upper[2 * tile..], above);
            if let Some(lower) = &mut lower {
                store_pairs(&mut lower[2 * tile..], below);
            }
            tile += HALF;
        }
        for tile in tile..across {
            let [above, below] = leave_some::<1>(&products[tile..], of_position, bias);
            let cells = 2 * tile..(2 * tile + 2).min(tiles.width);
            upper[cells.clone()].copy_from_slice(&above[0][..cells.len()]);
            if let Some(lower) = &mut lower {
                lower[cells.clone()].copy_from_slice(&below[0][..cells.len()]);
            }
        }
    }
}

/// The two rows of cells of some tiles, whose products at one position begin
/// `of_position` after those of the one before.
#[inline(always)]
fn leave_some<const N: usize>(
    products: &[f32],
    of_position: usize,
    bias: f32,
) -> [[[f32; 2]; N]; 2] {
    let at =
        |line: usize, column: usize| first::<N>(&products[(4 * line + column) * of_position..]);
    let mut upper = [[0.0; N]; 4];
    let mut lower = [[0.0; N]; 4];
    for column in 0..4 {
        let [one, two] = [at(1, column), at(2, column)];
        upper[column] = plus(plus(at(0, column), one), two);
        lower[column] = minus(minus(one, two), at(3, column));
    }
    [across(upper, bias), across(lower, bias)]
}

/// A along one line of tiles.
#[inline(always)]
fn across<const N: usize>(sums: [[f32; N]; 4], bias: f32) -> [[f32; 2]; N] {
    let left = plus(plus(sums[0], sums[1]), sums[2]);
    let right = minus(minus(sums[1], sums[2]), sums[3]);
    let mut cells = [[0.0; 2]; N];
    for lane in 0..N {
        cells[lane] = [left[lane] + bias, right[lane] + bias];
    }
    cells
}

/// Writes the first numbers of a slice, two for each tile.
#[inline(always)]
fn store_pairs<const N: usize>(into: &mut [f32], pairs: [[f32; 2]; N]) {
    let into = into[..2 * N].as_chunks_mut::<2>().0.first_chunk_mut::<N>();
    *into.expect("whole lanes are asked for") = pairs;
}

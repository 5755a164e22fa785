//! Tiles before their products, Bᵀ d B, and after them, Aᵀ m A.
//!
//! Lines are arrays of some tiles' numbers, which the compiler keeps in registers.

use std::ops::Range;

use macerator::Simd;

use super::GAP;

/// Tiles of a row that are computed together.
pub(super) const LANES: usize = 8;
const HALF: usize = LANES / 2;

/// The tiles of some pictures, row by row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tiles {
    pub(super) pictures: usize,
    pub(super) height: usize,
    pub(super) width: usize,
}

impl Tiles {
    /// Rows of tiles in one picture.
    pub(super) fn down(self) -> usize {
        self.height.div_ceil(2)
    }

    /// Tiles of a row.
    pub(super) fn across(self) -> usize {
        self.width.div_ceil(2)
    }

    pub(super) fn plane(self) -> usize {
        self.height * self.width
    }
}

/// Bᵀ d B of what every tile of some `rows` sees, with
/// Bᵀ = [1 0 −1 0; 0 1 1 0; 0 −1 1 0; 0 1 0 −1]: `sample` [pictures, inputs, height,
/// width] → `seen` [positions, inputs, tiles].
#[macerator::with_simd]
pub(super) fn enter<S: Simd>(
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
pub(super) struct Channel {
    pub(super) channel: usize,
    /// Of all.
    pub(super) outputs: usize,
    pub(super) bias: f32,
    /// The row of tiles that the plane's first cells belong to.
    pub(super) first_row: usize,
}

/// Aᵀ m A of the products of every tile of some `rows`, with
/// Aᵀ = [1 1 1 0; 0 1 −1 −1], and the `bias`: `products` [positions, outputs, tiles] of
/// some rows, `part`, → their cells of one channel's `plane`.
#[macerator::with_simd]
pub(super) fn leave<S: Simd>(
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

/// Writes the first numbers of a slice.
#[inline(always)]
pub(super) fn store<const N: usize>(into: &mut [f32], numbers: [f32; N]) {
    let into = into.first_chunk_mut::<N>();
    *into.expect("whole lanes are asked for") = numbers;
}

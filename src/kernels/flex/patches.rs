//! The nine numbers that each cell of a 3 × 3 convolution sees: gathered on the way
//! there, given back on the way back.

use std::ops::Range;

/// Taps of a 3 × 3 kernel.
pub(super) const TAPS: usize = 9;

/// Cells of a tile, about.
const TILE_CELLS: usize = 256;

/// Sizes of one sample's convolution, which has one cell of zeros around its input.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) channels_in: usize,
    pub(super) height: usize,
    pub(super) width: usize,
    /// 1 or 2.
    pub(super) stride: usize,
}

impl Shape {
    pub(super) fn rows(self) -> usize {
        self.height.div_ceil(self.stride)
    }

    pub(super) fn columns(self) -> usize {
        self.width.div_ceil(self.stride)
    }

    /// Of the output.
    pub(super) fn cells(self) -> usize {
        self.rows() * self.columns()
    }

    /// Of one plane of the input.
    pub(super) fn plane(self) -> usize {
        self.height * self.width
    }

    /// The output's rows in parts whose patches fit in a cache.
    pub(super) fn tiles(self) -> impl Iterator<Item = Range<usize>> {
        let rows = self.rows();
        let at_once = (TILE_CELLS / self.columns().max(1)).clamp(1, rows.max(1));
        (0..rows)
            .step_by(at_once)
            .map(move |first| first..(first + at_once).min(rows))
    }

    /// For one tap at stride 1: the cells of some output `rows` whose number lies on
    /// the plane or beside it, and where on the plane the first of these is.
    fn shifted(self, rows: &Range<usize>, tap: usize) -> (Range<usize>, usize) {
        let cells = rows.len() * self.width;
        // One row and one column of zeros stand before the plane's own.
        let seen = rows.start * self.width + tap / 3 * self.width + tap % 3;
        let skipped = self.width + 1;
        let first = skipped.saturating_sub(seen).min(cells);
        let start = (seen + first - skipped).min(self.plane());
        let count = (cells - first).min(self.plane() - start);
        (first..first + count, start)
    }

    /// Where a cell of the output looks for a tap, if that is on the plane.
    fn seen(self, row: usize, column: usize, tap: usize) -> Option<usize> {
        let row = (row * self.stride + tap / 3).checked_sub(1)?;
        let column = (column * self.stride + tap % 3).checked_sub(1)?;
        (row < self.height && column < self.width).then_some(row * self.width + column)
    }
}

/// The numbers that each cell of some output `rows` sees of one `plane`, a row of
/// `patches` for each tap.
pub(super) fn gather(patches: &mut [f32], plane: &[f32], rows: Range<usize>, shape: Shape) {
    let columns = shape.columns();
    let tile_cells = rows.len() * columns;
    for (tap, patch) in patches.chunks_exact_mut(tile_cells).enumerate() {
        if shape.stride == 1 {
            let (on_plane, start) = shape.shifted(&rows, tap);
            patch[..on_plane.start].fill(0.0);
            patch[on_plane.end..].fill(0.0);
            let numbers = &plane[start..][..on_plane.len()];
            patch[on_plane].copy_from_slice(numbers);
            blank_edge(patch, columns, tap);
            continue;
        }
        for (row, target) in rows.clone().zip(patch.chunks_exact_mut(columns)) {
            for (column, target) in target.iter_mut().enumerate() {
                let seen = shape.seen(row, column, tap);
                *target = seen.map_or(0.0, |seen| plane[seen]);
            }
        }
    }
}

/// Adds each cell's numbers to those cells of one `plane` that [`gather`] took them
/// from. `patches` are of no use afterwards.
pub(super) fn give_back(patches: &mut [f32], plane: &mut [f32], rows: Range<usize>, shape: Shape) {
    let columns = shape.columns();
    let tile_cells = rows.len() * columns;
    for (tap, patch) in patches.chunks_exact_mut(tile_cells).enumerate() {
        if shape.stride == 1 {
            blank_edge(patch, columns, tap);
            let (on_plane, start) = shape.shifted(&rows, tap);
            let targets = &mut plane[start..][..on_plane.len()];
            for (target, number) in targets.iter_mut().zip(&patch[on_plane]) {
                *target += number;
            }
            continue;
        }
        for (row, numbers) in rows.clone().zip(patch.chunks_exact(columns)) {
            for (column, number) in numbers.iter().enumerate() {
                if let Some(seen) = shape.seen(row, column, tap) {
                    plane[seen] += number;
                }
            }
        }
    }
}

/// Zeros in the column whose tap lies beside the plane, where a shift by whole rows
/// finds the end of another row.
fn blank_edge(patch: &mut [f32], columns: usize, tap: usize) {
    let edge = match tap % 3 {
        0 => 0,
        1 => return,
        _ => columns - 1,
    };
    for row in patch.chunks_exact_mut(columns) {
        row[edge] = 0.0;
    }
}

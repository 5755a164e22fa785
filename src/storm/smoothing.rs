//! Gaussian smoothing of a map with reflected borders, and its adjoint.
//!
//! The kernels in use are products of two equal filters, so a map is smoothed by
//! one pass along the rows and one along the columns.

/// Most taps on each side of the centre.
const MOST_SIDES: usize = 7;

/// A symmetric filter, applied along both axes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Smoothing {
    centre: f64,
    /// The taps at distances 1, 2, …; only the first `reach` count.
    sides: [f64; MOST_SIDES],
    reach: usize,
}

impl Smoothing {
    /// The largest side of a kernel, in cells.
    pub const LARGEST_KERNEL: usize = 2 * MOST_SIDES + 1;

    /// Leaves every map as it is.
    pub const NONE: Self = Self {
        centre: 1.0,
        sides: [0.0; MOST_SIDES],
        reach: 0,
    };

    /// The Gaussian of the textbook, exp(−d² / (2 σ²)), taps summing to 1:
    /// 0.107, 0.787, 0.107 for σ = 0.5. `sigma` is in cells and above 0.
    pub fn gaussian(sigma: f64) -> Self {
        Self::new(1, |square| (-square / (2.0 * sigma * sigma)).exp())
    }

    /// The released STORM code's exp(−(d / (2 σ))²), which is wider than the
    /// textbook's: 0.212, 0.576, 0.212 for σ = 0.5. `kernel_size` is odd and at
    /// most [`Smoothing::LARGEST_KERNEL`].
    pub fn released(sigma: f64, kernel_size: usize) -> Self {
        let reach = (kernel_size / 2).min(MOST_SIDES);
        Self::new(reach, |square| (-square / (4.0 * sigma * sigma)).exp())
    }

    /// `weight` is that of a squared distance, 1 in the centre.
    fn new(reach: usize, weight: impl Fn(f64) -> f64) -> Self {
        let mut sides = [0.0; MOST_SIDES];
        for (index, side) in sides[..reach].iter_mut().enumerate() {
            *side = weight(((index + 1) * (index + 1)) as f64);
        }
        let total = 1.0 + 2.0 * sides.iter().sum::<f64>();
        Self {
            centre: 1.0 / total,
            sides: sides.map(|side| side / total),
            reach,
        }
    }

    /// The taps beside the centre with the indices on both sides of `k` in a
    /// line of `length` that they fall on.
    fn beside(&self, k: usize, length: usize) -> impl Iterator<Item = (f64, [usize; 2])> {
        let taps = self.sides[..self.reach].iter().enumerate();
        taps.map(move |(index, &tap)| {
            let distance = index as isize + 1;
            let at = |offset| reflected(k as isize + offset, length);
            (tap, [at(-distance), at(distance)])
        })
    }

    /// Smooths a map `[rows, columns]`.
    pub fn apply(self, rows: usize, columns: usize, map: &[f64]) -> Vec<f64> {
        let mut output = map.to_vec();
        let mut line = Vec::new();
        for_each_line(rows, columns, |index| {
            line.clear();
            line.extend(index.clone().map(|i| output[i]));
            for (k, i) in index.enumerate() {
                output[i] = self.centre * line[k];
                for (tap, [before, after]) in self.beside(k, line.len()) {
                    output[i] += tap * (line[before] + line[after]);
                }
            }
        });
        output
    }

    /// The transposed map of [`Smoothing::apply`]: takes dL/d(smoothed)
    /// `[rows, columns]` to dL/d(map).
    pub fn adjoint(self, rows: usize, columns: usize, gradient: &[f64]) -> Vec<f64> {
        let mut output = gradient.to_vec();
        let mut line = Vec::new();
        for_each_line(rows, columns, |index| {
            line.clear();
            line.resize(index.len(), 0.0);
            for (k, i) in index.clone().enumerate() {
                line[k] += self.centre * output[i];
                for (tap, [before, after]) in self.beside(k, line.len()) {
                    line[before] += tap * output[i];
                    line[after] += tap * output[i];
                }
            }
            for (k, i) in index.enumerate() {
                output[i] = line[k];
            }
        });
        output
    }
}

/// Calls `visit` with the indices of every row, then of every column.
fn for_each_line(
    rows: usize,
    columns: usize,
    mut visit: impl FnMut(std::iter::StepBy<std::ops::Range<usize>>),
) {
    for row in 0..rows {
        visit((row * columns..(row + 1) * columns).step_by(1));
    }
    for column in 0..columns {
        visit((column..rows * columns).step_by(columns));
    }
}

/// The index in a line of `length` that stands in the place of `index`, mirrored
/// at the ends without repeating the end itself (PyTorch's "reflect"), again and
/// again where the line is short; a line of one cell mirrors onto itself.
fn reflected(index: isize, length: usize) -> usize {
    let last = length as isize - 1;
    if last == 0 {
        return 0;
    }
    let folded = index.rem_euclid(2 * last);
    folded.min(2 * last - folded) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn taps_are_the_known_ones() {
        let textbook = Smoothing::gaussian(0.5);
        assert!((textbook.sides[0] - 0.106_507).abs() < 1e-6);
        assert!((textbook.centre - 0.786_986).abs() < 1e-6);
        let released = Smoothing::released(0.5, 3);
        assert!((released.sides[0] - 0.211_942).abs() < 1e-6);
        assert!((released.centre - 0.576_117).abs() < 1e-6);
    }

    #[test]
    fn an_impulse_in_the_corner_is_reflected() {
        let smoothing = Smoothing::gaussian(0.5);
        let (side, centre) = (smoothing.sides[0], smoothing.centre);
        let mut map = [0.0; 9];
        map[1] = 1.0;
        let smoothed = Smoothing::gaussian(0.5).apply(3, 3, &map);
        // Left of column 0 stands column 1 again.
        assert!((smoothed[0] - 2.0 * side * centre).abs() < 1e-15);
        assert!((smoothed[1] - centre * centre).abs() < 1e-15);
        // Above row 0 stands row 1 again: the middle row sees row 0 once.
        assert!((smoothed[4] - centre * side).abs() < 1e-15);
        assert_eq!(smoothed[7], 0.0);
    }

    #[test]
    fn a_constant_map_stays_constant_even_on_one_cell() {
        for (rows, columns) in [(1, 1), (1, 5), (4, 2)] {
            for kernel_size in [1, 3, 5, 15] {
                let smoothing = Smoothing::released(0.5, kernel_size);
                let smoothed = smoothing.apply(rows, columns, &vec![3.0; rows * columns]);
                assert!(smoothed.iter().all(|v| (v - 3.0).abs() < 1e-14));
            }
        }
        let map = [1.0, 2.0, 4.0, 8.0];
        assert_eq!(Smoothing::NONE.apply(2, 2, &map), map);
        assert_eq!(Smoothing::released(0.5, 1), Smoothing::NONE);
    }

    #[test]
    fn a_wide_kernel_is_the_released_formula_on_the_plane() {
        let (side, sigma) = (7usize, 0.8f64);
        let mut map = vec![0.0; side * side];
        map[3 * side + 3] = 1.0;
        let smoothed = Smoothing::released(sigma, 5).apply(side, side, &map);
        let weight = |row: usize, column: usize| {
            let [dy, dx] = [row, column].map(|at| at as f64 - 3.0);
            let is_inside = dy.abs() <= 2.0 && dx.abs() <= 2.0;
            let value = (-(dy / (2.0 * sigma)).powi(2) - (dx / (2.0 * sigma)).powi(2)).exp();
            if is_inside { value } else { 0.0 }
        };
        let cells = (0..side).flat_map(|row| (0..side).map(move |column| (row, column)));
        let total: f64 = cells.clone().map(|(row, column)| weight(row, column)).sum();
        for (row, column) in cells {
            let expected = weight(row, column) / total;
            assert!((smoothed[row * side + column] - expected).abs() < 1e-14);
        }
    }

    proptest! {
        #[test]
        fn adjoint_satisfies_the_inner_product_identity(
            rows in 1usize..6,
            columns in 1usize..6,
            values in prop::collection::vec(-1.0f64..1.0, 72),
            kernel_size in prop::sample::select(vec![1usize, 3, 7]),
        ) {
            let cells = rows * columns;
            let (x, y) = (&values[..cells], &values[36..36 + cells]);
            let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(p, q)| p * q).sum() };
            let smoothing = Smoothing::released(0.7, kernel_size);
            let forward = dot(&smoothing.apply(rows, columns, x), y);
            let backward = dot(x, &smoothing.adjoint(rows, columns, y));
            prop_assert!((forward - backward).abs() < 1e-12);
        }
    }
}

//! Gaussian 3 × 3 smoothing of a map with reflected borders, and its adjoint.
//!
//! Both kernels in use are products of two equal three-tap filters, so a map is
//! smoothed by one pass along the rows and one along the columns.

/// A symmetric three-tap filter, applied along both axes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Smoothing {
    side: f64,
    centre: f64,
}

impl Smoothing {
    /// The Gaussian of the textbook, exp(−d² / (2 σ²)), taps summing to 1:
    /// 0.107, 0.787, 0.107 for σ = 0.5. `sigma` is in cells and above 0.
    pub fn gaussian(sigma: f64) -> Self {
        Self::from_side_weight((-1.0 / (2.0 * sigma * sigma)).exp())
    }

    /// The released STORM code's exp(−(d / (2 σ))²), which is wider than the
    /// textbook's: 0.212, 0.576, 0.212 for σ = 0.5.
    pub fn released(sigma: f64) -> Self {
        Self::from_side_weight((-1.0 / (4.0 * sigma * sigma)).exp())
    }

    fn from_side_weight(weight: f64) -> Self {
        let total = 1.0 + 2.0 * weight;
        Self {
            side: weight / total,
            centre: 1.0 / total,
        }
    }

    /// Smooths a map `[rows, columns]`.
    pub fn apply(self, rows: usize, columns: usize, map: &[f64]) -> Vec<f64> {
        let mut output = map.to_vec();
        let mut line = Vec::new();
        for_each_line(rows, columns, |index| {
            line.clear();
            line.extend(index.clone().map(|i| output[i]));
            for (k, i) in index.enumerate() {
                let [before, after] = neighbours(k, line.len());
                output[i] = self.centre * line[k] + self.side * (line[before] + line[after]);
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
                let [before, after] = neighbours(k, line.len());
                line[k] += self.centre * output[i];
                line[before] += self.side * output[i];
                line[after] += self.side * output[i];
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

/// The indices beside `k` in a line of `length`, mirrored at the ends without
/// repeating the end itself (PyTorch's "reflect"); a line of one cell mirrors
/// onto itself.
fn neighbours(k: usize, length: usize) -> [usize; 2] {
    let last = length - 1;
    let before = if k == 0 { 1.min(last) } else { k - 1 };
    let after = if k == last {
        last.saturating_sub(1)
    } else {
        k + 1
    };
    [before, after]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn taps_are_the_known_ones() {
        let textbook = Smoothing::gaussian(0.5);
        assert!((textbook.side - 0.106_507).abs() < 1e-6);
        assert!((textbook.centre - 0.786_986).abs() < 1e-6);
        let released = Smoothing::released(0.5);
        assert!((released.side - 0.211_942).abs() < 1e-6);
        assert!((released.centre - 0.576_117).abs() < 1e-6);
    }

    #[test]
    fn an_impulse_in_the_corner_is_reflected() {
        let Smoothing { side, centre } = Smoothing::gaussian(0.5);
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
            let smoothed =
                Smoothing::released(0.5).apply(rows, columns, &vec![3.0; rows * columns]);
            assert!(smoothed.iter().all(|v| (v - 3.0).abs() < 1e-14));
        }
    }

    proptest! {
        #[test]
        fn adjoint_satisfies_the_inner_product_identity(
            rows in 1usize..6,
            columns in 1usize..6,
            values in prop::collection::vec(-1.0f64..1.0, 72),
        ) {
            let cells = rows * columns;
            let (x, y) = (&values[..cells], &values[36..36 + cells]);
            let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(p, q)| p * q).sum() };
            let smoothing = Smoothing::gaussian(0.7);
            let forward = dot(&smoothing.apply(rows, columns, x), y);
            let backward = dot(x, &smoothing.adjoint(rows, columns, y));
            prop_assert!((forward - backward).abs() < 1e-12);
        }
    }
}

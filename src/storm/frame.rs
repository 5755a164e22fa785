//! The picture's frame as a grid of square cells.
//!
//! Distances are measured with the longer side as 1, so that they are true on
//! pictures that are not square too.

/// A grid of `rows` × `columns` square cells; the longer side has length 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Cells from top to bottom.
    pub rows: usize,
    /// Cells from left to right.
    pub columns: usize,
}

impl Frame {
    /// Number of cells.
    pub fn cells(self) -> usize {
        self.rows * self.columns
    }

    /// Side of one cell.
    pub fn cell(self) -> f64 {
        1.0 / self.rows.max(self.columns) as f64
    }

    /// Width and height; the larger is 1.
    pub fn extent(self) -> [f64; 2] {
        [
            self.columns as f64 * self.cell(),
            self.rows as f64 * self.cell(),
        ]
    }

    /// The smaller of width and height.
    pub fn shorter_side(self) -> f64 {
        let [width, height] = self.extent();
        width.min(height)
    }

    /// Centre (x, y) of a cell given by its row-major index.
    pub fn position(self, index: usize) -> [f64; 2] {
        [
            ((index % self.columns) as f64 + 0.5) * self.cell(),
            ((index / self.columns) as f64 + 0.5) * self.cell(),
        ]
    }

    /// Mean position of a distribution `[rows, columns]` that sums to 1.
    pub fn centroid(self, distribution: &[f64]) -> [f64; 2] {
        let mut centroid = [0.0; 2];
        for (index, share) in distribution.iter().enumerate() {
            let [x, y] = self.position(index);
            centroid[0] += share * x;
            centroid[1] += share * y;
        }
        centroid
    }

    /// A position as fractions 0..=1 of width and height.
    pub fn to_fractions(self, [x, y]: [f64; 2]) -> [f64; 2] {
        let [width, height] = self.extent();
        [x / width, y / height]
    }

    /// The position at fractions 0..=1 of width and height.
    pub fn from_fractions(self, [x, y]: [f64; 2]) -> [f64; 2] {
        let [width, height] = self.extent();
        [x * width, y * height]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_of_a_wide_frame_are_square_and_the_width_is_one() {
        let frame = Frame {
            rows: 2,
            columns: 4,
        };
        assert_eq!(frame.extent(), [1.0, 0.5]);
        assert_eq!(frame.position(0), [0.125, 0.125]);
        assert_eq!(frame.position(5), [0.375, 0.375]);
        assert_eq!(frame.to_fractions([0.5, 0.25]), [0.5, 0.5]);
        assert_eq!(frame.from_fractions([0.5, 0.5]), [0.5, 0.25]);
    }

    #[test]
    fn the_centroid_of_two_cells_is_their_weighted_mean() {
        let frame = Frame {
            rows: 1,
            columns: 4,
        };
        assert_eq!(frame.centroid(&[0.25, 0.0, 0.75, 0.0]), [0.5, 0.125]);
    }
}

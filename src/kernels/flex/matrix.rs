//! Matrix products of parts of slices, one thread each.
//!
//! The gemm crate's one function takes pointers and strides; here the bounds of
//! every matrix are checked against the slice that it lies in, so that this is
//! the only place that needs `unsafe`.

use gemm::Parallelism;

/// A matrix in a slice: `rows` × `columns` numbers from `start` on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub(super) start: usize,
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) row_stride: usize,
    pub(super) column_stride: usize,
}

impl Layout {
    /// Rows one after the other, `row_stride` numbers apart.
    pub(super) fn rows(start: usize, rows: usize, columns: usize, row_stride: usize) -> Self {
        Self {
            start,
            rows,
            columns,
            row_stride,
            column_stride: 1,
        }
    }

    /// The same numbers with rows and columns exchanged.
    pub(super) fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }

    /// Whether every number lies in a slice of `length` numbers.
    fn fits(self, length: usize) -> bool {
        if self.rows == 0 || self.columns == 0 {
            return true;
        }
        let last = (self.rows - 1)
            .checked_mul(self.row_stride)
            .zip((self.columns - 1).checked_mul(self.column_stride))
            .and_then(|(down, across)| self.start.checked_add(down)?.checked_add(across));
        last.is_some_and(|last| last < length)
    }
}

/// What becomes of the numbers that stand where a product goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Destination {
    Overwritten,
    AddedTo,
}

/// `into` ← scale · left · right, or that added to it.
///
/// # Panics
/// If the shapes do not match or a matrix reaches beyond its slice.
pub(super) fn multiply(
    (into, into_at): (&mut [f32], Layout),
    destination: Destination,
    scale: f32,
    (left, left_at): (&[f32], Layout),
    (right, right_at): (&[f32], Layout),
) {
    assert_eq!(left_at.columns, right_at.rows, "inner sizes of a product");
    assert_eq!(into_at.rows, left_at.rows, "rows of a product");
    assert_eq!(into_at.columns, right_at.columns, "columns of a product");
    assert!(into_at.fits(into.len()) && left_at.fits(left.len()) && right_at.fits(right.len()));
    // A matrix of overlapping rows would be written by several of the kernel's tiles at once.
    assert!(into_at.column_stride == 1 && into_at.row_stride >= into_at.columns);
    if into_at.rows == 0 || into_at.columns == 0 {
        return;
    }
    // SAFETY: every element of the three matrices lies within its slice, as asserted
    // above; `into` is borrowed mutably, so it overlaps neither of the others.
    #[expect(unsafe_code, reason = "gemm takes pointers")]
    unsafe {
        gemm::gemm(
            into_at.rows,
            into_at.columns,
            left_at.columns,
            into.as_mut_ptr().add(into_at.start),
            into_at.column_stride as isize,
            into_at.row_stride as isize,
            destination == Destination::AddedTo,
            left.as_ptr().add(left_at.start),
            left_at.column_stride as isize,
            left_at.row_stride as isize,
            right.as_ptr().add(right_at.start),
            right_at.column_stride as isize,
            right_at.row_stride as isize,
            1.0f32,
            scale,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_parts_of_slices_are_sums_of_products() {
        let left: Vec<f32> = (0..60).map(|i| (i % 7) as f32 - 3.0).collect();
        let right: Vec<f32> = (0..60).map(|i| (i % 5) as f32 - 2.0).collect();
        let mut into = vec![1.0; 40];
        let left_at = Layout::rows(4, 3, 5, 11);
        let right_at = Layout::rows(2, 4, 5, 9).transposed();
        let into_at = Layout::rows(3, 3, 4, 8);
        multiply(
            (&mut into, into_at),
            Destination::AddedTo,
            0.5,
            (&left, left_at),
            (&right, right_at),
        );
        for row in 0..3 {
            for column in 0..8 {
                let sum: f32 = (0..5)
                    .map(|k| left[4 + 11 * row + k] * right[(2 + 9 * column + k).min(59)])
                    .sum();
                let expected = if column < 4 { 1.0 + 0.5 * sum } else { 1.0 };
                assert!((into[3 + 8 * row + column] - expected).abs() < 1e-5);
            }
        }
    }

    #[test]
    #[should_panic(expected = "fits")]
    fn a_matrix_beyond_its_slice_is_refused() {
        let at = Layout::rows(1, 2, 2, 2);
        let mut into = vec![0.0; 4];
        let numbers = [0.0; 8];
        let inner = Layout::rows(0, 2, 2, 2);
        multiply(
            (&mut into, at),
            Destination::Overwritten,
            1.0,
            (&numbers, inner),
            (&numbers, inner),
        );
    }
}

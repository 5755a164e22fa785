//! The cross-attention maps of one prediction, the input of every objective.
//!
//! The pipeline averages the probabilities over layers and heads on the device
//! and reads this one small array back; nothing here knows the model.

use thiserror::Error;

/// Cross-attention probabilities averaged over layers and heads.
///
/// `values` is A `[rows, columns, tokens]`, row-major with the token fastest, so
/// A[row, column, token] is `values[(row * columns + column) * tokens + token]`.
/// Every entry is a probability in 0..=1; at each pixel the tokens sum to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct AttentionMaps {
    /// Height of the query grid.
    pub rows: usize,
    /// Width of the query grid.
    pub columns: usize,
    /// Number of text positions, 77 for CLIP.
    pub tokens: usize,
    /// The probabilities, `rows * columns * tokens` of them.
    pub values: Vec<f32>,
}

/// What can be wrong with a set of maps.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AttentionError {
    /// A dimension is zero.
    #[error(
        "attention maps of {rows} × {columns} × {tokens} are empty; choose a picture size that gives the model a grid of at least one cell"
    )]
    Empty {
        /// Rows given.
        rows: usize,
        /// Columns given.
        columns: usize,
        /// Tokens given.
        tokens: usize,
    },
    /// The number of values does not fit the shape.
    #[error(
        "attention maps of {rows} × {columns} × {tokens} need {} values but {found} were given; pass the maps of one prediction",
        rows * columns * tokens
    )]
    Length {
        /// Rows given.
        rows: usize,
        /// Columns given.
        columns: usize,
        /// Tokens given.
        tokens: usize,
        /// Length of the values given.
        found: usize,
    },
    /// A value is NaN or infinite.
    #[error(
        "the attention of token {token} at row {row}, column {column} is not a finite number; the model overflowed, so try full precision (f32) or a smaller update step"
    )]
    NonFinite {
        /// Row of the first such value.
        row: usize,
        /// Column of the first such value.
        column: usize,
        /// Token of the first such value.
        token: usize,
    },
}

impl AsRef<[f32]> for AttentionMaps {
    fn as_ref(&self) -> &[f32] {
        &self.values
    }
}

impl AttentionMaps {
    /// Takes A `[rows, columns, tokens]`.
    ///
    /// # Errors
    /// [`AttentionError::Empty`] if a dimension is zero and
    /// [`AttentionError::Length`] if `values` has another length.
    pub fn new(
        rows: usize,
        columns: usize,
        tokens: usize,
        values: Vec<f32>,
    ) -> Result<Self, AttentionError> {
        if rows == 0 || columns == 0 || tokens == 0 {
            return Err(AttentionError::Empty {
                rows,
                columns,
                tokens,
            });
        }
        if values.len() != rows * columns * tokens {
            return Err(AttentionError::Length {
                rows,
                columns,
                tokens,
                found: values.len(),
            });
        }
        Ok(Self {
            rows,
            columns,
            tokens,
            values,
        })
    }

    /// Number of query positions, `rows * columns`.
    pub fn pixels(&self) -> usize {
        self.rows * self.columns
    }

    /// The map `[rows, columns]` of one token, row-major.
    ///
    /// # Panics
    /// If `token` is not below `tokens`.
    pub fn map(&self, token: usize) -> Vec<f32> {
        assert!(token < self.tokens, "token {token} of {}", self.tokens);
        self.values
            .iter()
            .skip(token)
            .step_by(self.tokens)
            .copied()
            .collect()
    }

    /// Refuses NaN and infinities, naming the first.
    ///
    /// # Errors
    /// [`AttentionError::NonFinite`]; and the two of [`AttentionMaps::new`] if
    /// the public fields were changed so that they no longer agree.
    pub fn check(&self) -> Result<(), AttentionError> {
        let (rows, columns, tokens) = (self.rows, self.columns, self.tokens);
        if self.pixels() * tokens == 0 {
            return Err(AttentionError::Empty {
                rows,
                columns,
                tokens,
            });
        }
        if self.values.len() != self.pixels() * tokens {
            return Err(AttentionError::Length {
                rows,
                columns,
                tokens,
                found: self.values.len(),
            });
        }
        match self.values.iter().position(|value| !value.is_finite()) {
            None => Ok(()),
            Some(index) => Err(AttentionError::NonFinite {
                row: index / tokens / columns,
                column: index / tokens % columns,
                token: index % tokens,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counting(rows: usize, columns: usize, tokens: usize) -> AttentionMaps {
        let values = (0..rows * columns * tokens).map(|i| i as f32).collect();
        AttentionMaps::new(rows, columns, tokens, values).unwrap()
    }

    #[test]
    fn map_takes_every_tokens_th_value() {
        assert_eq!(counting(2, 3, 4).map(1), [1.0, 5.0, 9.0, 13.0, 17.0, 21.0]);
    }

    #[test]
    fn wrong_lengths_and_empty_shapes_are_refused() {
        assert!(matches!(
            AttentionMaps::new(2, 2, 3, vec![0.0; 11]),
            Err(AttentionError::Length { found: 11, .. })
        ));
        assert!(matches!(
            AttentionMaps::new(0, 2, 3, vec![]),
            Err(AttentionError::Empty { .. })
        ));
    }

    #[test]
    fn the_first_value_that_is_not_finite_is_named() {
        let mut maps = counting(2, 3, 4);
        assert_eq!(maps.check(), Ok(()));
        maps.values[(3 + 2) * 4 + 1] = f32::NAN;
        maps.values[23] = f32::INFINITY;
        assert_eq!(
            maps.check(),
            Err(AttentionError::NonFinite {
                row: 1,
                column: 2,
                token: 1
            })
        );
    }
}

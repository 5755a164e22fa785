//! A painted part of the picture: a grid of cells that are in it or not.
//!
//! Coarse on purpose: attention has a few hundred cells, and a mask travels in
//! every saved picture.

use serde::{Deserialize, Serialize};

/// Cells along the longer side of a mask that is painted or read from a file.
pub const FINEST: usize = 64;
/// Most cells along a side of a mask out of a file.
const MOST_CELLS: usize = 4096;

/// Cells `[rows, columns]` over the whole picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Mask {
    rows: usize,
    columns: usize,
    cells: Vec<bool>,
}

/// In files: the lengths of the runs of equal cells, the first of them outside.
#[derive(Clone, Serialize, Deserialize)]
struct Stored {
    rows: usize,
    columns: usize,
    runs: Vec<usize>,
}

impl Mask {
    /// Nothing, on a grid for a picture of this ratio of width to height.
    pub fn empty(width_to_height: f64) -> Self {
        let finest = FINEST as f64;
        let side = |part: f64| ((finest * part).round() as usize).clamp(1, FINEST);
        let (rows, columns) = match width_to_height >= 1.0 {
            true => (side(1.0 / width_to_height), FINEST),
            false => (FINEST, side(width_to_height)),
        };
        Self {
            rows,
            columns,
            cells: vec![false; rows * columns],
        }
    }

    /// The brighter half of a picture of `width` × `height` grey values 0 to 1,
    /// brought to at most [`FINEST`] cells along the longer side.
    ///
    /// # Panics
    /// If there are not that many values.
    pub fn of_picture(width: usize, height: usize, grey: &[f32]) -> Self {
        assert_eq!(grey.len(), width * height);
        let mut mask = Self::empty(width as f64 / height.max(1) as f64);
        for row in 0..mask.rows {
            for column in 0..mask.columns {
                let part = |cell: usize, cells: usize, size: usize| {
                    let first = cell * size / cells;
                    first
                        ..((cell + 1) * size)
                            .div_ceil(cells)
                            .clamp(first + 1, size.max(1))
                };
                let (ys, xs) = (
                    part(row, mask.rows, height),
                    part(column, mask.columns, width),
                );
                let count = (ys.len() * xs.len()) as f32;
                let values = ys.flat_map(|y| xs.clone().map(move |x| grey[y * width + x]));
                mask.cells[row * mask.columns + column] = values.sum::<f32>() >= 0.5 * count;
            }
        }
        mask
    }

    /// Rows and columns.
    pub fn size(&self) -> [usize; 2] {
        [self.rows, self.columns]
    }

    /// Whether the place, fractions of width and height, is in it.
    pub fn has(&self, [x, y]: [f64; 2]) -> bool {
        let index = |part: f64, cells: usize| {
            let cell = (part * cells as f64).floor();
            (0.0..cells as f64).contains(&cell).then_some(cell as usize)
        };
        match (index(y, self.rows), index(x, self.columns)) {
            (Some(row), Some(column)) => self.cells[row * self.columns + column],
            _ => false,
        }
    }

    /// Whether no cell is in it.
    pub fn is_empty(&self) -> bool {
        !self.cells.contains(&true)
    }

    /// Share of the picture that is in it.
    pub fn share(&self) -> f64 {
        self.cells.iter().filter(|&&cell| cell).count() as f64 / self.cells.len() as f64
    }

    /// Paints a disc, or takes it away. `radius` is a fraction of the shorter side.
    pub fn paint(&mut self, [x, y]: [f64; 2], radius: f64, inside: bool) {
        let shorter = self.rows.min(self.columns) as f64;
        let (centre_x, centre_y) = (x * self.columns as f64, y * self.rows as f64);
        // At least the cell under the brush.
        let radius = (radius * shorter).max(0.71);
        for row in 0..self.rows {
            for column in 0..self.columns {
                let across = column as f64 + 0.5 - centre_x;
                let down = row as f64 + 0.5 - centre_y;
                if across.hypot(down) <= radius {
                    self.cells[row * self.columns + column] = inside;
                }
            }
        }
    }

    /// Moved by whole cells as near as they come to (dx, dy), fractions of the
    /// picture; what leaves it is cut off.
    #[must_use]
    pub fn moved(&self, [dx, dy]: [f64; 2]) -> Self {
        let shift = |by: f64, cells: usize| (by * cells as f64).round() as isize;
        let (right, down) = (shift(dx, self.columns), shift(dy, self.rows));
        let mut moved = self.clone();
        for row in 0..self.rows {
            for column in 0..self.columns {
                let from = [row as isize - down, column as isize - right];
                let is_within = (0..self.rows as isize).contains(&from[0])
                    && (0..self.columns as isize).contains(&from[1]);
                moved.cells[row * self.columns + column] =
                    is_within && self.cells[from[0] as usize * self.columns + from[1] as usize];
            }
        }
        moved
    }

    /// The smallest and largest (x, y) of its cells, as fractions; `None` if it is empty.
    pub fn bounds(&self) -> Option<[[f64; 2]; 2]> {
        let inside = || {
            let cells = self.cells.iter().enumerate().filter(|(_, inside)| **inside);
            cells.map(|(index, _)| [index % self.columns, index / self.columns])
        };
        let first = [0, 1].map(|axis| inside().map(|cell| cell[axis]).min());
        let last = [0, 1].map(|axis| inside().map(|cell| cell[axis]).max());
        let [(Some(left), Some(top)), (Some(right), Some(bottom))] =
            [(first[0], first[1]), (last[0], last[1])]
        else {
            return None;
        };
        let (columns, rows) = (self.columns as f64, self.rows as f64);
        Some([
            [left as f64 / columns, top as f64 / rows],
            [(right + 1) as f64 / columns, (bottom + 1) as f64 / rows],
        ])
    }
}

impl TryFrom<Stored> for Mask {
    type Error = String;

    fn try_from(stored: Stored) -> Result<Self, String> {
        let Stored {
            rows,
            columns,
            runs,
        } = stored;
        let has_sides = (1..=MOST_CELLS).contains(&rows) && (1..=MOST_CELLS).contains(&columns);
        let total = runs
            .iter()
            .try_fold(0usize, |sum, run| sum.checked_add(*run));
        if !has_sides || total != Some(rows * columns) {
            return Err(format!(
                "a mask of {rows} × {columns} cells has runs that do not make it up"
            ));
        }
        let mut cells = Vec::with_capacity(rows * columns);
        for (index, run) in runs.iter().enumerate() {
            cells.extend(std::iter::repeat_n(index % 2 == 1, *run));
        }
        Ok(Self {
            rows,
            columns,
            cells,
        })
    }
}

impl From<Mask> for Stored {
    fn from(mask: Mask) -> Self {
        let mut runs = vec![0];
        let mut inside = false;
        for cell in &mask.cells {
            if *cell != inside {
                inside = *cell;
                runs.push(0);
            }
            *runs.last_mut().expect("it begins with one run") += 1;
        }
        Self {
            rows: mask.rows,
            columns: mask.columns,
            runs,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_painted_disc_is_where_it_was_painted_and_comes_back_from_its_text() {
        let mut mask = Mask::empty(2.0);
        assert_eq!(mask.size(), [32, 64]);
        assert!(mask.is_empty() && mask.bounds().is_none());
        mask.paint([0.25, 0.5], 0.25, true);
        assert!(mask.has([0.25, 0.5]) && !mask.has([0.6, 0.5]) && !mask.has([1.5, 0.5]));
        // A disc of 8 cells' radius on 32 × 64.
        let share = std::f64::consts::PI * 64.0 / 2048.0;
        assert!((mask.share() - share).abs() < 0.01, "{}", mask.share());
        let [low, high] = mask.bounds().unwrap();
        assert_eq!((low, high), ([0.125, 0.25], [0.375, 0.75]));
        let text = serde_json::to_string(&mask).unwrap();
        assert!(text.len() < 300, "{text}");
        assert_eq!(serde_json::from_str::<Mask>(&text).unwrap(), mask);
        mask.paint([0.25, 0.5], 0.3, false);
        assert!(mask.is_empty());
    }

    #[test]
    fn a_picture_becomes_its_brighter_half() {
        // 200 × 100 pixels, the left quarter white.
        let grey: Vec<f32> = (0..20_000)
            .map(|pixel| f32::from(u8::from(pixel % 200 < 50)))
            .collect();
        let mask = Mask::of_picture(200, 100, &grey);
        assert_eq!(mask.size(), [32, 64]);
        assert_eq!(mask.bounds(), Some([[0.0, 0.0], [0.25, 1.0]]));
        assert_eq!(
            mask.moved([0.5, 0.0]).bounds(),
            Some([[0.5, 0.0], [0.75, 1.0]])
        );
        assert_eq!(mask.moved([-0.125, 0.0]).share(), 0.125);
        // Fewer pixels than cells.
        let tiny = Mask::of_picture(2, 1, &[1.0, 0.0]);
        assert_eq!(tiny.bounds(), Some([[0.0, 0.0], [0.5, 1.0]]));
    }

    #[test]
    fn runs_that_make_no_mask_are_refused() {
        for text in [
            r#"{"rows": 2, "columns": 2, "runs": [1, 2]}"#,
            r#"{"rows": 0, "columns": 2, "runs": []}"#,
            r#"{"rows": 1, "columns": 2, "runs": [18446744073709551615, 3]}"#,
            r#"{"rows": 100000, "columns": 100000, "runs": [10000000000]}"#,
        ] {
            assert!(serde_json::from_str::<Mask>(text).is_err(), "{text}");
        }
    }
}

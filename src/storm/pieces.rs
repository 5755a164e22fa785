//! Whether a word's map shows its object once or in several places.
//!
//! A picture with two cats is not what "a cat" asks for, and the centroid of two
//! can stand where one cat should: the relation then seems to hold although
//! neither cat is there. Twins show as separate islands of strong response.

use super::frame::Frame;

/// Cells that respond at least with this share of the strongest response are
/// part of an object: the half-maximum, at which two equal peaks part once they
/// are farther from each other than their own width.
const ISLAND_LEVEL: f64 = 0.5;

/// The share, above 0 and up to 1, of the strong response that lies in the
/// island of the strongest cell; 1 if the object is in one piece, about ½ for
/// twins. `response` is `[rows, columns]`; islands connect over sides and
/// corners.
pub fn largest_piece(frame: Frame, response: &[f64], strongest: usize) -> f64 {
    let level = ISLAND_LEVEL * response[strongest];
    let is_strong = |cell: usize| response[cell] >= level;
    let all: f64 = response.iter().filter(|&&m| m >= level).sum();
    if all <= 0.0 {
        return 1.0;
    }
    let mut is_reached = vec![false; response.len()];
    is_reached[strongest] = true;
    let mut frontier = vec![strongest];
    let mut reached = 0.0;
    while let Some(cell) = frontier.pop() {
        reached += response[cell];
        for neighbour in neighbours(frame, cell) {
            if is_strong(neighbour) && !is_reached[neighbour] {
                is_reached[neighbour] = true;
                frontier.push(neighbour);
            }
        }
    }
    reached / all
}

/// The up to eight cells around one.
fn neighbours(frame: Frame, cell: usize) -> impl Iterator<Item = usize> {
    let Frame { rows, columns } = frame;
    let (row, column) = (cell / columns, cell % columns);
    let rows = row.saturating_sub(1)..(row + 2).min(rows);
    rows.flat_map(move |r| {
        let near = column.saturating_sub(1)..(column + 2).min(columns);
        near.map(move |c| r * columns + c)
    })
    .filter(move |&other| other != cell)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Frame = Frame {
        rows: 6,
        columns: 9,
    };

    /// The share of the piece of the first cell, which is the strongest.
    fn piece(cells: &[(usize, usize, f64)]) -> f64 {
        let mut response = vec![0.1; FRAME.cells()];
        for &(row, column, value) in cells {
            response[row * FRAME.columns + column] = value;
        }
        let (row, column, _) = cells[0];
        largest_piece(FRAME, &response, row * FRAME.columns + column)
    }

    #[test]
    fn one_island_is_whole_whatever_its_shape() {
        assert_eq!(piece(&[(0, 0, 0.9)]), 1.0);
        // Touching at corners, along the frame and back.
        let arc = [(5, 8, 0.9), (4, 7, 0.5), (3, 8, 0.6), (2, 8, 0.5)];
        assert_eq!(piece(&arc), 1.0);
    }

    #[test]
    fn twins_share_and_weak_spots_do_not_count() {
        let twins = [(1, 1, 0.8), (1, 2, 0.7), (4, 6, 0.75), (4, 7, 0.6)];
        assert!((piece(&twins) - 1.5 / 2.85).abs() < 1e-12);
        assert_eq!(piece(&[(1, 1, 0.8), (4, 6, 0.39)]), 1.0);
        // The last column and the first of the next row are not neighbours.
        let wrapped = piece(&[(1, 8, 0.8), (3, 0, 0.8)]);
        assert!((wrapped - 0.5).abs() < 1e-12);
    }

    #[test]
    fn a_map_of_zeros_has_nothing_to_part() {
        assert_eq!(largest_piece(FRAME, &vec![0.0; FRAME.cells()], 0), 1.0);
    }
}

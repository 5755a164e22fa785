//! How far a word's map spreads: whether its object can be one.
//!
//! A picture with two cats is not what "a cat" asks for, and the centroid of two
//! can stand where one cat should: the relation then seems to hold although
//! neither cat is there. The map of a word whose object is there twice reaches
//! over both, so it is wider along one direction than any single object.

use super::frame::Frame;

/// Standard deviation of a distribution `[rows, columns]` that sums to 1, along
/// the direction in which it is widest, in frame units: the square root of the
/// larger eigenvalue of its covariance. A Gaussian blob has its own deviation,
/// two points at a distance d have d / 2.
pub fn spread(frame: Frame, share: &[f64], centroid: [f64; 2]) -> f64 {
    let (mut across, mut down, mut both) = (0.0, 0.0, 0.0);
    for (index, share) in share.iter().enumerate() {
        let [x, y] = frame.position(index);
        let (x, y) = (x - centroid[0], y - centroid[1]);
        across += share * x * x;
        down += share * y * y;
        both += share * x * y;
    }
    let mean = 0.5 * (across + down);
    let difference = 0.5 * (across - down);
    (mean + difference.hypot(both)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::super::target::blob;
    use super::*;

    #[test]
    fn a_blob_has_its_own_deviation_in_any_frame() {
        for (rows, columns) in [(32, 32), (24, 48)] {
            let frame = Frame { rows, columns };
            let centre = frame.from_fractions([0.45, 0.5]);
            let share = blob(frame, centre, 0.06);
            let found = spread(frame, &share, frame.centroid(&share));
            // Cells are wide themselves, and the floor of the blob is everywhere.
            assert!((found - 0.06).abs() < 0.003, "{found}");
        }
    }

    #[test]
    fn twins_are_as_wide_as_half_their_distance_in_any_direction() {
        let frame = Frame {
            rows: 10,
            columns: 20,
        };
        for [first, second] in [[0, 19], [0, 9 * 20], [3 * 20 + 2, 7 * 20 + 14]] {
            let mut share = vec![0.0; frame.cells()];
            share[first] = 0.5;
            share[second] = 0.5;
            let [a, b] = [first, second].map(|cell| frame.position(cell));
            let distance = (a[0] - b[0]).hypot(a[1] - b[1]);
            let found = spread(frame, &share, frame.centroid(&share));
            assert!((found - 0.5 * distance).abs() < 1e-12);
        }
    }

    #[test]
    fn a_point_has_no_spread() {
        let frame = Frame {
            rows: 5,
            columns: 5,
        };
        let mut share = vec![0.0; 25];
        share[7] = 1.0;
        assert_eq!(spread(frame, &share, frame.position(7)), 0.0);
    }
}

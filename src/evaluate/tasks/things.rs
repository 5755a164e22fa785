//! Which pixels of a picture are things and which are its ground.
//!
//! The grounds of the embedded model's world are smooth, so a quadratic that is
//! fitted from the frame inwards is the ground, and what differs from it is not. A
//! mask of a thing is the part around its detected centre.

use image::RgbImage;

/// Distance of colour, in units of the channels' half range, from which a pixel is
/// not the ground.
const DIFFERENCE: f64 = 0.28;
/// Distance at which a pixel's part in the fit is halved.
const TOLERANCE: f64 = 0.12;
/// Rounds of the reweighted fit.
const ROUNDS: usize = 12;
/// Part of a side that counts as the frame.
const FRAME: f64 = 0.9;
/// Terms of the ground: 1, y, y² and x.
const TERMS: usize = 4;

/// A mask of a picture's pixels, row-major.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pixels {
    pub width: usize,
    pub height: usize,
    pub inside: Vec<bool>,
}

impl Pixels {
    /// What is not the ground, holes filled.
    pub fn of_things(picture: &RgbImage) -> Self {
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let colours: Vec<[f64; 3]> = picture
            .pixels()
            .map(|pixel| pixel.0.map(|byte| f64::from(byte) / 127.5 - 1.0))
            .collect();
        let ground = ground(width, height, &colours);
        let differs: Vec<f64> = colours
            .iter()
            .zip(&ground)
            .map(|(colour, ground)| f64::from(u8::from(distance(colour, ground) > DIFFERENCE)))
            .collect();
        let mut things = Self {
            width,
            height,
            inside: vec![false; width * height],
        };
        for (index, inside) in things.inside.iter_mut().enumerate() {
            let near = neighbours(width, height, index);
            let (count, sum) = near.fold((0.0, 0.0), |(n, sum), at| (n + 1.0, sum + differs[at]));
            *inside = sum > 0.5 * count;
        }
        things.fill_holes();
        things
    }

    /// Number of pixels in it.
    pub fn count(&self) -> usize {
        self.inside.iter().filter(|&&inside| inside).count()
    }

    /// What no way outside leads to becomes part of it.
    fn fill_holes(&mut self) {
        let border = (0..self.inside.len()).filter(|index| {
            let (row, column) = (index / self.width, index % self.width);
            row == 0 || column == 0 || row + 1 == self.height || column + 1 == self.width
        });
        let outside = self.flood(border, |inside| !inside);
        self.inside = outside.into_iter().map(|outside| !outside).collect();
    }

    /// The parts around centres, fractions of width and height: every pixel that hangs
    /// together with a centre, given to the nearest of those it hangs together with.
    pub fn parts(&self, centres: &[[f64; 2]]) -> Vec<Self> {
        let pixel = |part: f64, size: usize| (part * size as f64).clamp(0.0, size as f64 - 1.0);
        let flooded: Vec<Vec<bool>> = centres
            .iter()
            .map(|[x, y]| {
                // A glyph may have a hole where its centre is.
                let (x, y) = (pixel(*x, self.width), pixel(*y, self.height));
                let reach = self.width.max(self.height) as f64 / 16.0;
                let seeds = (0..self.inside.len()).filter(move |index| {
                    let across = (index % self.width) as f64 + 0.5 - x;
                    let down = (index / self.width) as f64 + 0.5 - y;
                    across.abs().max(down.abs()) <= reach
                });
                self.flood(seeds, |inside| inside)
            })
            .collect();
        let nearest = |index: usize| {
            let place = [
                ((index % self.width) as f64 + 0.5) / self.width as f64,
                ((index / self.width) as f64 + 0.5) / self.height as f64,
            ];
            let reached = (0..centres.len()).filter(|&centre| flooded[centre][index]);
            reached.min_by(|&a, &b| {
                let square = |centre: usize| {
                    let [x, y] = centres[centre];
                    (x - place[0]).powi(2) + (y - place[1]).powi(2)
                };
                square(a).total_cmp(&square(b))
            })
        };
        let owners: Vec<Option<usize>> = (0..self.inside.len()).map(nearest).collect();
        let own = |centre: usize| owners.iter().map(|owner| *owner == Some(centre)).collect();
        (0..centres.len())
            .map(|centre| Self {
                inside: own(centre),
                ..*self
            })
            .collect()
    }

    /// The longer side of the smallest rectangle around it, as a fraction of the
    /// picture's shorter side.
    pub fn extent(&self) -> f64 {
        let pixels = || {
            let inside = self
                .inside
                .iter()
                .enumerate()
                .filter(|(_, inside)| **inside);
            inside.map(|(index, _)| [index % self.width, index / self.width])
        };
        let span = |axis: usize| {
            let along = || pixels().map(|pixel| pixel[axis]);
            along()
                .max()
                .zip(along().min())
                .map_or(0, |(high, low)| high - low + 1)
        };
        span(0).max(span(1)) as f64 / self.width.min(self.height) as f64
    }

    /// Whatever hangs together with the seeds among the pixels that are `wanted`.
    fn flood(&self, seeds: impl Iterator<Item = usize>, wanted: fn(bool) -> bool) -> Vec<bool> {
        let mut reached = vec![false; self.inside.len()];
        let mut open: Vec<usize> = seeds.filter(|&seed| wanted(self.inside[seed])).collect();
        open.iter().for_each(|&seed| reached[seed] = true);
        while let Some(pixel) = open.pop() {
            for next in neighbours(self.width, self.height, pixel) {
                if wanted(self.inside[next]) && !reached[next] {
                    reached[next] = true;
                    open.push(next);
                }
            }
        }
        reached
    }
}

/// A pixel and those around it.
fn neighbours(width: usize, height: usize, index: usize) -> impl Iterator<Item = usize> {
    let (row, column) = (index / width, index % width);
    let rows = row.saturating_sub(1)..(row + 2).min(height);
    let columns = column.saturating_sub(1)..(column + 2).min(width);
    rows.flat_map(move |row| columns.clone().map(move |column| row * width + column))
}

fn distance(a: &[f64; 3], b: &[f64; 3]) -> f64 {
    let squares = a.iter().zip(b).map(|(a, b)| (a - b).powi(2));
    squares.sum::<f64>().sqrt()
}

/// The smooth ground of every pixel: least squares, reweighted so that things count
/// for little and the frame for more.
fn ground(width: usize, height: usize, colours: &[[f64; 3]]) -> Vec<[f64; 3]> {
    let part = |index: usize, size: usize| 2.0 * index as f64 / (size.max(2) - 1) as f64 - 1.0;
    let terms: Vec<[f64; TERMS]> = (0..colours.len())
        .map(|index| {
            let (x, y) = (part(index % width, width), part(index / width, height));
            [1.0, y, y * y, x]
        })
        .collect();
    let edge: Vec<f64> = terms
        .iter()
        .map(|[_, y, _, x]| f64::from(u8::from(y.abs() > FRAME || x.abs() > FRAME)))
        .collect();
    let mut weights: Vec<f64> = edge.iter().map(|edge| edge + 0.02).collect();
    let mut fitted = colours.to_vec();
    for _ in 0..ROUNDS {
        let fit = least_squares(&terms, &weights, colours);
        for (index, slot) in fitted.iter_mut().enumerate() {
            *slot = [0, 1, 2].map(|channel| {
                let products = (0..TERMS).map(|term| terms[index][term] * fit[term][channel]);
                products.sum()
            });
        }
        for (index, weight) in weights.iter_mut().enumerate() {
            let off = distance(&colours[index], &fitted[index]) / TOLERANCE;
            *weight = (0.5 * edge[index] + 0.5) / (1.0 + off.powi(4));
        }
    }
    fitted
}

/// Coefficients [terms, channels] by the normal equations.
fn least_squares(
    terms: &[[f64; TERMS]],
    weights: &[f64],
    colours: &[[f64; 3]],
) -> [[f64; 3]; TERMS] {
    const WIDTH: usize = TERMS + 3;
    let mut rows = [[0.0; WIDTH]; TERMS];
    for ((term, weight), colour) in terms.iter().zip(weights).zip(colours) {
        let columns: Vec<f64> = term.iter().chain(colour).copied().collect();
        for (row, factor) in rows.iter_mut().zip(term) {
            for (slot, column) in row.iter_mut().zip(&columns) {
                *slot += weight * factor * column;
            }
        }
    }
    // Gauss and Jordan, with the largest pivot.
    for column in 0..TERMS {
        let pivot = (column..TERMS)
            .max_by(|&a, &b| rows[a][column].abs().total_cmp(&rows[b][column].abs()))
            .unwrap_or(column);
        rows.swap(column, pivot);
        let scale = rows[column][column];
        if scale.abs() < 1e-12 {
            continue;
        }
        rows[column].iter_mut().for_each(|value| *value /= scale);
        let own = rows[column];
        for (index, row) in rows.iter_mut().enumerate() {
            if index != column {
                let factor = row[column];
                row.iter_mut()
                    .zip(own)
                    .for_each(|(value, own)| *value -= factor * own);
            }
        }
    }
    rows.map(|row| [row[TERMS], row[TERMS + 1], row[TERMS + 2]])
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    /// A ground from one colour to another with two squares on it, one with a hole.
    fn scene() -> RgbImage {
        RgbImage::from_fn(64, 64, |x, y| {
            let is_hole = (18..22).contains(&x) && (18..22).contains(&y);
            if (10..30).contains(&x) && (10..30).contains(&y) && !is_hole {
                Rgb([200, 30, 40])
            } else if (40..52).contains(&x) && (34..60).contains(&y) {
                Rgb([30, 60, 200])
            } else {
                Rgb([210 + (y / 4) as u8, 220, 235 - (x / 4) as u8])
            }
        })
    }

    #[test]
    fn things_are_found_on_a_smooth_ground_without_their_holes() {
        let things = Pixels::of_things(&scene());
        let wanted = 20 * 20 + 12 * 26;
        // The corners of squares are smoothed away.
        assert!(things.count().abs_diff(wanted) < 16, "{}", things.count());
        assert!(things.inside[20 * 64 + 20] && !things.inside[5 * 64 + 50]);
        let parts = things.parts(&[[20.0 / 64.0, 20.0 / 64.0], [46.0 / 64.0, 47.0 / 64.0]]);
        assert!(
            (parts[0].extent() - 20.0 / 64.0).abs() < 1e-9,
            "{}",
            parts[0].extent()
        );
        assert!((parts[1].extent() - 26.0 / 64.0).abs() < 1e-9);
        assert_eq!(parts[0].count() + parts[1].count(), things.count());
    }

    #[test]
    fn things_that_touch_are_parted_between_their_centres() {
        let picture = RgbImage::from_fn(64, 64, |x, y| {
            let is_inside = (10..50).contains(&x) && (20..40).contains(&y);
            Rgb(if is_inside { [200, 30, 40] } else { [220; 3] })
        });
        let things = Pixels::of_things(&picture);
        let parts = things.parts(&[[20.0 / 64.0, 0.47], [40.0 / 64.0, 0.47]]);
        assert!(parts[0].count().abs_diff(parts[1].count()) < 30);
        assert!((parts[0].extent() - 20.0 / 64.0).abs() < 0.02);
        assert_eq!(
            Pixels::of_things(&RgbImage::from_pixel(32, 32, Rgb([90; 3]))).count(),
            0
        );
    }
}

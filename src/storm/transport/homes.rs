//! Unbalanced transport of a map to a few homes: each takes an equal part of it, and
//! within a home mass lies as it likes.
//!
//! The cost of a cell is its squared distance from the home, so that nothing is asked of
//! what is inside. The map's marginal is relaxed as in [`unbalanced`](super::unbalanced);
//! the homes' is exact, which is what makes copies share. Of a single home the value is
//! −(ρ + ε) ln Σ a e^(−c / (ρ + ε)): as ρ + ε goes to 0, −ln of the share inside.

/// Largest change of a potential, in units of ε, at which the iteration stops.
const TOLERANCE: f64 = 1e-6;
/// Iterations before it settles for what it has.
const MOST_ITERATIONS: usize = 1000;
/// Smallest sum whose logarithm is taken.
const LEAST: f64 = 1e-280;

/// The value and its slope.
#[derive(Debug, Clone, PartialEq)]
pub struct HomesSolution {
    /// OT(a, homes), in units of ρ + ε.
    pub value: f64,
    /// Its slope by a `[cells]`, up to a constant, in the same unit: less what of every
    /// unit of a is carried.
    pub slope: Vec<f64>,
}

/// Solves it for a map a `[cells]` that sums to 1, `away[home][cell]` being the costs,
/// in squared frame units as radius ρ and ε are, both above 0.
pub fn to_homes(a: &[f64], away: &[Vec<f64>], radius: f64, epsilon: f64) -> HomesSolution {
    let power = radius / (radius + epsilon);
    let part = 1.0 / away.len() as f64;
    // Logarithms of the scalings e^(f/ε) and e^(g/ε).
    let mut of_cells = vec![0.0; a.len()];
    let mut of_homes = vec![0.0; away.len()];
    let received = |of_homes: &[f64], cell: usize| {
        let homes = of_homes.iter().zip(away);
        log_sum(homes.map(|(g, away)| (part, g - away[cell] / epsilon)))
    };
    for _ in 0..MOST_ITERATIONS {
        for (cell, f) in of_cells.iter_mut().enumerate() {
            *f = -power * received(&of_homes, cell);
        }
        let mut change = 0.0f64;
        for (g, away) in of_homes.iter_mut().zip(away) {
            let cells = a.iter().zip(&of_cells).zip(away);
            let next = -log_sum(cells.map(|((a, f), away)| (*a, f - away / epsilon)));
            change = change.max((next - *g).abs());
            *g = next;
        }
        if change <= TOLERANCE {
            break;
        }
    }
    let kept = |cell: usize| (of_cells[cell] + received(&of_homes, cell)).exp();
    let born = a.iter().zip(&of_cells);
    let born = born.map(|(a, f)| -radius * a * (-epsilon * f / radius).exp_m1());
    let taken = of_homes.iter().map(|g| part * epsilon * g);
    HomesSolution {
        value: (born.sum::<f64>() + taken.sum::<f64>()) / (radius + epsilon),
        slope: (0..a.len()).map(|cell| -kept(cell)).collect(),
    }
}

/// ln Σ weight e^exponent.
fn log_sum(terms: impl Iterator<Item = (f64, f64)> + Clone) -> f64 {
    let largest = terms.clone().map(|(_, exponent)| exponent);
    let largest = largest.fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = terms
        .map(|(weight, exponent)| weight * (exponent - largest).exp())
        .sum();
    largest + sum.max(LEAST).ln()
}

#[cfg(test)]
mod tests {
    use super::super::unbalanced::{Marginal, UnbalancedSettings, UnbalancedTransport};
    use super::*;
    use crate::storm::frame::Frame;
    use crate::storm::target::blob;

    const FRAME: Frame = Frame {
        rows: 6,
        columns: 5,
    };
    const RADIUS: f64 = 0.02;
    const EPSILON: f64 = 0.01;

    fn away(place: usize) -> Vec<f64> {
        let [x, y] = FRAME.position(place);
        let cells = (0..FRAME.cells()).map(|cell| FRAME.position(cell));
        cells
            .map(|at| (at[0] - x).powi(2) + (at[1] - y).powi(2))
            .collect()
    }

    fn map() -> Vec<f64> {
        blob(FRAME, [0.3, 0.6], 0.2)
    }

    #[test]
    fn homes_of_one_cell_are_the_targets_of_the_general_transport() {
        let places = [7, 22, 28];
        let homes: Vec<Vec<f64>> = places.map(away).to_vec();
        let mut target = vec![0.0; FRAME.cells()];
        for place in places {
            target[place] = 1.0 / 3.0;
        }
        let mut general = UnbalancedTransport::new(FRAME, EPSILON);
        let settings = UnbalancedSettings {
            epsilon: EPSILON,
            source: Marginal::Relaxed(RADIUS),
            target: Marginal::Exact,
            tolerance: 1e-9,
        };
        let expected = general.solve(&map(), &target, settings);
        let found = to_homes(&map(), &homes, RADIUS, EPSILON);
        let scale = RADIUS + EPSILON;
        assert!((found.value * scale - expected.value).abs() < 1e-7);
        let shift = found.slope[0] * scale - expected.slope[0];
        for (found, expected) in found.slope.iter().zip(&expected.slope) {
            assert!((found * scale - expected - shift).abs() < 1e-6);
        }
    }

    #[test]
    fn of_one_home_the_value_is_the_logarithm_of_what_is_near() {
        let half: Vec<f64> = (0..FRAME.cells())
            .map(|cell| (FRAME.position(cell)[0] - 0.5).max(0.0).powi(2))
            .collect();
        let a = map();
        let near = a.iter().zip(&half);
        let near: f64 = near.map(|(a, c)| a * (-c / (RADIUS + EPSILON)).exp()).sum();
        let found = to_homes(&a, std::slice::from_ref(&half), RADIUS, EPSILON);
        assert!((found.value + near.ln()).abs() < 1e-5, "{}", found.value);
        let inside = a.iter().zip(&half).filter(|(_, cost)| **cost == 0.0);
        let inside: f64 = inside.map(|(a, _)| a).sum();
        let hard = to_homes(&a, &[half], 1e-5, 1e-5).value;
        assert!((hard + inside.ln()).abs() < 1e-5, "{hard}");
    }

    #[test]
    fn its_slope_is_that_of_its_value() {
        let homes = [away(3), away(26)];
        let a = map();
        let found = to_homes(&a, &homes, RADIUS, EPSILON);
        let step = 1e-5;
        for (cell, other) in [(0, 29), (7, 12), (14, 3)] {
            let moved = |by: f64| {
                let mut moved = a.clone();
                moved[cell] += by;
                moved[other] -= by;
                to_homes(&moved, &homes, RADIUS, EPSILON).value
            };
            let expected = (moved(step) - moved(-step)) / (2.0 * step);
            let slope = found.slope[cell] - found.slope[other];
            assert!((slope - expected).abs() < 1e-3 * expected.abs().max(1.0));
        }
    }
}

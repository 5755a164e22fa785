//! Transport against exact solutions, its symmetries and its gradient.

use proptest::prelude::*;

use super::super::target::blob;
use super::exact::exact_transport;
use super::*;

const EXACT: f64 = 1e-9;

fn frame(rows: usize, columns: usize) -> Frame {
    Frame { rows, columns }
}

fn solver(frame: Frame, epsilon: f64, marginal_tolerance: f64) -> Transport {
    let settings = TransportSettings {
        epsilon,
        marginal_tolerance,
    };
    Transport::new(frame, settings)
}

fn normalised(weights: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let weights: Vec<f64> = weights.into_iter().collect();
    let total: f64 = weights.iter().sum();
    weights.into_iter().map(|w| w / total).collect()
}

/// Fixed irregular weights, some of them zero.
fn irregular(cells: usize, seed: usize) -> Vec<f64> {
    normalised((0..cells).map(|i| ((i * 7 + seed * 13 + 3) % 11) as f64 * ((i + seed) % 3) as f64))
}

fn mixture(frame: Frame, parts: &[([f64; 2], f64, f64)]) -> Vec<f64> {
    let mut sum = vec![0.0; frame.cells()];
    for &(centre, deviation, weight) in parts {
        for (slot, value) in sum.iter_mut().zip(blob(frame, centre, deviation)) {
            *slot += weight * value;
        }
    }
    normalised(sum)
}

/// C, from the positions of the cells.
fn dense_cost(frame: Frame) -> Vec<f64> {
    let cells = frame.cells();
    (0..cells * cells)
        .map(|index| {
            let (p, q) = (frame.position(index / cells), frame.position(index % cells));
            (p[0] - q[0]).powi(2) + (p[1] - q[1]).powi(2)
        })
        .collect()
}

fn entropy(weights: &[f64]) -> f64 {
    weights
        .iter()
        .filter(|w| **w > 0.0)
        .map(|w| -w * w.ln())
        .sum()
}

/// Part of the variance of `values`, as a root, that no affine function of the
/// position explains; cells count by their weight.
fn affine_residual(frame: Frame, weights: &[f64], values: &[f64]) -> f64 {
    let product =
        |p: &[f64], q: &[f64]| -> f64 { (0..p.len()).map(|i| weights[i] * p[i] * q[i]).sum() };
    let remove = |from: &mut Vec<f64>, part: &[f64]| {
        let slope = product(from, part) / product(part, part);
        from.iter_mut().zip(part).for_each(|(f, p)| *f -= slope * p);
    };
    let coordinate = |axis: usize| {
        (0..frame.cells())
            .map(|i| frame.position(i)[axis])
            .collect()
    };
    let one = vec![1.0; frame.cells()];
    let (mut x, mut y): (Vec<f64>, Vec<f64>) = (coordinate(0), coordinate(1));
    remove(&mut x, &one);
    remove(&mut y, &one);
    remove(&mut y, &x);
    let mut rest = values.to_vec();
    remove(&mut rest, &one);
    let variance = product(&rest, &rest);
    remove(&mut rest, &x);
    remove(&mut rest, &y);
    (product(&rest, &rest) / variance).sqrt()
}

#[test]
fn the_exact_solver_agrees_with_the_closed_form_on_a_line() {
    let line = frame(1, 9);
    let (a, b) = (irregular(9, 1), irregular(9, 4));
    // On a line the monotone coupling of the quantiles is optimal.
    let (mut i, mut j, mut closed) = (0, 0, 0.0);
    let (mut left, mut right) = (a[0], b[0]);
    while i < 9 && j < 9 {
        let amount = left.min(right);
        closed += amount * ((i as f64 - j as f64) / 9.0).powi(2);
        left -= amount;
        right -= amount;
        if left <= 1e-15 {
            i += 1;
            left = a.get(i).copied().unwrap_or(0.0);
        }
        if right <= 1e-15 {
            j += 1;
            right = b.get(j).copied().unwrap_or(0.0);
        }
    }
    let exact = exact_transport(&a, &b, &dense_cost(line));
    assert!((exact - closed).abs() < 1e-12, "{exact} {closed}");
}

#[test]
fn entropic_values_bracket_the_exact_transport() {
    for (grid, seeds) in [(frame(5, 5), (1, 6)), (frame(3, 7), (2, 3))] {
        let (a, b) = (
            irregular(grid.cells(), seeds.0),
            irregular(grid.cells(), seeds.1),
        );
        let exact = exact_transport(&a, &b, &dense_cost(grid));
        for epsilon in [0.1, 0.01, 0.003, 0.001] {
            let potentials = solver(grid, epsilon, EXACT).solve(&a, &b);
            assert!(potentials.marginal_error <= EXACT);
            // The KL of a plan against a ⊗ b is at most the smaller entropy.
            let above = epsilon * entropy(&a).min(entropy(&b));
            assert!(
                (exact - 1e-8..=exact + above + 1e-8).contains(&potentials.value),
                "ε {epsilon}: {} against {exact}",
                potentials.value
            );
        }
    }
}

#[test]
fn the_plan_has_both_marginals_and_the_value_of_its_cost() {
    let grid = frame(4, 6);
    let (a, b) = (irregular(24, 2), irregular(24, 5));
    let cost = dense_cost(grid);
    for epsilon in [0.02, 0.002] {
        let p = solver(grid, epsilon, EXACT).solve(&a, &b);
        let mut primal = 0.0;
        let mut second = [0.0; 24];
        for i in 0..24 {
            let mut first = 0.0;
            for j in 0..24 {
                let density = ((p.source[i] + p.target[j] - cost[i * 24 + j]) / epsilon).exp();
                let mass = a[i] * b[j] * density;
                first += mass;
                second[j] += mass;
                if mass > 0.0 {
                    primal += mass * (cost[i * 24 + j] + epsilon * density.ln());
                }
            }
            assert!((first - a[i]).abs() < 1e-12);
        }
        let error: f64 = second.iter().zip(&b).map(|(x, y)| (x - y).abs()).sum();
        assert!(error < 2e-9, "{error}");
        // No duality gap: the potentials are optimal.
        assert!((primal - p.value).abs() < 1e-8, "{primal} {}", p.value);
    }
}

#[test]
fn both_forms_agree() {
    let grid = frame(6, 8);
    let (a, b) = (irregular(48, 1), irregular(48, 2));
    let settings = TransportSettings {
        epsilon: 0.01,
        marginal_tolerance: 1e-11,
    };
    let start = vec![0.0; 48];
    let mut scaling = Scaling::new(grid, settings, 100_000);
    let mut log_domain = LogDomain::new(grid, settings, largest_cost(grid), 100_000);
    let pairs = [
        (
            scaling.solve(&a, &b, &start),
            log_domain.solve(&a, &b, &start),
        ),
        (scaling.solve_self(&a), log_domain.solve_self(&a)),
    ];
    for (left, right) in pairs {
        // Potentials of OT(a, b) are unique up to a constant moved between them.
        let shift = left.source[0] - right.source[0];
        for (x, y) in left.source.iter().zip(&right.source) {
            assert!((x - y - shift).abs() < 1e-9);
        }
    }
}

#[test]
fn transport_is_symmetric() {
    let grid = frame(6, 6);
    let (a, b) = (irregular(36, 3), irregular(36, 8));
    for epsilon in [0.01, 0.002] {
        let mut transport = solver(grid, epsilon, EXACT);
        let forth = transport.solve(&a, &b).value;
        let back = transport.solve(&b, &a).value;
        assert!((forth - back).abs() < 1e-9);
        let difference = transport.divergence(&a, &b).value - transport.divergence(&b, &a).value;
        assert!(difference.abs() < 1e-9);
    }
}

#[test]
fn one_point_to_another_costs_its_squared_distance() {
    let grid = frame(3, 6);
    let point =
        |cell: usize| -> Vec<f64> { (0..18).map(|i| f64::from(u8::from(i == cell))).collect() };
    for epsilon in [0.01, 0.001, 0.0001] {
        let divergence = solver(grid, epsilon, EXACT).divergence(&point(0), &point(17));
        let expected = (5.0f64 / 6.0).powi(2) + (2.0f64 / 6.0).powi(2);
        assert!((divergence.value - expected).abs() < 1e-9);
        assert!(divergence.gradient.iter().all(|g| g.is_finite()));
    }
}

#[test]
fn a_frame_of_one_cell_has_nothing_to_move() {
    let divergence = solver(frame(1, 1), 0.01, EXACT).divergence(&[1.0], &[1.0]);
    assert!(divergence.value.abs() < 1e-12 && divergence.gradient[0].abs() < 1e-12);
}

#[test]
fn the_gradient_matches_central_differences() {
    let grid = frame(5, 6);
    let a = mixture(grid, &[([0.3, 0.3], 0.2, 1.0), ([0.8, 0.6], 0.1, 0.5)]);
    let b = blob(grid, [0.7, 0.2], 0.15);
    for epsilon in [0.01, 0.003] {
        let mut transport = solver(grid, epsilon, 1e-12);
        let gradient = transport.divergence(&a, &b).gradient;
        // Mass is moved from cell to cell, so that the sum stays 1.
        for (from, to) in [(0, 29), (7, 8), (14, 3)] {
            let step = 1e-6;
            let mut value = |sign: f64| {
                let mut moved = a.clone();
                moved[from] -= sign * step;
                moved[to] += sign * step;
                transport.divergence(&moved, &b).value
            };
            let numeric = (value(1.0) - value(-1.0)) / (2.0 * step);
            let expected = gradient[to] - gradient[from];
            assert!((numeric - expected).abs() < 1e-5, "{numeric} {expected}");
        }
    }
}

#[test]
fn the_gradient_is_affine_for_a_rigid_shift_and_for_a_blob_it_is_not() {
    let grid = frame(16, 16);
    // The same shape four cells away, at all edges' distance: a centroid loss.
    let from = mixture(grid, &[([0.35, 0.5], 0.06, 1.0)]);
    let shifted = mixture(grid, &[([0.6, 0.5], 0.06, 1.0)]);
    let scattered = mixture(grid, &[([0.2, 0.3], 0.05, 1.0), ([0.8, 0.8], 0.05, 0.7)]);
    let target = blob(grid, [0.3, 0.5], 0.12);
    let mut transport = solver(grid, 0.01, EXACT);
    let rigid = affine_residual(grid, &from, &transport.divergence(&from, &shifted).gradient);
    let real = affine_residual(
        grid,
        &scattered,
        &transport.divergence(&scattered, &target).gradient,
    );
    assert!(rigid < 0.05, "{rigid}");
    assert!(real > 0.2, "{real}");
}

/// The default tolerance of 1e-3 costs less than 0.1 % of the gradient here
/// and spares two thirds of the iterations or more.
#[test]
fn the_default_tolerance_costs_little_of_the_gradient() {
    let grid = frame(16, 16);
    let target = blob(grid, [0.25, 0.5], 0.12);
    for a in [
        mixture(grid, &[([0.2, 0.3], 0.07, 0.6), ([0.8, 0.7], 0.1, 0.4)]),
        mixture(grid, &[([0.7, 0.5], 0.1, 1.0)]),
        normalised(irregular(256, 5)),
    ] {
        // The part that acts: its weighted mean falls out by the normalisation.
        let acting = |gradient: &[f64]| -> Vec<f64> {
            let mean = dot(&a, gradient);
            gradient.iter().map(|g| g - mean).collect()
        };
        let exact = acting(&solver(grid, 0.01, EXACT).divergence(&a, &target).gradient);
        let quick = acting(&solver(grid, 0.01, 1e-3).divergence(&a, &target).gradient);
        let error: Vec<f64> = exact.iter().zip(&quick).map(|(x, y)| x - y).collect();
        let relative = (dot(&error, &error) / dot(&exact, &exact)).sqrt();
        assert!(relative < 1e-3, "{relative}");
        assert!(relative > 1e-7, "the tolerance should be felt: {relative}");
        let iterations = |tolerance| solver(grid, 0.01, tolerance).solve(&a, &target).iterations;
        assert!(3 * iterations(1e-3) < iterations(EXACT));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_divergence_of_two_measures_is_not_negative_and_zero_for_equal_ones(
        rows in 1usize..6,
        columns in 1usize..6,
        // Far below the square of a cell, or across a gap without mass, e^(−C/ε)
        // parts the cells from each other and no iteration finds the constants
        // between them; so there is mass everywhere, and ε is not that small.
        weights in prop::collection::vec(0.1f64..1.0, 72),
        cells_squared in prop::sample::select(vec![0.3, 1.0, 10.0]),
    ) {
        let grid = frame(rows, columns);
        let measure = |part: &[f64]| normalised(part[..grid.cells()].iter().copied());
        let (a, b) = (measure(&weights[..36]), measure(&weights[36..]));
        let epsilon = cells_squared * grid.cell().powi(2);
        let mut transport = solver(grid, epsilon, EXACT / 100.0);
        prop_assert!(transport.divergence(&a, &b).value > -1e-8);
        let itself = transport.divergence(&a, &a);
        prop_assert!(itself.value.abs() < 1e-8);
        let mean = dot(&a, &itself.gradient);
        // Where there is no mass the marginal error can't see the potential.
        let felt = a.iter().zip(&itself.gradient).map(|(w, g)| w * (g - mean).abs());
        prop_assert!(felt.sum::<f64>() < 1e-8);
    }
}

//! Unbalanced transport against exact solutions, its ends and its slope.

use serde::Deserialize;

use super::super::{Transport, TransportSettings};
use super::*;
use crate::storm::target::blob;

const TIGHT: f64 = 1e-10;

#[derive(Deserialize)]
struct Fixture {
    rows: usize,
    columns: usize,
    a: Vec<f64>,
    b: Vec<f64>,
    problems: Vec<Problem>,
    /// The least cost of a balanced plan, of a linear program.
    balanced: f64,
}

#[derive(Deserialize)]
struct Problem {
    epsilon: f64,
    radius_a: f64,
    radius_b: f64,
    value: f64,
    plan: Vec<Vec<f64>>,
}

/// Written by make_transport_fixture.py with scipy.
fn fixture() -> Fixture {
    let text = include_str!("../../../../tests/fixtures/transport.json");
    serde_json::from_str(text).unwrap()
}

fn cost(frame: Frame, i: usize, j: usize) -> f64 {
    let (p, q) = (frame.position(i), frame.position(j));
    (p[0] - q[0]).powi(2) + (p[1] - q[1]).powi(2)
}

/// The plan `[cells, cells]` that a solution's potentials mean.
fn plan(frame: Frame, a: &[f64], b: &[f64], found: &UnbalancedSolution, epsilon: f64) -> Vec<f64> {
    let cells = (0..a.len()).flat_map(|i| (0..b.len()).map(move |j| (i, j)));
    cells
        .map(|(i, j)| {
            let exponent = (found.source[i] + found.target[j] - cost(frame, i, j)) / epsilon;
            a[i] * b[j] * exponent.exp()
        })
        .collect()
}

fn settings(epsilon: f64, source: Marginal, target: Marginal) -> UnbalancedSettings {
    UnbalancedSettings {
        epsilon,
        source,
        target,
        tolerance: TIGHT,
    }
}

fn mixed(frame: Frame, first: [f64; 2], second: [f64; 2]) -> Vec<f64> {
    let parts = blob(frame, first, 0.12)
        .into_iter()
        .zip(blob(frame, second, 0.2));
    parts.map(|(p, q)| 0.6 * p + 0.4 * q).collect()
}

#[test]
fn values_and_what_is_carried_are_those_of_the_exact_minimum() {
    let Fixture {
        rows,
        columns,
        a,
        b,
        problems,
        ..
    } = fixture();
    let frame = Frame { rows, columns };
    assert!(problems.len() >= 4);
    for problem in problems {
        let (source, target) = (
            Marginal::Relaxed(problem.radius_a),
            Marginal::Relaxed(problem.radius_b),
        );
        let mut solver = UnbalancedTransport::new(frame, problem.epsilon);
        let found = solver.solve(&a, &b, settings(problem.epsilon, source, target));
        assert!(
            (found.value - problem.value).abs() < 1e-9,
            "{}",
            found.value
        );
        let ours = plan(frame, &a, &b, &found, problem.epsilon);
        for (i, exact) in problem.plan.iter().enumerate() {
            for (ours, exact) in ours[i * b.len()..].iter().zip(exact) {
                assert!((ours - exact).abs() < 1e-8, "{ours} {exact}");
            }
            let carried: f64 = exact.iter().sum();
            assert!((found.carried[i] - carried).abs() < 1e-8);
        }
    }
}

#[test]
fn with_both_marginals_exact_it_is_the_linear_programs_transport_as_epsilon_falls() {
    let Fixture {
        rows,
        columns,
        a,
        b,
        balanced,
        ..
    } = fixture();
    let frame = Frame { rows, columns };
    let epsilon = 0.001;
    let mut solver = UnbalancedTransport::new(frame, epsilon);
    let found = solver.solve(&a, &b, settings(epsilon, Marginal::Exact, Marginal::Exact));
    // An entropic plan costs at most ε times an entropy more; of the cheapest plans,
    // which may be many, it is the most spread out.
    assert!((0.0..2.0 * epsilon).contains(&(found.value - balanced)));
    let plan = plan(frame, &a, &b, &found, epsilon);
    let costs = (0..plan.len()).map(|index| plan[index] * cost(frame, index / 6, index % 6));
    let excess = costs.sum::<f64>() - balanced;
    assert!((-1e-9..1e-4).contains(&excess), "{excess}");
}

#[test]
fn the_balanced_end_is_the_balanced_solver() {
    let frame = Frame {
        rows: 6,
        columns: 9,
    };
    let (a, b) = (
        mixed(frame, [0.2, 0.2], [0.8, 0.4]),
        mixed(frame, [0.7, 0.5], [0.3, 0.3]),
    );
    let epsilon = 0.01;
    let balanced = TransportSettings {
        epsilon,
        marginal_tolerance: 1e-11,
    };
    let expected = Transport::new(frame, balanced).divergence(&a, &b);
    let mut solver = UnbalancedTransport::new(frame, epsilon);
    let between = solver.solve(&a, &b, settings(epsilon, Marginal::Exact, Marginal::Exact));
    let own = solver.solve_self(&a, Marginal::Exact, TIGHT);
    let other = solver.solve_self(&b, Marginal::Exact, TIGHT);
    let value = between.value - 0.5 * (own.value + other.value);
    assert!((value - expected.value).abs() < 1e-8);
    let shift = between.slope[0] - own.slope[0] - expected.gradient[0];
    for cell in 0..a.len() {
        let slope = between.slope[cell] - own.slope[cell];
        assert!((slope - expected.gradient[cell] - shift).abs() < 1e-7);
    }
}

#[test]
fn the_slope_matches_central_differences_for_every_kind_of_marginal() {
    let frame = Frame {
        rows: 4,
        columns: 5,
    };
    let a = mixed(frame, [0.2, 0.3], [0.8, 0.6]);
    let b = mixed(frame, [0.7, 0.2], [0.4, 0.7]);
    let epsilon = 0.02;
    let mut solver = UnbalancedTransport::new(frame, epsilon);
    for (source, target) in [
        (Marginal::Relaxed(0.05), Marginal::Exact),
        (Marginal::Relaxed(0.01), Marginal::Relaxed(0.1)),
        (Marginal::Exact, Marginal::Exact),
        (Marginal::Exact, Marginal::Free),
    ] {
        let settings = settings(epsilon, source, target);
        let slope = solver.solve(&a, &b, settings).slope;
        for (from, to) in [(0, 19), (7, 8), (14, 3)] {
            let step = 1e-6;
            let mut value = |sign: f64| {
                let mut moved = a.clone();
                moved[from] -= sign * step;
                moved[to] += sign * step;
                solver.solve(&moved, &b, settings).value
            };
            let numeric = (value(1.0) - value(-1.0)) / (2.0 * step);
            let expected = slope[to] - slope[from];
            let scale = slope.iter().fold(0.0f64, |most, s| most.max(s.abs()));
            assert!(
                (numeric - expected).abs() < 1e-4 * scale,
                "{source:?} {target:?}: {numeric} {expected}"
            );
        }
        let own = solver.solve_self(&a, source, TIGHT).slope;
        let mut value = |sign: f64| {
            let mut moved = a.clone();
            moved[3] -= sign * 1e-6;
            moved[11] += sign * 1e-6;
            solver.solve_self(&moved, source, TIGHT).value
        };
        // Both of its marginals are a.
        let numeric = 0.5 * (value(1.0) - value(-1.0)) / 2e-6;
        assert!((numeric - (own[11] - own[3])).abs() < 1e-4 * (1.0 + numeric.abs()));
    }
}

#[test]
fn mass_beyond_the_radius_is_left_behind_and_mass_within_is_carried() {
    let frame = Frame {
        rows: 1,
        columns: 20,
    };
    // Half near the target at 0.1, half at 0.9.
    let point = |cells: &[usize]| -> Vec<f64> {
        let mass = (1.0 - 1e-6) / cells.len() as f64;
        (0..20)
            .map(|cell| {
                if cells.contains(&cell) {
                    mass
                } else {
                    1e-6 / 20.0
                }
            })
            .collect()
    };
    let (a, b) = (point(&[3, 17]), point(&[1]));
    let carried = |radius: f64| {
        let mut solver = UnbalancedTransport::new(frame, 0.002);
        let found = solver.solve(
            &a,
            &b,
            settings(0.002, Marginal::Relaxed(radius), Marginal::Exact),
        );
        [found.carried[3], found.carried[17]]
    };
    let [near, far] = carried(0.02);
    assert!(near > 0.9 && far < 1e-6, "{near} {far}");
    let [near, far] = carried(50.0);
    assert!(
        (near - 0.5).abs() < 0.02 && (far - 0.5).abs() < 0.02,
        "{near} {far}"
    );
}

#[test]
fn as_radius_and_epsilon_fall_the_slope_becomes_that_of_the_cross_entropy() {
    let frame = Frame {
        rows: 8,
        columns: 8,
    };
    let a = mixed(frame, [0.2, 0.3], [0.8, 0.6]);
    let b = mixed(frame, [0.7, 0.2], [0.4, 0.7]);
    let (epsilon, radius) = (1e-3, 1e-7);
    let mut solver = UnbalancedTransport::new(frame, epsilon);
    let found = solver.solve(
        &a,
        &b,
        settings(epsilon, Marginal::Relaxed(radius), Marginal::Exact),
    );
    for cell in 0..64 {
        let slope = found.slope[cell] / (radius + epsilon);
        let expected = -b[cell] / a[cell];
        assert!((slope / expected - 1.0).abs() < 0.01, "{slope} {expected}");
    }
}

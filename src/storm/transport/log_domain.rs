//! Sinkhorn's iteration in the log domain, for small ε.
//!
//! Soft minima are taken along x, then along y. ε starts at the largest cost
//! and is halved down to its value (ε-scaling), each stage starting from the
//! potentials of the one before.

use super::super::frame::Frame;
use super::{Solution, TransportSettings, line_cost};

/// Iterations of every ε-scaling stage but the last.
const STAGE_ITERATIONS: usize = 2;

/// Costs and buffers of the log-domain form.
#[derive(Debug, Clone)]
pub(super) struct LogDomain {
    rows: usize,
    columns: usize,
    settings: TransportSettings,
    largest_cost: f64,
    bound: usize,
    /// Δx² `[columns, columns]`.
    cost_x: Vec<f64>,
    /// Δy² `[rows, rows]`.
    cost_y: Vec<f64>,
    exponents: Vec<f64>,
    half_way: Vec<f64>,
    transposed: Vec<f64>,
}

impl LogDomain {
    pub(super) fn new(
        frame: Frame,
        settings: TransportSettings,
        largest_cost: f64,
        bound: usize,
    ) -> Self {
        let zeros = vec![0.0; frame.cells()];
        Self {
            rows: frame.rows,
            columns: frame.columns,
            settings,
            largest_cost,
            bound,
            cost_x: line_cost(frame.columns, frame.cell()),
            cost_y: line_cost(frame.rows, frame.cell()),
            exponents: zeros.clone(),
            half_way: zeros.clone(),
            transposed: zeros,
        }
    }

    /// ε of every stage, ending with the one asked for.
    fn stages(&self) -> impl Iterator<Item = f64> + use<> {
        let last = self.settings.epsilon;
        let halvings = std::iter::successors(Some(self.largest_cost), |e| Some(0.5 * e));
        halvings
            .take_while(move |&epsilon| epsilon > last)
            .chain(std::iter::once(last))
    }

    /// OT(a, b) from the potential `start` on b's side.
    pub(super) fn solve(&mut self, a: &[f64], b: &[f64], start: &[f64]) -> Solution {
        let (log_a, log_b) = (logarithms(a), logarithms(b));
        let mut target = start.to_vec();
        let mut source = vec![0.0; a.len()];
        let mut updated = vec![0.0; a.len()];
        let mut iterations = 0;
        for epsilon in self.stages() {
            let is_last = epsilon == self.settings.epsilon;
            let mut stage_iterations = 0;
            loop {
                self.soft_minimum(epsilon, &log_b, &target, &mut source);
                self.soft_minimum(epsilon, &log_a, &source, &mut updated);
                let marginal_error = error_of(epsilon, b, &target, &updated);
                let done = marginal_error <= self.settings.marginal_tolerance;
                if is_last && (done || iterations >= self.bound) {
                    return Solution {
                        source,
                        target,
                        marginal_error,
                        iterations,
                    };
                }
                std::mem::swap(&mut target, &mut updated);
                iterations += 1;
                stage_iterations += 1;
                if !is_last && (done || stage_iterations == STAGE_ITERATIONS) {
                    break;
                }
            }
        }
        unreachable!("the last stage returns")
    }

    /// OT(a, a): f ← ½ (f + its update).
    pub(super) fn solve_self(&mut self, a: &[f64]) -> Solution {
        let log_a = logarithms(a);
        let mut potential = vec![0.0; a.len()];
        let mut updated = vec![0.0; a.len()];
        let mut iterations = 0;
        for epsilon in self.stages() {
            let is_last = epsilon == self.settings.epsilon;
            let mut stage_iterations = 0;
            loop {
                self.soft_minimum(epsilon, &log_a, &potential, &mut updated);
                let marginal_error = error_of(epsilon, a, &potential, &updated);
                let done = marginal_error <= self.settings.marginal_tolerance;
                if is_last && (done || iterations >= self.bound) {
                    return Solution {
                        source: updated,
                        target: potential,
                        marginal_error,
                        iterations,
                    };
                }
                for (f, update) in potential.iter_mut().zip(&updated) {
                    *f = 0.5 * (*f + update);
                }
                iterations += 1;
                stage_iterations += 1;
                if !is_last && (done || stage_iterations == STAGE_ITERATIONS) {
                    break;
                }
            }
        }
        unreachable!("the last stage returns")
    }

    /// output_i = −ε log Σ_j weight_j exp((potential_j − C_ij) / ε).
    fn soft_minimum(
        &mut self,
        epsilon: f64,
        log_weights: &[f64],
        potential: &[f64],
        output: &mut [f64],
    ) {
        for ((slot, log_weight), p) in self.exponents.iter_mut().zip(log_weights).zip(potential) {
            *slot = log_weight + p / epsilon;
        }
        let (rows, columns) = (self.rows, self.columns);
        log_sum_lines(
            &self.exponents,
            &self.cost_x,
            columns,
            epsilon,
            &mut self.half_way,
        );
        transpose(&self.half_way, rows, columns, &mut self.transposed);
        log_sum_lines(
            &self.transposed,
            &self.cost_y,
            rows,
            epsilon,
            &mut self.half_way,
        );
        transpose(&self.half_way, columns, rows, output);
        output.iter_mut().for_each(|value| *value *= -epsilon);
    }
}

fn logarithms(weights: &[f64]) -> Vec<f64> {
    weights.iter().map(|weight| weight.ln()).collect()
}

/// L1 error of a marginal, from a potential and its update:
/// Σ weight |exp((potential − updated) / ε) − 1|.
fn error_of(epsilon: f64, weights: &[f64], potential: &[f64], updated: &[f64]) -> f64 {
    weights
        .iter()
        .zip(potential)
        .zip(updated)
        // An empty cell carries no mass, however far its potential is off.
        .filter(|((weight, _), _)| **weight > 0.0)
        .map(|((weight, old), new)| weight * (((old - new) / epsilon).exp() - 1.0).abs())
        .sum()
}

/// output `[n, size]`: output_ri = log Σ_j exp(input_rj − cost_ij / ε).
///
/// A line that is empty (all −∞) stays empty.
fn log_sum_lines(input: &[f64], cost: &[f64], size: usize, epsilon: f64, output: &mut [f64]) {
    let scale = 1.0 / epsilon;
    for (line, out) in input.chunks_exact(size).zip(output.chunks_exact_mut(size)) {
        for (slot, cost_row) in out.iter_mut().zip(cost.chunks_exact(size)) {
            let terms = || {
                line.iter()
                    .zip(cost_row)
                    .map(|(value, c)| value - c * scale)
            };
            let largest = terms().fold(f64::NEG_INFINITY, f64::max);
            *slot = if largest == f64::NEG_INFINITY {
                largest
            } else {
                largest + terms().map(|term| (term - largest).exp()).sum::<f64>().ln()
            };
        }
    }
}

/// output `[columns, rows]` = input `[rows, columns]` transposed.
fn transpose(input: &[f64], rows: usize, columns: usize, output: &mut [f64]) {
    for row in 0..rows {
        for column in 0..columns {
            output[column * rows + row] = input[row * columns + column];
        }
    }
}

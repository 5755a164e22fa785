//! Sinkhorn's iteration in the scaling form, u = e^(f/ε), v = e^(g/ε), in f64.
//!
//! A half-step is a product with K = e^(−C/ε) = K_y ⊗ K_x; no exponential is
//! taken inside the loop.

use super::super::frame::Frame;
use super::{Solution, TransportSettings, line_cost};

/// Kernels and buffers of the scaling form.
#[derive(Debug, Clone)]
pub(super) struct Scaling {
    rows: usize,
    columns: usize,
    settings: TransportSettings,
    bound: usize,
    /// e^(−Δx²/ε) `[columns, columns]`.
    kernel_x: Vec<f64>,
    /// e^(−Δy²/ε) `[rows, rows]`.
    kernel_y: Vec<f64>,
    u: Vec<f64>,
    v: Vec<f64>,
    weighted: Vec<f64>,
    half_way: Vec<f64>,
    sums: Vec<f64>,
}

impl Scaling {
    pub(super) fn new(frame: Frame, settings: TransportSettings, bound: usize) -> Self {
        let kernel = |cells| {
            let mut cost = line_cost(cells, frame.cell());
            cost.iter_mut()
                .for_each(|c| *c = (-*c / settings.epsilon).exp());
            cost
        };
        let zeros = vec![0.0; frame.cells()];
        Self {
            rows: frame.rows,
            columns: frame.columns,
            settings,
            bound,
            kernel_x: kernel(frame.columns),
            kernel_y: kernel(frame.rows),
            u: zeros.clone(),
            v: zeros.clone(),
            weighted: zeros.clone(),
            half_way: zeros.clone(),
            sums: zeros,
        }
    }

    /// OT(a, b) from the potential `start` on b's side.
    pub(super) fn solve(&mut self, a: &[f64], b: &[f64], start: &[f64]) -> Solution {
        let epsilon = self.settings.epsilon;
        for (v, g) in self.v.iter_mut().zip(start) {
            *v = (g / epsilon).exp();
        }
        let mut iterations = 0;
        loop {
            self.sum_over(b, Side::Target);
            for (u, sum) in self.u.iter_mut().zip(&self.sums) {
                *u = 1.0 / sum;
            }
            self.sum_over(a, Side::Source);
            let marginal_error = error_of(b, &self.v, &self.sums);
            if marginal_error <= self.settings.marginal_tolerance || iterations == self.bound {
                return self.solution(marginal_error, iterations);
            }
            for (v, sum) in self.v.iter_mut().zip(&self.sums) {
                *v = 1.0 / sum;
            }
            iterations += 1;
        }
    }

    /// OT(a, a): v ← √(v · its update).
    pub(super) fn solve_self(&mut self, a: &[f64]) -> Solution {
        self.v.fill(1.0);
        let mut iterations = 0;
        loop {
            self.sum_over(a, Side::Target);
            let marginal_error = error_of(a, &self.v, &self.sums);
            for (u, sum) in self.u.iter_mut().zip(&self.sums) {
                *u = 1.0 / sum;
            }
            if marginal_error <= self.settings.marginal_tolerance || iterations == self.bound {
                return self.solution(marginal_error, iterations);
            }
            for (v, u) in self.v.iter_mut().zip(&self.u) {
                *v = (*v * u).sqrt();
            }
            iterations += 1;
        }
    }

    fn solution(&self, marginal_error: f64, iterations: usize) -> Solution {
        let logarithm = |scale: &Vec<f64>| {
            scale
                .iter()
                .map(|s| self.settings.epsilon * s.ln())
                .collect()
        };
        Solution {
            source: logarithm(&self.u),
            target: logarithm(&self.v),
            marginal_error,
            iterations,
        }
    }

    /// sums = K (weights ∘ scale), the scale being u or v.
    fn sum_over(&mut self, weights: &[f64], side: Side) {
        let scale = match side {
            Side::Source => &self.u,
            Side::Target => &self.v,
        };
        for ((slot, weight), s) in self.weighted.iter_mut().zip(weights).zip(scale) {
            *slot = weight * s;
        }
        multiply(
            &self.weighted,
            &self.kernel_x,
            self.columns,
            &mut self.half_way,
        );
        multiply_left(&self.kernel_y, &self.half_way, self.rows, &mut self.sums);
    }
}

#[derive(Clone, Copy)]
enum Side {
    Source,
    Target,
}

/// L1 distance of the marginal weights ∘ scale ∘ sums from the weights.
fn error_of(weights: &[f64], scale: &[f64], sums: &[f64]) -> f64 {
    weights
        .iter()
        .zip(scale)
        .zip(sums)
        .map(|((weight, s), sum)| weight * (s * sum - 1.0).abs())
        .sum()
}

/// output `[n, size]` = input `[n, size]` · kernel `[size, size]`.
pub(super) fn multiply(input: &[f64], kernel: &[f64], size: usize, output: &mut [f64]) {
    for (row, out) in input.chunks_exact(size).zip(output.chunks_exact_mut(size)) {
        out.fill(0.0);
        for (value, kernel_row) in row.iter().zip(kernel.chunks_exact(size)) {
            for (o, k) in out.iter_mut().zip(kernel_row) {
                *o += value * k;
            }
        }
    }
}

/// output `[size, n]` = kernel `[size, size]` · input `[size, n]`.
pub(super) fn multiply_left(kernel: &[f64], input: &[f64], size: usize, output: &mut [f64]) {
    let n = input.len() / size;
    for (kernel_row, out) in kernel.chunks_exact(size).zip(output.chunks_exact_mut(n)) {
        out.fill(0.0);
        for (k, row) in kernel_row.iter().zip(input.chunks_exact(n)) {
            for (o, value) in out.iter_mut().zip(row) {
                *o += k * value;
            }
        }
    }
}

//! Unbalanced optimal transport: mass may vanish and be born, at a price.
//!
//! OT(a, b) is the least over plans P ≥ 0 of
//! Σ P C + ρ_a KL(P1 | a) + ρ_b KL(Pᵀ1 | b) + ε KL(P | a ⊗ b) (Chizat et al. 2018, arXiv 1607.05816; Séjourné et al. 2019,
//! arXiv 1910.12958). ρ is the relaxation radius of a marginal: the squared
//! distance beyond which it is cheaper to let mass vanish than to carry it. Without
//! bound it is balanced transport; as ρ_a and ε go to 0 the slope by a becomes that
//! of the cross-entropy −Σ b log a.

use super::super::frame::Frame;
use super::line_cost;
use super::scaling::{multiply, multiply_left};

/// Smallest sum that is divided by: what lies farther away than this says counts as
/// one distance.
const LEAST: f64 = 1e-280;
/// Iterations before it settles for what it has.
const MOST_ITERATIONS: usize = 2000;

/// How hard a marginal is held to its distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Marginal {
    /// Exactly.
    Exact,
    /// By ρ times the Kullback-Leibler divergence, in squared frame units.
    Relaxed(f64),
    /// Not at all.
    Free,
}

impl Marginal {
    /// The power of a scaling's update, ρ / (ρ + ε).
    fn power(self, epsilon: f64) -> f64 {
        match self {
            Self::Exact => 1.0,
            Self::Relaxed(radius) => radius / (radius + epsilon),
            Self::Free => 0.0,
        }
    }

    /// −ρ Σ weights (e^(−potential / ρ) − 1), in its limits Σ weights · potential and 0.
    fn dual_value(self, weights: &[f64], potential: &[f64]) -> f64 {
        let pairs = weights.iter().zip(potential);
        match self {
            Self::Exact => pairs.map(|(w, f)| w * f).sum(),
            Self::Relaxed(radius) => pairs
                .map(|(w, f)| -radius * w * (-f / radius).exp_m1())
                .sum(),
            Self::Free => 0.0,
        }
    }

    /// The slope of [`Marginal::dual_value`] and of the entropic term by a weight
    /// whose potential is given, up to a constant: f, or −(ρ + ε) e^(−f / ρ).
    fn slope(self, epsilon: f64, potential: f64, kept: f64) -> f64 {
        match self {
            Self::Exact => potential,
            Self::Relaxed(radius) => -(radius + epsilon) * kept,
            Self::Free => -epsilon * kept,
        }
    }
}

/// The problem's constants.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UnbalancedSettings {
    /// Entropic regularisation ε, in squared frame units; from 1e-3.
    pub epsilon: f64,
    /// Of the first marginal, the map's.
    pub source: Marginal,
    /// Of the second marginal, the target's.
    pub target: Marginal,
    /// Largest change of a potential, in units of ε, at which the iteration stops.
    pub tolerance: f64,
}

/// The solution of one problem.
#[derive(Debug, Clone, PartialEq)]
pub struct UnbalancedSolution {
    /// f `[cells]`, on the side of a.
    pub source: Vec<f64>,
    /// g `[cells]`, on the side of b.
    pub target: Vec<f64>,
    /// P1 `[cells]`: what of a is carried.
    pub carried: Vec<f64>,
    /// The dual value, OT(a, b).
    pub value: f64,
    /// dOT/da `[cells]`, up to a constant.
    pub slope: Vec<f64>,
    pub iterations: usize,
}

/// A solver for one frame and ε, with its kernels and buffers.
#[derive(Debug, Clone)]
pub struct UnbalancedTransport {
    frame: Frame,
    epsilon: f64,
    /// e^(−Δx²/ε) `[columns, columns]`.
    kernel_x: Vec<f64>,
    /// e^(−Δy²/ε) `[rows, rows]`.
    kernel_y: Vec<f64>,
    half_way: Vec<f64>,
}

impl UnbalancedTransport {
    /// Prepares the kernels for a frame.
    pub fn new(frame: Frame, epsilon: f64) -> Self {
        let kernel = |cells| {
            let mut cost = line_cost(cells, frame.cell());
            cost.iter_mut().for_each(|c| *c = (-*c / epsilon).exp());
            cost
        };
        Self {
            frame,
            epsilon,
            kernel_x: kernel(frame.columns),
            kernel_y: kernel(frame.rows),
            half_way: vec![0.0; frame.cells()],
        }
    }

    /// The frame that it was made for, and its ε.
    pub fn made_for(&self) -> (Frame, f64) {
        (self.frame, self.epsilon)
    }

    /// Solves OT(a, b); f is updated last.
    pub fn solve(
        &mut self,
        a: &[f64],
        b: &[f64],
        settings: UnbalancedSettings,
    ) -> UnbalancedSolution {
        let epsilon = self.epsilon;
        let (power_a, power_b) = (
            settings.source.power(epsilon),
            settings.target.power(epsilon),
        );
        let cells = a.len();
        // Logarithms of the scalings u = e^(f/ε), v = e^(g/ε).
        let (mut log_u, mut log_v) = (vec![0.0; cells], vec![0.0; cells]);
        let mut sums = vec![0.0; cells];
        let mut iterations = 0;
        loop {
            self.sums(b, &log_v, &mut sums);
            let change_u = update(&mut log_u, &sums, power_a, 1.0);
            if power_b == 0.0 || iterations == MOST_ITERATIONS {
                break;
            }
            self.sums(a, &log_u, &mut sums);
            let change_v = update(&mut log_v, &sums, power_b, 1.0);
            iterations += 1;
            if change_v.max(change_u) <= settings.tolerance {
                self.sums(b, &log_v, &mut sums);
                update(&mut log_u, &sums, power_a, 1.0);
                break;
            }
        }
        self.sums(b, &log_v, &mut sums);
        self.solution(
            a,
            b,
            (log_u, log_v),
            &sums,
            (settings.source, settings.target),
            iterations,
        )
    }

    /// Solves OT(a, a), both marginals held alike, by the symmetric half-step
    /// f ← ½ (f + its update).
    pub fn solve_self(
        &mut self,
        a: &[f64],
        marginal: Marginal,
        tolerance: f64,
    ) -> UnbalancedSolution {
        let power = marginal.power(self.epsilon);
        let mut log_u = vec![0.0; a.len()];
        let mut sums = vec![0.0; a.len()];
        let mut iterations = 0;
        loop {
            self.sums(a, &log_u, &mut sums);
            if iterations == MOST_ITERATIONS {
                break;
            }
            iterations += 1;
            if update(&mut log_u, &sums, power, 0.5) <= tolerance {
                self.sums(a, &log_u, &mut sums);
                break;
            }
        }
        let log_v = log_u.clone();
        self.solution(
            a,
            a,
            (log_u, log_v),
            &sums,
            (marginal, marginal),
            iterations,
        )
    }

    fn solution(
        &self,
        a: &[f64],
        b: &[f64],
        (log_u, log_v): (Vec<f64>, Vec<f64>),
        sums: &[f64],
        (source, target): (Marginal, Marginal),
        iterations: usize,
    ) -> UnbalancedSolution {
        let epsilon = self.epsilon;
        // What of every unit of a is carried: u (K (b v)).
        let kept: Vec<f64> = log_u
            .iter()
            .zip(sums)
            .map(|(u, sum)| u.exp() * sum)
            .collect();
        let carried: Vec<f64> = a.iter().zip(&kept).map(|(a, kept)| a * kept).collect();
        let potential = |logs: &[f64]| -> Vec<f64> { logs.iter().map(|l| epsilon * l).collect() };
        let (f, g) = (potential(&log_u), potential(&log_v));
        let (mass, masses) = (
            carried.iter().sum::<f64>(),
            a.iter().sum::<f64>() * b.iter().sum::<f64>(),
        );
        let value = source.dual_value(a, &f) + target.dual_value(b, &g) - epsilon * (mass - masses);
        let slope = f.iter().zip(&kept);
        let slope = slope
            .map(|(&f, &kept)| source.slope(epsilon, f, kept))
            .collect();
        UnbalancedSolution {
            source: f,
            target: g,
            carried,
            value,
            slope,
            iterations,
        }
    }

    /// sums = K (weights ∘ e^logs).
    fn sums(&mut self, weights: &[f64], logs: &[f64], sums: &mut [f64]) {
        let weighted: Vec<f64> = weights
            .iter()
            .zip(logs)
            .map(|(weight, log)| weight * log.exp())
            .collect();
        let (rows, columns) = (self.frame.rows, self.frame.columns);
        multiply(&weighted, &self.kernel_x, columns, &mut self.half_way);
        multiply_left(&self.kernel_y, &self.half_way, rows, sums);
    }
}

/// logs ← logs + share · (−power · log sums − logs) → the largest change.
fn update(logs: &mut [f64], sums: &[f64], power: f64, share: f64) -> f64 {
    let mut change = 0.0f64;
    for (log, sum) in logs.iter_mut().zip(sums) {
        let step = share * (-power * sum.max(LEAST).ln() - *log);
        *log += step;
        change = change.max(step.abs());
    }
    change
}

#[cfg(test)]
mod tests;

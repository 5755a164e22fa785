//! Entropic optimal transport between two maps of one frame, and the Sinkhorn
//! divergence that the objective descends.
//!
//! Cost |p − q|² between cell centres, regularisation KL(plan | a ⊗ b). The cost
//! is a sum over x and y, so a half-step is two one-dimensional passes.

#[cfg(test)]
pub(crate) mod exact;
pub mod homes;
mod log_domain;
mod scaling;
#[cfg(test)]
mod tests;
pub mod unbalanced;

use super::frame::Frame;
use log_domain::LogDomain;
use scaling::Scaling;

/// Largest max C / ε of the scaling form: e^±300 and its products stay inside
/// the range of f64.
const SCALING_LIMIT: f64 = 300.0;
/// Iterations allowed whatever ε is.
const BASE_ITERATIONS: usize = 200;
/// Further iterations for each unit of max C / ε and each decimal digit of the
/// marginal tolerance: the iteration converges linearly, at a rate near 1 − ε.
const ITERATIONS_PER_UNIT_AND_DIGIT: f64 = 5.0;

/// How exactly a transport problem is solved.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TransportSettings {
    /// Entropic regularisation ε, in squared frame units.
    pub epsilon: f64,
    /// L1 error of the plan's second marginal at which the iteration stops.
    pub marginal_tolerance: f64,
}

/// Dual potentials of OT(a, b), both defined on every cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Potentials {
    /// f `[cells]`, on the side of a. It was updated last: the first marginal of
    /// the plan is exact.
    pub source: Vec<f64>,
    /// g `[cells]`, on the side of b.
    pub target: Vec<f64>,
    /// OT(a, b), the dual value.
    pub value: f64,
    /// L1 error of the second marginal.
    pub marginal_error: f64,
    /// Iterations done; each updates g and f.
    pub iterations: usize,
}

/// The potential of OT(a, a), where both sides share it.
#[derive(Debug, Clone, PartialEq)]
pub struct SelfPotential {
    /// f `[cells]`.
    pub potential: Vec<f64>,
    /// OT(a, a).
    pub value: f64,
    /// L1 error of the marginal.
    pub marginal_error: f64,
    /// Iterations done.
    pub iterations: usize,
}

/// The Sinkhorn divergence S(a, b) and its gradient.
#[derive(Debug, Clone, PartialEq)]
pub struct Divergence {
    /// OT(a, b) − ½ OT(a, a) − ½ OT(b, b).
    pub value: f64,
    /// dS/da `[cells]` up to a constant: f_ab − f_aa.
    pub gradient: Vec<f64>,
}

/// A solver for one frame and ε, with its kernels and buffers.
///
/// Measures are slices `[rows · columns]` of weights ≥ 0 that sum to 1.
#[derive(Debug, Clone)]
pub struct Transport {
    frame: Frame,
    settings: TransportSettings,
    form: Form,
}

#[derive(Debug, Clone)]
enum Form {
    Scaling(Scaling),
    LogDomain(LogDomain),
}

/// What one of the two forms hands back.
struct Solution {
    source: Vec<f64>,
    target: Vec<f64>,
    marginal_error: f64,
    iterations: usize,
}

impl Transport {
    /// Prepares the kernels for a frame. ε must be above 0.
    pub fn new(frame: Frame, settings: TransportSettings) -> Self {
        let largest = largest_cost(frame);
        let bound = iteration_bound(largest, settings);
        let form = if largest / settings.epsilon <= SCALING_LIMIT {
            Form::Scaling(Scaling::new(frame, settings, bound))
        } else {
            Form::LogDomain(LogDomain::new(frame, settings, largest, bound))
        };
        Self {
            frame,
            settings,
            form,
        }
    }

    /// The frame the solver was made for.
    pub fn frame(&self) -> Frame {
        self.frame
    }

    /// The settings the solver was made with.
    pub fn settings(&self) -> TransportSettings {
        self.settings
    }

    /// Solves OT(a, b).
    pub fn solve(&mut self, a: &[f64], b: &[f64]) -> Potentials {
        let start = translation_potential(self.frame, a, b);
        let solution = match &mut self.form {
            Form::Scaling(scaling) => scaling.solve(a, b, &start),
            Form::LogDomain(log_domain) => log_domain.solve(a, b, &start),
        };
        let value = dot(a, &solution.source) + dot(b, &solution.target);
        Potentials {
            source: solution.source,
            target: solution.target,
            value,
            marginal_error: solution.marginal_error,
            iterations: solution.iterations,
        }
    }

    /// Solves OT(a, a) by the symmetric half-step f ← ½ (f + its update).
    pub fn solve_self(&mut self, a: &[f64]) -> SelfPotential {
        let solution = match &mut self.form {
            Form::Scaling(scaling) => scaling.solve_self(a),
            Form::LogDomain(log_domain) => log_domain.solve_self(a),
        };
        // `source` is the update of `target`, so this is a dual value too.
        let value = dot(a, &solution.source) + dot(a, &solution.target);
        SelfPotential {
            potential: solution.source,
            value,
            marginal_error: solution.marginal_error,
            iterations: solution.iterations,
        }
    }

    /// S(a, b) and dS/da.
    pub fn divergence(&mut self, a: &[f64], b: &[f64]) -> Divergence {
        let self_a = self.solve_self(a);
        let self_b = self.solve_self(b);
        self.divergence_between(a, &self_a, b, &self_b)
    }

    /// As [`Transport::divergence`], with the self-transports already solved.
    pub fn divergence_between(
        &mut self,
        a: &[f64],
        self_a: &SelfPotential,
        b: &[f64],
        self_b: &SelfPotential,
    ) -> Divergence {
        let potentials = self.solve(a, b);
        Divergence {
            value: potentials.value - 0.5 * (self_a.value + self_b.value),
            gradient: potentials
                .source
                .iter()
                .zip(&self_a.potential)
                .map(|(f_ab, f_aa)| f_ab - f_aa)
                .collect(),
        }
    }
}

fn iteration_bound(largest_cost: f64, settings: TransportSettings) -> usize {
    let digits = -settings.marginal_tolerance.log10();
    let further = ITERATIONS_PER_UNIT_AND_DIGIT * digits * largest_cost / settings.epsilon;
    BASE_ITERATIONS + further.clamp(0.0, 1e9) as usize
}

/// Squared distance of the two cells farthest apart.
fn largest_cost(frame: Frame) -> f64 {
    let [width, height] = frame.extent().map(|side| side - frame.cell());
    // A frame of one cell has no distance; one cell's side keeps ε's scale.
    (width * width + height * height).max(frame.cell() * frame.cell())
}

/// Squared distances between the `cells` positions along one side,
/// `[cells, cells]`.
fn line_cost(cells: usize, cell: f64) -> Vec<f64> {
    (0..cells * cells)
        .map(|index| {
            let steps = (index / cells).abs_diff(index % cells) as f64;
            (steps * cell).powi(2)
        })
        .collect()
}

/// The potential g of moving all mass by the difference of the centroids Δ:
/// g(y) = 2 Δ · (y − centroid of b). It is exact for equal shapes, and takes
/// the long way out of the iteration for others.
fn translation_potential(frame: Frame, a: &[f64], b: &[f64]) -> Vec<f64> {
    let (from, to) = (frame.centroid(a), frame.centroid(b));
    let shift = [to[0] - from[0], to[1] - from[1]];
    (0..frame.cells())
        .map(|index| {
            let [x, y] = frame.position(index);
            2.0 * (shift[0] * (x - to[0]) + shift[1] * (y - to[1]))
        })
        .collect()
}

fn dot(weights: &[f64], values: &[f64]) -> f64 {
    weights.iter().zip(values).map(|(w, v)| w * v).sum()
}

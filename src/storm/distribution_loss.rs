//! What a word's map lacks of its distribution: one family of losses.
//!
//! Unbalanced transport of the map to the target, whose relaxation radius says how
//! far mass is carried before it rather vanishes here and is born there. Without
//! bound it is the Sinkhorn divergence of balanced transport; at 0 it is the
//! cross-entropy −Σ b log a. An object that fills nothing is carried into its homes
//! instead: boxes of its size, or a region, in which it lies as it likes.
//!
//! What is transported is a power of the map: above 1, what stands out counts and faint
//! attention all over hardly does, which gathers; below 1 the faint counts more, which
//! fills.

use super::frame::Frame;
use super::placement::{Placement, away_from};
use super::transport::homes::to_homes;
use super::transport::unbalanced::{Marginal, UnbalancedSettings, UnbalancedTransport};
use super::word_maps::WordMap;

/// From this radius on mass is carried however far: the largest squared distance in
/// a frame is 2.
pub const BALANCED: f64 = 100.0;
/// Keeps the logarithm of an empty cell finite.
const EMPTY: f64 = 1e-8;
/// Smallest response that is raised to a power: the slope of a root has no bound at 0.
const LEAST_RESPONSE: f64 = 1e-9;
/// Largest change of a potential, in ε, at which a plan is good enough.
const TOLERANCE: f64 = 1e-2;
/// ε of the transport into homes, in the relaxation radius, and the smallest radius
/// there: well inside a cell, whose edges are as good as sharp then.
const HOME_EPSILON: f64 = 0.5;
const LEAST_HOME_RADIUS: f64 = 1e-4;
/// ε of the meter, in squared frame units.
const METER_EPSILON: f64 = 0.005;

/// Which of the family.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Relaxation {
    /// Of the map's marginal, in squared frame units: 0 is cross-entropy,
    /// [`BALANCED`] balanced transport.
    pub radius: f64,
    /// Entropic regularisation, in squared frame units.
    pub epsilon: f64,
    /// Whether what has homes is carried into them rather than to a distribution.
    pub into_homes: bool,
    /// To which power the map is raised where it is carried into homes, and where it is
    /// to fill a region; 1 elsewhere.
    pub powers: Powers,
}

/// Powers of maps, above 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Powers {
    pub into_homes: f64,
    pub filling: f64,
}

impl Powers {
    pub const NONE: Self = Self {
        into_homes: 1.0,
        filling: 1.0,
    };
}

/// A value with its gradient.
#[derive(Debug, Clone, PartialEq)]
pub struct Lack {
    pub value: f64,
    pub gradient: Gradient,
}

/// By what a gradient is.
#[derive(Debug, Clone, PartialEq)]
pub enum Gradient {
    /// By the map's share a `[cells]`, up to a constant.
    Share(Vec<f64>),
    /// By its response m `[cells]`.
    Response(Vec<f64>),
}

/// Solvers that are kept from one evaluation to the next.
#[derive(Debug, Default)]
pub struct DistributionLoss {
    transport: Option<UnbalancedTransport>,
    meter: Option<UnbalancedTransport>,
}

impl DistributionLoss {
    /// What `map` lacks of its placement.
    pub fn lack(
        &mut self,
        frame: Frame,
        map: &WordMap,
        placement: &Placement,
        relaxation: Relaxation,
    ) -> Lack {
        if relaxation.into_homes && !placement.homes.is_empty() {
            let radius = relaxation.radius.max(LEAST_HOME_RADIUS);
            return of_power(map, relaxation.powers.into_homes, |map| {
                let found = to_homes(&map.share, &placement.homes, radius, HOME_EPSILON * radius);
                Lack {
                    value: found.value,
                    gradient: Gradient::Share(found.slope),
                }
            });
        }
        match (&placement.spread, &placement.region) {
            (Some(spread), _) if placement.only_fills => unfilled(map, spread),
            (Some(spread), Some(_)) if placement.is_filled => {
                of_power(map, relaxation.powers.filling, |map| {
                    self.towards(frame, &map.share, spread, relaxation)
                })
            }
            (Some(spread), _) => self.towards(frame, &map.share, spread, relaxation),
            (None, Some(region)) => {
                let solver = kept(&mut self.transport, frame, relaxation.epsilon);
                let settings = UnbalancedSettings {
                    epsilon: relaxation.epsilon,
                    source: Marginal::Exact,
                    target: Marginal::Free,
                    tolerance: TOLERANCE,
                };
                let found = solver.solve(&map.share, region, settings);
                Lack {
                    value: found.value,
                    gradient: Gradient::Share(found.slope),
                }
            }
            (None, None) => Lack {
                value: 0.0,
                gradient: Gradient::Share(vec![0.0; map.share.len()]),
            },
        }
    }

    /// What a distribution `a` lacks of `b`.
    pub fn towards(&mut self, frame: Frame, a: &[f64], b: &[f64], relaxation: Relaxation) -> Lack {
        let Relaxation {
            radius, epsilon, ..
        } = relaxation;
        if radius <= 0.0 {
            return cross_entropy(a, b);
        }
        let solver = kept(&mut self.transport, frame, epsilon);
        let (source, scale) = match radius >= BALANCED {
            true => (Marginal::Exact, 1.0),
            // In units of what vanishes, so that the ends of the family meet.
            false => (Marginal::Relaxed(radius), 1.0 / (radius + epsilon)),
        };
        let settings = UnbalancedSettings {
            epsilon,
            source,
            target: Marginal::Exact,
            tolerance: TOLERANCE,
        };
        let found = solver.solve(a, b, settings);
        let own = solver.solve_self(a, source, TOLERANCE);
        let other = solver.solve_self(b, source, TOLERANCE);
        let slopes = found.slope.iter().zip(&own.slope);
        Lack {
            value: scale * (found.value - 0.5 * (own.value + other.value)),
            gradient: Gradient::Share(slopes.map(|(ab, aa)| scale * (ab - aa)).collect()),
        }
    }

    /// How far a map is from its placement: the Sinkhorn divergence of balanced
    /// transport, or the mean squared distance to its region, in squared frame units.
    pub fn distance(&mut self, frame: Frame, share: &[f64], placement: &Placement) -> f64 {
        match (&placement.spread, &placement.region) {
            (Some(spread), _) => {
                let solver = kept(&mut self.meter, frame, METER_EPSILON);
                let settings = UnbalancedSettings {
                    epsilon: METER_EPSILON,
                    source: Marginal::Exact,
                    target: Marginal::Exact,
                    tolerance: TOLERANCE,
                };
                let between = solver.solve(share, spread, settings).value;
                let own = solver.solve_self(share, Marginal::Exact, TOLERANCE).value;
                let other = solver.solve_self(spread, Marginal::Exact, TOLERANCE).value;
                (between - 0.5 * (own + other)).max(0.0)
            }
            (None, Some(region)) => outside(frame, share, region),
            (None, None) => 0.0,
        }
    }
}

/// The share of a map that lies in its homes: of several e to the mean logarithm of what
/// each has of its part, so that an empty one counts.
pub fn inside(share: &[f64], homes: &[Vec<f64>]) -> f64 {
    let epsilon = HOME_EPSILON * LEAST_HOME_RADIUS;
    let found = to_homes(share, homes, LEAST_HOME_RADIUS, epsilon);
    (-found.value).exp()
}

/// The lack of a map that is raised to a power first; its gradient is by the map itself.
fn of_power(map: &WordMap, power: f64, lack_of: impl FnOnce(&WordMap) -> Lack) -> Lack {
    if power == 1.0 {
        return lack_of(map);
    }
    let powers = map.response.iter();
    let powers = powers.map(|m| m.max(LEAST_RESPONSE).powf(power));
    let raised = WordMap::new(powers.collect());
    let Lack { value, gradient } = lack_of(&raised);
    let mut slopes = match gradient {
        Gradient::Response(slopes) => slopes,
        Gradient::Share(by_share) => {
            let mut slopes = vec![0.0; by_share.len()];
            raised.add_share_gradient(&by_share, 1.0, &mut slopes);
            slopes
        }
    };
    for (slope, m) in slopes.iter_mut().zip(&map.response) {
        *slope *= power * m.max(LEAST_RESPONSE).powf(power - 1.0);
    }
    Lack {
        value,
        gradient: Gradient::Response(slopes),
    }
}

fn kept(
    slot: &mut Option<UnbalancedTransport>,
    frame: Frame,
    epsilon: f64,
) -> &mut UnbalancedTransport {
    if slot
        .as_ref()
        .is_some_and(|solver| solver.made_for() != (frame, epsilon))
    {
        *slot = None;
    }
    slot.get_or_insert_with(|| UnbalancedTransport::new(frame, epsilon))
}

/// −Σ b log a, less the entropy of b, so that it ends at 0.
fn cross_entropy(a: &[f64], b: &[f64]) -> Lack {
    let pairs = || a.iter().zip(b);
    Lack {
        value: pairs()
            .filter(|(_, b)| **b > 0.0)
            .map(|(a, b)| b * (b.ln() - (a.max(0.0) + EMPTY).ln()))
            .sum(),
        gradient: Gradient::Share(pairs().map(|(a, b)| -b / (a.max(0.0) + EMPTY)).collect()),
    }
}

/// −Σ b log m: that there be an answer all over the region, whatever is outside.
fn unfilled(map: &WordMap, b: &[f64]) -> Lack {
    let pairs = || map.response.iter().zip(b);
    Lack {
        value: pairs().map(|(m, b)| -b * (m.max(0.0) + EMPTY).ln()).sum(),
        gradient: Gradient::Response(pairs().map(|(m, b)| -b / (m.max(0.0) + EMPTY)).collect()),
    }
}

/// Σ a d², d being the distance to the region.
fn outside(frame: Frame, share: &[f64], region: &[f64]) -> f64 {
    let squares = away_from(frame, region);
    share
        .iter()
        .zip(squares)
        .map(|(a, square)| a * square)
        .sum()
}

#[cfg(test)]
mod tests;

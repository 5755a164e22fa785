//! The released code's Sinkhorn iteration, 100 rounds, and its hand-written
//! reverse.
//!
//! K = exp(−C / (reg + 1e-8)), u = a / (K v + 1e-8), v = b / (Kᵀ u + 1e-8) from
//! ones, then loss = Σ u K v ∘ C; everything is differentiated.

const REGULARISATION: f64 = 0.1 + 1e-8;
const TINY: f64 = 1e-8;
const ITERATIONS: usize = 100;

/// Loss and gradients of a transport whose cost depends on the source only.
pub(super) struct SourceTransport {
    pub loss: f64,
    /// dloss/da `[cells]`.
    pub mass: Vec<f64>,
    /// dloss/dc `[cells]`.
    pub cost: Vec<f64>,
}

/// Transport of `mass` `[cells]` at `cost` `[cells]` to any target that sums to 1.
///
/// Every column of K is the same, so Kᵀ u has equal entries and v is the target
/// times a number: the iteration runs on Σ v alone, and the target drops out of
/// the loss and, being normalised, out of the gradient.
pub(super) fn source_transport(mass: &[f64], cost: &[f64]) -> SourceTransport {
    let kernel: Vec<f64> = cost.iter().map(|c| (-c / REGULARISATION).exp()).collect();
    let u = |sum_v: f64, i: usize| mass[i] / (kernel[i] * sum_v + TINY);
    let cells = 0..mass.len();
    // Σ v before each round, and Kᵀ u + 1e-8 in it.
    let mut sums = vec![mass.len() as f64];
    let mut divisors = Vec::with_capacity(ITERATIONS);
    for round in 0..ITERATIONS {
        let divisor: f64 = cells.clone().map(|i| kernel[i] * u(sums[round], i)).sum();
        divisors.push(divisor + TINY);
        sums.push(1.0 / (divisor + TINY));
    }

    let (sum_v, before_last) = (sums[ITERATIONS], sums[ITERATIONS - 1]);
    let row_cost: f64 = cells
        .clone()
        .map(|i| u(before_last, i) * kernel[i] * cost[i])
        .sum();
    let mut mass_slope = vec![0.0; mass.len()];
    let mut cost_slope: Vec<f64> = cells
        .clone()
        .map(|i| sum_v * u(before_last, i) * kernel[i])
        .collect();
    let mut kernel_slope: Vec<f64> = cells
        .clone()
        .map(|i| sum_v * u(before_last, i) * cost[i])
        .collect();
    let mut u_slope: Vec<f64> = cells.clone().map(|i| sum_v * kernel[i] * cost[i]).collect();
    let mut sum_slope = row_cost;
    for round in (0..ITERATIONS).rev() {
        let divisor_slope = -sum_slope / (divisors[round] * divisors[round]);
        sum_slope = 0.0;
        for i in cells.clone() {
            let before = sums[round];
            let denominator = kernel[i] * before + TINY;
            let slope = u_slope[i] + divisor_slope * kernel[i];
            mass_slope[i] += slope / denominator;
            let denominator_slope = -slope * mass[i] / (denominator * denominator);
            kernel_slope[i] += divisor_slope * u(before, i) + denominator_slope * before;
            sum_slope += denominator_slope * kernel[i];
        }
        u_slope.fill(0.0);
    }
    for i in cells {
        cost_slope[i] -= kernel_slope[i] * kernel[i] / REGULARISATION;
    }
    SourceTransport {
        loss: row_cost * sum_v,
        mass: mass_slope,
        cost: cost_slope,
    }
}

/// Loss and gradients of a transport with a full cost matrix.
pub(super) struct DenseTransport {
    pub loss: f32,
    /// dloss/da `[cells]`.
    pub source: Vec<f32>,
    /// dloss/db `[cells]`.
    pub target: Vec<f32>,
    /// dloss/dC `[cells, cells]`.
    pub cost: Vec<f32>,
}

/// Transport of `source` `[cells]` to `target` `[cells]` at `cost` `[cells, cells]`,
/// in f32 as released.
pub(super) fn dense_transport(source: &[f32], target: &[f32], cost: &[f32]) -> DenseTransport {
    let kernel: Vec<f32> = cost
        .iter()
        .map(|c| (-c / REGULARISATION as f32).exp())
        .collect();
    let Rounds {
        us,
        vs,
        u_inverses,
        v_inverses,
    } = iterate(&kernel, source, target);

    let cells = source.len();
    let (u, v) = (&us[ITERATIONS - 1], &vs[ITERATIONS]);
    let weighted: Vec<f32> = kernel.iter().zip(cost).map(|(k, c)| k * c).collect();
    let mut u_slope = times(&weighted, v);
    let mut v_slope = times_transposed(&weighted, u);
    let loss = dot(u, &u_slope);
    // dloss/dC at fixed K, then dloss/dK.
    let mut cost_slope = vec![0.0; cells * cells];
    add_outer(&mut cost_slope, u, v);
    let mut kernel_slope: Vec<f32> = cost_slope.iter().zip(cost).map(|(uv, c)| uv * c).collect();
    cost_slope
        .iter_mut()
        .zip(&kernel)
        .for_each(|(uv, k)| *uv *= k);

    let mut source_slope = vec![0.0; cells];
    let mut target_slope = vec![0.0; cells];
    for round in (0..ITERATIONS).rev() {
        add_product(&mut target_slope, &v_slope, &v_inverses[round]);
        let sum_slope = through_quotient(&v_slope, &vs[round + 1], &v_inverses[round]);
        add_outer(&mut kernel_slope, &us[round], &sum_slope);
        let from_v = times(&kernel, &sum_slope);
        u_slope
            .iter_mut()
            .zip(from_v)
            .for_each(|(slope, more)| *slope += more);
        add_product(&mut source_slope, &u_slope, &u_inverses[round]);
        let sum_slope = through_quotient(&u_slope, &us[round], &u_inverses[round]);
        add_outer(&mut kernel_slope, &sum_slope, &vs[round]);
        v_slope = times_transposed(&kernel, &sum_slope);
        u_slope.fill(0.0);
    }
    for ((slope, k_slope), k) in cost_slope.iter_mut().zip(&kernel_slope).zip(&kernel) {
        *slope -= k_slope * k / REGULARISATION as f32;
    }
    DenseTransport {
        loss,
        source: source_slope,
        target: target_slope,
        cost: cost_slope,
    }
}

/// What every round of the iteration leaves for its reverse.
struct Rounds {
    /// u of each round.
    us: Vec<Vec<f32>>,
    /// v before each round, then the final one.
    vs: Vec<Vec<f32>>,
    /// 1 / (K v + 1e-8) of each round.
    u_inverses: Vec<Vec<f32>>,
    /// 1 / (Kᵀ u + 1e-8) of each round.
    v_inverses: Vec<Vec<f32>>,
}

fn iterate(kernel: &[f32], source: &[f32], target: &[f32]) -> Rounds {
    let invert = |mut sums: Vec<f32>| -> Vec<f32> {
        sums.iter_mut()
            .for_each(|sum| *sum = 1.0 / (*sum + TINY as f32));
        sums
    };
    let mut rounds = Rounds {
        us: Vec::with_capacity(ITERATIONS),
        vs: vec![vec![1.0; target.len()]],
        u_inverses: Vec::with_capacity(ITERATIONS),
        v_inverses: Vec::with_capacity(ITERATIONS),
    };
    for round in 0..ITERATIONS {
        let inverse = invert(times(kernel, &rounds.vs[round]));
        rounds.us.push(product(source, &inverse));
        rounds.u_inverses.push(inverse);
        let inverse = invert(times_transposed(kernel, &rounds.us[round]));
        rounds.vs.push(product(target, &inverse));
        rounds.v_inverses.push(inverse);
    }
    rounds
}

/// Entry by entry, x · y.
fn product(x: &[f32], y: &[f32]) -> Vec<f32> {
    x.iter().zip(y).map(|(a, b)| a * b).collect()
}

/// Entry by entry, into += x · y.
fn add_product(into: &mut [f32], x: &[f32], y: &[f32]) {
    for ((slot, a), b) in into.iter_mut().zip(x).zip(y) {
        *slot += a * b;
    }
}

/// Takes dloss/dx of x = w · inverse, inverse = 1 / (sum + tiny), to
/// dloss/dsum.
fn through_quotient(slope: &[f32], x: &[f32], inverse: &[f32]) -> Vec<f32> {
    let terms = slope.iter().zip(x).zip(inverse);
    terms.map(|((s, x), inverse)| -s * x * inverse).collect()
}

/// Sum of products, in eight lanes that the compiler can vectorise.
fn dot(x: &[f32], y: &[f32]) -> f32 {
    let mut lanes = [0.0f32; 8];
    let (x_chunks, y_chunks) = (x.chunks_exact(8), y.chunks_exact(8));
    let rest = x_chunks.remainder().iter().zip(y_chunks.remainder());
    let rest: f32 = rest.map(|(a, b)| a * b).sum();
    for (a, b) in x_chunks.zip(y_chunks) {
        for lane in 0..8 {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    lanes.iter().sum::<f32>() + rest
}

/// matrix `[n, n]` · vector `[n]`.
fn times(matrix: &[f32], vector: &[f32]) -> Vec<f32> {
    matrix
        .chunks_exact(vector.len())
        .map(|row| dot(row, vector))
        .collect()
}

/// matrixᵀ `[n, n]` · vector `[n]`.
fn times_transposed(matrix: &[f32], vector: &[f32]) -> Vec<f32> {
    let mut product = vec![0.0; vector.len()];
    for (row, factor) in matrix.chunks_exact(vector.len()).zip(vector) {
        for (slot, value) in product.iter_mut().zip(row) {
            *slot += factor * value;
        }
    }
    product
}

/// matrix `[n, n]` += x yᵀ.
fn add_outer(matrix: &mut [f32], x: &[f32], y: &[f32]) {
    for (row, factor) in matrix.chunks_exact_mut(y.len()).zip(x) {
        for (slot, value) in row.iter_mut().zip(y) {
            *slot += factor * value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(seed: usize, cells: usize) -> Vec<f64> {
        let raw: Vec<f64> = (0..cells)
            .map(|i| ((i * 5 + seed) % 7 + 1) as f64)
            .collect();
        let total: f64 = raw.iter().sum();
        raw.into_iter().map(|w| w / total).collect()
    }

    fn narrow(values: &[f64]) -> Vec<f32> {
        values.iter().map(|v| *v as f32).collect()
    }

    #[test]
    fn with_a_source_only_cost_the_target_is_irrelevant() {
        let (mass, cost) = (weights(1, 9), weights(2, 9));
        let plain: f64 = mass.iter().zip(&cost).map(|(a, c)| a * c).sum();
        let found = source_transport(&mass, &cost);
        assert!((found.loss - plain).abs() < 1e-7);
        let matrix: Vec<f32> = (0..81).map(|i| cost[i / 9] as f32).collect();
        for seed in [0, 3] {
            let target = narrow(&weights(seed, 9));
            let dense = dense_transport(&narrow(&mass), &target, &matrix);
            assert!((f64::from(dense.loss) - plain).abs() < 1e-6);
        }
    }

    #[test]
    fn the_reverse_of_the_short_form_matches_differences() {
        // Costs far above reg, so that 1e-8 is felt and mass is lost.
        let (mass, cost) = (weights(1, 6), vec![0.1, 1.5, 1.9, 0.4, 2.2, 0.0]);
        let found = source_transport(&mass, &cost);
        for i in 0..6 {
            for (of_cost, expected) in [(false, found.mass[i]), (true, found.cost[i])] {
                let at = |step: f64| {
                    let (mut m, mut c) = (mass.clone(), cost.clone());
                    if of_cost {
                        c[i] += step
                    } else {
                        m[i] += step
                    }
                    source_transport(&m, &c).loss
                };
                let numeric = (at(1e-6) - at(-1e-6)) / 2e-6;
                assert!(
                    (numeric - expected).abs() < 1e-5,
                    "{i}: {numeric} {expected}"
                );
            }
        }
    }

    #[test]
    fn the_reverse_of_the_dense_form_matches_differences() {
        let (source, target) = (narrow(&weights(1, 5)), narrow(&weights(4, 5)));
        let cost: Vec<f32> = (0..25).map(|i| ((i * 7) % 11) as f32 / 11.0).collect();
        let found = dense_transport(&source, &target, &cost);
        let check = |expected: f32, at: &dyn Fn(f32) -> f32| {
            let numeric = (at(3e-3) - at(-3e-3)) / 6e-3;
            assert!((numeric - expected).abs() < 2e-3, "{numeric} {expected}");
        };
        for i in 0..5 {
            check(found.source[i], &|step| {
                let mut changed = source.clone();
                changed[i] += step;
                dense_transport(&changed, &target, &cost).loss
            });
            check(found.target[i], &|step| {
                let mut changed = target.clone();
                changed[i] += step;
                dense_transport(&source, &changed, &cost).loss
            });
        }
        for i in 0..25 {
            check(found.cost[i], &|step| {
                let mut changed = cost.clone();
                changed[i] += step;
                dense_transport(&source, &target, &changed).loss
            });
        }
    }
}

//! Exponential and error function without branches, so that loops over them vectorise.
//!
//! Polynomials are summed in pairs (Estrin's scheme): a processor waits for one
//! result after another in Horner's.

/// e^x, within 1e-7 of it, relatively; x is taken as at least -87.3 and at most 88.
///
/// Argument reduction by ln 2 in two parts and the polynomial of Cephes' `expf`.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    /// 1.5 · 2^23: adding it rounds to a whole number in the low bits.
    const ROUND: f32 = 1.258_291_2e7;
    /// ln 2 in two parts: a whole number times the first is exact.
    const LN_2: [f32; 2] = [6.933_594e-1, -2.121_944_4e-4];
    let x = if x > 88.0 { 88.0 } else { x };
    let x = if x < -87.3 { -87.3 } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let whole = shifted - ROUND;
    let rest = x - whole * LN_2[0] - whole * LN_2[1];
    let square = rest * rest;
    let highest = 1.987_569_1e-4 * rest + 1.398_2e-3;
    let middle = 8.333_452e-3 * rest + 4.166_579_6e-2;
    let lowest = 1.666_666_6e-1 * rest + 5.0e-1;
    let series = (highest * square + middle) * square + lowest;
    let power = (shifted.to_bits() << 23).wrapping_add(1f32.to_bits());
    (series * square + rest + 1.0) * f32::from_bits(power)
}

/// x / (1 + e^-x).
#[inline(always)]
pub(super) fn silu(x: f32) -> f32 {
    x / (1.0 + exp(-x))
}

/// The derivative of [`silu`]: σ(x) (1 + x (1 − σ(x))), with σ(x) = 1 / (1 + e^-x).
#[inline(always)]
pub(super) fn silu_slope(x: f32) -> f32 {
    let share = 1.0 / (1.0 + exp(-x));
    share * (1.0 + x * (1.0 - share))
}

/// The Gaussian error linear unit x · Φ(x), by the error function (not by tanh).
#[inline(always)]
pub(super) fn gelu(x: f32) -> f32 {
    0.5 * x * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2))
}

/// The derivative of [`gelu`]: Φ(x) + x φ(x), with φ the bell curve.
#[inline(always)]
pub(super) fn gelu_slope(x: f32) -> f32 {
    /// 1 / √(2π).
    const HEIGHT: f32 = 0.398_942_3;
    let below = 0.5 * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2));
    below + x * HEIGHT * exp(-0.5 * x * x)
}

/// The error function, within 1e-7 of it: a polynomial in x near 0, and
/// 1 - e^p(|x|) beyond (Norbert Juffa's coefficients for `erff`).
#[inline(always)]
fn erf(x: f32) -> f32 {
    let size = x.abs();
    let square = x * x;
    let fourth = square * square;
    let highest = -5.967_617e-4 * square + 4.991_194_2e-3;
    let middle = -2.676_813_5e-2 * square + 1.128_199_2e-1;
    let lowest = -3.761_253_4e-1 * square + 1.283_791_7e-1;
    let near = ((highest * fourth + middle) * fourth + lowest) * x + x;

    let highest = -1.728_534_7e-5 * square + (3.831_971_3e-4 * size - 3.883_964_4e-3);
    let middle = 2.425_462_2e-2 * size - 1.067_778_8e-1;
    let lowest = -6.348_467e-1 * size - 1.287_175_1e-1;
    let exponent = (highest * fourth + (middle * square + lowest)) * size - size;
    let far = (1.0 - exp(exponent)).copysign(x);
    if size > 9.277_344e-1 { far } else { near }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_within_one_part_in_ten_million() {
        for step in -8_700..=8_800 {
            let x = step as f32 * 0.01;
            let exact = f64::from(x).exp();
            let relative = (f64::from(exp(x)) - exact).abs() / exact;
            assert!(relative < 1e-7, "{x}: {relative:e}");
        }
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(f32::NAN).is_nan());
        assert!(exp(-1e30) < 1e-37 && exp(1e30).is_finite());
    }

    #[test]
    fn the_error_function_is_the_integral_of_the_bell_curve() {
        // Simpson's rule from 0.
        let mut integral = 0.0;
        let width = 1e-3;
        let bell = |x: f64| std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp();
        for step in 0..6_000 {
            let x = f64::from(step) * width;
            for sign in [-1.0, 1.0] {
                let found = f64::from(erf((sign * x) as f32));
                assert!((found - sign * integral).abs() < 1e-7, "{x}");
            }
            let middle = bell(x + width / 2.0);
            integral += width / 6.0 * (bell(x) + 4.0 * middle + bell(x + width));
        }
    }

    #[test]
    fn activations_keep_their_tails() {
        assert!((silu(-20.0) + 4.122_307e-8).abs() < 1e-13);
        assert_eq!(silu(30.0), 30.0);
        assert!((gelu(1.0) - 0.841_344_8).abs() < 1e-6);
        assert!((gelu(9.0) - 9.0).abs() < 1e-5);
        assert!(gelu(-9.0).abs() < 1e-5);
    }
}

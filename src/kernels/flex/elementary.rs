//! Exponential and error function without branches, so that loops over them vectorise.

/// e^x, within 1e-7 of it, relatively; x is taken as at least -87.3 and at most 88.
///
/// Argument reduction by ln 2 in two parts and the polynomial of Cephes' `expf`.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    /// 1.5 · 2^23: adding it rounds to a whole number in the low bits.
    const ROUND: f32 = 12_582_912.0;
    /// ln 2 in two parts: a whole number times the first is exact.
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    let x = if x > 88.0 { 88.0 } else { x };
    let x = if x < -87.3 { -87.3 } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let whole = shifted - ROUND;
    let rest = x - whole * LN_2[0] - whole * LN_2[1];
    let series = [
        1.987_569_1e-4,
        1.398_2e-3,
        8.333_452e-3,
        4.166_579_6e-2,
        1.666_666_5e-1,
        5.000_000_1e-1,
    ];
    let series = polynomial(rest, series);
    let power = (shifted.to_bits() << 23).wrapping_add(1f32.to_bits());
    (series * (rest * rest) + rest + 1.0) * f32::from_bits(power)
}

/// x / (1 + e^-x).
#[inline(always)]
pub(super) fn silu(x: f32) -> f32 {
    x / (1.0 + exp(-x))
}

/// The Gaussian error linear unit x · Φ(x), by the error function (not by tanh).
#[inline(always)]
pub(super) fn gelu(x: f32) -> f32 {
    0.5 * x * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2))
}

/// The error function within 5e-7: the rational minimax approximation on
/// [-4, 4] that Eigen uses.
#[inline(always)]
fn erf(x: f32) -> f32 {
    let x = if x > 4.0 { 4.0 } else { x };
    let x = if x < -4.0 { -4.0 } else { x };
    let square = x * x;
    let numerator = polynomial(
        square,
        [
            -2.726_142_3e-10,
            2.770_681_4e-8,
            -2.101_024e-6,
            -5.692_506e-5,
            -7.349_906_3e-4,
            -2.954_6e-3,
            -1.609_603_3e-2,
        ],
    );
    let denominator = polynomial(
        square,
        [
            -1.456_607_2e-5,
            -2.133_740_6e-4,
            -1.682_827e-3,
            -7.373_329e-3,
            -1.426_474e-2,
        ],
    );
    x * numerator / denominator
}

/// Horner's scheme, the highest power's coefficient first.
#[inline(always)]
fn polynomial<const N: usize>(x: f32, coefficients: [f32; N]) -> f32 {
    let mut sum = coefficients[0];
    for coefficient in &coefficients[1..] {
        sum = sum * x + coefficient;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sinh-like series and a continued fraction would be second opinions too; the
    /// standard library's exponential in f64 and the integral of the bell curve are nearer.
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
                assert!((found - sign * integral).abs() < 6e-7, "{x}");
            }
            let middle = bell(x + width / 2.0);
            integral += width / 6.0 * (bell(x) + 4.0 * middle + bell(x + width));
        }
    }

    #[test]
    fn activations_keep_their_tails() {
        assert!((silu(-20.0) + 4.122_307e-8).abs() < 1e-13);
        assert_eq!(silu(30.0), 30.0);
        assert!((gelu(1.0) - 0.841_344_75).abs() < 1e-6);
        assert!((gelu(9.0) - 9.0).abs() < 1e-5);
        assert!(gelu(-9.0).abs() < 1e-5);
    }
}

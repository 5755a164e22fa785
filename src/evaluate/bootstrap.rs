//! How well a figure is known: percentile bootstrap over prompts.
//!
//! Prompts are what is sampled from the world; the pictures of one prompt hang
//! together. Every method sees the same resampled prompts, so that differences
//! between methods are paired (Efron and Tibshirani 1993, chapter 13).

use serde::Serialize;

/// Resamples behind every interval.
pub const RESAMPLES: usize = 2000;

/// The range that holds 95 % of the resampled values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

impl Interval {
    /// The middle 95 % of `values`; those that are not numbers (a share of
    /// nothing) are left out. `None` if none is left.
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        Some(Self {
            low: quantile(&sorted, 0.025)?,
            high: quantile(&sorted, 0.975)?,
        })
    }

    /// Whether the whole range lies above or below 0.
    pub fn excludes_zero(self) -> bool {
        self.low > 0.0 || self.high < 0.0
    }
}

/// Draws `count` items with replacement, [`RESAMPLES`] times, always the same:
/// for every resample the indices of its items.
pub fn resamples(count: usize) -> impl Iterator<Item = Vec<usize>> {
    let mut random = SplitMix64(0);
    (0..RESAMPLES).map(move |_| (0..count).map(|_| random.below(count)).collect())
}

/// The value below which a share of the sorted values lies, interpolated.
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let place = share * sorted.len().checked_sub(1)? as f64;
    let (below, above) = (
        sorted[place.floor() as usize],
        sorted[place.ceil() as usize],
    );
    Some(below + (above - below) * place.fract())
}

/// Steele, Lea and Flood 2014: enough for resampling, and the same everywhere.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `count`; its bias, count / 2⁶⁴, is nothing here.
    fn below(&mut self, count: usize) -> usize {
        ((u128::from(self.next()) * count as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_gives_its_published_numbers() {
        // The reference implementation's output for seed 1234567.
        let mut random = SplitMix64(1_234_567);
        assert_eq!(random.next(), 6_457_827_717_110_365_317);
        assert_eq!(random.next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn resampling_is_the_same_every_time_and_takes_everything() {
        let first: Vec<Vec<usize>> = resamples(7).collect();
        assert_eq!(first, resamples(7).collect::<Vec<_>>());
        assert_eq!(first.len(), RESAMPLES);
        let mut counts = [0usize; 7];
        first.iter().flatten().for_each(|&index| counts[index] += 1);
        // Each is drawn 2000 times, give or take four standard deviations.
        assert!(
            counts.iter().all(|count| count.abs_diff(2000) < 4 * 42),
            "{counts:?}"
        );
    }

    #[test]
    fn the_interval_of_a_rate_is_that_of_the_normal_distribution() {
        // 400 prompts, half of them right: ± 1.96 √(0.25 / 400).
        let rates: Vec<f64> = resamples(400)
            .map(|indices| indices.iter().filter(|&&index| index < 200).count() as f64 / 400.0)
            .collect();
        let interval = Interval::of(&rates).unwrap();
        assert!((interval.low - 0.451).abs() < 0.005, "{interval:?}");
        assert!((interval.high - 0.549).abs() < 0.005, "{interval:?}");
        assert!(interval.excludes_zero());
    }

    #[test]
    fn what_is_no_number_is_left_out() {
        assert_eq!(Interval::of(&[f64::NAN]), None);
        let interval = Interval::of(&[f64::NAN, -1.0, 1.0]).unwrap();
        assert!((interval.low + 0.95).abs() < 1e-12 && !interval.excludes_zero());
    }
}

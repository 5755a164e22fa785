//! `torch.randn` of an NVIDIA card, which A1111 computes on the CPU as well.
//!
//! Philox 4×32 with ten rounds (Salmon et al. 2011): number k of the n-th call is
//! made of the counter (n, 0, k, 0) under the seed as key, so cards draw all
//! numbers at once and so could we.

/// Multipliers of the two halves of the counter.
const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
/// What the key grows by from round to round: golden ratio and √3 − 1.
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
const ROUNDS: usize = 10;
/// curand's constants: 2⁻³² and 2π · 2⁻³², rounded to f32 as there.
const UNIT: f64 = 2.328_306_4e-10_f32 as f64;
const TURN: f64 = (2.328_306_4e-10_f64 * 6.283_185_5) as f32 as f64;

/// Successive calls of [`randn`](Self::randn) give what successive calls of
/// `torch.randn` give on a card after `manual_seed`.
#[derive(Clone)]
pub(super) struct PhiloxGenerator {
    key: [u32; 2],
    calls: u32,
}

impl PhiloxGenerator {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            key: [seed as u32, (seed >> 32) as u32],
            calls: 0,
        }
    }

    /// `length` standard normal numbers.
    pub(super) fn randn(&mut self, length: usize) -> Vec<f32> {
        let call = self.calls;
        self.calls += 1;
        let numbers = (0..length).map(|index| {
            let [first, second, ..] = philox([call, 0, index as u32, 0], self.key);
            box_muller(first, second)
        });
        numbers.collect()
    }
}

fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    let halves = |product: u64| (product as u32, (product >> 32) as u32);
    for round in 0..ROUNDS {
        if round > 0 {
            key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
        }
        let (low_0, high_0) = halves(u64::from(counter[0]) * u64::from(MULTIPLIERS[0]));
        let (low_1, high_1) = halves(u64::from(counter[2]) * u64::from(MULTIPLIERS[1]));
        counter = [
            high_1 ^ counter[1] ^ key[0],
            low_1,
            high_0 ^ counter[3] ^ key[1],
            low_0,
        ];
    }
    counter
}

/// Of the pair that curand makes of two words, the one that torch takes.
fn box_muller(first: u32, second: u32) -> f32 {
    let radius = (-2.0 * (f64::from(first) * UNIT + UNIT / 2.0).ln()).sqrt();
    let angle = f64::from(second) * TURN + TURN / 2.0;
    (radius * angle.sin()) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The authors' known answers for Philox 4×32-10 (Random123, kat_vectors).
    #[test]
    fn philox_gives_its_authors_known_answers() {
        assert_eq!(
            philox([0; 4], [0; 2]),
            [0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8]
        );
        assert_eq!(
            philox([u32::MAX; 4], [u32::MAX; 2]),
            [0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD]
        );
        assert_eq!(
            philox(
                [0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344],
                [0xA409_3822, 0x299F_31D0]
            ),
            [0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1]
        );
    }

    /// `torch.manual_seed(0); torch.randn(3, 4, device="cuda")`, as A1111's own
    /// implementation records it.
    #[test]
    fn seed_0_gives_the_numbers_of_a_card() {
        let expected = [
            -0.924_662_59,
            -0.425_344_15,
            -2.643_845_7,
            0.145_183_88,
            -0.120_866_47,
            -0.579_725_64,
            -0.622_851_22,
            -0.328_387_09,
            -1.074_542_31,
            -0.363_144_07,
            -1.671_050_67,
            2.265_504_97,
        ];
        let mut generator = PhiloxGenerator::new(0);
        let first = generator.randn(12);
        for (ours, theirs) in first.iter().zip(expected) {
            assert!((ours - theirs as f32).abs() < 1e-6, "{first:?}");
        }
        // The next call goes on, another seed begins elsewhere.
        assert_ne!(generator.randn(12), first);
        assert_ne!(PhiloxGenerator::new(1 << 32).randn(12), first);
    }
}

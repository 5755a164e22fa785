//! The token softmax: at every pixel, softmax(100 · A) over a range of tokens.
//!
//! It sharpens the competition of the words for a pixel; every published
//! objective on these maps starts with it (Chefer et al. 2023, section 3).

use std::ops::Range;

use super::attention::AttentionMaps;

/// Inverse temperature of the softmax (Chefer et al. 2023).
pub const SHARPNESS: f64 = 100.0;

/// P = softmax(100 · A) over `range` at each pixel.
///
/// Computed in f64: with a spread of 1 in A the smallest probability is e^−100,
/// which f32 can't hold and an absent object's gradient needs.
#[derive(Debug, Clone)]
pub struct TokenSoftmax {
    range: Range<usize>,
    tokens: usize,
    /// `[pixels, range]`, token fastest.
    probabilities: Vec<f64>,
}

impl TokenSoftmax {
    /// Takes A `[rows, columns, tokens]` to P `[rows · columns, range]`.
    ///
    /// # Panics
    /// If `range` is empty or reaches beyond the tokens; objectives check that
    /// before.
    pub fn forward(maps: &AttentionMaps, range: Range<usize>) -> Self {
        assert!(!range.is_empty() && range.end <= maps.tokens, "{range:?}");
        let mut probabilities = Vec::with_capacity(maps.pixels() * range.len());
        for pixel in maps.values.chunks_exact(maps.tokens) {
            let logits = &pixel[range.clone()];
            let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let start = probabilities.len();
            probabilities.extend(
                logits
                    .iter()
                    .map(|&logit| (SHARPNESS * (f64::from(logit) - f64::from(largest))).exp()),
            );
            let row = &mut probabilities[start..];
            let scale = 1.0 / row.iter().sum::<f64>();
            row.iter_mut().for_each(|p| *p *= scale);
        }
        Self {
            range,
            tokens: maps.tokens,
            probabilities,
        }
    }

    /// Whether `token` takes part in the softmax.
    pub fn covers(&self, token: usize) -> bool {
        self.range.contains(&token)
    }

    /// Mean map `[rows · columns]` of the given tokens.
    ///
    /// # Panics
    /// If there is none, or one outside the range.
    pub fn mean_map(&self, tokens: &[usize]) -> Vec<f64> {
        assert!(!tokens.is_empty() && tokens.iter().all(|&t| self.covers(t)));
        let weight = 1.0 / tokens.len() as f64;
        self.probabilities
            .chunks_exact(self.range.len())
            .map(|row| {
                let sum: f64 = tokens.iter().map(|&t| row[t - self.range.start]).sum();
                sum * weight
            })
            .collect()
    }

    /// Takes the gradients of words' mean maps back to the attention.
    ///
    /// Each entry is a word's tokens with dL/d(mean map) `[rows · columns]`;
    /// returns dL/dA `[rows, columns, tokens]`, zero outside the range:
    /// dL/dA_t = 100 P_t (g_t − Σ_k g_k P_k).
    pub fn backward(&self, words: &[(&[usize], &[f64])]) -> Vec<f32> {
        let width = self.range.len();
        let pixels = self.probabilities.len() / width;
        let mut gradient = vec![0.0f32; pixels * self.tokens];
        let mut by_token = vec![0.0f64; width];
        for (pixel, row) in self.probabilities.chunks_exact(width).enumerate() {
            by_token.fill(0.0);
            for (tokens, word_gradient) in words {
                let share = word_gradient[pixel] / tokens.len() as f64;
                for &token in *tokens {
                    by_token[token - self.range.start] += share;
                }
            }
            let mean: f64 = by_token.iter().zip(row).map(|(g, p)| g * p).sum();
            let start = pixel * self.tokens + self.range.start;
            for ((slot, g), p) in gradient[start..start + width]
                .iter_mut()
                .zip(&by_token)
                .zip(row)
            {
                *slot = (SHARPNESS * p * (g - mean)) as f32;
            }
        }
        gradient
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn maps() -> AttentionMaps {
        let values = vec![
            0.90, 0.02, 0.03, 0.01, 0.04, //
            0.50, 0.30, 0.10, 0.05, 0.05,
        ];
        AttentionMaps::new(1, 2, 5, values).unwrap()
    }

    #[test]
    fn matches_hand_calculation_and_ignores_tokens_outside() {
        let softmax = TokenSoftmax::forward(&maps(), 1..4);
        let [a, b, c] = [2.0f64.exp(), 3.0f64.exp(), 1.0f64.exp()];
        let map = softmax.mean_map(&[2]);
        assert!((map[0] - b / (a + b + c)).abs() < 1e-5);
        // A word of two tokens is the mean of both.
        assert!((softmax.mean_map(&[1, 3])[0] - 0.5 * (a + c) / (a + b + c)).abs() < 1e-5);
        assert!(!softmax.covers(0) && !softmax.covers(4));
    }

    #[test]
    fn backward_matches_central_differences() {
        // L = Σ_pixels Σ_words weight · map, with arbitrary fixed weights.
        let words: [(&[usize], &[f64]); 2] = [(&[1, 3], &[0.7, -0.4]), (&[2], &[0.2, 1.1])];
        let loss = |maps: &AttentionMaps| -> f64 {
            let softmax = TokenSoftmax::forward(maps, 1..4);
            words
                .iter()
                .map(|(tokens, weights)| {
                    let map = softmax.mean_map(tokens);
                    map.iter().zip(*weights).map(|(m, w)| m * w).sum::<f64>()
                })
                .sum()
        };
        let maps = maps();
        let gradient = TokenSoftmax::forward(&maps, 1..4).backward(&words);
        for (index, &expected) in gradient.iter().enumerate() {
            let step = 1e-4f32;
            let (mut up, mut down) = (maps.clone(), maps.clone());
            up.values[index] += step;
            down.values[index] -= step;
            let width = f64::from(up.values[index]) - f64::from(down.values[index]);
            let numeric = (loss(&up) - loss(&down)) / width;
            assert!(
                (numeric - f64::from(expected)).abs() < 1e-3,
                "{index}: {numeric} against {expected}"
            );
        }
    }

    #[test]
    fn probabilities_survive_the_largest_possible_spread() {
        let maps = AttentionMaps::new(1, 1, 4, vec![0.0, 1.0, 0.0, 0.0]).unwrap();
        let absent = TokenSoftmax::forward(&maps, 1..3).mean_map(&[2])[0];
        assert!((absent.ln() + 100.0).abs() < 1e-9);
    }
}

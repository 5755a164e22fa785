//! From attention to the smoothed map of each word, and back.
//!
//! m = smooth(token softmax(100 · A)) and a = m / Σm, for the readings and for every
//! objective but the released one, which smooths and divides in its own way;
//! gradients with respect to m or a return to A through here.

use std::ops::Range;

use super::attention::AttentionMaps;
use super::frame::Frame;
use super::smoothing::Smoothing;
use super::token_softmax::TokenSoftmax;

/// Mass of a map below which it is one of nothing.
const LEAST_MASS: f64 = 1e-12;

/// One word's map.
#[derive(Debug, Clone)]
pub struct WordMap {
    /// m `[cells]`, the smoothed map, in 0..=1.
    pub response: Vec<f64>,
    /// Σm.
    pub mass: f64,
    /// a = m / Σm `[cells]`; uniform if Σm is 0.
    pub share: Vec<f64>,
    /// The cell of the strongest response.
    pub strongest: usize,
}

impl WordMap {
    pub(super) fn new(response: Vec<f64>) -> Self {
        let mass: f64 = response.iter().sum();
        let share = if mass > 0.0 {
            response.iter().map(|m| m / mass).collect()
        } else {
            vec![1.0 / response.len() as f64; response.len()]
        };
        let strongest = (0..response.len())
            .max_by(|&i, &j| response[i].total_cmp(&response[j]))
            .unwrap_or(0);
        Self {
            response,
            mass,
            share,
            strongest,
        }
    }

    /// The strongest response, in 0..=1.
    pub fn presence(&self) -> f64 {
        self.response[self.strongest]
    }

    /// Mean response, in 0..=1.
    pub fn mean_response(&self) -> f64 {
        self.mass / self.response.len() as f64
    }

    /// Adds weight · dL/dm to `response_gradient`, given dL/da `[cells]`:
    /// dL/dm_i = (g_i − Σ_j a_j g_j) / Σm.
    pub fn add_share_gradient(
        &self,
        share_gradient: &[f64],
        weight: f64,
        response_gradient: &mut [f64],
    ) {
        if self.mass < LEAST_MASS {
            // A map of nothing has no shape that could change.
            return;
        }
        let mean: f64 = self
            .share
            .iter()
            .zip(share_gradient)
            .map(|(a, g)| a * g)
            .sum();
        let scale = weight / self.mass;
        for (slot, g) in response_gradient.iter_mut().zip(share_gradient) {
            *slot += scale * (g - mean);
        }
    }
}

/// The maps of several words and the way back to the attention.
#[derive(Debug, Clone)]
pub struct WordMaps<'a> {
    /// The grid of the maps.
    pub frame: Frame,
    /// One map a word, in the order given.
    pub words: Vec<WordMap>,
    /// The same words' maps without the softmax, m = smooth(A), where they are asked
    /// for: they tell sizes, which the sharp ones hide.
    pub bare: Vec<WordMap>,
    tokens: Vec<&'a [usize]>,
    softmax: TokenSoftmax,
    smoothing: Smoothing,
}

impl<'a> WordMaps<'a> {
    /// Takes A `[rows, columns, tokens]` to the maps of `words`, each given by
    /// its token positions inside `range`; a word of several tokens is the mean
    /// of their columns.
    pub fn forward(
        maps: &AttentionMaps,
        range: Range<usize>,
        smoothing: Smoothing,
        words: Vec<&'a [usize]>,
    ) -> Self {
        let softmax = TokenSoftmax::forward(maps, range);
        let frame = Frame {
            rows: maps.rows,
            columns: maps.columns,
        };
        Self {
            frame,
            words: words
                .iter()
                .map(|tokens| {
                    let map = softmax.mean_map(tokens);
                    WordMap::new(smoothing.apply(frame.rows, frame.columns, &map))
                })
                .collect(),
            bare: Vec::new(),
            tokens: words,
            softmax,
            smoothing,
        }
    }

    /// The same with the [`bare`](Self::bare) maps.
    #[must_use]
    pub fn with_bare(mut self, maps: &AttentionMaps) -> Self {
        let Frame { rows, columns } = self.frame;
        let bare = self.tokens.iter().map(|tokens| {
            let share = 1.0 / tokens.len() as f64;
            let pixels = maps.values.chunks_exact(maps.tokens);
            let map: Vec<f64> = pixels
                .map(|pixel| {
                    let parts = tokens.iter().map(|&token| f64::from(pixel[token]));
                    share * parts.sum::<f64>()
                })
                .collect();
            WordMap::new(self.smoothing.apply(rows, columns, &map))
        });
        self.bare = bare.collect();
        self
    }

    /// A zero gradient `[cells]` for each word.
    pub fn zero_gradients(&self) -> Vec<Vec<f64>> {
        vec![vec![0.0; self.frame.cells()]; self.words.len()]
    }

    /// Takes dL/dm of every word to dL/dA `[rows, columns, tokens]`.
    pub fn backward(&self, response_gradients: &[Vec<f64>]) -> Vec<f32> {
        let Frame { rows, columns } = self.frame;
        let map_gradients: Vec<Vec<f64>> = response_gradients
            .iter()
            .map(|gradient| self.smoothing.adjoint(rows, columns, gradient))
            .collect();
        let words: Vec<(&[usize], &[f64])> = self
            .tokens
            .iter()
            .zip(&map_gradients)
            .map(|(tokens, gradient)| (*tokens, gradient.as_slice()))
            .collect();
        self.softmax.backward(&words)
    }

    /// The same for both kinds of maps.
    pub fn backward_both(&self, sharp: &[Vec<f64>], bare: &[Vec<f64>]) -> Vec<f32> {
        let Frame { rows, columns } = self.frame;
        let mut gradient = self.backward(sharp);
        let tokens_per_cell = gradient.len() / self.frame.cells();
        for (tokens, of_word) in self.tokens.iter().zip(bare) {
            let of_map = self.smoothing.adjoint(rows, columns, of_word);
            let share = 1.0 / tokens.len() as f64;
            for (pixel, slope) in gradient.chunks_exact_mut(tokens_per_cell).zip(of_map) {
                for &token in *tokens {
                    pixel[token] += (share * slope) as f32;
                }
            }
        }
        gradient
    }
}

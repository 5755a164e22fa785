//! The loss of the default objective as it is put together, with its gradient.

use crate::storm::distribution_loss::{Gradient, Lack};
use crate::storm::word_maps::{WordMap, WordMaps};

/// The terms collected so far: their sum and dL/dm of every word.
pub(super) struct Terms {
    pub(super) loss: f64,
    pub(super) gradients: Vec<Vec<f64>>,
    /// The same of the bare maps, where they are read.
    pub(super) bare_gradients: Vec<Vec<f64>>,
}

impl Terms {
    /// Adds weight · lack of a word's map, which is a bare one or not.
    pub(super) fn add_lack(
        &mut self,
        map: &WordMap,
        (word, is_bare): (usize, bool),
        weight: f64,
        lack: &Lack,
    ) {
        self.loss += weight * lack.value;
        let gradient = match is_bare {
            true => &mut self.bare_gradients[word],
            false => &mut self.gradients[word],
        };
        match &lack.gradient {
            Gradient::Share(slopes) => map.add_share_gradient(slopes, weight, gradient),
            Gradient::Response(slopes) => {
                gradient
                    .iter_mut()
                    .zip(slopes)
                    .for_each(|(slot, slope)| *slot += weight * slope);
            }
        }
    }

    /// Adds weight · value, whose gradient by the share of one word is given.
    pub(super) fn add(
        &mut self,
        maps: &WordMaps<'_>,
        word: usize,
        weight: f64,
        value: f64,
        share_gradient: &[f64],
    ) {
        self.loss += weight * value;
        let gradient = &mut self.gradients[word];
        maps.words[word].add_share_gradient(share_gradient, weight, gradient);
    }
}

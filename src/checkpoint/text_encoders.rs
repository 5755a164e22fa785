//! The text encoders of a checkpoint, which may leave the device once a prompt is encoded.
//!
//! The two of Stable Diffusion XL weigh 1.6 GB in halves and are needed for a moment
//! in each run. They come back from their mapped files.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use burn::tensor::{Device, Int, Tensor, TensorData};

use super::CheckpointError;
use super::conversion::WeightType;
use super::lora::{Additions, adjusted};
use super::opened::Planned;
use super::weights::WeightPlan;
use crate::models::ClipTextModel;
use crate::models::config::ClipTextConfig;

/// Text encoders of fewer bytes stay on the device.
const LEAVING_BYTES: usize = 1 << 30;

/// One text encoder and the files that it came from.
#[derive(Debug)]
pub struct TextEncoder {
    config: ClipTextConfig,
    weights: WeightPlan,
    weight_type: WeightType,
    device: Device,
    loaded: Mutex<Option<ClipTextModel>>,
    /// What LoRAs add to its weights.
    additions: Arc<Additions>,
}

/// All text encoders of a checkpoint.
#[derive(Debug)]
pub struct TextEncoders {
    pub first: TextEncoder,
    pub second: Option<TextEncoder>,
}

/// What the second of two text encoders reads: the first one's tokens, filled up with
/// another one.
pub(super) struct SecondReading {
    pub(super) ids: Vec<Vec<u32>>,
    /// Where each one's end token is.
    pub(super) ends: Vec<usize>,
}

impl TextEncoder {
    /// Loads one that was opened; `on_numbers` as for any network.
    pub(super) fn load(
        planned: Planned<ClipTextModel>,
        config: &ClipTextConfig,
        weight_type: WeightType,
        device: &Device,
        on_numbers: &mut dyn FnMut(usize) -> bool,
    ) -> Result<Self, CheckpointError> {
        let Planned { network, weights } = planned;
        let network = weights.load(network, weight_type, on_numbers)?;
        Ok(Self {
            additions: Arc::default(),
            config: config.clone(),
            weights,
            weight_type,
            device: device.clone(),
            loaded: Mutex::new(Some(network)),
        })
    }

    /// The network, back on the device if it had left.
    ///
    /// # Errors
    /// If it had left and its files or the device fail.
    pub fn network(&self) -> Result<ClipTextModel, CheckpointError> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(network) = loaded.as_ref() {
            return Ok(network.clone());
        }
        let network = self.config.init(&self.device);
        let network = self
            .weights
            .load(network, self.weight_type, &mut |_| true)?;
        let touched = self.additions.keys().cloned().collect();
        let adjust = adjusted(&self.weights, &touched, &self.additions);
        let network = match adjust.rebuild(network, self.weight_type) {
            (network, None) => network,
            (_, Some(failure)) => return Err(failure),
        };
        *loaded = Some(network.clone());
        Ok(network)
    }

    /// Where its numbers lie.
    pub(super) fn weights(&self) -> &WeightPlan {
        &self.weights
    }

    /// Reads the `touched` parameters anew, with `additions`; a network that has left
    /// the device comes back with them.
    ///
    /// # Errors
    /// If a number is not finite with them, or the device fails.
    pub(super) fn add(
        &mut self,
        touched: &BTreeSet<String>,
        additions: Arc<Additions>,
    ) -> Result<(), CheckpointError> {
        self.additions = additions;
        let loaded = self
            .loaded
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(network) = loaded.take() else {
            return Ok(());
        };
        let adjust = adjusted(&self.weights, touched, &self.additions);
        let (network, failure) = adjust.rebuild(network, self.weight_type);
        *loaded = Some(network);
        failure.map_or(Ok(()), Err)
    }

    /// Whether its weights are on the device.
    pub fn is_loaded(&self) -> bool {
        let loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        loaded.is_some()
    }

    fn bytes(&self) -> u64 {
        self.weights.numbers() as u64 * self.weight_type.bytes() as u64
    }

    fn leave(&self) {
        *self.loaded.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl TextEncoders {
    /// Whether networks of so many bytes leave the device once a prompt is encoded.
    pub(crate) fn leave_at(bytes: u64) -> bool {
        bytes >= LEAVING_BYTES as u64
    }

    /// Bytes that are on the device and leave it once a prompt is encoded.
    pub fn leaving_bytes(&self) -> u64 {
        let bytes: u64 = self.all().map(TextEncoder::bytes).sum();
        let loaded = self.all().filter(|encoder| encoder.is_loaded());
        match Self::leave_at(bytes) {
            true => loaded.map(TextEncoder::bytes).sum(),
            false => 0,
        }
    }

    /// Takes the weights off the device where they are many.
    pub(super) fn leave_if_large(&self) {
        if self.leaving_bytes() > 0 {
            self.all().for_each(TextEncoder::leave);
            self.first.device.memory_cleanup();
        }
    }

    fn all(&self) -> impl Iterator<Item = &TextEncoder> {
        [Some(&self.first), self.second.as_ref()]
            .into_iter()
            .flatten()
    }
}

/// Token ids of one length as [batch, tokens].
pub(super) fn ids_tensor(ids: &[Vec<u32>], device: &Device) -> Tensor<2, Int> {
    let tokens = ids.first().map_or(0, Vec::len);
    let numbers: Vec<i64> = ids.iter().flatten().map(|&id| i64::from(id)).collect();
    Tensor::from_data(TensorData::new(numbers, [ids.len(), tokens]), device)
}

impl SecondReading {
    /// Of `ids`, in which `end` is the end token, filled up with `padding` behind it.
    pub(super) fn new(ids: &[Vec<u32>], end: u32, padding: u32) -> Self {
        let end_of = |ids: &Vec<u32>| {
            let position = ids.iter().position(|&id| id == end);
            position.unwrap_or(ids.len().saturating_sub(1))
        };
        let ends: Vec<usize> = ids.iter().map(end_of).collect();
        let padded = ids.iter().zip(&ends).map(|(ids, &end)| {
            let mut ids = ids.clone();
            ids.iter_mut().skip(end + 1).for_each(|id| *id = padding);
            ids
        });
        Self {
            ids: padded.collect(),
            ends,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_encoder_reads_the_same_words_with_other_padding() {
        let ids = [vec![7, 1, 2, 9, 9, 9], vec![7, 9, 9, 9, 9, 9]];
        let reading = SecondReading::new(&ids, 9, 0);
        assert_eq!(reading.ends, [3, 1]);
        assert_eq!(reading.ids[0], [7, 1, 2, 9, 0, 0]);
        assert_eq!(reading.ids[1], [7, 9, 0, 0, 0, 0]);
    }
}

//! What a timestep adds in each resnet, computed once for all passes that meet it: the
//! updates of a step and its prediction, both methods, all seeds of a prompt.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use burn::tensor::Tensor;

use super::stage::Stage;

/// Timesteps that are kept; a schedule rarely has more.
const MOST_TIMESTEPS: usize = 256;

/// Of one timestep.
#[derive(Debug)]
pub(super) struct TimeShifts {
    /// [1 or batch, time_embedding_dim], through the SiLU that every resnet applies.
    embedding: Tensor<2>,
    /// By stage and the resnet's number in it, [1 or batch, channels].
    of_resnets: Mutex<HashMap<(Stage, usize), Tensor<2>>>,
}

impl TimeShifts {
    pub(super) fn new(embedding: Tensor<2>) -> Self {
        Self {
            embedding,
            of_resnets: Mutex::default(),
        }
    }

    /// The shift of a resnet, `projected` from the embedding the first time.
    pub(super) fn of(
        &self,
        resnet: (Stage, usize),
        projected: impl FnOnce(&Tensor<2>) -> Tensor<2>,
    ) -> Tensor<2> {
        let mut known = locked(&self.of_resnets);
        let shift = known
            .entry(resnet)
            .or_insert_with(|| projected(&self.embedding));
        shift.clone()
    }
}

/// The shifts of the timesteps met so far, for one UNet and what it is told besides.
#[derive(Debug, Clone, Default)]
pub(super) struct KnownTimesteps(Arc<Mutex<HashMap<Told, Arc<TimeShifts>>>>);

/// Bits of the timestep, and of the guidance scale where a UNet is told it.
type Told = (u64, Option<u64>);

impl KnownTimesteps {
    /// The shifts of a timestep, from its `embedding` the first time.
    pub(super) fn shifts(
        &self,
        timestep: f64,
        guidance_scale: Option<f64>,
        embedding: impl FnOnce() -> Tensor<2>,
    ) -> Arc<TimeShifts> {
        let told = (timestep.to_bits(), guidance_scale.map(f64::to_bits));
        let mut known = locked(&self.0);
        if known.len() >= MOST_TIMESTEPS && !known.contains_key(&told) {
            known.clear();
        }
        let shifts = known
            .entry(told)
            .or_insert_with(|| Arc::new(TimeShifts::new(embedding())));
        shifts.clone()
    }
}

/// Whatever a thread that panicked left is whole: entries come in one piece.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn number(tensor: Tensor<2>) -> f32 {
        tensor.into_scalar()
    }

    #[test]
    fn a_timestep_is_embedded_and_projected_once() {
        let device = Device::flex();
        let of = |number: f32| Tensor::<2>::from_floats([[number]], &device);
        let known = KnownTimesteps::default();
        let first = known.shifts(981.0, None, || of(3.0));
        let again = known.clone().shifts(981.0, None, || unreachable!());
        assert!(Arc::ptr_eq(&first, &again));
        let resnet = (Stage::Mid, 1);
        let twice = |embedding: &Tensor<2>| embedding.clone().mul_scalar(2.0);
        assert_eq!(number(first.of(resnet, twice)), 6.0);
        assert_eq!(number(again.of(resnet, |_| unreachable!())), 6.0);
        let halved = |embedding: &Tensor<2>| embedding.clone().mul_scalar(0.5);
        assert_eq!(number(again.of((Stage::Mid, 0), halved)), 1.5);
    }

    #[test]
    fn other_timesteps_and_guidance_scales_have_their_own() {
        let device = Device::flex();
        let of = |number: f32| Tensor::<2>::from_floats([[number]], &device);
        let known = KnownTimesteps::default();
        let tolds = [(1.0, None), (1.5, None), (1.0, Some(7.5)), (1.0, Some(8.0))];
        for (place, (timestep, guidance)) in tolds.into_iter().enumerate() {
            let shifts = known.shifts(timestep, guidance, || of(place as f32));
            let same = shifts.of((Stage::Mid, 0), Tensor::clone);
            assert_eq!(number(same), place as f32);
        }
        for timestep in 0..3 * MOST_TIMESTEPS {
            known.shifts(timestep as f64, None, || of(0.0));
        }
        assert!(locked(&known.0).len() <= MOST_TIMESTEPS);
    }
}

//! Past steps, kept for the timeline and for export, bounded in bytes.
//!
//! The oldest seed goes first when the bound is reached; the newest one (the
//! current run of both methods) is never dropped. What the device computed stays
//! there: the preview of every step, and the newest run's maps, which are
//! drawn live. Maps of older runs are kept on the host alone, where they are
//! anyway.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::request::RequestId;
use crate::device::{HostNumbers, Slot};
use crate::diffusion::Method;
use crate::storm::{AttentionMaps, Reading};

/// Names one step of one method of one seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepKey {
    pub request: RequestId,
    pub seed: u64,
    pub method: Method,
    /// Index of the scheduler call, from 0.
    pub step: usize,
}

/// What a step left behind.
#[derive(Debug, Clone)]
pub struct StepRecord {
    /// What the predicted x0 is previewed from, [4, rows, columns], row-major,
    /// channel slowest; the model's `preview_rgb` makes colours of it.
    pub preview: Slot,
    /// Size of the preview.
    pub rows: usize,
    pub columns: usize,
    /// A of the guided prediction, after the update if there was one.
    pub maps: Arc<AttentionMaps>,
    /// The same numbers where they are drawn from.
    pub drawn_maps: Slot,
    pub reading: Option<Reading>,
    /// The last update of this step, if there was one.
    pub update: Option<UpdateRecord>,
}

/// What an update saw and did.
#[derive(Debug, Clone)]
pub struct UpdateRecord {
    /// A before the update.
    pub maps: Arc<AttentionMaps>,
    /// The same numbers where they are drawn from.
    pub drawn_maps: Slot,
    pub reading: Reading,
    pub loss: f64,
    pub gradient_norm: f64,
}

impl StepRecord {
    fn bytes(&self) -> usize {
        let update = self.update.as_ref();
        let update = update.map_or(0, |update| map_bytes(&update.maps, &update.drawn_maps));
        let maps = map_bytes(&self.maps, &self.drawn_maps);
        self.preview.bytes() + maps + update + size_of::<Self>()
    }

    /// Gives up the device's copies of the maps.
    fn retire(&mut self) {
        self.drawn_maps = Slot::Host(Arc::clone(&self.maps) as HostNumbers);
        if let Some(update) = &mut self.update {
            update.drawn_maps = Slot::Host(Arc::clone(&update.maps) as HostNumbers);
        }
    }
}

/// Maps on the host, and once more on the device if they are drawn from there.
fn map_bytes(maps: &AttentionMaps, drawn: &Slot) -> usize {
    let on_device = match drawn {
        Slot::Host(_) => 0,
        Slot::Device(_) => drawn.bytes(),
    };
    size_of_val(&maps.values[..]) + on_device
}

type RunKey = (RequestId, u64);

#[derive(Debug, Default)]
struct Runs {
    runs: BTreeMap<RunKey, BTreeMap<(Method, usize), StepRecord>>,
    /// Oldest first.
    order: VecDeque<RunKey>,
    bytes: usize,
}

impl Runs {
    /// The newest run is about to be an older one.
    fn retire_newest(&mut self) {
        let newest = self.order.back().and_then(|run| self.runs.get_mut(run));
        for record in newest.into_iter().flat_map(BTreeMap::values_mut) {
            let before = record.bytes();
            record.retire();
            self.bytes -= before - record.bytes();
        }
    }
}

/// The store itself; cheap to share between the worker and its listeners.
#[derive(Debug)]
pub struct StepStore {
    limit: usize,
    inner: Mutex<Runs>,
}

impl StepStore {
    /// A store of at most `limit` bytes, or of one run if that is more; with a
    /// limit of 0 it keeps nothing, and nobody needs to compute previews for it.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            inner: Mutex::default(),
        }
    }

    /// Whether it keeps anything.
    pub fn keeps_steps(&self) -> bool {
        self.limit > 0
    }

    /// Keeps a step, dropping the oldest runs if the bound is passed.
    pub fn insert(&self, key: StepKey, record: StepRecord) {
        if !self.keeps_steps() {
            return;
        }
        let mut inner = self.lock();
        let run = (key.request, key.seed);
        if !inner.runs.contains_key(&run) {
            inner.retire_newest();
            inner.order.push_back(run);
        }
        inner.bytes += record.bytes();
        let steps = inner.runs.entry(run).or_default();
        if let Some(replaced) = steps.insert((key.method, key.step), record) {
            inner.bytes -= replaced.bytes();
        }
        while inner.bytes > self.limit && inner.order.len() > 1 {
            if let Some(oldest) = inner.order.pop_front()
                && let Some(steps) = inner.runs.remove(&oldest)
            {
                inner.bytes -= steps.values().map(StepRecord::bytes).sum::<usize>();
            }
        }
    }

    /// A step, if it is still kept. Cheap: the numbers are shared, not copied.
    pub fn get(&self, key: StepKey) -> Option<StepRecord> {
        let inner = self.lock();
        let steps = inner.runs.get(&(key.request, key.seed))?;
        steps.get(&(key.method, key.step)).cloned()
    }

    /// All kept steps of one method of one seed, in order.
    pub fn steps(&self, request: RequestId, seed: u64, method: Method) -> Vec<(usize, StepRecord)> {
        let inner = self.lock();
        let Some(steps) = inner.runs.get(&(request, seed)) else {
            return Vec::new();
        };
        steps
            .range((method, 0)..=(method, usize::MAX))
            .map(|((_, step), record)| (*step, record.clone()))
            .collect()
    }

    /// Where the preview of each kept step lies, in order: step, numbers,
    /// rows and columns. Cheap enough for every frame.
    pub fn previews(
        &self,
        request: RequestId,
        seed: u64,
        method: Method,
    ) -> Vec<(usize, Slot, [usize; 2])> {
        let inner = self.lock();
        let Some(steps) = inner.runs.get(&(request, seed)) else {
            return Vec::new();
        };
        let steps = steps.range((method, 0)..=(method, usize::MAX));
        steps
            .map(|((_, step), record)| {
                let numbers = record.preview.clone();
                (*step, numbers, [record.rows, record.columns])
            })
            .collect()
    }

    /// Bytes held now, on the host and on the device.
    pub fn bytes(&self) -> usize {
        self.lock().bytes
    }

    fn lock(&self) -> MutexGuard<'_, Runs> {
        // Nothing panics while the lock is held; if it did, the records are
        // still whole, since each is inserted in one piece.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> StepRecord {
        let maps = Arc::new(AttentionMaps {
            rows: 1,
            columns: 1,
            tokens: 1,
            values: vec![1.0],
        });
        StepRecord {
            preview: vec![0.0; 1024].into(),
            rows: 16,
            columns: 16,
            drawn_maps: Slot::Host(Arc::clone(&maps) as HostNumbers),
            maps,
            reading: None,
            update: None,
        }
    }

    fn key(seed: u64, step: usize) -> StepKey {
        StepKey {
            request: RequestId(1),
            seed,
            method: Method::Storm,
            step,
        }
    }

    #[test]
    fn the_oldest_run_goes_and_the_newest_stays_whole() {
        let store = StepStore::new(10 * record().bytes());
        for step in 0..6 {
            store.insert(key(1, step), record());
        }
        for step in 0..20 {
            store.insert(key(2, step), record());
        }
        assert!(store.get(key(1, 0)).is_none());
        assert_eq!(store.steps(RequestId(1), 2, Method::Storm).len(), 20);
        assert_eq!(store.bytes(), 20 * record().bytes());
    }

    #[test]
    fn a_step_written_twice_is_counted_once() {
        let store = StepStore::new(usize::MAX);
        store.insert(key(1, 0), record());
        store.insert(key(1, 0), record());
        assert_eq!(store.bytes(), record().bytes());
    }
}

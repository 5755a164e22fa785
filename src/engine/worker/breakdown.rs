//! What becomes of a request when a dependency breaks down: an error that can be shown.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{LoadedModel, Worker};
use crate::checkpoint::WeightType;
use crate::diffusion::DenoiseError;
use crate::engine::EngineError;

impl Worker {
    /// Runs `work`; a panic of a dependency (out of memory, a lost device)
    /// becomes an error that a listener can show.
    pub(super) fn guarded<T>(
        &self,
        work: impl FnOnce() -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        // A lost device would answer with nonsense or not at all.
        if self.device.is_lost() {
            return Err(EngineError::DeviceLost(self.device.to_string()));
        }
        let done = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
            let message = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("no message");
            Err(EngineError::Breakdown(message.to_string()))
        });
        done.map_err(|error| self.diagnose(error))
    }

    fn computes_in_halves(&self) -> bool {
        let model = self.model.as_ref();
        model.is_some_and(|loaded| loaded.model.weight_type == WeightType::F16)
    }

    /// Whether its autoencoder computes in f16, as its config says that it can.
    fn decodes_in_halves(&self) -> bool {
        let model = self.model.as_ref();
        let upcasts = |loaded: &LoadedModel| loaded.model.description.vae_config.force_upcast;
        self.computes_in_halves() && model.is_some_and(|loaded| !upcasts(loaded))
    }

    /// What is behind an error that the device may have caused.
    fn diagnose(&self, error: EngineError) -> EngineError {
        let message = match &error {
            EngineError::Denoise(DenoiseError::NotFinite) if self.computes_in_halves() => {
                return EngineError::HalvesOverflowed;
            }
            EngineError::Denoise(DenoiseError::DecodeNotFinite) if self.decodes_in_halves() => {
                return EngineError::DecodeOverflowed;
            }
            EngineError::Breakdown(message) => message,
            EngineError::Denoise(DenoiseError::Device(message)) => message,
            _ => return error,
        };
        if self.device.is_lost() {
            tracing::error!("{message}");
            return EngineError::DeviceLost(self.device.to_string());
        }
        if tells_of_memory(message) {
            tracing::error!("{message}");
            return EngineError::OutOfMemory(self.device.to_string());
        }
        error
    }
}

/// Whether a dependency's words are about memory: wgpu's and cubecl's own texts.
fn tells_of_memory(message: &str) -> bool {
    let message = message.to_lowercase();
    [
        "out of memory",
        "outofmemory",
        "not enough memory",
        "buffertoobig",
        "can't allocate buffer",
    ]
    .iter()
    .any(|words| message.contains(words))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};

    use super::*;
    use crate::device::ComputeDevice;
    use crate::engine::store::StepStore;

    fn worker() -> Worker {
        let (_, inbox) = mpsc::channel();
        let (events, _) = mpsc::channel();
        let store = Arc::new(StepStore::new(0));
        let device = ComputeDevice::cpu(None);
        Worker::new(
            device,
            inbox,
            events,
            Arc::new(|| ()),
            store,
            Arc::default(),
        )
    }

    #[test]
    fn a_panic_about_memory_is_told_as_such_and_others_as_breakdowns() {
        let worker = worker();
        let panics = |text: &'static str| {
            let ended: Result<(), _> = worker.guarded(|| panic!("{text}"));
            ended.unwrap_err()
        };
        let memory = panics("wgpu error: Out of Memory");
        assert!(matches!(memory, EngineError::OutOfMemory(_)), "{memory}");
        let other = panics("index out of bounds");
        assert!(matches!(other, EngineError::Breakdown(_)), "{other}");
        // The worker goes on.
        assert!(matches!(worker.guarded(|| Ok(7)), Ok(7)));
    }
}

//! Choosing and making the device that computes.
//!
//! A GPU of any brand through wgpu where there is a real one, burn's flex on the
//! CPU otherwise: a software adapter computes far slower than flex does.

mod memory;
mod precision;
mod priority;
mod slot;
mod tensor_buffer;
mod wgpu_setup;

use std::fmt;

use burn::tensor::Device;
use strum::{EnumString, VariantNames};

pub use memory::{MemoryLimits, resident_memory};
pub use precision::Precision;
pub use priority::{ComputeThreads, lower_thread_priority, set_cpu_threads};
pub use slot::{DeviceNumbers, HostNumbers, Slot, SlotError};
pub use tensor_buffer::{TensorBuffer, TensorBufferError, tensor_buffer};
pub use wgpu_setup::{AdapterSummary, WgpuHandles};

/// What the person asked to compute on; as text the names of [`Self::NAMES`] and
/// those of burn's backends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, EnumString, VariantNames)]
#[strum(
    ascii_case_insensitive,
    serialize_all = "lowercase",
    parse_err_ty = UnknownDevice,
    parse_err_fn = unknown_device
)]
pub enum DevicePreference {
    /// A real GPU if there is one, else the CPU.
    #[default]
    Auto,
    /// wgpu, even on a software adapter.
    #[strum(to_string = "gpu", serialize = "wgpu", serialize = "cuda")]
    Gpu,
    /// burn's flex.
    #[strum(to_string = "cpu", serialize = "flex")]
    Cpu,
}

impl DevicePreference {
    /// The names that help and messages say.
    pub const NAMES: &[&str] = Self::VARIANTS;
}

fn unknown_device(name: &str) -> UnknownDevice {
    UnknownDevice(name.to_string())
}

/// A name that is no [`DevicePreference`].
#[derive(Debug, thiserror::Error)]
#[error("“{0}” is no device; choose one of {names}", names = DevicePreference::NAMES.join(", "))]
pub struct UnknownDevice(String);

/// Why a device could not be made.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// A GPU was asked for and none answers.
    #[error("no GPU answers through Vulkan, Metal or DirectX 12 ({0}); use --device cpu")]
    NoAdapter(String),
    /// The adapter is there but refuses.
    #[error("the GPU {adapter} cannot be opened: {reason}; use --device cpu")]
    Refused { adapter: String, reason: String },
    /// Halves were asked for and there are none.
    #[error("{0} does not compute in f16; use --dtype f32")]
    NoHalves(String),
}

/// A device to compute on.
#[derive(Debug, Clone)]
pub struct ComputeDevice {
    burn: Device,
    gpu: Option<WgpuHandles>,
    note: Option<String>,
    precision: Precision,
}

impl ComputeDevice {
    /// Makes the device that `preference` asks for.
    ///
    /// # Errors
    /// Only if a GPU is asked for by name; `Auto` falls back to the CPU.
    pub fn open(preference: DevicePreference) -> Result<Self, DeviceError> {
        match preference {
            DevicePreference::Cpu => Ok(Self::cpu(None)),
            DevicePreference::Gpu => Self::gpu(),
            DevicePreference::Auto => Ok(Self::automatic()),
        }
    }

    /// burn's flex on the CPU.
    pub fn cpu(note: Option<String>) -> Self {
        Self {
            burn: Device::flex(),
            gpu: None,
            note,
            precision: Precision::Auto,
        }
    }

    fn gpu() -> Result<Self, DeviceError> {
        Self::on(WgpuHandles::open()?)
    }

    /// Computes on opened handles; to be called once for each.
    ///
    /// # Errors
    /// If burn refuses them.
    pub fn on(handles: WgpuHandles) -> Result<Self, DeviceError> {
        let note = handles.is_software().then(|| {
            "a software adapter: far slower than --device cpu, good for tests only".to_string()
        });
        Ok(Self {
            burn: handles.register()?,
            gpu: Some(handles),
            note,
            precision: Precision::Auto,
        })
    }

    fn automatic() -> Self {
        match wgpu_setup::preferred_adapter() {
            Ok(adapter) if adapter.is_software => Self::cpu(Some(format!(
                "the only graphics adapter, {}, is a software one",
                adapter.name
            ))),
            Ok(_) => Self::gpu().unwrap_or_else(|error| Self::cpu(Some(error.to_string()))),
            Err(error) => Self::cpu(Some(error.to_string())),
        }
    }

    /// The handle for burn's tensors, without autodiff.
    pub fn burn(&self) -> &Device {
        &self.burn
    }

    /// The wgpu handles that burn computes with, to be shared with the window.
    pub fn wgpu(&self) -> Option<&WgpuHandles> {
        self.gpu.as_ref()
    }

    /// Whether it is gone for good; the CPU never is.
    pub fn is_lost(&self) -> bool {
        self.gpu.as_ref().is_some_and(WgpuHandles::is_lost)
    }

    /// Why this device and not another, if there is something to say.
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }
}

impl fmt::Display for ComputeDevice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.gpu {
            Some(handles) => write!(formatter, "{}", handles.summary()),
            None => {
                let threads = rayon::current_num_threads();
                write!(formatter, "CPU ({threads} threads)")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_devices_are_read_and_others_refused_in_words() {
        for (name, device) in [
            ("auto", DevicePreference::Auto),
            ("GPU", DevicePreference::Gpu),
            ("wgpu", DevicePreference::Gpu),
            ("cuda", DevicePreference::Gpu),
            ("cpu", DevicePreference::Cpu),
            ("flex", DevicePreference::Cpu),
        ] {
            assert_eq!(name.parse::<DevicePreference>().unwrap(), device, "{name}");
        }
        let error = "tpu".parse::<DevicePreference>().unwrap_err();
        assert!(error.to_string().contains("auto, gpu, cpu"), "{error}");
    }
}

//! One wgpu device, made with what burn needs, for burn and for the window.
//!
//! cubecl reads the data types it may use from the adapter's features, so the
//! device enables all of them, as cubecl's own set-up does; egui needs fewer.

use std::fmt;
use std::sync::mpsc;

use burn::tensor::Device;
use burn::tensor::wgpu::WgpuSetup;

use super::DeviceError;

/// What is known of an adapter before it is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdapterSummary {
    pub name: String,
    pub driver: String,
    pub backend: wgpu::Backend,
    /// Emulated on the CPU (Mesa's lavapipe, Microsoft's WARP).
    pub is_software: bool,
}

impl AdapterSummary {
    fn of(adapter: &wgpu::Adapter) -> Self {
        let info = adapter.get_info();
        Self {
            name: info.name,
            driver: format!("{} {}", info.driver, info.driver_info),
            backend: info.backend,
            is_software: info.device_type == wgpu::DeviceType::Cpu,
        }
    }
}

impl fmt::Display for AdapterSummary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.name, self.backend)
    }
}

/// An opened wgpu device with everything needed to share it.
#[derive(Debug, Clone)]
pub struct WgpuHandles {
    pub instance: wgpu::Instance,
    pub adapter: wgpu::Adapter,
    pub device: wgpu::Device,
    pub queue: wgpu::Queue,
}

impl WgpuHandles {
    /// Opens the preferred adapter.
    ///
    /// # Errors
    /// If there is none, or it refuses.
    pub fn open() -> Result<Self, DeviceError> {
        let instance = instance();
        let adapter = request_adapter(&instance)?;
        Self::open_adapter(instance, adapter)
    }

    /// Opens every adapter of this machine.
    pub fn open_all() -> Vec<Result<Self, DeviceError>> {
        let instance = instance();
        let found = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::PRIMARY));
        let opened = found.into_iter();
        opened
            .map(|adapter| Self::open_adapter(instance.clone(), adapter))
            .collect()
    }

    fn open_adapter(instance: wgpu::Instance, adapter: wgpu::Adapter) -> Result<Self, DeviceError> {
        let (device, queue) = pollster::block_on(adapter.request_device(&descriptor(&adapter)))
            .map_err(|error| DeviceError::Refused {
                adapter: AdapterSummary::of(&adapter).to_string(),
                reason: error.to_string(),
            })?;
        Ok(Self {
            instance,
            adapter,
            device,
            queue,
        })
    }

    /// Gives the handles to burn and returns burn's device on them. Each call
    /// makes a new one; call it once.
    pub(super) fn register(&self) -> Result<Device, DeviceError> {
        let setup = WgpuSetup {
            instance: self.instance.clone(),
            adapter: self.adapter.clone(),
            device: self.device.clone(),
            queue: self.queue.clone(),
            backend: self.adapter.get_info().backend,
        };
        Device::wgpu_options()
            .setup(setup)
            .init()
            .map_err(|error| DeviceError::Refused {
                adapter: self.summary().to_string(),
                reason: error.to_string(),
            })
    }

    /// The adapter behind these handles.
    pub fn summary(&self) -> AdapterSummary {
        AdapterSummary::of(&self.adapter)
    }

    /// Whether the device is gone: the driver was reset, the card unplugged.
    /// wgpu tells only one callback, which is burn's; so this tries to map a
    /// buffer, which a lost device refuses.
    pub fn is_lost(&self) -> bool {
        let scope = self.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("is the device there?"),
            size: 4,
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let (answer, answered) = mpsc::channel();
        buffer
            .slice(..)
            .map_async(wgpu::MapMode::Read, move |mapped| {
                // The receiver is gone only if nobody waits any more.
                let _ = answer.send(mapped.is_ok());
            });
        let polled = self.device.poll(wgpu::PollType::Poll);
        drop(scope.pop());
        polled.is_err() || !answered.try_recv().unwrap_or(false)
    }

    /// Whether the adapter is emulated on the CPU.
    pub fn is_software(&self) -> bool {
        self.summary().is_software
    }
}

/// The adapter that [`WgpuHandles::open`] would take.
pub(super) fn preferred_adapter() -> Result<AdapterSummary, DeviceError> {
    request_adapter(&instance()).map(|adapter| AdapterSummary::of(&adapter))
}

/// Vulkan, Metal or DirectX 12: OpenGL lacks what burn's kernels need, and
/// complains on machines without a display. `WGPU_BACKEND` overrides it.
fn instance() -> wgpu::Instance {
    let descriptor = wgpu::InstanceDescriptor {
        backends: wgpu::Backends::PRIMARY,
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    };
    wgpu::Instance::new(descriptor.with_env())
}

fn request_adapter(instance: &wgpu::Instance) -> Result<wgpu::Adapter, DeviceError> {
    let options = wgpu::RequestAdapterOptions {
        power_preference: wgpu::PowerPreference::HighPerformance,
        ..Default::default()
    };
    pollster::block_on(instance.request_adapter(&options))
        .map_err(|error| DeviceError::NoAdapter(error.to_string()))
}

/// The device that cubecl's WGSL runtime would request on `adapter`.
fn descriptor(adapter: &wgpu::Adapter) -> wgpu::DeviceDescriptor<'static> {
    wgpu::DeviceDescriptor {
        label: Some("storm-studio"),
        required_features: adapter
            .features()
            .difference(wgpu::Features::MAPPABLE_PRIMARY_BUFFERS),
        required_limits: adapter.limits(),
        memory_hints: wgpu::MemoryHints::MemoryUsage,
        trace: wgpu::Trace::Off,
        // SAFETY: adapters of real cards list experimental features among those
        // requested above, and wgpu refuses them without this; cubecl's kernels
        // are written against a device that has them, and nothing of ours uses any.
        #[allow(unsafe_code)]
        experimental_features: unsafe { wgpu::ExperimentalFeatures::enabled() },
    }
}

//! The numbers that a shader reads, wherever they come from.

use std::sync::Arc;

use wgpu::util::DeviceExt;

use crate::device::{Slot, TensorBuffer};

/// f32 numbers on the drawing device.
#[derive(Clone)]
pub struct Numbers(Source);

#[derive(Clone)]
enum Source {
    /// Copied there for drawing.
    Uploaded(wgpu::Buffer),
    /// A tensor of burn's, in place.
    Tensor(Arc<TensorBuffer>),
}

impl Numbers {
    /// Copies `values` to the device; for tensors of the CPU backend.
    ///
    /// # Panics
    /// If `values` is empty; a buffer cannot be.
    pub fn upload(device: &wgpu::Device, values: &[f32]) -> Self {
        assert!(!values.is_empty(), "a picture has at least one number");
        let buffer = device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
            label: Some("numbers"),
            contents: bytemuck::cast_slice(values),
            usage: wgpu::BufferUsages::STORAGE,
        });
        Self(Source::Uploaded(buffer))
    }

    /// What a slot holds: in place if it lies on `device`, else copied there.
    /// `None` if it is empty, or lies on a lost device.
    pub fn of(slot: &Slot, device: &wgpu::Device) -> Option<Self> {
        match slot {
            Slot::Device(numbers) if numbers.handles.device == *device => {
                Some(Self::tensor(Arc::clone(&numbers.buffer)))
            }
            _ => {
                let values = slot.read();
                let values = values.inspect_err(|error| tracing::warn!("{error}")).ok()?;
                (!values.is_empty()).then(|| Self::upload(device, &values))
            }
        }
    }

    /// A tensor that burn computed on the drawing device; nothing is copied.
    pub fn tensor(buffer: Arc<TensorBuffer>) -> Self {
        Self(Source::Tensor(buffer))
    }

    pub(super) fn binding(&self) -> wgpu::BindingResource<'_> {
        match &self.0 {
            Source::Uploaded(buffer) => buffer.as_entire_binding(),
            Source::Tensor(buffer) => buffer.binding(),
        }
    }
}

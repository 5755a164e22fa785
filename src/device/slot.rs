//! Numbers that a step leaves behind, on the host or on the device, behind one type.
//!
//! The worker fills slots, the step store keeps them and the screen draws them
//! where they lie. Numbers of the device cross to the host only where somebody
//! asks to [`Slot::read`] them: an animation file, or a window without a device.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, mpsc};

use burn::tensor::Tensor;

use super::{TensorBuffer, TensorBufferError, WgpuHandles, tensor_buffer};

/// Numbers shared with whoever else holds them.
pub type HostNumbers = Arc<dyn AsRef<[f32]> + Send + Sync>;

/// f32 numbers, contiguous and row-major. Cheap to clone: the numbers are shared.
#[derive(Clone)]
pub enum Slot {
    Host(HostNumbers),
    Device(Arc<DeviceNumbers>),
}

/// A tensor's numbers in the memory of a wgpu device.
#[derive(Debug)]
pub struct DeviceNumbers {
    pub buffer: Arc<TensorBuffer>,
    /// The device that they lie on.
    pub handles: WgpuHandles,
}

/// Why numbers of the device cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the device does not give its numbers back: {0}")]
pub struct SlotError(String);

impl Slot {
    /// The numbers of a tensor on the device that `handles` open. To be called
    /// on the thread that computed it.
    ///
    /// # Errors
    /// If the tensor is not on wgpu, or the device failed.
    pub fn on_device<const D: usize>(
        tensor: &Tensor<D>,
        handles: &WgpuHandles,
    ) -> Result<Self, TensorBufferError> {
        Ok(Self::Device(Arc::new(DeviceNumbers {
            buffer: Arc::new(tensor_buffer(tensor)?),
            handles: handles.clone(),
        })))
    }

    /// How much memory the numbers take, wherever they lie.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Host(numbers) => size_of_val((**numbers).as_ref()),
            Self::Device(numbers) => numbers.buffer.size() as usize,
        }
    }

    /// Whether both are the very same numbers, not only equal ones.
    pub fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Host(ours), Self::Host(others)) => {
                std::ptr::eq((**ours).as_ref(), (**others).as_ref())
            }
            (Self::Device(ours), Self::Device(others)) => Arc::ptr_eq(ours, others),
            _ => false,
        }
    }

    /// The numbers on the host; copied there if they lie on the device.
    ///
    /// # Errors
    /// If the device fails or is lost.
    pub fn read(&self) -> Result<Cow<'_, [f32]>, SlotError> {
        match self {
            Self::Host(numbers) => Ok(Cow::Borrowed((**numbers).as_ref())),
            Self::Device(numbers) => numbers.read().map(Cow::Owned),
        }
    }
}

impl From<Vec<f32>> for Slot {
    fn from(numbers: Vec<f32>) -> Self {
        Self::Host(Arc::new(numbers))
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match self {
            Self::Host(_) => "Host",
            Self::Device(_) => "Device",
        };
        write!(formatter, "{place}({} bytes)", self.bytes())
    }
}

impl DeviceNumbers {
    /// Copies the numbers to the host and waits for them.
    fn read(&self) -> Result<Vec<f32>, SlotError> {
        let failed = |error: &dyn fmt::Display| SlotError(error.to_string());
        let WgpuHandles { device, queue, .. } = &self.handles;
        let staging = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("read back"),
            size: self.buffer.size(),
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let mut encoder = device.create_command_encoder(&Default::default());
        let (from, offset) = (self.buffer.buffer(), self.buffer.offset());
        encoder.copy_buffer_to_buffer(from, offset, &staging, 0, self.buffer.size());
        queue.submit([encoder.finish()]);
        let (answer, answered) = mpsc::channel();
        let slice = staging.slice(..);
        slice.map_async(wgpu::MapMode::Read, move |mapped| {
            // The receiver is gone only if nobody waits any more.
            let _ = answer.send(mapped);
        });
        device
            .poll(wgpu::PollType::wait_indefinitely())
            .map_err(|error| failed(&error))?;
        answered
            .try_recv()
            .map_err(|error| failed(&error))?
            .map_err(|error| failed(&error))?;
        let bytes = slice.get_mapped_range().map_err(|error| failed(&error))?;
        Ok(bytemuck::pod_collect_to_vec(&bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_the_host_are_shared_and_known_again() {
        let slot = Slot::from(vec![1.0, 2.0]);
        assert!(slot.is(&slot.clone()));
        assert!(!slot.is(&Slot::from(vec![1.0, 2.0])));
        assert_eq!(slot.bytes(), 8);
        assert_eq!(*slot.read().unwrap(), [1.0, 2.0]);
    }
}

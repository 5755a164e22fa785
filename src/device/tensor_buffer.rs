//! The wgpu buffer of a tensor, so that a shader can draw it where it lies.

use std::fmt;

use burn::tensor::{DType, Tensor};
use burn_cubecl::kernel::into_contiguous;
use burn_wgpu::{AutoCompiler, Wgpu, WgpuResource};
use cubecl_wgpu::WgpuServer;

/// Why a tensor has no buffer to draw from.
#[derive(Debug, thiserror::Error)]
pub enum TensorBufferError {
    /// It lies in the host's memory.
    #[error("the tensor is not on a wgpu device")]
    NotOnWgpu,
    /// The device failed to give it.
    #[error("the device does not give the tensor's buffer: {0}")]
    Device(String),
}

/// A tensor's numbers on the device, f32, contiguous and row-major. Holding it
/// keeps them there; the rest of the underlying buffer belongs to others.
pub struct TensorBuffer {
    buffer: wgpu::Buffer,
    offset: u64,
    size: u64,
    /// Pins the allocation, and keeps burn from computing in place on it.
    _pins: Box<dyn Send + Sync>,
}

impl fmt::Debug for TensorBuffer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "TensorBuffer({} bytes)", self.size)
    }
}

impl TensorBuffer {
    /// The buffer in which the tensor's page lies.
    pub fn buffer(&self) -> &wgpu::Buffer {
        &self.buffer
    }

    /// Where in it the tensor begins, in bytes.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Length in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// A binding of exactly the tensor's range.
    pub fn binding(&self) -> wgpu::BindingResource<'_> {
        wgpu::BindingResource::Buffer(wgpu::BufferBinding {
            buffer: &self.buffer,
            offset: self.offset,
            size: wgpu::BufferSize::new(self.size),
        })
    }
}

/// The buffer of `tensor`. To be called on the thread that computed it, since
/// streams are thread-local; pending work is submitted first.
///
/// # Errors
/// If the tensor is not on wgpu, or the device failed.
pub fn tensor_buffer<const D: usize>(
    tensor: &Tensor<D>,
) -> Result<TensorBuffer, TensorBufferError> {
    let device = |error: &dyn std::fmt::Debug| TensorBufferError::Device(format!("{error:?}"));
    // Shaders read array<f32>; halves would be misread.
    let tensor = tensor.clone().without_autodiff().cast(DType::F32);
    let bytes = (tensor.shape().num_elements() * size_of::<f32>()) as u64;
    let on_device = tensor.device();
    let primitive = tensor
        .try_into_primitive::<Wgpu>()
        .map_err(|_| TensorBufferError::NotOnWgpu)?;
    let mut primitive = into_contiguous(primitive);
    if primitive.handle.size() != primitive.handle.size_in_used() {
        // A part of a larger tensor, which would be kept with it.
        primitive = primitive.copy();
    }
    let resource = primitive
        .client
        .get_resource::<WgpuServer<AutoCompiler>>(primitive.handle.clone())
        .map_err(|error| device(&error))?;
    on_device.flush().map_err(|error| device(&error))?;
    let WgpuResource { buffer, offset, .. } = resource.resource();
    Ok(TensorBuffer {
        buffer: buffer.clone(),
        offset: *offset,
        size: bytes,
        _pins: Box::new((resource, primitive.handle)),
    })
}

//! The kernels for GPUs, written in cubecl and launched through burn's wgpu.
//!
//! Sums are taken in f32 whatever the numbers are stored in. Feature maps are
//! written with their channels side by side in memory, as burn's convolutions read
//! them: the tensor keeps its shape [batch, channels, height, width], only its
//! strides differ, and the convolution after it copies nothing.

mod elementwise;
mod normalisation;

pub(super) use elementwise::{add_bias, geglu};
pub(super) use normalisation::{group_norm, layer_norm};

use burn::backend::tensor::FloatTensor;
use burn::backend::{Cube, TensorMetadata};
use burn::tensor::Shape;
use burn_cubecl::ops::numeric::empty_device_dtype;

/// A tensor of burn's wgpu.
pub(super) type CubeTensor = FloatTensor<Cube>;

/// Most units of a cube that reduces together; every device has so many.
const UNITS: u32 = 256;

/// Memory for a tensor of `shape` beside `like`.
fn empty_like(like: &CubeTensor, shape: impl Into<Shape>) -> CubeTensor {
    empty_device_dtype(
        like.client.clone(),
        like.device(),
        shape.into(),
        like.dtype(),
    )
}

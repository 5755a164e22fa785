//! The kernels for GPUs, written in cubecl and launched through burn's wgpu.
//!
//! Sums are taken in f32 whatever the numbers are stored in. Feature maps are
//! written with their channels side by side in memory, as burn's convolutions read
//! them: the tensor keeps its shape [batch, channels, height, width], only its
//! strides differ, and the convolution after it copies nothing.

mod attention;
mod attention_backward;
mod concatenation;
mod elementwise;
mod normalisation;
mod normalisation_backward;
mod reduction;
mod softmax;

pub(super) use attention::{attention, is_short};
pub(super) use attention_backward::{Source, attention_backward};
pub(super) use concatenation::concatenated;
pub(super) use elementwise::{add_bias, geglu, geglu_backward, silu};
pub(super) use normalisation::{group_norm, layer_norm};
pub(super) use normalisation_backward::{group_norm_backward, layer_norm_backward};
pub(super) use softmax::softmax_with_mean;

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

#[cfg(test)]
mod tests;

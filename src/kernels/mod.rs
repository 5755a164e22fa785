//! Fused operations: several of burn's in one pass over memory.
//!
//! Stands between `models/` and burn. A network of small layers spends more time
//! on element-wise passes, copies and hand-overs than in its convolutions; here
//! a norm and its activation, a convolution and its bias, attention and the mean
//! of its probabilities are one operation each. Each has a chain of burn's own
//! operations, which says what it computes and which runs wherever there is no
//! kernel: on GPUs, in half precision, and where gradients are wanted unless the
//! operation has a backward pass of its own.

mod attention;
mod convolution;
mod flex;
mod gating;
mod linear;
mod normalisation;

use burn::backend::DispatchDevice;
use burn::tensor::{DType, Tensor};

pub(crate) use attention::{attention, attention_with_probabilities};
pub(crate) use convolution::conv2d;
pub(crate) use gating::geglu;
pub(crate) use linear::{
    CellLayer, grid_to_sequence, linear, linear_added, sequence_to_grid_added, to_sequence,
};
pub(crate) use normalisation::{Activation, group_norm};

/// Whether the CPU's kernels compute on `tensor`: flex in f32, gradients or not.
fn is_flex<const D: usize>(tensor: &Tensor<D>) -> bool {
    let device = tensor.device().inner();
    tensor.dtype() == DType::F32 && matches!(device.as_dispatch(), DispatchDevice::Flex(_))
}

/// As [`is_flex`], and no gradient is wanted.
fn is_plain_flex<const D: usize>(tensor: &Tensor<D>) -> bool {
    is_flex(tensor) && !tensor.device().is_autodiff()
}

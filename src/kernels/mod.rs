//! Fused operations: several of burn's in one pass over memory.
//!
//! Stands between `models/` and burn. A network of small layers spends more time
//! on element-wise passes, copies and hand-overs than in its convolutions; here
//! a norm and its activation, a convolution and its bias, attention and the mean
//! of its probabilities are one operation each. Each has a chain of burn's own
//! operations, which says what it computes and which runs wherever there is no
//! kernel for it. Most have a backward pass of their own besides ([`differentiable`]), by
//! what is no weight: weights are constants here.

mod attention;
mod concatenation;
mod convolution;
mod cube;
mod differentiable;
mod flex;
mod gating;
#[cfg(test)]
mod gradients;
mod linear;
mod normalisation;
mod seed;

use burn::backend::DispatchDevice;
use burn::tensor::{DType, Tensor};

pub(crate) use attention::{
    MOST_SCORES_BACKWARD, attention, attention_with_probabilities,
    most_scores_of_the_fused_backward,
};
pub(crate) use concatenation::concatenated;
pub(crate) use convolution::{conv2d, wants_channels_last};
pub(crate) use gating::{geglu, silu};
pub(crate) use linear::{
    CellLayer, grid_added, grid_to_sequence, linear, linear_added, sequence_to_grid_added,
    to_sequence,
};
pub(crate) use normalisation::{Activation, group_norm, layer_norm};
pub(crate) use seed::seed;

/// Whose kernels compute on a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kernels {
    /// Those of [`flex`].
    Flex,
    /// The same, with their backward passes.
    FlexWithGradient,
    /// Those of [`cube`].
    Cube,
    /// Those of them that have a backward pass.
    CubeWithGradient,
}

/// The kernels for `tensor`; none for halves on the CPU.
fn kernels_for<const D: usize>(tensor: &Tensor<D>) -> Option<Kernels> {
    let device = tensor.device();
    let is_tracked = device.is_autodiff();
    match (device.inner().as_dispatch(), is_tracked) {
        (DispatchDevice::Flex(_), _) if tensor.dtype() == DType::F32 => Some(match is_tracked {
            true => Kernels::FlexWithGradient,
            false => Kernels::Flex,
        }),
        (DispatchDevice::Cube(_), false) => Some(Kernels::Cube),
        (DispatchDevice::Cube(_), true) => Some(Kernels::CubeWithGradient),
        _ => None,
    }
}

/// Whether the kernels of [`flex`] compute on `tensor`, those of operations that have
/// their backward pass beside them.
fn has_flex_kernels<const D: usize>(tensor: &Tensor<D>) -> bool {
    let kernels = kernels_for(tensor);
    matches!(kernels, Some(Kernels::Flex | Kernels::FlexWithGradient))
}

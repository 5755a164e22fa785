//! Fused operations: several of burn's in one pass over memory.
//!
//! Stands between `models/` and burn. A network of small layers spends more time
//! on element-wise passes, copies and hand-overs than in its convolutions; here
//! a norm and its activation, a convolution and its bias, attention and the mean
//! of its probabilities are one operation each. Each has a chain of burn's own
//! operations, which says what it computes and which runs wherever there is no
//! kernel for it, and where gradients are wanted unless the operation has a
//! backward pass of its own.

mod attention;
mod convolution;
mod cube;
mod flex;
mod gating;
mod linear;
mod normalisation;

use burn::backend::DispatchDevice;
use burn::tensor::{DType, Tensor};

pub(crate) use attention::{MOST_SCORES_BACKWARD, attention, attention_with_probabilities};
pub(crate) use convolution::conv2d;
pub(crate) use gating::geglu;
pub(crate) use linear::{
    CellLayer, grid_to_sequence, linear, linear_added, sequence_to_grid_added, to_sequence,
};
pub(crate) use normalisation::{Activation, group_norm, layer_norm};

/// Whose kernels compute on a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kernels {
    /// Those of [`flex`].
    Flex,
    /// Those of [`cube`].
    Cube,
}

/// The kernels for `tensor`, gradients or not; none for halves on the CPU.
fn kernels_for<const D: usize>(tensor: &Tensor<D>) -> Option<Kernels> {
    match tensor.device().inner().as_dispatch() {
        DispatchDevice::Flex(_) if tensor.dtype() == DType::F32 => Some(Kernels::Flex),
        DispatchDevice::Cube(_) => Some(Kernels::Cube),
        _ => None,
    }
}

/// As [`kernels_for`] where no gradient is wanted, else none.
fn forward_kernels_for<const D: usize>(tensor: &Tensor<D>) -> Option<Kernels> {
    kernels_for(tensor).filter(|_| !tensor.device().is_autodiff())
}

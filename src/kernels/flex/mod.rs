//! The kernels for the CPU: burn's flex in f32, on all of rayon's threads.
//!
//! Loops are plain Rust that the compiler vectorises; macerator compiles them for
//! each instruction set and chooses at run time. Matrix products are the gemm
//! crate's, as flex's own are.

#![expect(
    clippy::extra_unused_type_parameters,
    reason = "macerator compiles a function once for each instruction set that the parameter can be"
)]

pub(super) mod attention;
pub(super) mod attention_backward;
pub(super) mod convolution;
mod elementary;
pub(super) mod gating;
pub(super) mod linear;
mod matrix;
pub(super) mod normalisation;
mod patches;
mod winograd;

use burn::backend::Flex;
use burn::backend::tensor::FloatTensor;
use burn::tensor::TensorData;

/// A tensor of flex's.
pub(super) type FlexTensor = FloatTensor<Flex>;

/// Work below which threads cost more than they bring, in multiplications.
const WORTH_A_THREAD: usize = 1 << 18;

/// The numbers of a contiguous f32 tensor.
pub(super) fn values(tensor: &FlexTensor) -> &[f32] {
    let values = tensor.as_slice::<f32>();
    values.expect("the kernels are given contiguous tensors of f32")
}

/// A tensor of `values`.
pub(super) fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}

//! A softmax and its mean over the heads in one launch.

use burn::backend::TensorMetadata;
use burn::tensor::DType;
use burn_cubecl::cubecl;
use burn_cubecl::cubecl::ir::ElemType;
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::ops::numeric::empty_device_dtype;

use super::reduction::{largest, total};
use super::{CubeTensor, UNITS, empty_like};

/// A cube (query, sample), all heads one after the other.
#[cube(launch)]
fn softmax_with_mean_kernel<F: Float>(
    scores: &Tensor<F>,
    probabilities: &mut Tensor<F>,
    mean: &mut Tensor<f32>,
    #[comptime] units: usize,
    #[define(F)] _dtype: ElemType,
) {
    let query = CUBE_POS_X as usize;
    let sample = CUBE_POS_Y as usize;
    let heads = scores.shape(1);
    let context = scores.shape(3);
    let step = scores.stride(3);
    let mean_row = sample * mean.stride(0) + query * mean.stride(1);
    let mut head = 0usize;
    while head < heads {
        let row = sample * scores.stride(0) + head * scores.stride(1) + query * scores.stride(2);
        let into = sample * probabilities.stride(0)
            + head * probabilities.stride(1)
            + query * probabilities.stride(2);

        // Any score of the row will do where a unit has none of its own.
        let mut most = f32::cast_from(scores[row]);
        let mut index = UNIT_POS as usize;
        while index < context {
            most = f32::max(most, f32::cast_from(scores[row + index * step]));
            index += units;
        }
        let most = largest(most, units);

        let mut sum = 0.0f32;
        let mut index = UNIT_POS as usize;
        while index < context {
            sum += (f32::cast_from(scores[row + index * step]) - most).exp();
            index += units;
        }
        let sum = total(sum, units);

        let mut index = UNIT_POS as usize;
        while index < context {
            let probability = (f32::cast_from(scores[row + index * step]) - most).exp() / sum;
            probabilities[into + index] = F::cast_from(probability);
            // A unit sees the same places of every head.
            let share = probability / heads as f32;
            if head == 0 {
                mean[mean_row + index] = share;
            } else {
                mean[mean_row + index] += share;
            }
            index += units;
        }
        head += 1;
    }
}

/// `scores` [batch, heads, positions, context] → their softmax over the context, and
/// its mean over the heads, [batch, positions, context], in f32.
pub(in crate::kernels) fn softmax_with_mean(scores: CubeTensor) -> (CubeTensor, CubeTensor) {
    let [batch, heads, positions, context] = scores.shape().dims::<4>();
    let probabilities = empty_like(&scores, [batch, heads, positions, context]);
    let client = scores.client.clone();
    let shape = [batch, positions, context].into();
    let mean = empty_device_dtype(client.clone(), scores.device(), shape, DType::F32);
    let dtype = burn::backend::cubecl::dtype_to_storage_type(scores.dtype());
    let units = (context.next_power_of_two() as u32).clamp(32, UNITS);
    softmax_with_mean_kernel::launch(
        &client,
        CubeCount::Static(positions as u32, batch as u32, 1),
        CubeDim::new_1d(units),
        scores.into_tensor_arg(),
        probabilities.clone().into_tensor_arg(),
        mean.clone().into_tensor_arg(),
        units as usize,
        dtype,
    );
    (probabilities, mean)
}

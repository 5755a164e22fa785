//! Two feature maps as one: a unit for each number, one launch.

use burn::backend::TensorMetadata;
use burn_cubecl::cubecl;
use burn_cubecl::cubecl::calculate_cube_count_elemwise;
use burn_cubecl::cubecl::ir::ElemType;
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::ops::permute_nhwc_to_nchw;

use super::{CubeTensor, empty_like};

/// The channels of `first`, then those of `second`, side by side in memory.
#[cube(launch)]
fn concatenation_kernel<F: Float>(
    first: &Tensor<F>,
    second: &Tensor<F>,
    output: &mut Tensor<F>,
    #[define(F)] _dtype: ElemType,
) {
    if ABSOLUTE_POS >= output.len() {
        terminate!();
    }
    let (channels, width) = (output.shape(1), output.shape(3));
    let channel = ABSOLUTE_POS % channels;
    let cell = ABSOLUTE_POS / channels;
    let (column, cell) = (cell % width, cell / width);
    let (row, sample) = (cell % output.shape(2), cell / output.shape(2));
    let of_first = first.shape(1);
    if channel < of_first {
        let at = sample * first.stride(0)
            + channel * first.stride(1)
            + row * first.stride(2)
            + column * first.stride(3);
        output[ABSOLUTE_POS] = first[at];
    } else {
        let at = sample * second.stride(0)
            + (channel - of_first) * second.stride(1)
            + row * second.stride(2)
            + column * second.stride(3);
        output[ABSOLUTE_POS] = second[at];
    }
}

/// `first` and `second`, [batch, channels of each, height, width] of any strides → [batch,
/// channels of both, height, width], channels side by side in memory.
pub(in crate::kernels) fn concatenated(first: CubeTensor, second: CubeTensor) -> CubeTensor {
    let [batch, channels, height, width] = first.shape().dims::<4>();
    let [_, more, ..] = second.shape().dims::<4>();
    let all = channels + more;
    let output = permute_nhwc_to_nchw(empty_like(&first, [batch, height, width, all]));
    let client = first.client.clone();
    let dtype = burn::backend::cubecl::dtype_to_storage_type(first.dtype());
    let units = batch * all * height * width;
    let cube_dim = CubeDim::new(&client, units);
    concatenation_kernel::launch(
        &client,
        calculate_cube_count_elemwise(&client, units, cube_dim),
        cube_dim,
        first.into_tensor_arg(),
        second.into_tensor_arg(),
        output.clone().into_tensor_arg(),
        dtype,
    );
    output
}

//! Group and layer normalisation: a cube for each group or row, one launch each.

use burn::backend::TensorMetadata;
use burn_cubecl::cubecl;
use burn_cubecl::cubecl::ir::ElemType;
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::ops::permute_nhwc_to_nchw;

use super::super::normalisation::GroupNormSettings;
use super::reduction::total;
use super::{CubeTensor, UNITS, empty_like};

/// Number `index` of a group whose channels begin with `first`, with its shift. Channels
/// change fastest: they lie side by side after a convolution.
#[cube]
pub(super) fn shifted<F: Float>(
    sample: &Tensor<F>,
    shift: &Tensor<F>,
    first: usize,
    index: usize,
    #[comptime] per_group: usize,
    #[comptime] has_shift: bool,
) -> f32 {
    let batch = CUBE_POS_Y as usize;
    let channel = first + index % per_group;
    let cell = index / per_group;
    let width = sample.shape(3);
    let at = batch * sample.stride(0)
        + channel * sample.stride(1)
        + (cell / width) * sample.stride(2)
        + (cell % width) * sample.stride(3);
    let number = f32::cast_from(sample[at]);
    if has_shift {
        let row = (batch % shift.shape(0)) * shift.stride(0);
        number + f32::cast_from(shift[row + channel * shift.stride(1)])
    } else {
        number
    }
}

/// The mean of a group of `count` numbers, known to each unit of its cube.
#[cube]
pub(super) fn group_mean<F: Float>(
    sample: &Tensor<F>,
    shift: &Tensor<F>,
    first: usize,
    count: usize,
    #[comptime] units: usize,
    #[comptime] per_group: usize,
    #[comptime] has_shift: bool,
) -> f32 {
    let mut sum = 0.0f32;
    let mut index = UNIT_POS as usize;
    while index < count {
        sum += shifted::<F>(sample, shift, first, index, per_group, has_shift);
        index += units;
    }
    total(sum, units) / count as f32
}

/// 1 / √(variance + ε) of the group.
#[cube]
pub(super) fn group_scale<F: Float>(
    sample: &Tensor<F>,
    shift: &Tensor<F>,
    first: usize,
    count: usize,
    mean: f32,
    epsilon: f32,
    #[comptime] units: usize,
    #[comptime] per_group: usize,
    #[comptime] has_shift: bool,
) -> f32 {
    let mut squares = 0.0f32;
    let mut index = UNIT_POS as usize;
    while index < count {
        let apart = shifted::<F>(sample, shift, first, index, per_group, has_shift) - mean;
        squares += apart * apart;
        index += units;
    }
    let variance = total(squares, units) / count as f32;
    1.0f32 / (variance + epsilon).sqrt()
}

/// The mean of a row that begins at `row`, known to each unit of its cube.
#[cube]
pub(super) fn row_mean<F: Float>(input: &Tensor<F>, row: usize, #[comptime] units: usize) -> f32 {
    let width = input.shape(2);
    let step = input.stride(2);
    let mut sum = 0.0f32;
    let mut index = UNIT_POS as usize;
    while index < width {
        sum += f32::cast_from(input[row + index * step]);
        index += units;
    }
    total(sum, units) / width as f32
}

/// 1 / √(variance + ε) of the row.
#[cube]
pub(super) fn row_scale<F: Float>(
    input: &Tensor<F>,
    row: usize,
    mean: f32,
    epsilon: f32,
    #[comptime] units: usize,
) -> f32 {
    let width = input.shape(2);
    let step = input.stride(2);
    let mut squares = 0.0f32;
    let mut index = UNIT_POS as usize;
    while index < width {
        let apart = f32::cast_from(input[row + index * step]) - mean;
        squares += apart * apart;
        index += units;
    }
    let variance = total(squares, units) / width as f32;
    1.0f32 / (variance + epsilon).sqrt()
}

/// A cube (group, sample): activation((sample + shift − mean) / √(variance + ε) · γ + β).
#[cube(launch)]
fn group_norm_kernel<F: Float>(
    sample: &Tensor<F>,
    shift: &Tensor<F>,
    gamma: &Tensor<F>,
    beta: &Tensor<F>,
    output: &mut Tensor<F>,
    epsilon: f32,
    #[comptime] units: usize,
    #[comptime] per_group: usize,
    #[comptime] has_shift: bool,
    #[comptime] with_silu: bool,
    #[define(F)] _dtype: ElemType,
) {
    let batch = CUBE_POS_Y as usize;
    let first = CUBE_POS_X as usize * per_group;
    let width = sample.shape(3);
    let count = per_group * sample.shape(2) * width;

    let mean = group_mean::<F>(sample, shift, first, count, units, per_group, has_shift);
    let scale = group_scale::<F>(
        sample, shift, first, count, mean, epsilon, units, per_group, has_shift,
    );

    let mut index = UNIT_POS as usize;
    while index < count {
        let channel = first + index % per_group;
        let cell = index / per_group;
        let apart = shifted::<F>(sample, shift, first, index, per_group, has_shift) - mean;
        let value = apart * scale * f32::cast_from(gamma[channel]) + f32::cast_from(beta[channel]);
        let into = batch * output.stride(0)
            + channel * output.stride(1)
            + (cell / width) * output.stride(2)
            + (cell % width) * output.stride(3);
        if with_silu {
            output[into] = F::cast_from(value / (1.0f32 + (-value).exp()));
        } else {
            output[into] = F::cast_from(value);
        }
        index += units;
    }
}

/// `sample` [batch, channels, height, width] of any strides → the same shape,
/// channels side by side in memory. `shift` is [1 or batch, channels].
pub(in crate::kernels) fn group_norm(
    sample: CubeTensor,
    shift: CubeTensor,
    gamma: CubeTensor,
    beta: CubeTensor,
    settings: GroupNormSettings,
) -> CubeTensor {
    let [batch, channels, height, width] = sample.shape().dims::<4>();
    let output = permute_nhwc_to_nchw(empty_like(&sample, [batch, height, width, channels]));
    let client = sample.client.clone();
    let dtype = burn::backend::cubecl::dtype_to_storage_type(sample.dtype());
    group_norm_kernel::launch(
        &client,
        CubeCount::Static(settings.groups as u32, batch as u32, 1),
        CubeDim::new_1d(UNITS),
        sample.into_tensor_arg(),
        shift.into_tensor_arg(),
        gamma.into_tensor_arg(),
        beta.into_tensor_arg(),
        output.clone().into_tensor_arg(),
        settings.epsilon as f32,
        UNITS as usize,
        channels / settings.groups,
        settings.has_shift,
        settings.with_silu,
        dtype,
    );
    output
}

/// A cube for each row: (row − mean) / √(variance + ε) · γ + β.
#[cube(launch)]
fn layer_norm_kernel<F: Float>(
    input: &Tensor<F>,
    gamma: &Tensor<F>,
    beta: &Tensor<F>,
    output: &mut Tensor<F>,
    epsilon: f32,
    #[comptime] units: usize,
    #[define(F)] _dtype: ElemType,
) {
    let width = input.shape(2);
    let row = (CUBE_POS_Y as usize) * input.stride(0) + (CUBE_POS_X as usize) * input.stride(1);
    let step = input.stride(2);
    let into = (CUBE_POS_Y as usize) * output.stride(0) + (CUBE_POS_X as usize) * output.stride(1);

    let mean = row_mean::<F>(input, row, units);
    let scale = row_scale::<F>(input, row, mean, epsilon, units);

    let mut index = UNIT_POS as usize;
    while index < width {
        let apart = f32::cast_from(input[row + index * step]) - mean;
        let value = apart * scale * f32::cast_from(gamma[index]) + f32::cast_from(beta[index]);
        output[into + index] = F::cast_from(value);
        index += units;
    }
}

/// `input` [batch, positions, width] → the same shape.
pub(in crate::kernels) fn layer_norm(
    input: CubeTensor,
    gamma: CubeTensor,
    beta: CubeTensor,
    epsilon: f64,
) -> CubeTensor {
    let [batch, positions, width] = input.shape().dims::<3>();
    let output = empty_like(&input, [batch, positions, width]);
    let client = input.client.clone();
    let dtype = burn::backend::cubecl::dtype_to_storage_type(input.dtype());
    // As many units as a row has numbers, in a power of two.
    let units = (width.next_power_of_two() as u32).clamp(32, UNITS);
    layer_norm_kernel::launch(
        &client,
        CubeCount::Static(positions as u32, batch as u32, 1),
        CubeDim::new_1d(units),
        input.into_tensor_arg(),
        gamma.into_tensor_arg(),
        beta.into_tensor_arg(),
        output.clone().into_tensor_arg(),
        epsilon as f32,
        units as usize,
        dtype,
    );
    output
}

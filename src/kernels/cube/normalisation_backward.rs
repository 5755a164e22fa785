//! The ways back through group and layer normalisation, by what goes in: a cube for each
//! group or row, one launch each.
//!
//! With n the normalised numbers and d the gradient by them, both over one group: the
//! gradient by the numbers is (d − mean(d) − n · mean(d · n)) / σ.

use burn::backend::TensorMetadata;
use burn_cubecl::cubecl;
use burn_cubecl::cubecl::ir::ElemType;
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::ops::permute_nhwc_to_nchw;

use super::super::normalisation::GroupNormSettings;
use super::normalisation::{group_mean, group_scale, row_mean, row_scale, shifted};
use super::reduction::total;
use super::{CubeTensor, UNITS, empty_like};

/// The gradient by a normalised number of `channel`, from `by_output`, that by what
/// became of it.
#[cube]
fn by_normalised<F: Float>(
    by_output: f32,
    normalised: f32,
    gamma: &Tensor<F>,
    beta: &Tensor<F>,
    channel: usize,
    #[comptime] with_silu: bool,
) -> f32 {
    let weight = f32::cast_from(gamma[channel]);
    if with_silu {
        let value = normalised * weight + f32::cast_from(beta[channel]);
        let share = 1.0f32 / (1.0f32 + (-value).exp());
        by_output * share * (1.0f32 + value * (1.0f32 - share)) * weight
    } else {
        by_output * weight
    }
}

/// The gradient by the output at a cell of a channel.
#[cube]
fn of_output<F: Float>(gradient: &Tensor<F>, channel: usize, cell: usize) -> f32 {
    let width = gradient.shape(3);
    let at = (CUBE_POS_Y as usize) * gradient.stride(0)
        + channel * gradient.stride(1)
        + (cell / width) * gradient.stride(2)
        + (cell % width) * gradient.stride(3);
    f32::cast_from(gradient[at])
}

/// A cube (group, sample).
#[cube(launch)]
fn group_norm_backward_kernel<F: Float>(
    sample: &Tensor<F>,
    shift: &Tensor<F>,
    gamma: &Tensor<F>,
    beta: &Tensor<F>,
    gradient: &Tensor<F>,
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

    let mut sum = 0.0f32;
    let mut along = 0.0f32;
    let mut index = UNIT_POS as usize;
    while index < count {
        let channel = first + index % per_group;
        let number = shifted::<F>(sample, shift, first, index, per_group, has_shift);
        let normalised = (number - mean) * scale;
        let by_output = of_output::<F>(gradient, channel, index / per_group);
        let by = by_normalised::<F>(by_output, normalised, gamma, beta, channel, with_silu);
        sum += by;
        along += by * normalised;
        index += units;
    }
    let sum = total(sum, units) / count as f32;
    let along = total(along, units) / count as f32;

    let mut index = UNIT_POS as usize;
    while index < count {
        let channel = first + index % per_group;
        let cell = index / per_group;
        let number = shifted::<F>(sample, shift, first, index, per_group, has_shift);
        let normalised = (number - mean) * scale;
        let by_output = of_output::<F>(gradient, channel, cell);
        let by = by_normalised::<F>(by_output, normalised, gamma, beta, channel, with_silu);
        let into = batch * output.stride(0)
            + channel * output.stride(1)
            + (cell / width) * output.stride(2)
            + (cell % width) * output.stride(3);
        output[into] = F::cast_from((by - sum - normalised * along) * scale);
        index += units;
    }
}

/// The gradient by `sample` of [`group_norm`](super::group_norm) of the same, from that by
/// its output; both [batch, channels, height, width] of any strides → the same shape,
/// channels side by side in memory.
pub(in crate::kernels) fn group_norm_backward(
    [sample, shift, gamma, beta]: [CubeTensor; 4],
    gradient: CubeTensor,
    settings: GroupNormSettings,
) -> CubeTensor {
    let [batch, channels, height, width] = sample.shape().dims::<4>();
    let output = permute_nhwc_to_nchw(empty_like(&sample, [batch, height, width, channels]));
    let client = sample.client.clone();
    let dtype = burn::backend::cubecl::dtype_to_storage_type(sample.dtype());
    group_norm_backward_kernel::launch(
        &client,
        CubeCount::Static(settings.groups as u32, batch as u32, 1),
        CubeDim::new_1d(UNITS),
        sample.into_tensor_arg(),
        shift.into_tensor_arg(),
        gamma.into_tensor_arg(),
        beta.into_tensor_arg(),
        gradient.into_tensor_arg(),
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

/// A cube for each row.
#[cube(launch)]
fn layer_norm_backward_kernel<F: Float>(
    input: &Tensor<F>,
    gamma: &Tensor<F>,
    gradient: &Tensor<F>,
    output: &mut Tensor<F>,
    epsilon: f32,
    #[comptime] units: usize,
    #[define(F)] _dtype: ElemType,
) {
    let (position, batch) = (CUBE_POS_X as usize, CUBE_POS_Y as usize);
    let width = input.shape(2);
    let row = batch * input.stride(0) + position * input.stride(1);
    let step = input.stride(2);
    let of = batch * gradient.stride(0) + position * gradient.stride(1);
    let of_step = gradient.stride(2);
    let into = batch * output.stride(0) + position * output.stride(1);
    let mean = row_mean::<F>(input, row, units);
    let scale = row_scale::<F>(input, row, mean, epsilon, units);

    let mut sum = 0.0f32;
    let mut along = 0.0f32;
    let mut index = UNIT_POS as usize;
    while index < width {
        let normalised = (f32::cast_from(input[row + index * step]) - mean) * scale;
        let by = f32::cast_from(gradient[of + index * of_step]) * f32::cast_from(gamma[index]);
        sum += by;
        along += by * normalised;
        index += units;
    }
    let sum = total(sum, units) / width as f32;
    let along = total(along, units) / width as f32;

    let mut index = UNIT_POS as usize;
    while index < width {
        let normalised = (f32::cast_from(input[row + index * step]) - mean) * scale;
        let by = f32::cast_from(gradient[of + index * of_step]) * f32::cast_from(gamma[index]);
        output[into + index] = F::cast_from((by - sum - normalised * along) * scale);
        index += units;
    }
}

/// The gradient by `input` of [`layer_norm`](super::layer_norm) of the same, from that by
/// its output; both [batch, positions, width] → the same shape.
pub(in crate::kernels) fn layer_norm_backward(
    input: CubeTensor,
    gamma: CubeTensor,
    gradient: CubeTensor,
    epsilon: f64,
) -> CubeTensor {
    let [batch, positions, width] = input.shape().dims::<3>();
    let output = empty_like(&input, [batch, positions, width]);
    let client = input.client.clone();
    let dtype = burn::backend::cubecl::dtype_to_storage_type(input.dtype());
    let units = (width.next_power_of_two() as u32).clamp(32, UNITS);
    layer_norm_backward_kernel::launch(
        &client,
        CubeCount::Static(positions as u32, batch as u32, 1),
        CubeDim::new_1d(units),
        input.into_tensor_arg(),
        gamma.into_tensor_arg(),
        gradient.into_tensor_arg(),
        output.clone().into_tensor_arg(),
        epsilon as f32,
        units as usize,
        dtype,
    );
    output
}

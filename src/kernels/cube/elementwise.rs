//! SiLU, GEGLU, and bias and residual of a linear layer: one unit for each number.

use burn::backend::TensorMetadata;
use burn_cubecl::cubecl;
use burn_cubecl::cubecl::calculate_cube_count_elemwise;
use burn_cubecl::cubecl::ir::ElemType;
use burn_cubecl::cubecl::prelude::*;

use super::{CubeTensor, empty_like};

/// output = x / (1 + e^-x).
#[cube(launch)]
fn silu_kernel<F: Float>(input: &Tensor<F>, output: &mut Tensor<F>, #[define(F)] _dtype: ElemType) {
    if ABSOLUTE_POS >= output.len() {
        terminate!();
    }
    let width = output.shape(1);
    let at = (ABSOLUTE_POS / width) * input.stride(0) + (ABSOLUTE_POS % width) * input.stride(1);
    let number = f32::cast_from(input[at]);
    output[ABSOLUTE_POS] = F::cast_from(number / (1.0f32 + (-number).exp()));
}

/// SiLU of `input` [rows, columns].
pub(in crate::kernels) fn silu(input: CubeTensor) -> CubeTensor {
    let shape = input.shape().dims::<2>();
    let output = empty_like(&input, shape);
    let client = input.client.clone();
    let dtype = burn::backend::cubecl::dtype_to_storage_type(input.dtype());
    let units = shape.iter().product();
    let cube_dim = CubeDim::new(&client, units);
    silu_kernel::launch(
        &client,
        calculate_cube_count_elemwise(&client, units, cube_dim),
        cube_dim,
        input.into_tensor_arg(),
        output.clone().into_tensor_arg(),
        dtype,
    );
    output
}

/// output = h · gelu(g), the halves of a row of `projected` + `bias`.
#[cube(launch)]
fn geglu_kernel<F: Float>(
    projected: &Tensor<F>,
    bias: &Tensor<F>,
    output: &mut Tensor<F>,
    #[define(F)] _dtype: ElemType,
) {
    let width = output.shape(2);
    let positions = output.shape(1);
    if ABSOLUTE_POS >= output.len() {
        terminate!();
    }
    let column = ABSOLUTE_POS % width;
    let row = ABSOLUTE_POS / width;
    let at = (row / positions) * projected.stride(0) + (row % positions) * projected.stride(1);
    let hidden =
        f32::cast_from(projected[at + column * projected.stride(2)]) + f32::cast_from(bias[column]);
    let gate = f32::cast_from(projected[at + (column + width) * projected.stride(2)])
        + f32::cast_from(bias[column + width]);
    // 1 / √2
    let bell = Erf::erf(gate * 0.707_106_77f32);
    output[ABSOLUTE_POS] = F::cast_from(hidden * 0.5f32 * gate * (1.0f32 + bell));
}

/// `projected` [batch, positions, 2 · width] + `bias` → [batch, positions, width].
pub(in crate::kernels) fn geglu(projected: CubeTensor, bias: CubeTensor) -> CubeTensor {
    let [batch, positions, doubled] = projected.shape().dims::<3>();
    let output = empty_like(&projected, [batch, positions, doubled / 2]);
    let client = projected.client.clone();
    let dtype = burn::backend::cubecl::dtype_to_storage_type(projected.dtype());
    let units = batch * positions * doubled / 2;
    let cube_dim = CubeDim::new(&client, units);
    geglu_kernel::launch(
        &client,
        calculate_cube_count_elemwise(&client, units, cube_dim),
        cube_dim,
        projected.into_tensor_arg(),
        bias.into_tensor_arg(),
        output.clone().into_tensor_arg(),
        dtype,
    );
    output
}

/// The gradient by both halves of a row of `projected`, from that by the output.
#[cube(launch)]
fn geglu_backward_kernel<F: Float>(
    projected: &Tensor<F>,
    bias: &Tensor<F>,
    gradient: &Tensor<F>,
    output: &mut Tensor<F>,
    #[define(F)] _dtype: ElemType,
) {
    let width = gradient.shape(2);
    let positions = gradient.shape(1);
    if ABSOLUTE_POS >= width * positions * gradient.shape(0) {
        terminate!();
    }
    let column = ABSOLUTE_POS % width;
    let row = ABSOLUTE_POS / width;
    let (sample, position) = (row / positions, row % positions);
    let at = sample * projected.stride(0) + position * projected.stride(1);
    let of =
        sample * gradient.stride(0) + position * gradient.stride(1) + column * gradient.stride(2);
    let into = sample * output.stride(0) + position * output.stride(1) + column;
    let hidden =
        f32::cast_from(projected[at + column * projected.stride(2)]) + f32::cast_from(bias[column]);
    let gate = f32::cast_from(projected[at + (column + width) * projected.stride(2)])
        + f32::cast_from(bias[column + width]);
    let by_output = f32::cast_from(gradient[of]);
    // Φ and φ of the gate, by 1 / √2 and 1 / √2π: gelu(g) = g Φ(g).
    let below = 0.5f32 * (1.0f32 + Erf::erf(gate * 0.707_106_77f32));
    let density = 0.398_942_3f32 * (gate * gate * (-0.5f32)).exp();
    output[into] = F::cast_from(by_output * gate * below);
    output[into + width] = F::cast_from(by_output * hidden * (below + gate * density));
}

/// The gradient by `projected` [batch, positions, 2 · width], from that by what [`geglu`]
/// makes of it.
pub(in crate::kernels) fn geglu_backward(
    projected: CubeTensor,
    bias: CubeTensor,
    gradient: CubeTensor,
) -> CubeTensor {
    let [batch, positions, doubled] = projected.shape().dims::<3>();
    let output = empty_like(&projected, [batch, positions, doubled]);
    let client = projected.client.clone();
    let dtype = burn::backend::cubecl::dtype_to_storage_type(projected.dtype());
    let units = batch * positions * doubled / 2;
    let cube_dim = CubeDim::new(&client, units);
    geglu_backward_kernel::launch(
        &client,
        calculate_cube_count_elemwise(&client, units, cube_dim),
        cube_dim,
        projected.into_tensor_arg(),
        bias.into_tensor_arg(),
        gradient.into_tensor_arg(),
        output.clone().into_tensor_arg(),
        dtype,
    );
    output
}

/// output = product + bias + residual.
#[cube(launch)]
fn add_bias_kernel<F: Float>(
    product: &Tensor<F>,
    bias: &Tensor<F>,
    residual: &Tensor<F>,
    output: &mut Tensor<F>,
    #[define(F)] _dtype: ElemType,
) {
    if ABSOLUTE_POS >= output.len() {
        terminate!();
    }
    let width = output.shape(2);
    let positions = output.shape(1);
    let column = ABSOLUTE_POS % width;
    let row = ABSOLUTE_POS / width;
    let (sample, position) = (row / positions, row % positions);
    let of_product =
        sample * product.stride(0) + position * product.stride(1) + column * product.stride(2);
    let of_residual =
        sample * residual.stride(0) + position * residual.stride(1) + column * residual.stride(2);
    let sum = f32::cast_from(product[of_product])
        + f32::cast_from(bias[column])
        + f32::cast_from(residual[of_residual]);
    output[ABSOLUTE_POS] = F::cast_from(sum);
}

/// `product` + `bias` + `residual`, [batch, positions, width].
pub(in crate::kernels) fn add_bias(
    product: CubeTensor,
    bias: CubeTensor,
    residual: CubeTensor,
) -> CubeTensor {
    let [batch, positions, width] = product.shape().dims::<3>();
    let output = empty_like(&product, [batch, positions, width]);
    let client = product.client.clone();
    let dtype = burn::backend::cubecl::dtype_to_storage_type(product.dtype());
    let units = batch * positions * width;
    let cube_dim = CubeDim::new(&client, units);
    add_bias_kernel::launch(
        &client,
        calculate_cube_count_elemwise(&client, units, cube_dim),
        cube_dim,
        product.into_tensor_arg(),
        bias.into_tensor_arg(),
        residual.into_tensor_arg(),
        output.clone().into_tensor_arg(),
        dtype,
    );
    output
}

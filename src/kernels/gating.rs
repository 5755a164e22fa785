//! SiLU, and the gate of a transformer's feed-forward layer.

use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Cube, Dispatch, Flex, backend_extension};
use burn::nn::Linear;
use burn::tensor::{Tensor, activation};

use super::differentiable::differentiable;
use super::linear::linear;
use super::{Kernels, cube, flex};

/// GEGLU (Shazeer 2020): h · gelu(g) of what `layer` makes of `hidden` [batch,
/// positions, channels], whose first half is h and second half g → [batch, positions,
/// outputs / 2].
pub(crate) fn geglu(layer: &Linear, hidden: Tensor<3>) -> Tensor<3> {
    match (super::kernels_for(&hidden), &layer.bias) {
        (Some(Kernels::Flex | Kernels::FlexWithGradient), _) => {
            Tensor::from_dispatch(Dispatch::geglu(linear(layer, hidden).into_dispatch()))
        }
        (Some(Kernels::Cube | Kernels::CubeWithGradient), Some(bias)) => {
            let product = hidden.matmul(layer.weight.val().unsqueeze());
            Tensor::from_dispatch(Dispatch::geglu_with_bias(
                product.into_dispatch(),
                bias.val().into_dispatch(),
            ))
        }
        _ => chain(layer.forward(hidden)),
    }
}

/// The gate alone, of burn's own operations.
fn chain(projected: Tensor<3>) -> Tensor<3> {
    let half = projected.dims()[2] / 2;
    let gate = activation::gelu(projected.clone().narrow(2, half, half));
    projected.narrow(2, 0, half).mul(gate)
}

/// x / (1 + e^-x); on a GPU one launch instead of burn's seven.
pub(crate) fn silu(input: Tensor<2>) -> Tensor<2> {
    match super::kernels_for(&input) {
        Some(Kernels::Cube) => Tensor::from_dispatch(Dispatch::silu_on_gpu(input.into_dispatch())),
        _ => activation::silu(input),
    }
}

#[backend_extension(Flex, Autodiff)]
trait GegluOperation: Backend {
    fn geglu(projected: FloatTensor<Self>) -> FloatTensor<Self>;
}

impl GegluOperation for Flex {
    fn geglu(projected: FloatTensor<Self>) -> FloatTensor<Self> {
        flex::gating::geglu(&projected)
    }
}

impl<C: CheckpointStrategy> GegluOperation for Autodiff<Flex, C> {
    fn geglu(projected: FloatTensor<Self>) -> FloatTensor<Self> {
        let input = projected.primitive().clone();
        let output = flex::gating::geglu(&input);
        differentiable::<Flex, C, 1>([&projected], output, move |gradient, _| {
            [Some(flex::gating::geglu_backward(&input, &gradient))]
        })
    }
}

#[backend_extension(Cube)]
trait SiluOnGpu: Backend {
    fn silu_on_gpu(input: FloatTensor<Self>) -> FloatTensor<Self>;
}

/// Differentiable by the product.
#[backend_extension(Cube, Autodiff)]
trait GegluOnGpu: Backend {
    fn geglu_with_bias(product: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self>;
}

impl SiluOnGpu for Cube {
    fn silu_on_gpu(input: FloatTensor<Self>) -> FloatTensor<Self> {
        cube::silu(input)
    }
}

impl GegluOnGpu for Cube {
    fn geglu_with_bias(product: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self> {
        cube::geglu(product, bias)
    }
}

impl<C: CheckpointStrategy> GegluOnGpu for Autodiff<Cube, C> {
    fn geglu_with_bias(product: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self> {
        let [input, bias] = [&product, &bias].map(|it| it.primitive().clone());
        let output = cube::geglu(input.clone(), bias.clone());
        differentiable::<Cube, C, 1>([&product], output, move |gradient, _| {
            let of_product = cube::geglu_backward(input.clone(), bias.clone(), gradient);
            [Some(of_product)]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::gradients::assert_gradient;
    use super::*;
    use burn::nn::LinearConfig;
    use burn::tensor::{Device, Distribution, Tolerance};

    #[test]
    fn one_pass_is_the_chain_of_operations() {
        let device = Device::flex();
        for (batch, positions, width) in [(2, 256, 64), (1, 3, 5), (1, 1, 1), (2, 70, 129)] {
            let layer = LinearConfig::new(7, 2 * width).init(&device);
            let shape = [batch, positions, 7];
            let hidden = Tensor::<3>::random(shape, Distribution::Normal(0.0, 3.0), &device);
            let fused = geglu(&layer, hidden.clone());
            assert_eq!(fused.dims(), [batch, positions, width]);
            fused.into_data().assert_approx_eq::<f32>(
                &chain(layer.forward(hidden.clone())).into_data(),
                Tolerance::rel_abs(1e-5, 1e-5),
            );
            assert_gradient(
                [hidden],
                |[hidden]| geglu(&layer, hidden),
                |[hidden]| chain(layer.forward(hidden)),
            );
        }
    }
}

//! The gate of a transformer's feed-forward layer.

use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Cube, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;
use burn::tensor::activation::gelu;

use super::differentiable::differentiable;
use super::{Kernels, cube, flex};

/// GEGLU (Shazeer 2020): h · gelu(g) of `projected` [batch, positions, 2 · width],
/// whose first half is h and second half g → [batch, positions, width].
pub(crate) fn geglu(projected: Tensor<3>) -> Tensor<3> {
    match super::kernels_for(&projected) {
        Some(Kernels::Flex | Kernels::Cube) => {
            Tensor::from_dispatch(Dispatch::geglu(projected.into_dispatch()))
        }
        Some(Kernels::FlexWithGradient) => {
            Tensor::from_dispatch(Dispatch::geglu_with_gradient(projected.into_dispatch()))
        }
        None => chain(projected),
    }
}

/// [`geglu`] of burn's own operations.
fn chain(projected: Tensor<3>) -> Tensor<3> {
    let half = projected.dims()[2] / 2;
    let gate = gelu(projected.clone().narrow(2, half, half));
    projected.narrow(2, 0, half).mul(gate)
}

#[backend_extension(Flex, Cube)]
trait GegluOperation: Backend {
    fn geglu(projected: FloatTensor<Self>) -> FloatTensor<Self>;
}

impl GegluOperation for Cube {
    fn geglu(projected: FloatTensor<Self>) -> FloatTensor<Self> {
        cube::geglu(projected)
    }
}

impl GegluOperation for Flex {
    fn geglu(projected: FloatTensor<Self>) -> FloatTensor<Self> {
        flex::gating::geglu(&projected)
    }
}

#[backend_extension(Flex, Autodiff)]
trait GegluWithGradient: Backend {
    fn geglu_with_gradient(projected: FloatTensor<Self>) -> FloatTensor<Self>;
}

impl GegluWithGradient for Flex {
    fn geglu_with_gradient(projected: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::geglu(projected)
    }
}

impl<C: CheckpointStrategy> GegluWithGradient for Autodiff<Flex, C> {
    fn geglu_with_gradient(projected: FloatTensor<Self>) -> FloatTensor<Self> {
        let input = projected.primitive().clone();
        let output = flex::gating::geglu(&input);
        differentiable::<Flex, C, 1>([&projected], output, move |gradient, _| {
            [Some(flex::gating::geglu_backward(&input, &gradient))]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::gradients::assert_gradient;
    use super::*;
    use burn::tensor::{Device, Distribution, Tolerance};

    #[test]
    fn one_pass_is_the_chain_of_operations() {
        let device = Device::flex();
        for (batch, positions, width) in [(2, 256, 64), (1, 3, 5), (1, 1, 1), (2, 70, 129)] {
            let shape = [batch, positions, 2 * width];
            let projected = Tensor::<3>::random(shape, Distribution::Normal(0.0, 3.0), &device);
            let fused = geglu(projected.clone());
            assert_eq!(fused.dims(), [batch, positions, width]);
            fused.into_data().assert_approx_eq::<f32>(
                &chain(projected.clone()).into_data(),
                Tolerance::rel_abs(1e-5, 1e-5),
            );
            assert_gradient([projected], |[input]| geglu(input), |[input]| chain(input));
        }
    }
}

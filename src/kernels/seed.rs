//! Where a backward pass begins in the midst of a network, with a gradient from elsewhere.

use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Cube, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::{FloatDType, Shape, Tensor};

use super::differentiable::differentiable;

/// A number, 0, whose gradient by `output` is `gradient`, of its shape. burn's
/// backward passes begin at one number; the sum of their product would do, in four
/// operations on whole tensors.
pub(crate) fn seed<const D: usize>(output: Tensor<D>, gradient: Tensor<D>) -> Tensor<1> {
    let gradient = match gradient.device().is_autodiff() {
        true => gradient,
        false => Tensor::from_inner(gradient),
    };
    Tensor::from_dispatch(Dispatch::begin_backward(
        output.into_dispatch(),
        gradient.into_dispatch(),
    ))
}

#[backend_extension(Flex, Cube, Autodiff)]
trait SeedOperation: Backend {
    fn begin_backward(
        output: FloatTensor<Self>,
        _gradient: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let device = output.device();
        Self::float_zeros(Shape::new([1]), &device, FloatDType::from(output.dtype()))
    }
}

impl SeedOperation for Flex {}
impl SeedOperation for Cube {}

impl<B: Backend + SeedOperation, C: CheckpointStrategy> SeedOperation for Autodiff<B, C> {
    fn begin_backward(output: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        let gradient = gradient.primitive().clone();
        let number = B::begin_backward(output.primitive().clone(), gradient.clone());
        differentiable::<B, C, 1>([&output], number, move |_, _| [Some(gradient.clone())])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, Distribution, Tolerance};

    #[test]
    fn what_comes_before_gets_the_gradient_of_the_sum_of_products() {
        let device = Device::flex();
        let random = || Tensor::<2>::random([3, 5], Distribution::Default, &device);
        let (input, gradient) = (random(), random());
        let by = |ending: &dyn Fn(Tensor<2>) -> Tensor<1>| {
            let input = input.clone().autodiff().require_grad();
            let mut gradients = ending(input.clone().exp()).backward();
            input.grad_remove(&mut gradients).unwrap().into_data()
        };
        let seeded = by(&|output| seed(output, gradient.clone()));
        let chained = by(&|output| output.mul(Tensor::from_inner(gradient.clone())).sum());
        seeded.assert_approx_eq::<f32>(&chained, Tolerance::default());
    }
}

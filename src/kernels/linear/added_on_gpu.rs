//! A product of matrices with bias and residual on a GPU: one launch behind the product.

use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Cube, Dispatch, backend_extension};
use burn::tensor::Tensor;

use crate::kernels::cube;
use crate::kernels::differentiable::differentiable;

/// `residual` + `input` · `weight` + `bias`.
pub(super) fn added_on_gpu(
    input: Tensor<3>,
    weight: Tensor<2>,
    bias: Tensor<1>,
    residual: Tensor<3>,
) -> Tensor<3> {
    Tensor::from_dispatch(Dispatch::add_bias(
        input.matmul(weight.unsqueeze()).into_dispatch(),
        bias.into_dispatch(),
        residual.into_dispatch(),
    ))
}

/// Differentiable by product and residual.
#[backend_extension(Cube, Autodiff)]
trait AddBiasOperation: Backend {
    fn add_bias(
        product: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
}

impl AddBiasOperation for Cube {
    fn add_bias(
        product: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        cube::add_bias(product, bias, residual)
    }
}

impl<C: CheckpointStrategy> AddBiasOperation for Autodiff<Cube, C> {
    fn add_bias(
        product: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let [of_product, bias, added] =
            [&product, &bias, &residual].map(|it| it.primitive().clone());
        let output = cube::add_bias(of_product, bias, added);
        differentiable::<Cube, C, 2>([&product, &residual], output, |gradient, _| {
            [Some(gradient.clone()), Some(gradient)]
        })
    }
}

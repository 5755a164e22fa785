//! Feature maps side by side, as a UNet's way up takes those of its way down.

use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Cube, Dispatch, TensorMetadata, backend_extension};
use burn::tensor::{Slice, Tensor};

use super::differentiable::differentiable;
use super::{Kernels, cube};

/// The channels of `first`, then those of `second`: both [batch, channels, height, width].
pub(crate) fn concatenated(first: Tensor<4>, second: Tensor<4>) -> Tensor<4> {
    match super::kernels_for(&first) {
        Some(Kernels::Cube | Kernels::CubeWithGradient) => Tensor::from_dispatch(
            Dispatch::concatenated_on_gpu(first.into_dispatch(), second.into_dispatch()),
        ),
        _ => Tensor::cat(vec![first, second], 1),
    }
}

#[backend_extension(Cube, Autodiff)]
trait ConcatenationOnGpu: Backend {
    fn concatenated_on_gpu(
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
}

impl ConcatenationOnGpu for Cube {
    fn concatenated_on_gpu(
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        cube::concatenated(first, second)
    }
}

impl<C: CheckpointStrategy> ConcatenationOnGpu for Autodiff<Cube, C> {
    fn concatenated_on_gpu(
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let [before, after] = [&first, &second].map(|it| it.primitive().clone());
        let channels = [&before, &after].map(|it| it.shape()[1] as isize);
        let output = cube::concatenated(before, after);
        differentiable::<Cube, C, 2>([&first, &second], output, move |gradient, _| {
            let end = channels[0] + channels[1];
            [(0, channels[0]), (channels[0], end)].map(|(start, end)| {
                let own = [Slice::full(), Slice::new(start, Some(end), 1)];
                Some(Cube::float_slice(gradient.clone(), &own))
            })
        })
    }
}

//! Group normalisation with what stands before and after it in a resnet.

use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::ops::ModuleOps;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Cube, Dispatch, Flex, backend_extension};
use burn::nn::{GroupNorm, LayerNorm};
use burn::tensor::Tensor;
use burn::tensor::activation::silu;

use super::differentiable::differentiable;
use super::{Kernels, cube, flex};

/// What follows a norm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activation {
    Identity,
    /// x / (1 + e^-x).
    Silu,
}

/// activation(norm(sample + shift)) of `sample` [batch, channels, height, width]
/// and `shift` [1 or batch, channels], such as a projected time embedding.
pub(crate) fn group_norm(
    norm: &GroupNorm,
    sample: Tensor<4>,
    shift: Option<Tensor<2>>,
    activation: Activation,
) -> Tensor<4> {
    let (Some(gamma), Some(beta), Some(kernels)) =
        (&norm.gamma, &norm.beta, super::kernels_for(&sample))
    else {
        return chain(norm, sample, shift, activation);
    };
    let settings = GroupNormSettings {
        groups: norm.num_groups,
        epsilon: norm.epsilon,
        has_shift: shift.is_some(),
        with_silu: activation == Activation::Silu,
    };
    // Without a shift any numbers will do: none is read.
    let shift = shift.unwrap_or_else(|| beta.val().unsqueeze());
    let operation = match kernels {
        Kernels::Flex | Kernels::FlexWithGradient => Dispatch::group_norm,
        Kernels::Cube | Kernels::CubeWithGradient => Dispatch::group_norm_on_gpu,
    };
    Tensor::from_dispatch(operation(
        sample.into_dispatch(),
        shift.into_dispatch(),
        gamma.val().into_dispatch(),
        beta.val().into_dispatch(),
        settings,
    ))
}

/// What a group norm does besides its numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct GroupNormSettings {
    pub(super) groups: usize,
    pub(super) epsilon: f64,
    /// Whether the shift is added first.
    pub(super) has_shift: bool,
    pub(super) with_silu: bool,
}

/// [`group_norm`] of burn's own operations.
fn chain(
    norm: &GroupNorm,
    sample: Tensor<4>,
    shift: Option<Tensor<2>>,
    activation: Activation,
) -> Tensor<4> {
    let sample = match shift {
        Some(shift) => {
            let [batch, channels] = shift.dims();
            sample.add(shift.reshape([batch, channels, 1, 1]))
        }
        None => sample,
    };
    let normalised = norm.forward(sample);
    match activation {
        Activation::Identity => normalised,
        Activation::Silu => silu(normalised),
    }
}

/// Differentiable by the sample only.
#[backend_extension(Flex, Autodiff)]
trait GroupNormOperation: Backend {
    fn group_norm(
        sample: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        settings: GroupNormSettings,
    ) -> FloatTensor<Self>;
}

impl GroupNormOperation for Flex {
    fn group_norm(
        sample: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        settings: GroupNormSettings,
    ) -> FloatTensor<Self> {
        let norm = flex::normalisation::Norm::new(&shift, &gamma, &beta, settings);
        flex::normalisation::group_norm(sample, &norm)
    }
}

impl<C: CheckpointStrategy> GroupNormOperation for Autodiff<Flex, C> {
    fn group_norm(
        sample: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        settings: GroupNormSettings,
    ) -> FloatTensor<Self> {
        let [shift, gamma, beta] = [&shift, &gamma, &beta].map(|it| it.primitive());
        let norm = flex::normalisation::Norm::new(shift, gamma, beta, settings);
        let input = sample.primitive().clone();
        let output = flex::normalisation::group_norm(input.clone(), &norm);
        differentiable::<Flex, C, 1>([&sample], output, move |gradient, _| {
            [Some(flex::normalisation::group_norm_backward(
                &input, &gradient, &norm,
            ))]
        })
    }
}

/// Differentiable by the sample only.
#[backend_extension(Cube, Autodiff)]
trait GroupNormOnGpu: Backend {
    fn group_norm_on_gpu(
        sample: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        settings: GroupNormSettings,
    ) -> FloatTensor<Self>;
}

impl GroupNormOnGpu for Cube {
    fn group_norm_on_gpu(
        sample: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        settings: GroupNormSettings,
    ) -> FloatTensor<Self> {
        cube::group_norm(sample, shift, gamma, beta, settings)
    }
}

impl<C: CheckpointStrategy> GroupNormOnGpu for Autodiff<Cube, C> {
    fn group_norm_on_gpu(
        sample: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        settings: GroupNormSettings,
    ) -> FloatTensor<Self> {
        let inputs = [&sample, &shift, &gamma, &beta].map(|it| it.primitive().clone());
        let [numbers, shift, gamma, beta] = inputs.clone();
        let output = cube::group_norm(numbers, shift, gamma, beta, settings);
        differentiable::<Cube, C, 1>([&sample], output, move |gradient, _| {
            [Some(cube::group_norm_backward(
                inputs.clone(),
                gradient,
                settings,
            ))]
        })
    }
}

/// `norm`, made with `epsilon`, over the last dimension of `input` [batch, positions, width].
pub(crate) fn layer_norm(norm: &LayerNorm, epsilon: f64, input: Tensor<3>) -> Tensor<3> {
    let operation = match super::kernels_for(&input) {
        // flex has a layer norm of its own, behind burn's.
        None | Some(Kernels::Flex) => return norm.forward(input),
        Some(Kernels::FlexWithGradient) => Dispatch::layer_norm_with_gradient,
        Some(Kernels::Cube | Kernels::CubeWithGradient) => Dispatch::layer_norm_of_rows,
    };
    let Some(beta) = &norm.beta else {
        return norm.forward(input);
    };
    Tensor::from_dispatch(operation(
        input.into_dispatch(),
        norm.gamma.val().into_dispatch(),
        beta.val().into_dispatch(),
        epsilon,
    ))
}

/// Differentiable by the input only.
#[backend_extension(Cube, Autodiff)]
trait LayerNormOperation: Backend {
    fn layer_norm_of_rows(
        input: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self>;
}

impl LayerNormOperation for Cube {
    fn layer_norm_of_rows(
        input: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        cube::layer_norm(input, gamma, beta, epsilon)
    }
}

impl<C: CheckpointStrategy> LayerNormOperation for Autodiff<Cube, C> {
    fn layer_norm_of_rows(
        input: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        let [rows, gamma, beta] = [&input, &gamma, &beta].map(|it| it.primitive().clone());
        let output = cube::layer_norm(rows.clone(), gamma.clone(), beta, epsilon);
        differentiable::<Cube, C, 1>([&input], output, move |gradient, _| {
            let (rows, gamma) = (rows.clone(), gamma.clone());
            [Some(cube::layer_norm_backward(
                rows, gamma, gradient, epsilon,
            ))]
        })
    }
}

/// Differentiable by the input only.
#[backend_extension(Flex, Autodiff)]
trait LayerNormWithGradient: Backend {
    fn layer_norm_with_gradient(
        input: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self>;
}

impl LayerNormWithGradient for Flex {
    fn layer_norm_with_gradient(
        input: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        Self::layer_norm(input, gamma, Some(beta), epsilon)
    }
}

impl<C: CheckpointStrategy> LayerNormWithGradient for Autodiff<Flex, C> {
    fn layer_norm_with_gradient(
        input: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        let [rows, gamma, beta] = [&input, &gamma, &beta].map(|it| it.primitive().clone());
        let output = Flex::layer_norm(rows.clone(), gamma.clone(), Some(beta.clone()), epsilon);
        let affine = flex::normalisation::Affine::new(&gamma, &beta);
        differentiable::<Flex, C, 1>([&input], output, move |gradient, _| {
            [Some(flex::normalisation::layer_norm_backward(
                &rows, &gradient, &affine, epsilon,
            ))]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::gradients::assert_gradient;
    use super::*;
    use burn::nn::{GroupNormConfig, LayerNormConfig};
    use burn::tensor::{Device, Distribution, Tolerance};

    #[test]
    fn one_pass_is_the_chain_of_operations() {
        let device = Device::flex();
        for (batch, channels, groups, height, width) in [
            (2, 64, 32, 16, 16),
            (1, 12, 4, 5, 3),
            (3, 6, 6, 1, 1),
            (2, 320, 32, 8, 9),
        ] {
            let mut norm = GroupNormConfig::new(groups, channels).init(&device);
            let random = |shape: [usize; 1]| {
                Tensor::<1>::random(shape, Distribution::Normal(0.5, 1.0), &device)
            };
            norm.gamma = norm.gamma.map(|gamma| gamma.map(|_| random([channels])));
            norm.beta = norm.beta.map(|beta| beta.map(|_| random([channels])));
            // A mean far from 0 beside a small spread, where sums of squares cancel.
            let sample = Tensor::<4>::random(
                [batch, channels, height, width],
                Distribution::Normal(40.0, 0.5),
                &device,
            );
            for rows in [None, Some(1), Some(batch)] {
                let shift = rows.map(|rows| {
                    Tensor::<2>::random([rows, channels], Distribution::Default, &device)
                });
                for activation in [Activation::Identity, Activation::Silu] {
                    let fused = group_norm(&norm, sample.clone(), shift.clone(), activation);
                    let chained = chain(&norm, sample.clone(), shift.clone(), activation);
                    fused.into_data().assert_approx_eq::<f32>(
                        &chained.into_data(),
                        Tolerance::rel_abs(1e-4, 2e-4),
                    );
                    // burn's own way back cancels where the mean is far from 0.
                    let near = sample.clone().sub_scalar(40.0);
                    assert_gradient(
                        [near],
                        |[near]| group_norm(&norm, near, shift.clone(), activation),
                        |[near]| chain(&norm, near, shift.clone(), activation),
                    );
                }
            }
        }
    }

    #[test]
    fn the_way_back_through_a_layer_norm_is_burns_own() {
        let device = Device::flex();
        for (batch, positions, width) in [(2, 70, 64), (1, 3, 5), (1, 1, 320)] {
            let mut norm = LayerNormConfig::new(width).init(&device);
            let random = || Tensor::<1>::random([width], Distribution::Normal(0.5, 1.0), &device);
            norm.gamma = norm.gamma.map(|_| random());
            norm.beta = norm.beta.map(|beta| beta.map(|_| random()));
            let shape = [batch, positions, width];
            let input = Tensor::<3>::random(shape, Distribution::Normal(0.3, 2.0), &device);
            assert_gradient(
                [input],
                |[input]| layer_norm(&norm, 1e-5, input),
                |[input]| norm.forward(input),
            );
        }
    }

    #[test]
    fn a_tensor_that_others_hold_is_not_written_to() {
        let device = Device::flex();
        let norm = GroupNormConfig::new(2, 4).init(&device);
        let sample = Tensor::<4>::random([1, 4, 3, 3], Distribution::Default, &device);
        let before = sample.to_data();
        let held = sample.clone();
        let _ = group_norm(&norm, sample, None, Activation::Silu);
        assert_eq!(held.into_data(), before);
    }
}

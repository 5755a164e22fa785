//! Group normalisation with what stands before and after it in a resnet.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Cube, Dispatch, Flex, backend_extension};
use burn::nn::{GroupNorm, LayerNorm};
use burn::tensor::Tensor;
use burn::tensor::activation::silu;

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
    let (Some(gamma), Some(beta), Some(_)) =
        (&norm.gamma, &norm.beta, super::forward_kernels_for(&sample))
    else {
        return chain(norm, sample, shift, activation);
    };
    let shift = shift.unwrap_or_else(|| Tensor::zeros([1, norm.num_channels], &sample.device()));
    Tensor::from_dispatch(Dispatch::group_norm(
        sample.into_dispatch(),
        shift.into_dispatch(),
        gamma.val().into_dispatch(),
        beta.val().into_dispatch(),
        norm.num_groups,
        norm.epsilon,
        activation == Activation::Silu,
    ))
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

#[backend_extension(Flex, Cube)]
trait GroupNormOperation: Backend {
    fn group_norm(
        sample: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        groups: usize,
        epsilon: f64,
        with_silu: bool,
    ) -> FloatTensor<Self>;
}

impl GroupNormOperation for Cube {
    fn group_norm(
        sample: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        groups: usize,
        epsilon: f64,
        with_silu: bool,
    ) -> FloatTensor<Self> {
        cube::group_norm(sample, shift, gamma, beta, groups, epsilon, with_silu)
    }
}

impl GroupNormOperation for Flex {
    fn group_norm(
        sample: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        groups: usize,
        epsilon: f64,
        with_silu: bool,
    ) -> FloatTensor<Self> {
        let norm = flex::normalisation::Norm {
            gamma: flex::values(&gamma.to_contiguous()).to_vec(),
            beta: flex::values(&beta.to_contiguous()).to_vec(),
            shift: flex::values(&shift.to_contiguous()).to_vec(),
            groups,
            epsilon,
            with_silu,
        };
        flex::normalisation::group_norm(sample, &norm)
    }
}

/// `norm`, made with `epsilon`, over the last dimension of `input` [batch, positions, width].
pub(crate) fn layer_norm(norm: &LayerNorm, epsilon: f64, input: Tensor<3>) -> Tensor<3> {
    // flex has a layer norm of its own, behind burn's.
    let (Some(Kernels::Cube), Some(beta)) = (super::forward_kernels_for(&input), &norm.beta) else {
        return norm.forward(input);
    };
    Tensor::from_dispatch(Dispatch::layer_norm_of_rows(
        input.into_dispatch(),
        norm.gamma.val().into_dispatch(),
        beta.val().into_dispatch(),
        epsilon,
    ))
}

#[backend_extension(Cube)]
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

#[cfg(test)]
mod tests {
    use super::*;
    use burn::nn::GroupNormConfig;
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
                }
            }
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

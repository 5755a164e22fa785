//! The gate of a transformer's feed-forward layer.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Cube, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;
use burn::tensor::activation::gelu;

use super::{cube, flex};

/// GEGLU (Shazeer 2020): h · gelu(g) of `projected` [batch, positions, 2 · width],
/// whose first half is h and second half g → [batch, positions, width].
pub(crate) fn geglu(projected: Tensor<3>) -> Tensor<3> {
    if super::forward_kernels_for(&projected).is_some() {
        return Tensor::from_dispatch(Dispatch::geglu(projected.into_dispatch()));
    }
    chain(projected)
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

#[cfg(test)]
mod tests {
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
                &chain(projected).into_data(),
                Tolerance::rel_abs(1e-5, 1e-5),
            );
        }
    }
}

//! Whether a backward pass of ours is that of burn's own operations, for the tests of this room.

use burn::tensor::{Tensor, TensorData, Tolerance};

/// Compares the gradients of `ours` and of `chain` by each of `inputs`, of a
/// weighted sum of their output.
pub(super) fn assert_gradient<const N: usize, const D: usize, const O: usize>(
    inputs: [Tensor<D>; N],
    ours: impl Fn([Tensor<D>; N]) -> Tensor<O>,
    chain: impl Fn([Tensor<D>; N]) -> Tensor<O>,
) {
    let ours = gradients(inputs.clone(), &ours);
    for (ours, chained) in ours.iter().zip(&gradients(inputs, &chain)) {
        ours.assert_approx_eq::<f32>(chained, Tolerance::rel_abs(1e-4, 1e-4));
    }
}

/// The gradients by each of `inputs` of a weighted sum of what `operation` makes of them.
pub(super) fn gradients<const N: usize, const D: usize, const O: usize>(
    inputs: [Tensor<D>; N],
    operation: &dyn Fn([Tensor<D>; N]) -> Tensor<O>,
) -> [TensorData; N] {
    let tracked = inputs.map(|input| input.autodiff().require_grad());
    let output = operation(tracked.clone());
    // No two weights are alike, and none is the same by chance.
    let count = output.shape().num_elements() as i64;
    let device = output.device().inner();
    let steps = Tensor::<1, burn::tensor::Int>::arange(0..count, &device).float();
    let weights = steps.mul_scalar(0.7).sin().reshape(output.shape());
    let mut gradients = output.mul(Tensor::from_inner(weights)).sum().backward();
    tracked.map(|input| {
        let gradient = input.grad_remove(&mut gradients);
        gradient.expect("every input is read").into_data()
    })
}

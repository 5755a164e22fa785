//! Operations with a backward pass of their own, under burn's autodiff.

use std::fmt;
use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend};

/// From the gradient by the output to those by the inputs, of which those are
/// `wanted` that are no constants; the others may be left out.
type BackwardPass<B, const N: usize> =
    dyn Fn(FloatTensor<B>, [bool; N]) -> [Option<FloatTensor<B>>; N] + Send + Sync;

/// `output`, computed from `inputs`, as a node of the graph whose way back is
/// `backward`. What that captures is kept until then.
pub(super) fn differentiable<B: Backend, C: CheckpointStrategy, const N: usize>(
    inputs: [&FloatTensor<Autodiff<B, C>>; N],
    output: FloatTensor<B>,
    backward: impl Fn(FloatTensor<B>, [bool; N]) -> [Option<FloatTensor<B>>; N] + Send + Sync + 'static,
) -> FloatTensor<Autodiff<B, C>> {
    let nodes = inputs.map(|input| input.node());
    match Closure.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish(Kept(Arc::new(backward)), output),
        OpsKind::UnTracked(prep) => prep.finish(output),
    }
}

#[derive(Debug)]
struct Closure;

#[derive(Clone)]
struct Kept<B: Backend, const N: usize>(Arc<BackwardPass<B, N>>);

impl<B: Backend, const N: usize> fmt::Debug for Kept<B, N> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Kept")
    }
}

impl<B: Backend, const N: usize> Backward<B, N> for Closure {
    type State = Kept<B, N>;

    fn backward(
        self,
        ops: Ops<Self::State, N>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let gradient = gradients.consume::<B>(&ops.node);
        let wanted = ops.parents.each_ref().map(Option::is_some);
        let of_inputs = ops.state.0(gradient, wanted);
        for (parent, gradient) in ops.parents.into_iter().zip(of_inputs) {
            if let (Some(parent), Some(gradient)) = (parent, gradient) {
                gradients.register::<B>(parent.id, gradient);
            }
        }
    }
}

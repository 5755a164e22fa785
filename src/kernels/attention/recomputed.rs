//! Fused attention with a gradient that never holds all scores.
//!
//! burn differentiates its fused attention by falling back on the explicit one,
//! which keeps every score until the backward pass: 537 MB per layer for eight
//! heads of 4096 cells. Here the backward pass computes them once more, some
//! rows at a time (the backward pass of Dao et al. 2022, FlashAttention).

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::ops::AttentionModuleOptions;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Cube, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::{Slice, Tensor};

/// Most scores held at a time, in numbers: 32 MiB of f32.
pub(super) const SCORES_AT_ONCE: usize = 8 << 20;

/// softmax(q kᵀ / √width) v of `query` [batch, heads, positions, width] and
/// `key` and `value` [batch, heads, context positions, width]; differentiable.
pub(super) fn attention(query: Tensor<4>, key: Tensor<4>, value: Tensor<4>) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::recomputed_attention(
        query.into_dispatch(),
        key.into_dispatch(),
        value.into_dispatch(),
    ))
}

/// [`attention`] on one backend.
#[backend_extension(Flex, Cube, Autodiff)]
trait RecomputedAttention: Backend {
    fn recomputed_attention(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let options = AttentionModuleOptions::default();
        Self::attention(query, key, value, None, None, options)
    }
}

impl RecomputedAttention for Flex {}
impl RecomputedAttention for Cube {}

impl<B: Backend + RecomputedAttention, C: CheckpointStrategy> RecomputedAttention
    for Autodiff<B, C>
{
    fn recomputed_attention(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let nodes = [query.node(), key.node(), value.node()];
        let [on_query, on_key, on_value] =
            [&query, &key, &value].map(|input| input.primitive().clone());
        let output = B::recomputed_attention(on_query, on_key, on_value);
        match AttentionBackward
            .prepare::<C>(nodes)
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(mut prep) => {
                let inputs = [&query, &key, &value].map(|input| prep.checkpoint(input));
                prep.finish((inputs, output.clone()), output)
            }
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }
}

#[derive(Debug)]
struct AttentionBackward;

impl<B: Backend> Backward<B, 3> for AttentionBackward {
    /// Query, key and value; and the output.
    type State = ([NodeId; 3], FloatTensor<B>);

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        gradients: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let (inputs, output) = ops.state;
        let [query, key, value] =
            inputs.map(|input| checkpointer.retrieve_node_output::<FloatTensor<B>>(input));
        let gradient = gradients.consume::<B>(&ops.node);
        // The prompt's keys and values are constants.
        let with_context = ops.parents[1].is_some() || ops.parents[2].is_some();
        let all = input_gradients::<B>(query, key, value, output, gradient, with_context);
        for (parent, gradient) in ops.parents.into_iter().zip(all) {
            if let (Some(parent), Some(gradient)) = (parent, gradient) {
                gradients.register::<B>(parent.id, gradient);
            }
        }
    }
}

/// Gradients by query and, `with_context`, by key and value, from that by the
/// output. With P the probabilities, s = 1/√width and O the output:
/// dV = Pᵀ dO, dS = P ∘ (dO Vᵀ − rowsum(dO ∘ O)), dQ = s dS K, dK = s dSᵀ Q.
fn input_gradients<B: Backend>(
    query: FloatTensor<B>,
    key: FloatTensor<B>,
    value: FloatTensor<B>,
    output: FloatTensor<B>,
    gradient: FloatTensor<B>,
    with_context: bool,
) -> [Option<FloatTensor<B>>; 3] {
    let [batch, heads, positions, width] = query.shape().dims::<4>();
    let [_, _, context, _] = key.shape().dims::<4>();
    let scale = (width as f64).powf(-0.5);
    let query = B::float_mul_scalar(query, scale.into());
    let row_sums = B::float_sum_dim(B::float_mul(gradient.clone(), output), 3);
    let transposed_key = B::float_transpose(key.clone());
    let transposed_value = B::float_transpose(value);
    let rows_at_once = (SCORES_AT_ONCE / (batch * heads * context)).clamp(1, positions);

    let mut query_gradients = Vec::new();
    let mut key_value: Option<[FloatTensor<B>; 2]> = None;
    for start in (0..positions).step_by(rows_at_once) {
        let end = (start + rows_at_once).min(positions);
        let rows = |tensor: &FloatTensor<B>| {
            let all = Slice::full();
            let rows = Slice::new(start as isize, Some(end as isize), 1);
            B::float_slice(tensor.clone(), &[all, all, rows, all])
        };
        let (query, gradient) = (rows(&query), rows(&gradient));
        let scores = B::float_matmul(query.clone(), transposed_key.clone());
        let probabilities = B::softmax(scores, 3);
        let by_probabilities = B::float_matmul(gradient.clone(), transposed_value.clone());
        let centred = B::float_sub(by_probabilities, rows(&row_sums));
        let by_scores = B::float_mul(probabilities.clone(), centred);
        let query_gradient = B::float_matmul(by_scores.clone(), key.clone());
        query_gradients.push(B::float_mul_scalar(query_gradient, scale.into()));
        if with_context {
            let part = [
                B::float_matmul(B::float_transpose(by_scores), query),
                B::float_matmul(B::float_transpose(probabilities), gradient),
            ];
            key_value = Some(match key_value {
                None => part,
                Some(sum) => add::<B>(sum, part),
            });
        }
    }
    let query_gradient = B::float_cat(query_gradients, 2);
    let (key_gradient, value_gradient) = match key_value {
        Some([key, value]) => (Some(key), Some(value)),
        None => (None, None),
    };
    [Some(query_gradient), key_gradient, value_gradient]
}

fn add<B: Backend>(
    [key, value]: [FloatTensor<B>; 2],
    [more_key, more_value]: [FloatTensor<B>; 2],
) -> [FloatTensor<B>; 2] {
    [B::float_add(key, more_key), B::float_add(value, more_value)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, Distribution, Tolerance};

    #[test]
    fn the_gradient_is_that_of_the_explicit_formula() {
        let device = Device::flex();
        device.seed(5);
        // 24 heads of 1100 × 700: rows come in several parts, the last one shorter.
        let random = |positions| {
            let shape = [2, 12, positions, 8];
            Tensor::<4>::random(shape, Distribution::Normal(0.0, 1.0), &device)
        };
        let inputs = [random(1100), random(700), random(700)];
        let weight = random(1100);
        let gradients = |attend: &dyn Fn([Tensor<4>; 3]) -> Tensor<4>| {
            let inputs = inputs.clone().map(|input| input.autodiff().require_grad());
            let output = attend(inputs.clone());
            let mut gradients = output.mul(weight.clone()).sum().backward();
            inputs.map(|input| input.grad_remove(&mut gradients).unwrap().into_data())
        };
        let recomputed = gradients(&|[query, key, value]| attention(query, key, value));
        let explicit = gradients(&|[query, key, value]| {
            let scores = query.matmul(key.swap_dims(2, 3)).div_scalar(8f32.sqrt());
            burn::tensor::activation::softmax(scores, 3).matmul(value)
        });
        const { assert!(SCORES_AT_ONCE / (24 * 700) < 1100) };
        for (recomputed, explicit) in recomputed.into_iter().zip(explicit) {
            recomputed.assert_approx_eq::<f32>(&explicit, Tolerance::absolute(2e-5));
        }
    }
}

//! Attention of heads that lie side by side, with or without its probabilities.

mod recomputed;

use std::sync::Arc;

use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Cube, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;
use burn::tensor::activation::softmax;

use super::differentiable::differentiable;
use super::flex::attention::{Attended, attend};
use super::flex::attention_backward::{Inputs, Source, gradients};
use super::{Kernels, cube, flex};

/// Most scores that a kernel may be asked for at once, in numbers: 128 MiB of
/// f32, which every device binds. A device without a fused kernel for a shape
/// holds them all.
const SCORES_AT_ONCE: usize = 32 << 20;

/// The same of the backward pass.
pub(crate) const MOST_SCORES_BACKWARD: usize = recomputed::SCORES_AT_ONCE;

/// The same of the CPU's own, over all threads.
pub(crate) fn most_scores_of_the_fused_backward() -> usize {
    flex::attention::SCORES_AT_ONCE * rayon::current_num_threads()
}

/// Most products of a sample's scores for which the GPU's own kernel is asked, where burn's
/// fused ones would do, which transpose first and take a dozen launches where they have no
/// tiles for so few.
const FEW_PRODUCTS: usize = 8 << 20;

/// The same with a gradient, whose way back burn has no fused kernel for.
const FEW_PRODUCTS_WITH_GRADIENT: usize = 128 << 20;

/// softmax(q kᵀ / √head width) v for each head, of `query` [batch, positions,
/// heads · head width], `key` and `value` [batch, context positions, heads · head
/// width] → the shape of `query`. Differentiable without holding all scores.
pub(crate) fn attention(
    query: Tensor<3>,
    key: Tensor<3>,
    value: Tensor<3>,
    heads: usize,
) -> Tensor<3> {
    if super::has_flex_kernels(&query) {
        return Tensor::from_dispatch(Dispatch::attention_of_heads(
            query.into_dispatch(),
            key.into_dispatch(),
            value.into_dispatch(),
            heads,
        ));
    }
    if is_for_the_gpu(&query, &key, heads) && is_small(&query, &key) {
        return on_gpu(query, key, value, heads, false).0;
    }
    let [query, key, value] = [query, key, value].map(|tensor| split_heads(tensor, heads));
    merge_heads(in_parts(query, key, value))
}

/// Whether the GPU's own kernel can be asked.
fn is_for_the_gpu(query: &Tensor<3>, key: &Tensor<3>, heads: usize) -> bool {
    let [_, context, width] = key.dims();
    let kernels = super::kernels_for(query);
    matches!(kernels, Some(Kernels::Cube | Kernels::CubeWithGradient))
        && cube::is_short(context, width / heads)
}

/// Whether it is better asked than burn's.
fn is_small(query: &Tensor<3>, key: &Tensor<3>) -> bool {
    let [_, positions, width] = query.dims();
    let most = match super::kernels_for(query) {
        Some(Kernels::CubeWithGradient) => FEW_PRODUCTS_WITH_GRADIENT,
        _ => FEW_PRODUCTS,
    };
    positions * key.dims()[1] * width <= most
}

/// Attention and, `with_mean`, the mean of its probabilities.
fn on_gpu(
    query: Tensor<3>,
    key: Tensor<3>,
    value: Tensor<3>,
    heads: usize,
    with_mean: bool,
) -> (Tensor<3>, Tensor<3>) {
    let (attended, mean) = Dispatch::attention_on_gpu(
        query.into_dispatch(),
        key.into_dispatch(),
        value.into_dispatch(),
        heads,
        with_mean,
    );
    (Tensor::from_dispatch(attended), Tensor::from_dispatch(mean))
}

/// Some queries at a time where all their scores would be too many.
fn in_parts(query: Tensor<4>, key: Tensor<4>, value: Tensor<4>) -> Tensor<4> {
    let [batch, heads, positions, _] = query.dims();
    let [_, _, context, _] = key.dims();
    let at_once = (SCORES_AT_ONCE / (batch * heads * context)).max(1);
    if positions <= at_once {
        return recomputed::attention(query, key, value);
    }
    let parts = query.split(at_once, 2).into_iter();
    let parts = parts.map(|part| recomputed::attention(part, key.clone(), value.clone()));
    Tensor::cat(parts.collect(), 2)
}

/// As [`attention`], and the probabilities averaged over the heads: [batch,
/// positions, context positions], each row summing to 1.
pub(crate) fn attention_with_probabilities(
    query: Tensor<3>,
    key: Tensor<3>,
    value: Tensor<3>,
    heads: usize,
) -> (Tensor<3>, Tensor<3>) {
    // Values may be halves where queries and keys are not.
    if [&query, &value].into_iter().all(super::has_flex_kernels) {
        let (attended, probabilities) = Dispatch::attention_and_probabilities(
            query.into_dispatch(),
            key.into_dispatch(),
            value.into_dispatch(),
            heads,
        );
        return (
            Tensor::from_dispatch(attended),
            Tensor::from_dispatch(probabilities),
        );
    }
    if is_for_the_gpu(&query, &key, heads) {
        return on_gpu(query, key, value, heads, true);
    }
    chain_with_probabilities(query, key, value, heads)
}

/// [`attention_with_probabilities`] of burn's own operations, but for the softmax on
/// a GPU.
fn chain_with_probabilities(
    query: Tensor<3>,
    key: Tensor<3>,
    value: Tensor<3>,
    heads: usize,
) -> (Tensor<3>, Tensor<3>) {
    let [batch, positions, width] = query.dims();
    let context_positions = key.dims()[1];
    // Scaling the queries touches fewer numbers than scaling the scores.
    let scale = ((width / heads) as f64).powf(-0.5);
    let query = split_heads(query.mul_scalar(scale), heads);
    let scores = query.matmul(split_heads(key, heads).swap_dims(2, 3));
    let (probabilities, mean) = match super::kernels_for(&scores) {
        Some(Kernels::Cube) => {
            let (probabilities, mean) = Dispatch::softmax_with_mean(scores.into_dispatch());
            (
                Tensor::<4>::from_dispatch(probabilities),
                Tensor::from_dispatch(mean),
            )
        }
        _ => {
            let probabilities = softmax(scores, 3);
            let mean = probabilities.clone().mean_dim(1);
            (
                probabilities,
                mean.reshape([batch, positions, context_positions]),
            )
        }
    };
    let value = split_heads(value, heads);
    let attended = probabilities.cast(value.dtype()).matmul(value);
    (merge_heads(attended), mean)
}

/// [batch, positions, heads · head width] → [batch, heads, positions, head width].
fn split_heads(tensor: Tensor<3>, heads: usize) -> Tensor<4> {
    let [batch, positions, width] = tensor.dims();
    tensor
        .reshape([batch, positions, heads, width / heads])
        .swap_dims(1, 2)
}

/// [batch, heads, positions, head width] → [batch, positions, heads · head width].
fn merge_heads(tensor: Tensor<4>) -> Tensor<3> {
    let [batch, heads, positions, head_width] = tensor.dims();
    tensor
        .swap_dims(1, 2)
        .reshape([batch, positions, heads * head_width])
}

#[backend_extension(Flex, Autodiff)]
trait AttentionOperation: Backend {
    fn attention_of_heads(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        heads: usize,
    ) -> FloatTensor<Self>;

    fn attention_and_probabilities(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        heads: usize,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);
}

/// Differentiable by all three.
#[backend_extension(Cube, Autodiff)]
trait AttentionOnGpu: Backend {
    fn attention_on_gpu(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        heads: usize,
        with_mean: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);
}

#[backend_extension(Cube)]
trait SoftmaxWithMean: Backend {
    fn softmax_with_mean(scores: FloatTensor<Self>) -> (FloatTensor<Self>, FloatTensor<Self>);
}

impl AttentionOnGpu for Cube {
    fn attention_on_gpu(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        heads: usize,
        with_mean: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        cube::attention(query, key, value, heads, with_mean)
    }
}

impl<C: CheckpointStrategy> AttentionOnGpu for Autodiff<Cube, C> {
    fn attention_on_gpu(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        heads: usize,
        with_mean: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let inputs = [&query, &key, &value].map(|it| it.primitive().clone());
        let [of_query, of_key, of_value] = inputs.clone();
        let (output, mean) = cube::attention(of_query, of_key, of_value, heads, with_mean);
        let kept = inputs.clone();
        let tracked = [&query, &key, &value];
        let output = differentiable::<Cube, C, 3>(tracked, output, move |gradient, wanted| {
            // The prompt's keys and values are constants.
            let with_context = wanted[1] || wanted[2];
            let source = cube::Source::Output;
            cube::attention_backward(kept.clone(), gradient, heads, source, with_context)
        });
        // A way back of its own: the last layer of a pass for maps needs no other.
        let mean = differentiable::<Cube, C, 2>([&query, &key], mean, move |gradient, wanted| {
            let source = cube::Source::Mean;
            let [of_query, of_key, _] =
                cube::attention_backward(inputs.clone(), gradient, heads, source, wanted[1]);
            [of_query, of_key]
        });
        (output, mean)
    }
}

impl SoftmaxWithMean for Cube {
    fn softmax_with_mean(scores: FloatTensor<Self>) -> (FloatTensor<Self>, FloatTensor<Self>) {
        cube::softmax_with_mean(scores)
    }
}

impl AttentionOperation for Flex {
    fn attention_of_heads(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        heads: usize,
    ) -> FloatTensor<Self> {
        attend(&query, &key, &value, heads, false).output
    }

    fn attention_and_probabilities(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        heads: usize,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let attended = attend(&query, &key, &value, heads, true);
        (attended.output, attended.mean.expect("it was asked for"))
    }
}

impl<C: CheckpointStrategy> AttentionOperation for Autodiff<Flex, C> {
    fn attention_of_heads(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        heads: usize,
    ) -> FloatTensor<Self> {
        let (attended, inputs) = attend_tracked([&query, &key, &value], heads, false);
        with_way_back::<C>([&query, &key, &value], attended.output, inputs)
    }

    fn attention_and_probabilities(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        heads: usize,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let (attended, inputs) = attend_tracked([&query, &key, &value], heads, true);
        let output = with_way_back::<C>([&query, &key, &value], attended.output, inputs.clone());
        let mean = attended.mean.expect("it was asked for");
        // A way back of its own: the last layer of a pass for maps needs no other.
        let mean = differentiable::<Flex, C, 2>([&query, &key], mean, move |gradient, wanted| {
            let [of_query, of_key, _] = gradients(&inputs, &Source::Mean(&gradient), wanted[1]);
            [of_query, of_key]
        });
        (output, mean)
    }
}

/// Attention, and what its way back needs.
fn attend_tracked(
    [query, key, value]: [&FloatTensor<Autodiff<Flex>>; 3],
    heads: usize,
    with_mean: bool,
) -> (Attended, Inputs) {
    let [query, key, value] = [query, key, value].map(|input| input.primitive());
    let mut attended = attend(query, key, value, heads, with_mean);
    let inputs = Inputs {
        query: query.clone(),
        key: key.clone(),
        heads,
        log_sums: Arc::new(std::mem::take(&mut attended.log_sums)),
    };
    (attended, inputs)
}

/// `output`, what query, key and value gave, as a node of the graph.
fn with_way_back<C: CheckpointStrategy>(
    tracked: [&FloatTensor<Autodiff<Flex, C>>; 3],
    output: FloatTensor<Flex>,
    inputs: Inputs,
) -> FloatTensor<Autodiff<Flex, C>> {
    let (value, kept) = (tracked[2].primitive().clone(), output.clone());
    differentiable::<Flex, C, 3>(tracked, output, move |gradient, wanted| {
        let source = Source::Attended {
            value: &value,
            output: &kept,
            gradient: &gradient,
        };
        // The prompt's keys and values are constants.
        gradients(&inputs, &source, wanted[1] || wanted[2])
    })
}

#[cfg(test)]
mod tests;

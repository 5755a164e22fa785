//! The way back through [`attention`](super::attention()), without its scores: they are
//! computed again.
//!
//! With P the probabilities, s = 1 / √head width, G the gradient by them and D the sums of
//! P ∘ G over the context: dS = P ∘ (G − D), dQ = s dS K, dK = s dSᵀ Q. By the output, of
//! gradient dO, G = dO Vᵀ and dV = Pᵀ dO (Dao et al. 2022, FlashAttention); by the mean of
//! the probabilities over the heads, G is its gradient over the number of heads.

use burn::backend::TensorMetadata;
use burn::tensor::DType;
use burn_cubecl::cubecl;
use burn_cubecl::cubecl::ir::ElemType;
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::ops::numeric::empty_device_dtype;

use super::attention::{QUERIES, Sizes, UNITS, gather, load_rows, products, softmax_of_rows};
use super::reduction::total_of_part;
use super::{CubeTensor, empty_like};

/// What a gradient is by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::kernels) enum Source {
    Output,
    Mean,
}

/// A cube (four queries, sample, head). Probabilities and dS are kept for the keys, where
/// they are `wanted`.
#[cube(launch)]
fn by_query_kernel<F: Float, V: Float, G: Float>(
    query: &Tensor<F>,
    key: &Tensor<F>,
    value: &Tensor<V>,
    gradient: &Tensor<G>,
    output: &mut Tensor<F>,
    probabilities: &mut Tensor<f32>,
    by_scores: &mut Tensor<f32>,
    scale: f32,
    #[comptime] sizes: Sizes,
    #[comptime] is_of_mean: bool,
    #[comptime] wanted: bool,
    #[define(F)] _dtype: ElemType,
    #[define(V)] _value_dtype: ElemType,
    #[define(G)] _gradient_dtype: ElemType,
) {
    let context = comptime!(sizes.context);
    let part = comptime!(sizes.units / sizes.queries);
    let unit = UNIT_POS as usize;
    let (own, lane) = (unit / part, unit % part);
    let head = CUBE_POS_Z as usize;
    let sample = CUBE_POS_Y as usize;
    let position = CUBE_POS_X as usize * comptime!(sizes.queries) + own;
    let is_there = position < query.shape(1);
    let column = head * comptime!(sizes.head_width);
    let mut rows = Shared::<[f32]>::new_slice(comptime!(sizes.queries * sizes.head_width));
    let mut scores = Shared::<[f32]>::new_slice(comptime!(sizes.queries * sizes.context));
    let mut by = Shared::<[f32]>::new_slice(comptime!(sizes.queries * sizes.context));

    load_rows::<F>(query, &mut rows, column, scale, sizes);
    sync_cube();
    products::<F>(&rows, key, &mut scores, column, sizes);
    sync_cube();
    softmax_of_rows(&mut scores, sizes);
    if is_of_mean {
        let mut to = lane;
        while to < context {
            let mut number = 0.0f32;
            if is_there {
                let at = sample * gradient.stride(0)
                    + position * gradient.stride(1)
                    + to * gradient.stride(2);
                number = f32::cast_from(gradient[at]) / comptime!(sizes.heads as f32).runtime();
            }
            by[own * context + to] = number;
            to += part;
        }
    } else {
        load_rows::<G>(gradient, &mut rows, column, 1.0f32, sizes);
        sync_cube();
        products::<V>(&rows, value, &mut by, column, sizes);
    }
    sync_cube();

    let mut sum = 0.0f32;
    let mut to = lane;
    while to < context {
        sum += scores[own * context + to] * by[own * context + to];
        to += part;
    }
    let sum = total_of_part(sum, comptime!(sizes.units), part);
    let mut to = lane;
    while to < context {
        let probability = scores[own * context + to];
        let by_score = probability * (by[own * context + to] - sum);
        by[own * context + to] = by_score;
        if wanted && is_there {
            let into = sample * by_scores.stride(0)
                + head * by_scores.stride(1)
                + position * by_scores.stride(2)
                + to;
            by_scores[into] = by_score;
            probabilities[into] = probability;
        }
        to += part;
    }
    sync_cube();
    gather::<F, F>(&by, key, output, column, scale, sizes);
}

/// A cube (four places of the context, sample, head): `scale` times the sums of a head's
/// part of `rows` [batch, positions, heads · head width], by the columns of `weights`
/// [batch, heads, positions, context].
#[cube(launch)]
fn by_context_kernel<F: Float, O: Float>(
    weights: &Tensor<f32>,
    rows: &Tensor<F>,
    output: &mut Tensor<O>,
    scale: f32,
    #[comptime] sizes: Sizes,
    #[define(F)] _dtype: ElemType,
    #[define(O)] _output_dtype: ElemType,
) {
    let head = CUBE_POS_Z as usize;
    let sample = CUBE_POS_Y as usize;
    let first = CUBE_POS_X as usize * comptime!(sizes.queries);
    let of_weights = sample * weights.stride(0) + head * weights.stride(1);
    let positions = rows.shape(1);
    let mut index = UNIT_POS as usize;
    while index < comptime!(sizes.head_width) {
        let column = head * comptime!(sizes.head_width) + index;
        let at = sample * rows.stride(0) + column * rows.stride(2);
        let mut sums = Array::<f32>::new(comptime!(sizes.queries));
        #[unroll]
        for to in 0..comptime!(sizes.queries) {
            sums[to] = 0.0f32;
        }
        for position in 0..positions {
            let number = f32::cast_from(rows[at + position * rows.stride(1)]);
            let row = of_weights + position * weights.stride(2);
            #[unroll]
            for to in 0..comptime!(sizes.queries) {
                let mut place = first + to;
                if place >= comptime!(sizes.context) {
                    place = comptime!(sizes.context - 1).runtime();
                }
                sums[to] += weights[row + place] * number;
            }
        }
        #[unroll]
        for to in 0..comptime!(sizes.queries) {
            if first + to < comptime!(sizes.context) {
                let into = sample * output.stride(0)
                    + (first + to) * output.stride(1)
                    + column * output.stride(2);
                output[into] = O::cast_from(sums[to] * scale);
            }
        }
        index += comptime!(sizes.units);
    }
}

/// The gradients by query, key and value of [`attention`](super::attention()) of the same
/// from `gradient`, that by its output or by its mean; those by key and value only where
/// they are `wanted`, and by the value never from the mean.
pub(in crate::kernels) fn attention_backward(
    [query, key, value]: [CubeTensor; 3],
    gradient: CubeTensor,
    heads: usize,
    source: Source,
    wanted: bool,
) -> [Option<CubeTensor>; 3] {
    let [batch, positions, _] = query.shape().dims::<3>();
    let sizes = Sizes::of(&query, &key, heads);
    let client = query.client.clone();
    let by_query = empty_like(&query, query.shape());
    let scores_shape = match wanted {
        true => [batch, heads, positions, sizes.context],
        false => [1, 1, 1, 1],
    };
    let scores = || {
        let device = query.device();
        empty_device_dtype(client.clone(), device, scores_shape.into(), DType::F32)
    };
    let (probabilities, by_scores) = (scores(), scores());
    let [dtype, value_dtype, gradient_dtype] = [&query, &value, &gradient]
        .map(|it| burn::backend::cubecl::dtype_to_storage_type(it.dtype()));
    let cubes = [positions.div_ceil(QUERIES), batch, heads].map(|count| count as u32);
    by_query_kernel::launch(
        &client,
        CubeCount::Static(cubes[0], cubes[1], cubes[2]),
        CubeDim::new_1d(UNITS as u32),
        query.clone().into_tensor_arg(),
        key.clone().into_tensor_arg(),
        value.clone().into_tensor_arg(),
        gradient.clone().into_tensor_arg(),
        by_query.clone().into_tensor_arg(),
        probabilities.clone().into_tensor_arg(),
        by_scores.clone().into_tensor_arg(),
        sizes.scale(),
        sizes,
        source == Source::Mean,
        wanted,
        dtype,
        value_dtype,
        gradient_dtype,
    );
    if !wanted {
        return [Some(by_query), None, None];
    }
    let by_key = by_context(
        by_scores,
        query,
        empty_like(&key, key.shape()),
        sizes,
        sizes.scale(),
    );
    let by_value = (source == Source::Output).then(|| {
        let output = empty_like(&value, value.shape());
        by_context(probabilities, gradient, output, sizes, 1.0)
    });
    [Some(by_query), Some(by_key), by_value]
}

fn by_context(
    weights: CubeTensor,
    rows: CubeTensor,
    output: CubeTensor,
    sizes: Sizes,
    scale: f32,
) -> CubeTensor {
    let [batch, context, _] = output.shape().dims::<3>();
    let client = rows.client.clone();
    let [dtype, output_dtype] =
        [&rows, &output].map(|it| burn::backend::cubecl::dtype_to_storage_type(it.dtype()));
    // No more units than there are numbers for.
    let units = sizes.head_width.next_power_of_two().clamp(32, UNITS);
    let cubes = [context.div_ceil(QUERIES), batch, sizes.heads].map(|count| count as u32);
    by_context_kernel::launch(
        &client,
        CubeCount::Static(cubes[0], cubes[1], cubes[2]),
        CubeDim::new_1d(units as u32),
        weights.into_tensor_arg(),
        rows.into_tensor_arg(),
        output.clone().into_tensor_arg(),
        scale,
        Sizes { units, ..sizes },
        dtype,
        output_dtype,
    );
    output
}

//! Attention to a short context in one launch: a prompt, or few cells.
//!
//! Heads lie side by side in what comes and goes, so that nothing is transposed, and no
//! score leaves the cube. Keys and values are read from memory once for every four
//! queries, which the caches bear while there are few; long contexts are better served
//! by products in tiles. The way back is in [`attention_backward`](super::attention_backward).

use burn::backend::TensorMetadata;
use burn::tensor::DType;
use burn_cubecl::cubecl;
use burn_cubecl::cubecl::ir::ElemType;
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::ops::numeric::empty_device_dtype;

use super::reduction::{largest_of_part, total_of_part};
use super::{CubeTensor, empty_like};

/// Queries of a cube.
pub(super) const QUERIES: usize = 4;
/// Units of a cube; a quarter of them takes the softmax of a query.
pub(super) const UNITS: usize = 128;
/// Longest context and widest head: what a cube keeps of both is at most 16 KiB, which
/// every device has.
const MOST_CONTEXT: usize = 256;
const MOST_HEAD_WIDTH: usize = 160;

/// What a cube has before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Sizes {
    pub(super) heads: usize,
    pub(super) head_width: usize,
    pub(super) context: usize,
    /// Of a cube.
    pub(super) queries: usize,
    pub(super) units: usize,
}

impl Sizes {
    /// Of `query` and `key`, [batch, positions, heads · head width].
    pub(super) fn of(query: &CubeTensor, key: &CubeTensor, heads: usize) -> Self {
        let [_, _, width] = query.shape().dims::<3>();
        let [_, context, _] = key.shape().dims::<3>();
        Self {
            heads,
            head_width: width / heads,
            context,
            queries: QUERIES,
            units: UNITS,
        }
    }

    /// 1 / √head width.
    pub(super) fn scale(self) -> f32 {
        (self.head_width as f32).powf(-0.5)
    }
}

/// `scale` times a head's part of the rows of this cube, the last one again beyond it.
#[cube]
pub(super) fn load_rows<F: Float>(
    rows: &Tensor<F>,
    into: &mut Shared<[f32]>,
    column: usize,
    scale: f32,
    #[comptime] sizes: Sizes,
) {
    let first = CUBE_POS_X as usize * comptime!(sizes.queries);
    let last = rows.shape(1) - 1;
    let sample = (CUBE_POS_Y as usize) * rows.stride(0);
    let mut index = UNIT_POS as usize;
    while index < comptime!(sizes.queries * sizes.head_width) {
        let mut position = first + index / comptime!(sizes.head_width);
        if position > last {
            position = last;
        }
        let at = sample
            + position * rows.stride(1)
            + (column + index % comptime!(sizes.head_width)) * rows.stride(2);
        into[index] = f32::cast_from(rows[at]) * scale;
        index += comptime!(sizes.units);
    }
}

/// The products of each of `rows` with each row of `context` → `into` [rows, context].
#[cube]
pub(super) fn products<F: Float>(
    rows: &Shared<[f32]>,
    context: &Tensor<F>,
    into: &mut Shared<[f32]>,
    column: usize,
    #[comptime] sizes: Sizes,
) {
    let sample = (CUBE_POS_Y as usize) * context.stride(0) + column * context.stride(2);
    let mut to = UNIT_POS as usize;
    while to < comptime!(sizes.context) {
        let at = sample + to * context.stride(1);
        let mut sums = Array::<f32>::new(comptime!(sizes.queries));
        #[unroll]
        for of in 0..comptime!(sizes.queries) {
            sums[of] = 0.0f32;
        }
        for index in 0..comptime!(sizes.head_width) {
            let number = f32::cast_from(context[at + index * context.stride(2)]);
            #[unroll]
            for of in 0..comptime!(sizes.queries) {
                sums[of] += rows[of * comptime!(sizes.head_width) + index] * number;
            }
        }
        #[unroll]
        for of in 0..comptime!(sizes.queries) {
            into[of * comptime!(sizes.context) + to] = sums[of];
        }
        to += comptime!(sizes.units);
    }
}

/// The softmax of each row of `scores` [rows, context], a part of the units for each.
#[cube]
pub(super) fn softmax_of_rows(scores: &mut Shared<[f32]>, #[comptime] sizes: Sizes) {
    let part = comptime!(sizes.units / sizes.queries);
    let unit = UNIT_POS as usize;
    let lane = unit % part;
    let row = (unit / part) * comptime!(sizes.context);
    // Any score of the row will do where a unit has none of its own.
    let mut most = scores[row];
    let mut to = lane;
    while to < comptime!(sizes.context) {
        most = f32::max(most, scores[row + to]);
        to += part;
    }
    let most = largest_of_part(most, comptime!(sizes.units), part);
    let mut sum = 0.0f32;
    let mut to = lane;
    while to < comptime!(sizes.context) {
        let share = (scores[row + to] - most).exp();
        scores[row + to] = share;
        sum += share;
        to += part;
    }
    let sum = total_of_part(sum, comptime!(sizes.units), part);
    let mut to = lane;
    while to < comptime!(sizes.context) {
        scores[row + to] /= sum;
        to += part;
    }
}

/// `scale` times the sums of the rows of `context`, by `weights` [rows, context], as a
/// head's part of the rows of this cube.
#[cube]
pub(super) fn gather<F: Float, O: Float>(
    weights: &Shared<[f32]>,
    context: &Tensor<F>,
    output: &mut Tensor<O>,
    column: usize,
    scale: f32,
    #[comptime] sizes: Sizes,
) {
    let first = CUBE_POS_X as usize * comptime!(sizes.queries);
    let sample = CUBE_POS_Y as usize;
    let mut index = UNIT_POS as usize;
    while index < comptime!(sizes.head_width) {
        let at = sample * context.stride(0) + (column + index) * context.stride(2);
        let mut sums = Array::<f32>::new(comptime!(sizes.queries));
        #[unroll]
        for of in 0..comptime!(sizes.queries) {
            sums[of] = 0.0f32;
        }
        for to in 0..comptime!(sizes.context) {
            let number = f32::cast_from(context[at + to * context.stride(1)]);
            #[unroll]
            for of in 0..comptime!(sizes.queries) {
                sums[of] += weights[of * comptime!(sizes.context) + to] * number;
            }
        }
        #[unroll]
        for of in 0..comptime!(sizes.queries) {
            if first + of < output.shape(1) {
                let into = sample * output.stride(0)
                    + (first + of) * output.stride(1)
                    + (column + index) * output.stride(2);
                output[into] = O::cast_from(sums[of] * scale);
            }
        }
        index += comptime!(sizes.units);
    }
}

/// Adds this head's part of the mean of the probabilities: a unit sees the same places of
/// every head.
#[cube]
fn add_to_mean(
    scores: &Shared<[f32]>,
    mean: &mut Tensor<f32>,
    head: usize,
    #[comptime] sizes: Sizes,
) {
    let part = comptime!(sizes.units / sizes.queries);
    let unit = UNIT_POS as usize;
    let own = unit / part;
    let position = CUBE_POS_X as usize * comptime!(sizes.queries) + own;
    if position < mean.shape(1) {
        let into = (CUBE_POS_Y as usize) * mean.stride(0) + position * mean.stride(1);
        let mut to = unit % part;
        while to < comptime!(sizes.context) {
            let share = scores[own * comptime!(sizes.context) + to]
                / comptime!(sizes.heads as f32).runtime();
            if head == 0 {
                mean[into + to] = share;
            } else {
                mean[into + to] += share;
            }
            to += part;
        }
    }
}

/// A cube (four queries, sample, head), or all heads one after the other.
#[cube(launch)]
fn attention_kernel<F: Float, V: Float>(
    query: &Tensor<F>,
    key: &Tensor<F>,
    value: &Tensor<V>,
    output: &mut Tensor<V>,
    mean: &mut Tensor<f32>,
    scale: f32,
    #[comptime] sizes: Sizes,
    #[comptime] with_mean: bool,
    #[define(F)] _dtype: ElemType,
    #[define(V)] _value_dtype: ElemType,
) {
    let mut queries = Shared::<[f32]>::new_slice(comptime!(sizes.queries * sizes.head_width));
    let mut scores = Shared::<[f32]>::new_slice(comptime!(sizes.queries * sizes.context));
    let mut head = CUBE_POS_Z as usize;
    while head < comptime!(sizes.heads) {
        let column = head * comptime!(sizes.head_width);
        load_rows::<F>(query, &mut queries, column, scale, sizes);
        sync_cube();
        products::<F>(&queries, key, &mut scores, column, sizes);
        sync_cube();
        softmax_of_rows(&mut scores, sizes);
        if with_mean {
            add_to_mean(&scores, mean, head, sizes);
        }
        sync_cube();
        gather::<V, V>(&scores, value, output, column, 1.0f32, sizes);
        // Nobody may write the next head's numbers before everyone has read these.
        sync_cube();
        head += CUBE_COUNT_Z as usize;
    }
}

/// Whether a cube can hold what it needs of such a context.
pub(in crate::kernels) fn is_short(context: usize, head_width: usize) -> bool {
    context <= MOST_CONTEXT && head_width <= MOST_HEAD_WIDTH
}

/// softmax(q kᵀ / √head width) v for each head of `query` [batch, positions, heads ·
/// head width], `key` and `value` [batch, context, heads · head width], whose context
/// [`is_short`] → [batch, positions, heads · head width] in the type of `value`; and,
/// `with_mean`, the mean of the softmax over the heads, [batch, positions, context] in
/// f32, otherwise a tensor that nothing was written to.
pub(in crate::kernels) fn attention(
    query: CubeTensor,
    key: CubeTensor,
    value: CubeTensor,
    heads: usize,
    with_mean: bool,
) -> (CubeTensor, CubeTensor) {
    let [batch, positions, width] = query.shape().dims::<3>();
    let sizes = Sizes::of(&query, &key, heads);
    let output = empty_like(&value, [batch, positions, width]);
    let client = query.client.clone();
    let (mean_shape, heads_at_once) = match with_mean {
        true => ([batch, positions, sizes.context], 1),
        false => ([1, 1, 1], heads),
    };
    let mean = empty_device_dtype(
        client.clone(),
        query.device(),
        mean_shape.into(),
        DType::F32,
    );
    let [dtype, value_dtype] =
        [&query, &value].map(|it| burn::backend::cubecl::dtype_to_storage_type(it.dtype()));
    let cubes = [positions.div_ceil(QUERIES), batch, heads_at_once].map(|count| count as u32);
    attention_kernel::launch(
        &client,
        CubeCount::Static(cubes[0], cubes[1], cubes[2]),
        CubeDim::new_1d(UNITS as u32),
        query.into_tensor_arg(),
        key.into_tensor_arg(),
        value.into_tensor_arg(),
        output.clone().into_tensor_arg(),
        mean.clone().into_tensor_arg(),
        sizes.scale(),
        sizes,
        with_mean,
        dtype,
        value_dtype,
    );
    (output, mean)
}

//! What becomes of a convolution's taps before the products: G g Gᵀ.

use macerator::Simd;
use rayon::prelude::*;

use super::transforms::{LANES, store};
use super::{GAP, POSITIONS};
use crate::kernels::flex::WORTH_A_THREAD;
use crate::kernels::flex::matrix::Layout;
use crate::kernels::flex::patches::TAPS;

/// The filters of a convolution at every position: a matrix [outputs, positions ·
/// inputs] with a gap between rows.
pub(in crate::kernels::flex) struct Filters {
    pub(super) numbers: Vec<f32>,
    pub(super) outputs: usize,
    pub(super) inputs: usize,
}

impl Filters {
    /// Of `weight` [outputs, inputs, 3, 3].
    pub(in crate::kernels::flex) fn of(weight: &[f32], outputs: usize, inputs: usize) -> Self {
        Self::new(outputs, inputs, |output, filters| {
            let weight = &weight[output * inputs * TAPS..];
            transform_filters(filters, weight, inputs, TAPS, false);
        })
    }

    /// Those of the way back: from the gradient by the output to that by the input,
    /// whose convolution has the same taps in opposite order.
    pub(in crate::kernels::flex) fn of_way_back(
        weight: &[f32],
        outputs: usize,
        inputs: usize,
    ) -> Self {
        Self::new(inputs, outputs, |input, filters| {
            let weight = &weight[input * TAPS..];
            transform_filters(filters, weight, outputs, inputs * TAPS, true);
        })
    }

    fn new(outputs: usize, inputs: usize, of_output: impl Fn(usize, &mut [f32]) + Sync) -> Self {
        let mut filters = Self {
            numbers: vec![0.0; outputs * row(inputs)],
            outputs,
            inputs,
        };
        let rows = filters.numbers.par_chunks_mut(row(inputs));
        let at_once = (WORTH_A_THREAD / (POSITIONS * inputs)).max(1);
        rows.with_min_len(at_once)
            .enumerate()
            .for_each(|(output, filters)| of_output(output, filters));
        filters
    }

    /// The matrix at a position.
    pub(super) fn layout(&self, position: usize) -> Layout {
        let start = position * self.inputs;
        Layout::rows(start, self.outputs, self.inputs, row(self.inputs))
    }
}

/// Numbers of a row of filters with the gap behind it.
fn row(inputs: usize) -> usize {
    POSITIONS * inputs + GAP
}

/// G g Gᵀ of every input's taps g, with G = [1 0 0; ½ ½ ½; ½ −½ ½; 0 0 1]:
/// the taps of `inputs`, `apart` from one to the next → `filters` [positions, inputs].
#[macerator::with_simd]
fn transform_filters<S: Simd>(
    filters: &mut [f32],
    weight: &[f32],
    inputs: usize,
    apart: usize,
    is_turned: bool,
) {
    let whole = inputs - inputs % LANES;
    for input in (0..whole).step_by(LANES) {
        transform_some::<LANES>(filters, weight, [inputs, input], apart, is_turned);
    }
    for input in whole..inputs {
        transform_some::<1>(filters, weight, [inputs, input], apart, is_turned);
    }
}

/// The same for some inputs from `input` on.
#[inline(always)]
fn transform_some<const N: usize>(
    filters: &mut [f32],
    weight: &[f32],
    [inputs, input]: [usize; 2],
    apart: usize,
    is_turned: bool,
) {
    let mut taps = [[0.0f32; N]; TAPS];
    for lane in 0..N {
        let own = &weight[(input + lane) * apart..][..TAPS];
        for tap in 0..TAPS {
            taps[tap][lane] = own[if is_turned { TAPS - 1 - tap } else { tap }];
        }
    }
    let columns = [0, 1, 2].map(|column| {
        let [first, middle, last] = [0, 3, 6].map(|tap| taps[tap + column]);
        spread_taps(first, middle, last)
    });
    for line in 0..4 {
        let [first, middle, last] = columns;
        let spread = spread_taps(first[line], middle[line], last[line]);
        for (column, numbers) in spread.into_iter().enumerate() {
            let start = (4 * line + column) * inputs + input;
            store(&mut filters[start..], numbers);
        }
    }
}

/// G along one side.
#[inline(always)]
fn spread_taps<const N: usize>(first: [f32; N], middle: [f32; N], last: [f32; N]) -> [[f32; N]; 4] {
    let (mut sum, mut difference) = ([0.0; N], [0.0; N]);
    for lane in 0..N {
        let ends = first[lane] + last[lane];
        sum[lane] = 0.5 * (ends + middle[lane]);
        difference[lane] = 0.5 * (ends - middle[lane]);
    }
    [first, sum, difference, last]
}

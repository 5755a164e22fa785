//! What the units of a cube find out together.

use burn_cubecl::cubecl;
use burn_cubecl::cubecl::prelude::*;

/// The sum of `value` over all units of the cube, known to each of them.
#[cube]
pub(super) fn total(value: f32, #[comptime] units: usize) -> f32 {
    let mut values = Shared::<[f32]>::new_slice(units);
    let unit = UNIT_POS as usize;
    values[unit] = value;
    sync_cube();
    let mut half = comptime!(units / 2).runtime();
    while half > 0 {
        if unit < half {
            let other = values[unit + half];
            values[unit] += other;
        }
        sync_cube();
        half /= 2;
    }
    let sum = values[0];
    // Nobody may write the next values before everyone has read this one.
    sync_cube();
    sum
}

/// The largest `value` of all units of the cube, known to each of them.
#[cube]
pub(super) fn largest(value: f32, #[comptime] units: usize) -> f32 {
    let mut values = Shared::<[f32]>::new_slice(units);
    let unit = UNIT_POS as usize;
    values[unit] = value;
    sync_cube();
    let mut half = comptime!(units / 2).runtime();
    while half > 0 {
        if unit < half {
            let other = values[unit + half];
            values[unit] = f32::max(values[unit], other);
        }
        sync_cube();
        half /= 2;
    }
    let most = values[0];
    // As in `total`.
    sync_cube();
    most
}

//! What the units of a cube find out together.

use burn_cubecl::cubecl;
use burn_cubecl::cubecl::prelude::*;

/// The sum of `value` over all units of the cube, known to each of them.
#[cube]
pub(super) fn total(value: f32, #[comptime] units: usize) -> f32 {
    folded(value, units, units, false)
}

/// The largest `value` of all units of the cube, known to each of them.
#[cube]
pub(super) fn largest(value: f32, #[comptime] units: usize) -> f32 {
    folded(value, units, units, true)
}

/// [`total`] over the `part` units that follow each other, of which this is one.
#[cube]
pub(super) fn total_of_part(value: f32, #[comptime] units: usize, #[comptime] part: usize) -> f32 {
    folded(value, units, part, false)
}

/// [`largest`] of such a part.
#[cube]
pub(super) fn largest_of_part(
    value: f32,
    #[comptime] units: usize,
    #[comptime] part: usize,
) -> f32 {
    folded(value, units, part, true)
}

/// `units` and `part` are powers of two.
#[cube]
fn folded(
    value: f32,
    #[comptime] units: usize,
    #[comptime] part: usize,
    #[comptime] takes_largest: bool,
) -> f32 {
    let mut values = Shared::<[f32]>::new_slice(units);
    let unit = UNIT_POS as usize;
    let lane = unit % part;
    values[unit] = value;
    sync_cube();
    let mut half = comptime!(part / 2).runtime();
    while half > 0 {
        if lane < half {
            let other = values[unit + half];
            if takes_largest {
                values[unit] = f32::max(values[unit], other);
            } else {
                values[unit] += other;
            }
        }
        sync_cube();
        half /= 2;
    }
    let folded = values[unit - lane];
    // Nobody may write the next values before everyone has read this one.
    sync_cube();
    folded
}

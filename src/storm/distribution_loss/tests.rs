//! The family of losses: its slopes, its ends, and what each wish asks for.

use super::super::frame::Frame;
use super::super::placement::{Body, Placement};
use super::super::target::blob;
use super::super::word_maps::WordMap;
use super::*;

const FRAME: Frame = Frame {
    rows: 5,
    columns: 6,
};

fn map(centres: &[[f64; 2]]) -> WordMap {
    let mut response = vec![0.01; FRAME.cells()];
    for centre in centres {
        let shape = blob(FRAME, *centre, 0.15);
        response
            .iter_mut()
            .zip(shape)
            .for_each(|(m, p)| *m += 0.5 * p);
    }
    WordMap::new(response)
}

fn placement(spread: Option<Vec<f64>>, region: Option<Vec<f64>>) -> Placement {
    Placement {
        bodies: vec![Body {
            centre: [0.5, 0.4],
            extent: 0.3,
        }],
        spread,
        region,
        is_filled: false,
        only_fills: false,
        homes: Vec::new(),
    }
}

/// dL/dm of a lack.
fn by_response(map: &WordMap, lack: &Lack) -> Vec<f64> {
    match &lack.gradient {
        Gradient::Response(slopes) => slopes.clone(),
        Gradient::Share(slopes) => {
            let mut gradient = vec![0.0; slopes.len()];
            map.add_share_gradient(slopes, 1.0, &mut gradient);
            gradient
        }
    }
}

#[test]
fn every_member_of_the_family_has_the_slope_of_its_value() {
    let spread = blob(FRAME, [0.75, 0.25], 0.12);
    let region: Vec<f64> = {
        let inside = |cell: usize| f64::from(u8::from(cell % 6 >= 3));
        let total: f64 = (0..30).map(inside).sum();
        (0..30).map(|cell| inside(cell).max(1e-6) / total).collect()
    };
    let mut fills = placement(Some(spread.clone()), None);
    fills.only_fills = true;
    let mut filled = placement(Some(spread.clone()), Some(region.clone()));
    filled.is_filled = true;
    let mut boxed = placement(None, None);
    boxed.homes = vec![boxed.bodies[0].away(FRAME, true)];
    for (wanted, radius) in [
        (filled, 0.01),
        (boxed, 0.01),
        (placement(Some(spread.clone()), None), 0.0),
        (placement(Some(spread.clone()), None), 0.01),
        (placement(Some(spread.clone()), None), 0.3),
        (placement(Some(spread), None), BALANCED),
        (placement(None, Some(region)), 0.0),
        (fills, 0.0),
    ] {
        let relaxation = Relaxation {
            radius,
            epsilon: 0.02,
            into_homes: true,
            powers: Powers {
                into_homes: 2.0,
                filling: 0.5,
            },
        };
        let here = map(&[[0.3, 0.5]]);
        let mut losses = DistributionLoss::default();
        let slopes = by_response(&here, &losses.lack(FRAME, &here, &wanted, relaxation));
        let largest = slopes.iter().fold(0.0f64, |most, s| most.max(s.abs()));
        assert!(largest > 0.0);
        for cell in [0, 8, 16, 29] {
            let mut value = |by: f64| {
                let mut response = here.response.clone();
                response[cell] += by;
                losses
                    .lack(FRAME, &WordMap::new(response), &wanted, relaxation)
                    .value
            };
            let numeric = (value(1e-5) - value(-1e-5)) / 2e-5;
            // The plan stops at one hundredth of ε.
            assert!(
                (numeric - slopes[cell]).abs() < 0.02 * largest,
                "radius {radius}, cell {cell}: {numeric} {}",
                slopes[cell]
            );
        }
    }
}

#[test]
fn only_what_may_vanish_is_born_where_the_map_is_empty() {
    // One blob, and two wanted: the second far away.
    let here = map(&[[0.25, 0.4]]);
    let mut two = blob(FRAME, [0.25, 0.4], 0.1);
    let second = blob(FRAME, [0.85, 0.4], 0.1);
    two.iter_mut()
        .zip(second)
        .for_each(|(p, q)| *p = 0.5 * (*p + q));
    let wanted = placement(Some(two), None);
    let empty = 2 * 6 + 5;
    let share_of_the_pull = |radius: f64| {
        let relaxation = Relaxation {
            radius,
            epsilon: 0.005,
            into_homes: false,
            powers: Powers::NONE,
        };
        let lack = DistributionLoss::default().lack(FRAME, &here, &wanted, relaxation);
        let slopes = by_response(&here, &lack);
        let total: f64 = slopes.iter().map(|s| s * s).sum::<f64>().sqrt();
        -slopes[empty] / total
    };
    let (cross_entropy, relaxed, balanced) = (
        share_of_the_pull(0.0),
        share_of_the_pull(0.01),
        share_of_the_pull(BALANCED),
    );
    assert!(cross_entropy > 0.7, "{cross_entropy}");
    let all = [cross_entropy, relaxed, balanced];
    assert!(relaxed > balanced && cross_entropy > balanced, "{all:?}");
}

#[test]
fn the_meter_is_zero_at_home_and_grows_with_the_distance() {
    let mut losses = DistributionLoss::default();
    let target = blob(FRAME, [0.3, 0.4], 0.12);
    let wanted = placement(Some(target.clone()), None);
    let mut distance = |x: f64| losses.distance(FRAME, &blob(FRAME, [x, 0.4], 0.12), &wanted);
    assert!(distance(0.3) < 1e-6);
    // Carrying all of it by 0.2 costs 0.04, by 0.4 nearly four times that: less what the frame cuts.
    let (near, far) = (distance(0.5), distance(0.7));
    assert!((near - 0.04).abs() < 0.005, "{near}");
    assert!((far - 0.16).abs() < 0.03, "{far}");
    let mut right = vec![1e-9; 30];
    (0..30)
        .filter(|cell| cell % 6 >= 3)
        .for_each(|cell| right[cell] = 1.0 / 15.0);
    let kept = placement(None, Some(right));
    let mut outside = |x: f64| losses.distance(FRAME, &blob(FRAME, [x, 0.4], 0.04), &kept);
    assert!(outside(0.75) < 1e-3);
    // From the column at 1/12 to the one at 7/12.
    assert!(
        (outside(1.0 / 12.0) - 0.25).abs() < 0.01,
        "{}",
        outside(1.0 / 12.0)
    );
}

#[test]
fn a_power_above_one_lets_faint_attention_count_less_and_one_below_more() {
    // A blob at home, and a tenth of its height everywhere.
    let here = map(&[[0.5, 0.4]]);
    let lack_of = |wanted: &Placement, power: f64| {
        let relaxation = Relaxation {
            radius: 0.001,
            epsilon: 0.005,
            into_homes: true,
            powers: Powers {
                into_homes: power,
                filling: power,
            },
        };
        let lack = DistributionLoss::default().lack(FRAME, &here, wanted, relaxation);
        (lack.value, by_response(&here, &lack))
    };
    let mut boxed = placement(None, None);
    boxed.homes = vec![boxed.bodies[0].away(FRAME, true)];
    let (plain, squared) = (lack_of(&boxed, 1.0).0, lack_of(&boxed, 2.0).0);
    assert!(squared < 0.5 * plain, "{squared} of {plain}");
    // Spread over the whole frame: a root pulls the faint cells up harder beside the bright one.
    let flat = vec![1.0 / 30.0; 30];
    let mut filled = placement(Some(flat.clone()), Some(flat));
    filled.is_filled = true;
    let pull = |power: f64| {
        let slopes = lack_of(&filled, power).1;
        slopes[here.strongest].abs() / slopes[29].abs()
    };
    assert!(pull(0.5) < pull(1.0), "{} {}", pull(0.5), pull(1.0));
}

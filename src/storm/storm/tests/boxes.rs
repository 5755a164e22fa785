//! Boxes: what they gather, what grows instead, and when they are enough.

use super::super::super::fixtures::layout;
use super::super::super::object_target::{Shape, Size};
use super::*;

/// Maps of 16 × 16 cells in which the padding at token 7 takes all that the spots leave.
fn without_ground(spots: &[Spot<'_>]) -> AttentionMaps {
    let mut values = vec![0.0; 16 * 16 * TOKENS];
    for (cell, pixel) in values.chunks_exact_mut(TOKENS).enumerate() {
        let [x, y] = [cell % 16, cell / 16].map(|it| (it as f64 + 0.5) / 16.0);
        for &(tokens, centre, deviation, height) in spots {
            let square = (x - centre[0]).powi(2) + (y - centre[1]).powi(2);
            let blob = height * (-0.5 * square / deviation.powi(2)).exp();
            tokens.iter().for_each(|&it| pixel[it] = blob as f32);
        }
        pixel[7] = 1.0 - pixel.iter().sum::<f32>().min(1.0);
    }
    AttentionMaps::new(16, 16, TOKENS, values).unwrap()
}

#[test]
fn a_box_gathers_what_is_too_large_and_what_is_too_small_grows() {
    let made = |deviation: f64, asked: f64| {
        let mut layout = layout(1, &[]);
        layout.targets.edit(0, |target| {
            target.shape = Shape::Points(vec![[0.5, 0.5]]);
            target.size = Some(Size::Extent(asked));
        });
        let mut maps = without_ground(&[(&[1], [0.5, 0.5], deviation, 0.4)]);
        let storm = objective(layout, |_| {});
        let before = storm.read(&maps, CONTEXT).unwrap();
        assert!(!before.satisfied);
        descend(&storm, &mut maps, 800);
        let after = storm.read(&maps, CONTEXT).unwrap();
        [before, after].map(|reading| reading.objects[0])
    };
    let [before, after] = made(0.2, 0.3);
    assert!(before.extent > Some(0.45) && after.extent < Some(0.35));
    // All of it is in its box, which asks no more, and yet it is drawn out.
    let [before, after] = made(0.08, 0.6).map(|object| object.distance.unwrap());
    assert!(after < 0.5 * before, "{before} {after}");
}

#[test]
fn a_box_narrower_than_four_cells_is_left_to_the_peaks() {
    let maps = without_ground(&[(&[1], [0.45, 0.5], 0.12, 0.4)]);
    // What transport adds to the loss, of 16 cells a side.
    let transport = |asked: f64, change: fn(&mut StormParameters)| {
        let loss = |weight: f64| {
            let mut layout = layout(1, &[]);
            layout.targets.edit(0, |target| {
                target.shape = Shape::Points(vec![[0.5, 0.5]]);
                target.size = Some(Size::Extent(asked));
            });
            let storm = objective(layout, |parameters| {
                change(parameters);
                parameters.transport_weight = weight;
            });
            storm.evaluate(&maps, CONTEXT).unwrap().loss
        };
        loss(1.0) - loss(0.0)
    };
    assert_eq!(transport(0.22, |_| {}), 0.0);
    assert!(transport(0.28, |_| {}) > 0.1);
    // Where nothing else would hold it together, it is carried.
    assert!(transport(0.22, |parameters| parameters.least_box = 0.0) > 0.1);
    let without_peaks = transport(0.22, |parameters| parameters.peaks_weight = 0.0);
    assert!(without_peaks > 0.1);
}

#[test]
fn a_chain_in_its_boxes_needs_no_more_of_its_margin() {
    // Centres 0.28 apart, where 0.304 fits.
    let chain = [(0, RelationKind::LeftOf, 1), (1, RelationKind::LeftOf, 2)];
    let maps = without_ground(&[
        (&[1], [0.22, 0.5], 0.06, 0.95),
        (&[2], [0.5, 0.5], 0.06, 0.95),
        (&[3], [0.78, 0.5], 0.06, 0.95),
    ]);
    let read = |arrived_inside: f64| {
        let storm = objective_reading(layout(3, &chain), |readings, _| {
            readings.arrived_inside = arrived_inside;
        });
        storm.read(&maps, CONTEXT).unwrap()
    };
    let reading = read(0.85);
    assert!(reading.relations.iter().all(|relation| !relation.holds));
    assert!(reading.satisfied, "{reading:?}");
    assert!(!read(1.0).satisfied);
}

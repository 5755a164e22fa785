//! Copies, sizes and regions, and what relations alone have of them.

use super::super::super::object_target::{Area, Shape, Size};
use super::*;

/// A layout of the pair with two cats and a big dog.
fn two_and_a_big_one() -> Layout {
    let mut layout = pair(RelationKind::LeftOf);
    layout.targets.edit(0, |target| target.copies = 2);
    layout
        .targets
        .edit(1, |target| target.size = Some(Size::Extent(0.45)));
    layout
}

#[test]
fn the_gradient_of_distributions_matches_central_differences() {
    for (bare_map, radius, into_boxes) in [
        (true, 0.0, false),
        (true, 0.02, false),
        (false, 0.0, false),
        (false, 0.02, false),
        (true, 0.001, true),
        (true, 0.02, true),
        (false, 0.02, true),
    ] {
        let mut layout = two_and_a_big_one();
        layout.objects[0].attributes = vec![vec![1]];
        let maps = maps(6, 7, &TOGETHER);
        let storm = objective_reading(layout, |readings, p| {
            readings.bare_map = bare_map;
            p.into_boxes = into_boxes;
            p.relaxation_radius = radius;
            p.relaxation_epsilon = 0.02;
        });
        let reading = storm.read(&maps, CONTEXT).unwrap();
        assert_eq!(reading.copies.len(), 3);
        let loss = |changed: &AttentionMaps| {
            let words = storm.reader.all_maps(changed).unwrap();
            storm.evaluate_towards(&words, reading.clone()).loss
        };
        let evaluation = storm.evaluate(&maps, CONTEXT).unwrap();
        assert_gradient(&maps, &evaluation.gradient, 2e-2, loss);
    }
}

#[test]
fn descent_brings_two_left_of_a_big_one() {
    let mut maps = maps(12, 12, &TOGETHER);
    // All of the attention, not only what stands out.
    let storm = objective_reading(two_and_a_big_one(), |readings, _| {
        readings.arrived_power = 1.0;
    });
    let before = storm.read(&maps, CONTEXT).unwrap();
    assert!(!before.satisfied && before.objects[0].distance > Some(0.01));
    let steps = descend(&storm, &mut maps, 600);
    let after = storm.read(&maps, CONTEXT).unwrap();
    assert!(after.satisfied, "after {steps}: {after:?}");
    assert!(after.objects[0].distance < Some(0.002));
    // The cats' map has a height for each of them.
    let cats = maps.map(2);
    let at = |place: [f64; 2]| {
        let cell = place.map(|part| ((part * 12.0) as usize).min(11));
        cats[cell[1] * 12 + cell[0]]
    };
    let copies: Vec<f32> = after.copies[..2]
        .iter()
        .map(|copy| at(copy.centre))
        .collect();
    let mean = cats.iter().sum::<f32>() / cats.len() as f32;
    assert!(
        copies.iter().all(|height| *height > 1.5 * mean),
        "{copies:?} {mean}"
    );
}

#[test]
fn relations_alone_are_untouched_by_what_distributions_are_read_with() {
    let maps = maps(8, 8, &TOGETHER);
    let plain = objective(pair(RelationKind::LeftOf), to_blobs);
    let other = objective_reading(pair(RelationKind::LeftOf), |readings, p| {
        to_blobs(p);
        readings.bare_map = false;
        readings.arrived_below = 1.0;
        p.relaxation_radius = 3.0;
    });
    let [first, second] = [plain, other].map(|it| it.evaluate(&maps, CONTEXT).unwrap());
    assert_eq!(first, second);
    assert!(first.reading.copies.is_empty());
    // Until they are told to go with it.
    let relaxed = objective(pair(RelationKind::LeftOf), |p| {
        to_blobs(p);
        p.relaxed_relations = true;
    });
    let relaxed = relaxed.evaluate(&maps, CONTEXT).unwrap();
    assert_ne!(relaxed.gradient, first.gradient);
    assert_eq!(relaxed.reading, first.reading);
}

#[test]
fn a_region_finer_than_the_maps_is_told_when_they_are_seen() {
    let mut layout = pair(RelationKind::LeftOf);
    layout.targets.edit(0, |target| {
        target.shape = Shape::Rectangle(Area {
            x: 0.1,
            y: 0.1,
            width: 0.1,
            height: 0.1,
        });
    });
    let storm = objective(layout, |_| {});
    assert!(storm.read(&maps(16, 16, &TOGETHER), CONTEXT).is_ok());
    let error = storm.read(&maps(6, 6, &TOGETHER), CONTEXT).unwrap_err();
    assert!(error.to_string().contains("6 × 6 cells"), "{error}");
}

#[test]
fn peaks_are_of_copies_sizes_and_what_is_held_together() {
    let maps = maps(12, 12, &TOGETHER);
    let loss = |layout: &Layout, weight| {
        let storm = objective(layout.clone(), |p| p.peaks_weight = weight);
        storm.evaluate(&maps, CONTEXT).unwrap().loss
    };
    let in_region = |height| {
        let mut layout = pair(RelationKind::LeftOf);
        layout.relations.clear();
        layout.targets.edit(0, |target| {
            target.shape = Shape::Rectangle(Area {
                x: 0.0,
                y: 0.3,
                width: 0.6,
                height,
            });
        });
        layout
    };
    let (filled, strip) = (in_region(0.5), in_region(0.2));
    for untouched in [&pair(RelationKind::LeftOf), &filled] {
        assert_eq!(loss(untouched, 0.0), loss(untouched, 4.0));
    }
    for layout in [&two_and_a_big_one(), &strip] {
        let [none, some, more] = [0.0, 1.0, 4.0].map(|weight| loss(layout, weight));
        assert!(some > none);
        assert!((more - none - 4.0 * (some - none)).abs() < 1e-9);
    }
}

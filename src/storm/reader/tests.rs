//! What the reader finds in maps that are made for it.

use super::super::fixtures::{CONTEXT, TOKENS, facts, layout, pair};
use super::super::objective::StepContext;
use super::super::relation::{ObjectTarget, RelationKind};
use super::*;
use crate::storm::{Shape, Size};

/// Maps of 8 rows and 16 columns in which the cat has the one cell and the
/// dog the other, without smoothing to speak of.
fn read(layout: Layout, cat: [usize; 2], dog: [usize; 2]) -> Reading {
    let parameters = ReadingParameters {
        smoothing_sigma: 0.1,
        ..ReadingParameters::default()
    };
    let mut values = vec![0.0; 8 * 16 * TOKENS];
    for (token, [row, column]) in [(2, cat), (4, dog), (5, dog)] {
        values[(row * 16 + column) * TOKENS + token] = 1.0;
    }
    // The padding takes every cell that is left.
    for pixel in values.chunks_exact_mut(TOKENS) {
        pixel[7] = 1.0 - pixel.iter().sum::<f32>().min(1.0);
    }
    let maps = AttentionMaps::new(8, 16, TOKENS, values).unwrap();
    let reader = Reader::new(layout, &parameters, &facts()).unwrap();
    reader.read(&reader.object_maps(&maps).unwrap())
}

#[test]
fn distances_are_fractions_of_the_side_they_lie_along() {
    let horizontal = read(pair(RelationKind::LeftOf), [2, 3], [6, 11]);
    assert!((horizontal.objects[0].centroid[0] - 3.5 / 16.0).abs() < 1e-9);
    assert!((horizontal.objects[0].centroid[1] - 2.5 / 8.0).abs() < 1e-9);
    assert!((horizontal.relations[0].signed_distance - 0.5).abs() < 1e-9);
    let vertical = read(pair(RelationKind::Below), [2, 3], [6, 11]);
    assert!((vertical.relations[0].signed_distance + 0.5).abs() < 1e-9);
    // Three columns apart are 3/8 of the shorter side: between 0.3 and 0.45.
    let beside = read(pair(RelationKind::NextTo), [4, 6], [4, 9]);
    let inside = beside.relations[0].signed_distance;
    assert!((inside - (0.375f64 - 0.3).min(0.45 - 0.375)).abs() < 1e-9);
    assert!(beside.satisfied);
}

#[test]
fn a_relation_holds_only_with_its_margin() {
    let close = read(pair(RelationKind::LeftOf), [4, 5], [4, 10]);
    assert!(close.relations[0].signed_distance > 0.3);
    assert!(!close.relations[0].holds && !close.satisfied);
    let apart = read(pair(RelationKind::LeftOf), [4, 5], [4, 11]);
    assert!(apart.relations[0].holds && apart.satisfied);
}

#[test]
fn twins_whose_middle_stands_right_do_not_satisfy() {
    let read_with = |largest_spread: f64| {
        let parameters = ReadingParameters {
            smoothing_sigma: 0.1,
            largest_spread,
            ..ReadingParameters::default()
        };
        // Two cats left of the dog on the whole, one above the other.
        let mut values = vec![0.0; 8 * 16 * TOKENS];
        let places = [(2, [1, 3]), (2, [6, 3]), (4, [4, 12]), (5, [4, 12])];
        for (token, [row, column]) in places {
            values[(row * 16 + column) * TOKENS + token] = 1.0;
        }
        for pixel in values.chunks_exact_mut(TOKENS) {
            pixel[7] = 1.0 - pixel.iter().sum::<f32>().min(1.0);
        }
        let maps = AttentionMaps::new(8, 16, TOKENS, values).unwrap();
        let layout = pair(RelationKind::LeftOf);
        let reader = Reader::new(layout, &parameters, &facts()).unwrap();
        reader.read(&reader.object_maps(&maps).unwrap())
    };
    let strict = read_with(0.2);
    assert!(strict.relations[0].holds && !strict.satisfied);
    // Five rows apart, of eight.
    assert!((strict.objects[0].spread - 2.5 / 8.0).abs() < 1e-9);
    assert!(strict.objects[1].spread < 1e-9);
    assert!(read_with(1.0).satisfied);
}

#[test]
fn a_place_is_reached_within_its_tolerance() {
    let with_place = |x: f64| {
        let mut layout = pair(RelationKind::LeftOf);
        layout.relations.clear();
        layout.targets = vec![ObjectTarget::at(0, [x, 0.5625])].into();
        read(layout, [4, 4], [4, 11])
    };
    // The cat stands at 4.5 / 16; 0.08 of the shorter side is 0.04 of the width.
    assert!(with_place(4.5 / 16.0 + 0.039).satisfied);
    assert!(!with_place(4.5 / 16.0 + 0.041).satisfied);
}

#[test]
fn only_distributions_wait_for_maps_with_shapes() {
    let waits = |layout: Layout, noise: f64| {
        let reader = Reader::new(layout, &ReadingParameters::default(), &facts());
        reader.unwrap().waits(StepContext { noise, ..CONTEXT })
    };
    let plain = || pair(RelationKind::LeftOf);
    let mut copies = plain();
    copies.targets.edit(0, |target| target.copies = 2);
    assert!(!waits(plain(), 14.0));
    assert!(waits(copies.clone(), 8.1) && !waits(copies, 8.0));
}

#[test]
fn a_size_has_arrived_within_a_fifth_of_it() {
    // Discs of attention about one centre, on a fine frame.
    let has_arrived = |asked: f64, made: f64| {
        let mut layout = layout(1, &[]);
        layout.targets.edit(0, |target| {
            target.shape = Shape::Points(vec![[0.5, 0.5]]);
            target.size = Some(Size::Extent(asked));
        });
        let mut values = vec![0.0; 32 * 32 * TOKENS];
        for (cell, pixel) in values.chunks_exact_mut(TOKENS).enumerate() {
            let [across, down] = [cell % 32, cell / 32].map(|it| (it as f64 + 0.5) / 32.0 - 0.5);
            let outside = 32.0 * (across.hypot(down) - 0.5 * made) / 0.5;
            pixel[1] = (0.9 / (1.0 + outside.exp())) as f32;
            pixel[7] = 1.0 - pixel[1];
        }
        let maps = AttentionMaps::new(32, 32, TOKENS, values).unwrap();
        let reader = Reader::new(layout, &ReadingParameters::default(), &facts()).unwrap();
        reader.read(&reader.object_maps(&maps).unwrap()).satisfied
    };
    assert!(has_arrived(0.4, 0.4) && has_arrived(0.4, 0.45));
    assert!(!has_arrived(0.4, 0.55));
    // By no more than a tenth of the picture, but by half of what was asked for.
    assert!(!has_arrived(0.2, 0.3));
}

#[test]
fn what_stands_out_has_to_arrive_and_not_what_is_faint() {
    // Cats above faint attention all over, from these places on.
    type Cats<'a> = (&'a [[f64; 2]], f64, f32);
    let has_arrived = |asked: (&[[f64; 2]], Option<Size>), cats: Cats<'_>, arrived_power: f64| {
        let mut layout = layout(1, &[]);
        layout.targets.edit(0, |target| {
            target.shape = Shape::Points(asked.0.to_vec());
            target.copies = asked.0.len();
            target.size = asked.1;
        });
        let (places, deviation, floor) = cats;
        let mut values = vec![0.0; 16 * 16 * TOKENS];
        for (cell, pixel) in values.chunks_exact_mut(TOKENS).enumerate() {
            let at = [cell % 16, cell / 16].map(|it| (it as f64 + 0.5) / 16.0);
            let height = |place: &[f64; 2]| {
                let square = (at[0] - place[0]).powi(2) + (at[1] - place[1]).powi(2);
                (0.9 * (-0.5 * square / deviation.powi(2)).exp()) as f32
            };
            pixel[1] = places.iter().map(height).fold(floor, f32::max);
            pixel[7] = 1.0 - pixel[1];
        }
        let maps = AttentionMaps::new(16, 16, TOKENS, values).unwrap();
        let parameters = ReadingParameters {
            arrived_power,
            ..ReadingParameters::default()
        };
        let reader = Reader::new(layout, &parameters, &facts()).unwrap();
        reader.read(&reader.object_maps(&maps).unwrap()).satisfied
    };
    let two = [[0.25, 0.5], [0.75, 0.5]];
    let made = |places| has_arrived((&two, None), (places, 0.12, 0.03), 2.0);
    assert!(made(&two));
    assert!(!has_arrived((&two, None), (&two, 0.12, 0.03), 1.0));
    assert!(!made(&[[0.25, 0.3], [0.75, 0.5]]));
    // One of two is not enough, however high it is.
    assert!(!made(&two[..1]));
    // Into a box of a size as well.
    let one = [[0.5, 0.5]];
    let made = |asked, power| {
        let asked = (&one[..], Some(Size::Extent(asked)));
        has_arrived(asked, (&one, 0.1, 0.02), power)
    };
    assert!(made(0.44, 2.0));
    assert!(!made(0.44, 1.0));
    assert!(!made(0.22, 2.0));
}

//! Where objects are to go: projections and blobs.

use super::super::fixtures::layout;
use super::super::relation::ObjectTarget;
use super::super::relation::RelationKind::{self, *};
use super::*;
use proptest::prelude::*;

const GAPS: Gaps = Gaps {
    margin: 0.35,
    near: 0.3,
    far: 0.45,
    half_width: 0.12,
    chain_room: 0.9,
};
const SQUARE: Frame = Frame {
    rows: 16,
    columns: 16,
};

fn assert_places(found: &[[f64; 2]], expected: &[[f64; 2]]) {
    for (f, e) in found.iter().zip(expected) {
        assert!(
            (f[0] - e[0]).abs() < 1e-9 && (f[1] - e[1]).abs() < 1e-9,
            "{found:?} instead of {expected:?}"
        );
    }
}

#[test]
fn a_shortfall_is_split_between_both() {
    let places = project(
        SQUARE,
        &layout(2, &[(0, LeftOf, 1)]),
        &GAPS,
        &[[0.5, 0.3], [0.55, 0.95]],
    );
    // 0.35 − 0.05 = 0.3, half to each side; y stays, even outside the frame.
    assert_places(&places, &[[0.35, 0.3], [0.7, 0.95]]);
}

#[test]
fn what_holds_is_left_alone() {
    let today = [[0.7, 0.5], [0.2, 0.5]];
    let places = project(SQUARE, &layout(2, &[(0, RightOf, 1)]), &GAPS, &today);
    assert_places(&places, &today);
}

#[test]
fn what_is_stuck_at_the_frame_hands_on() {
    let places = project(
        SQUARE,
        &layout(2, &[(0, Above, 1)]),
        &GAPS,
        &[[0.5, 0.17], [0.5, 0.3]],
    );
    assert_places(&places, &[[0.5, 0.12], [0.5, 0.47]]);
}

#[test]
fn a_given_place_stays_and_the_other_moves() {
    let mut with_place = layout(2, &[(0, Below, 1)]);
    with_place.targets = vec![ObjectTarget::at(1, [0.5, 0.4])].into();
    let places = project(SQUARE, &with_place, &GAPS, &[[0.2, 0.5], [0.9, 0.9]]);
    assert_places(&places, &[[0.2, 0.75], [0.5, 0.4]]);
}

#[test]
fn next_to_has_two_bounds() {
    let relations = layout(2, &[(0, NextTo, 1)]);
    let apart = project(SQUARE, &relations, &GAPS, &[[0.2, 0.2], [0.8, 0.8]]);
    let distance = |p: &[[f64; 2]]| (p[0][0] - p[1][0]).hypot(p[0][1] - p[1][1]);
    assert!((distance(&apart) - 0.45).abs() < 1e-9);
    assert!((apart[0][0] + apart[1][0] - 1.0).abs() < 1e-9);
    let same = project(SQUARE, &relations, &GAPS, &[[0.5, 0.5], [0.5, 0.5]]);
    assert_places(&same, &[[0.35, 0.5], [0.65, 0.5]]);
    let cornered = project(SQUARE, &relations, &GAPS, &[[0.02, 0.1], [0.1, 0.05]]);
    assert!(distance(&cornered) > 0.3 - 1e-6);
}

#[test]
fn a_long_chain_asks_for_the_room_there_is() {
    let chain = layout(4, &[(0, LeftOf, 1), (1, LeftOf, 2), (3, RightOf, 2)]);
    let margin = GAPS.fitting_margin(SQUARE, &chain, Axis::Horizontal);
    assert!((margin - 0.9 * 0.76 / 3.0).abs() < 1e-12);
    assert_eq!(GAPS.fitting_margin(SQUARE, &chain, Axis::Vertical), 0.35);
    let places = project(SQUARE, &chain, &GAPS, &[[0.5, 0.5]; 4]);
    for pair in places.windows(2) {
        assert!(pair[1][0] - pair[0][0] > margin - 0.02, "{places:?}");
    }
}

#[test]
fn targets_lie_beyond_what_is_required() {
    let required = Gaps::required(0.35, [0.3, 0.45], 0.12);
    assert_eq!(required.for_targets(0.0), required);
    let targets = required.for_targets(0.1);
    let pair = layout(2, &[(0, LeftOf, 1)]);
    let places = project(SQUARE, &pair, &targets, &[[0.5, 0.3], [0.55, 0.6]]);
    assert_places(&places, &[[0.3, 0.3], [0.75, 0.6]]);
    let near = layout(2, &[(0, NextTo, 1)]);
    let places = project(SQUARE, &near, &targets, &[[0.5, 0.5], [0.6, 0.5]]);
    let distance = places[1][0] - places[0][0];
    assert!((distance - 0.3375).abs() < 1e-9, "{distance}");
    // A chain that fills the frame has as much beyond as there is room for.
    let chain = layout(3, &[(0, LeftOf, 1), (1, LeftOf, 2)]);
    let gap = |gaps: &Gaps| gaps.fitting_margin(SQUARE, &chain, Axis::Horizontal);
    assert!((gap(&required) - 0.8 * 0.38).abs() < 1e-12);
    assert!((gap(&targets) - 0.9 * 0.38).abs() < 1e-12);
}

#[test]
fn a_blob_sums_to_one_at_its_centre_and_leaves_no_cell_empty() {
    let weights = blob(SQUARE, [0.4, 0.6], 0.08);
    assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    let centre = SQUARE.centroid(&weights);
    assert!((centre[0] - 0.4).abs() < 1e-3 && (centre[1] - 0.6).abs() < 1e-3);
    let largest = weights.iter().copied().fold(0.0, f64::max);
    let smallest = weights.iter().copied().fold(1.0, f64::min);
    assert!(smallest > 0.9e-6 * largest && smallest < 1.5e-6 * largest);
}

proptest! {
    #[test]
    fn the_gap_of_any_pair_fits_into_any_frame(
        rows in 2usize..40,
        columns in 2usize..40,
        kind in prop::sample::select(RelationKind::ALL.to_vec()),
        fractions in prop::array::uniform4(0.0f64..1.0),
    ) {
        let frame = Frame { rows, columns };
        let pair = layout(2, &[(0, kind, 1)]);
        let [a, b, c, d] = fractions;
        let today = [[a, b], [c, d]].map(|place| frame.from_fractions(place));
        let places = project(frame, &pair, &GAPS, &today);
        let [width, height] = frame.extent();
        for place in &places {
            prop_assert!((0.0..=width).contains(&place[0]));
            prop_assert!((0.0..=height).contains(&place[1]));
        }
        let difference = [0, 1].map(|i| places[1][i] - places[0][i]);
        match kind.geometry() {
            Geometry::Along { axis, subject_first } => {
                let sign = if subject_first { 1.0 } else { -1.0 };
                let side = frame.extent()[axis.index()];
                let gap = GAPS.fitting_margin(frame, &pair, axis) * side;
                prop_assert!(sign * difference[axis.index()] >= gap - 1e-9);
            }
            Geometry::Ring => {
                let distance = difference[0].hypot(difference[1]) / frame.shorter_side();
                prop_assert!((0.299..=0.451).contains(&distance), "{}", distance);
            }
        }
    }
}

//! Where copies, sizes and regions come to lie.

use super::super::fixtures::layout;
use super::super::layout::LayoutError;
use super::super::mask::Mask;
use super::super::object_target::Area;
use super::super::relation::RelationKind::*;
use super::*;

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
const WIDE: Frame = Frame {
    rows: 12,
    columns: 24,
};
const USUAL: Usual = Usual { deviation: 0.12 };

fn target(object: usize, change: impl FnOnce(&mut ObjectTarget)) -> ObjectTarget {
    let mut target = ObjectTarget {
        object,
        ..ObjectTarget::default()
    };
    change(&mut target);
    target
}

fn with(mut layout: Layout, targets: Vec<ObjectTarget>) -> Layout {
    layout.targets = targets.into();
    layout.validate(77).unwrap();
    layout
}

fn placed(frame: Frame, layout: &Layout) -> Vec<Placement> {
    let middle = frame.extent().map(|side| 0.5 * side);
    let centroids = vec![middle; layout.objects.len()];
    place(frame, layout, &GAPS, USUAL, &centroids)
}

fn assert_is_distribution(weights: &[f64]) {
    assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    assert!(weights.iter().all(|weight| *weight > 0.0));
}

#[test]
fn copies_spread_over_the_frame_and_are_a_blob_each() {
    for (copies, expected) in [
        (2, vec![[0.25, 0.5], [0.75, 0.5]]),
        (3, vec![[0.25, 0.25], [0.75, 0.25], [0.5, 0.75]]),
        (
            4,
            vec![[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]],
        ),
    ] {
        let layout = with(layout(1, &[]), vec![target(0, |it| it.copies = copies)]);
        let placed = &placed(SQUARE, &layout)[0];
        let spread = placed.spread.as_ref().unwrap();
        assert_is_distribution(spread);
        assert_eq!(placed.bodies.len(), copies);
        for (body, place) in placed.bodies.iter().zip(expected) {
            assert!(
                square(body.centre, place) < 1e-9,
                "{:?} {place:?}",
                body.centre
            );
            // Each has its part of the mass.
            let near = (0..256).filter(|&cell| square(SQUARE.position(cell), place) < 0.0625);
            let mass: f64 = near.map(|cell| spread[cell]).sum();
            assert!(
                (mass * copies as f64 - 1.0).abs() < 0.2,
                "{mass} of {copies}"
            );
        }
    }
}

#[test]
fn copies_of_one_object_stay_on_one_side_of_the_other() {
    for kind in [LeftOf, RightOf, Above, Below] {
        for frame in [SQUARE, WIDE] {
            let layout = with(
                layout(2, &[(0, kind, 1)]),
                vec![
                    target(0, |it| it.copies = 2),
                    target(1, |it| it.size = Some(Size::Extent(0.5))),
                ],
            );
            let placed = placed(frame, &layout);
            let bounds = [0.0, 0.0];
            for body in &placed[0].bodies {
                let other = placed[1].bodies[0];
                let centres = [body.centre, other.centre];
                let distance = kind
                    .geometry()
                    .signed_distance(frame.extent(), centres, bounds);
                assert!(distance > 0.3, "{kind} {frame:?}: {distance}");
                // They do not lie on each other.
                let apart = square(body.centre, other.centre).sqrt();
                assert!(
                    apart >= 0.49 * (body.extent + other.extent),
                    "{kind} {apart}"
                );
            }
            let [one, other] = [placed[0].bodies[0], placed[0].bodies[1]];
            assert!(square(one.centre, other.centre).sqrt() >= one.extent);
            for body in placed.iter().flat_map(|it| &it.bodies) {
                for axis in [0, 1] {
                    let half = 0.5 * body.extent - 1e-9;
                    let side = frame.extent()[axis];
                    assert!((half..=side - half).contains(&body.centre[axis]), "{kind}");
                }
            }
        }
    }
}

#[test]
fn a_size_is_a_disc_of_that_extent_on_any_frame() {
    for frame in [SQUARE, WIDE] {
        for extent in [0.3, 0.5, 0.7] {
            let layout = with(
                layout(1, &[]),
                vec![target(0, |it| it.size = Some(Size::Extent(extent)))],
            );
            let spread = placed(frame, &layout)[0].spread.clone().unwrap();
            let half = 0.5 * spread.iter().copied().fold(0.0, f64::max);
            let cells = spread.iter().filter(|weight| **weight > half).count() as f64;
            let diameter = 2.0 * (cells / std::f64::consts::PI).sqrt() * frame.cell();
            let wanted = extent * frame.shorter_side();
            assert!(
                (diameter / wanted - 1.0).abs() < 0.12,
                "{diameter} {wanted}"
            );
        }
    }
}

#[test]
fn a_region_is_filled_kept_to_or_both() {
    let area = Area {
        x: 0.5,
        y: 0.0,
        width: 0.5,
        height: 0.5,
    };
    let region = |change: fn(&mut ObjectTarget)| {
        let wanted = target(0, |it| {
            it.shape = Shape::Rectangle(area);
            change(it);
        });
        placed(SQUARE, &with(layout(1, &[]), vec![wanted])).remove(0)
    };
    let share = |weights: &[f64]| -> f64 {
        let inside = (0..256).filter(|cell| cell % 16 >= 8 && cell / 16 < 8);
        inside.map(|cell| weights[cell]).sum()
    };
    let both = region(|_| {});
    assert_is_distribution(both.spread.as_ref().unwrap());
    assert!(share(both.spread.as_ref().unwrap()) > 0.999 && both.region.is_some());
    assert!(!both.only_fills);
    let inside = region(|it| it.fill = false);
    assert!(inside.spread.is_none() && share(inside.region.as_ref().unwrap()) > 0.999);
    let fill = region(|it| it.keep_inside = false);
    assert!(fill.only_fills && fill.region.is_none() && fill.spread.is_some());
    // Copies spread within it.
    let copies = region(|it| it.copies = 2);
    for body in &copies.bodies {
        assert!(body.centre[0] > 0.5 && body.centre[1] < 0.5, "{body:?}");
    }
    assert!(share(copies.spread.as_ref().unwrap()) > 0.999);
}

#[test]
fn copies_in_a_painted_region_lie_in_it() {
    let mut mask = Mask::empty(1.0);
    // An L: down the left side and along the bottom.
    for step in 0..20 {
        let part = f64::from(step) / 20.0;
        mask.paint([0.15, part], 0.14, true);
        mask.paint([part, 0.85], 0.14, true);
    }
    let shape = Shape::Mask(mask);
    let wanted = target(0, |it| {
        it.copies = 3;
        it.shape = shape.clone();
    });
    let placed = placed(SQUARE, &with(layout(1, &[]), vec![wanted]));
    assert_eq!(placed[0].bodies.len(), 3);
    for body in &placed[0].bodies {
        assert!(shape.has(SQUARE.to_fractions(body.centre)), "{body:?}");
    }
}

#[test]
fn given_places_of_copies_stay_and_the_rest_find_theirs() {
    let given = [0.8, 0.8];
    let layout = with(
        layout(1, &[]),
        vec![target(0, |it| {
            it.copies = 3;
            it.shape = Shape::Points(vec![given]);
        })],
    );
    let bodies = &placed(SQUARE, &layout)[0].bodies;
    assert!(bodies.iter().any(|body| square(body.centre, given) < 1e-12));
    for (index, one) in bodies.iter().enumerate() {
        for other in &bodies[index + 1..] {
            assert!(square(one.centre, other.centre).sqrt() > 0.25, "{bodies:?}");
        }
    }
}

#[test]
fn a_chain_of_three_with_sizes_is_in_order() {
    let layout = with(
        layout(3, &[(0, LeftOf, 1), (1, LeftOf, 2)]),
        vec![
            target(0, |it| it.size = Some(Size::Extent(0.2))),
            target(2, |it| it.size = Some(Size::Extent(0.4))),
        ],
    );
    let placed = placed(SQUARE, &layout);
    let x: Vec<f64> = placed.iter().map(|it| it.bodies[0].centre[0]).collect();
    assert!(x[1] - x[0] > 0.2 && x[2] - x[1] > 0.25, "{x:?}");
    assert!(layout.check_room(SQUARE, &GAPS, USUAL).is_ok());
}

#[test]
fn what_has_no_room_is_told() {
    let check = |layout: Layout| layout.check_room(SQUARE, &GAPS, USUAL);
    let strip = |copies: usize, width: f64| {
        let area = Area {
            x: 0.4,
            y: 0.4,
            width,
            height: 0.2,
        };
        with(
            layout(1, &[]),
            vec![target(0, |it| {
                it.copies = copies;
                it.shape = Shape::Rectangle(area);
            })],
        )
    };
    assert_eq!(check(strip(3, 0.6)), Ok(()));
    let error = check(strip(3, 0.25)).unwrap_err();
    assert!(matches!(error, LayoutError::NoRoom { copies: 3, .. }));
    assert!(error.to_string().contains("3 × “cat”"), "{error}");
    assert_eq!(check(strip(1, 0.25)), Ok(()));
    let fine = check(strip(1, 0.05)).unwrap_err();
    assert!(matches!(
        fine,
        LayoutError::RegionTooFine { columns: 16, .. }
    ));
    assert!(fine.to_string().contains("7 % wide"), "{fine}");
    // Two that are both too large to lie beside each other.
    let large = |extent: f64| {
        with(
            layout(2, &[(0, LeftOf, 1)]),
            [0, 1]
                .map(|object| target(object, |it| it.size = Some(Size::Extent(extent))))
                .to_vec(),
        )
    };
    assert_eq!(check(large(0.45)), Ok(()));
    assert!(matches!(
        check(large(0.99)),
        Err(LayoutError::NoRoom { .. })
    ));
}

#[test]
fn one_object_fills_a_region_from_its_middle() {
    let area = Area {
        x: 0.25,
        y: 0.125,
        width: 0.25,
        height: 0.75,
    };
    let filled = with(
        layout(1, &[]),
        vec![target(0, |it| it.shape = Shape::Rectangle(area))],
    );
    let spread = placed(SQUARE, &filled)[0].spread.clone().unwrap();
    assert_is_distribution(&spread);
    let moments = |weights: &[f64]| {
        let centre = SQUARE.centroid(weights);
        let along = |axis: usize| -> f64 {
            let numbered = weights.iter().enumerate();
            numbered
                .map(|(cell, weight)| weight * (SQUARE.position(cell)[axis] - centre[axis]).powi(2))
                .sum()
        };
        (centre, [along(0), along(1)])
    };
    let flat: Vec<f64> = Shape::Rectangle(area).coverage(SQUARE);
    let total: f64 = flat.iter().sum();
    let flat: Vec<f64> = flat.iter().map(|part| part / total).collect();
    let ((centre, own), (middle, whole)) = (moments(&spread), moments(&flat));
    assert!(centre.iter().zip(middle).all(|(a, b)| (a - b).abs() < 1e-3));
    // Narrower than the region along both sides, and by the same share.
    let shares = [own[0] / whole[0], own[1] / whole[1]];
    assert!(
        shares.iter().all(|share| (0.5..0.9).contains(share)),
        "{shares:?}"
    );
    assert!((shares[0] - shares[1]).abs() < 0.05, "{shares:?}");
}

//! The default objective: gradients, directions, missing objects, odd maps.

use proptest::prelude::*;

use super::super::fixtures::{
    CONTEXT, Spot, TOKENS, assert_gradient, descend, facts, maps, object, pair,
};
use super::super::relation::{Axis, ObjectTarget, Relation, RelationKind};
use super::*;
use crate::parameters::ParameterError;

mod boxes;
mod distributions;

fn objective(layout: Layout, change: impl FnOnce(&mut StormParameters)) -> Storm {
    objective_reading(layout, |_, storm| change(storm))
}

fn objective_reading(
    layout: Layout,
    change: impl FnOnce(&mut ReadingParameters, &mut StormParameters),
) -> Storm {
    let (mut readings, mut parameters) = Default::default();
    change(&mut readings, &mut parameters);
    Storm::new(layout, readings, parameters, &facts()).unwrap()
}

/// Balanced transport to blobs, with the terms beside it: what pictures from before
/// there were boxes were made with.
fn to_blobs(parameters: &mut StormParameters) {
    parameters.relaxed_relations = false;
    parameters.into_boxes = false;
    parameters.presence_weight = 0.02;
    parameters.non_overlap_weight = 0.02;
    parameters.peaks_weight = 0.0;
}

const CAT_LEFT: [Spot<'_>; 2] = [
    (&[2], [0.2, 0.45], 0.1, 0.04),
    (&[4, 5], [0.75, 0.5], 0.12, 0.03),
];
const TOGETHER: [Spot<'_>; 2] = [
    (&[2], [0.57, 0.53], 0.12, 0.03),
    (&[4, 5], [0.42, 0.46], 0.12, 0.03),
];

#[test]
fn the_gradient_matches_central_differences_with_the_targets_held() {
    for (rows, columns) in [(6, 6), (5, 8)] {
        let maps = maps(rows, columns, &TOGETHER);
        let storm = objective(pair(RelationKind::LeftOf), |p| {
            to_blobs(p);
            p.marginal_tolerance = 1e-10;
            p.presence_weight = 0.1;
            p.non_overlap_weight = 0.1;
        });
        let reading = storm.read(&maps, CONTEXT).unwrap();
        let loss = |changed: &AttentionMaps| {
            let words = storm.reader.all_maps(changed).unwrap();
            storm.evaluate_towards(&words, reading.clone()).loss
        };
        let evaluation = storm.evaluate(&maps, CONTEXT).unwrap();
        assert!((evaluation.loss - loss(&maps)).abs() < 1e-12);
        assert_gradient(&maps, &evaluation.gradient, 2e-3, loss);
    }
}

#[test]
fn an_attribute_is_pulled_to_its_noun_and_the_noun_is_not_pulled_back() {
    let mut layout = pair(RelationKind::LeftOf);
    layout.objects[0].attributes = vec![vec![1]];
    let spots: [Spot<'_>; 3] = [CAT_LEFT[0], CAT_LEFT[1], (&[1], [0.75, 0.5], 0.1, 0.03)];
    let maps = maps(6, 6, &spots);
    let storm = objective(layout, |p| {
        to_blobs(p);
        p.marginal_tolerance = 1e-10;
        p.transport_weight = 0.0;
        p.presence_weight = 0.0;
        p.non_overlap_weight = 0.0;
        p.attribute_weight = 0.5;
    });
    let words = storm.reader.all_maps(&maps).unwrap();
    let noun = words.words[0].share.clone();
    let mut transport = Transport::new(words.frame, storm.parameters.transport());
    let self_noun = transport.solve_self(&noun);
    let transport = RefCell::new(transport);
    let loss = |changed: &AttentionMaps| {
        let attribute = &storm.reader.all_maps(changed).unwrap().words[2].share;
        let mut transport = transport.borrow_mut();
        let self_attribute = transport.solve_self(attribute);
        let divergence =
            transport.divergence_between(attribute, &self_attribute, &noun, &self_noun);
        0.5 * divergence.value
    };
    let evaluation = storm.evaluate(&maps, CONTEXT).unwrap();
    assert!((evaluation.loss - loss(&maps)).abs() < 1e-12);
    assert_gradient(&maps, &evaluation.gradient, 2e-3, loss);
}

#[test]
fn descent_brings_about_every_relation_from_the_wrong_side() {
    for &kind in RelationKind::ALL {
        let (cat, dog) = match kind {
            RelationKind::LeftOf => ([0.6, 0.5], [0.4, 0.5]),
            RelationKind::RightOf => ([0.4, 0.5], [0.6, 0.5]),
            RelationKind::Above => ([0.5, 0.6], [0.5, 0.4]),
            RelationKind::Below => ([0.5, 0.4], [0.5, 0.6]),
            RelationKind::NextTo => ([0.5, 0.5], [0.5, 0.5]),
        };
        let spots: [Spot<'_>; 2] = [(&[2], cat, 0.12, 0.03), (&[4, 5], dog, 0.12, 0.03)];
        let mut maps = maps(12, 12, &spots);
        let storm = objective_reading(pair(kind), |readings, _| readings.margin = 0.3);
        let before = storm.read(&maps, CONTEXT).unwrap();
        assert!(!before.relations[0].holds);
        assert!(before.relations[0].signed_distance < 0.0);
        let steps = descend(&storm, &mut maps, 300);
        let after = storm.read(&maps, CONTEXT).unwrap();
        assert!(
            after.satisfied && steps < 300,
            "{kind} after {steps}: {after:?}"
        );
        // An axis that it does not speak of was left alone.
        let geometry = kind.geometry();
        for other in Axis::BOTH
            .into_iter()
            .filter(|axis| !geometry.speaks_of(*axis))
        {
            let other = other.index();
            for (old, new) in before.objects.iter().zip(&after.objects) {
                assert!(
                    (old.centroid[other] - new.centroid[other]).abs() < 0.1,
                    "{kind}"
                );
            }
        }
    }
}

#[test]
fn the_pull_does_not_fade_where_the_relation_begins_to_hold() {
    let cat_at = |x: f64| {
        let spots: [Spot<'_>; 2] = [
            (&[2], [x, 0.5], 0.12, 0.03),
            (&[4, 5], [0.67, 0.5], 0.12, 0.03),
        ];
        maps(16, 16, &spots)
    };
    // What moving the cat a little further away gains, a step from the margin.
    let pull = |overshoot: f64| {
        let storm = objective_reading(pair(RelationKind::LeftOf), |readings, p| {
            to_blobs(p);
            readings.overshoot = overshoot;
            p.presence_weight = 0.0;
            p.non_overlap_weight = 0.0;
        });
        let reading = storm.read(&cat_at(0.35), CONTEXT).unwrap();
        assert!(!reading.satisfied);
        let loss = |x: f64| {
            let maps = cat_at(x);
            let words = storm.reader.all_maps(&maps).unwrap();
            storm.evaluate_towards(&words, reading.clone()).loss
        };
        (loss(0.35) - loss(0.34)) / 0.01
    };
    let (faded, kept) = (pull(0.0), pull(0.1));
    assert!(kept > 1.3 * faded, "{kept} and {faded}");
}

#[test]
fn descent_brings_an_object_to_a_free_place_on_a_wide_picture() {
    let mut layout = pair(RelationKind::LeftOf);
    layout.relations.clear();
    layout.targets = vec![ObjectTarget::at(1, [0.15, 0.3])].into();
    let mut maps = maps(8, 16, &TOGETHER);
    let storm = objective(layout.clone(), to_blobs);
    let before = storm.read(&maps, CONTEXT).unwrap();
    assert!((before.objects[1].target[0] - 0.15).abs() < 1e-12);
    assert!((before.objects[1].target[1] - 0.3).abs() < 1e-12);
    assert_eq!(before.objects[0].target, before.objects[0].centroid);
    assert!(!before.satisfied);
    let mut again = maps.clone();
    assert!(descend(&storm, &mut maps, 400) < 400);
    // Relaxed transport holds it to the place as well, and not only in a box around it.
    let storm = objective(layout, |_| {});
    descend(&storm, &mut again, 400);
    let [x, y] = storm.read(&again, CONTEXT).unwrap().objects[1].centroid;
    assert!((x - 0.15).abs() < 0.02 && (y - 0.3).abs() < 0.02, "{x} {y}");
}

#[test]
fn a_chain_of_three_finds_room_for_all() {
    let mut layout = pair(RelationKind::LeftOf);
    layout.objects.push(object("car", &[1]));
    layout.relations.push(Relation {
        subject: 1,
        kind: RelationKind::LeftOf,
        object: 2,
    });
    let spots: [Spot<'_>; 3] = [TOGETHER[0], TOGETHER[1], (&[1], [0.5, 0.6], 0.12, 0.03)];
    let maps = maps(12, 12, &spots);
    let storm = objective_reading(layout, |readings, _| readings.margin = 0.9);
    let reading = storm.read(&maps, CONTEXT).unwrap();
    for relation in &reading.relations {
        assert!(
            relation.margin > 0.3 && relation.margin < 0.5,
            "{relation:?}"
        );
    }
    let x: Vec<f64> = reading.objects.iter().map(|o| o.target[0]).collect();
    assert!(x[0] >= 0.12 && x[1] - x[0] > 0.3 && x[2] - x[1] > 0.3 && x[2] <= 0.88);
}

#[test]
fn a_picture_that_is_right_is_satisfied() {
    // The padding at token 7 takes the ground, as it does in real maps.
    let spots: [Spot<'_>; 3] = [
        (&[2], [0.2, 0.45], 0.1, 0.1),
        (&[4, 5], [0.75, 0.5], 0.1, 0.1),
        (&[7], [0.5, 0.5], 10.0, 0.07),
    ];
    let maps = maps(16, 16, &spots);
    let reading = objective(pair(RelationKind::LeftOf), |_| {})
        .read(&maps, CONTEXT)
        .unwrap();
    assert!(reading.satisfied, "{reading:?}");
    for (object, x) in reading.objects.iter().zip([0.2, 0.75]) {
        assert!((object.centroid[0] - x).abs() < 0.06, "{object:?}");
    }
    let wrong = objective(pair(RelationKind::RightOf), |_| {})
        .read(&maps, CONTEXT)
        .unwrap();
    assert!(!wrong.satisfied && wrong.relations[0].signed_distance < -0.4);
}

#[test]
fn an_absent_object_takes_part_with_its_presence_only() {
    let mut maps = maps(10, 10, &CAT_LEFT);
    for pixel in maps.values.chunks_exact_mut(TOKENS) {
        pixel[1..].iter_mut().for_each(|a| *a += 0.05);
        pixel[2] = 0.0;
    }
    maps.values[37 * TOKENS + 2] = 0.01;
    let storm = objective(pair(RelationKind::LeftOf), |p| {
        to_blobs(p);
        p.transport_weight = 0.0;
    });
    let evaluation = storm.evaluate(&maps, CONTEXT).unwrap();
    assert!(evaluation.reading.objects[0].absent);
    assert!(!evaluation.reading.objects[1].absent);
    assert!(!evaluation.reading.relations[0].holds && !evaluation.reading.satisfied);
    let strongest = |gradient: &[f32]| {
        let cat = gradient.iter().skip(2).step_by(TOKENS);
        cat.enumerate()
            .min_by(|x, y| x.1.total_cmp(y.1))
            .map(|(cell, slope)| (cell, *slope))
            .unwrap()
    };
    // Its attention is asked to grow where it is strongest, with a slope that
    // does not vanish with the response: w · 100 · (share of that cell).
    let (cell, slope) = strongest(&evaluation.gradient);
    assert_eq!(cell, 37);
    assert!(slope < -0.5, "{slope}");
    // Transport does not touch it: switching it on leaves the gradient there.
    let with_transport = objective(pair(RelationKind::LeftOf), to_blobs)
        .evaluate(&maps, CONTEXT)
        .unwrap();
    let (cell, again) = strongest(&with_transport.gradient);
    assert_eq!(cell, 37);
    assert!(
        (again - slope).abs() < 1e-3 * slope.abs(),
        "{again} {slope}"
    );
}

#[test]
fn without_weights_there_is_no_loss() {
    let evaluation = objective(pair(RelationKind::Above), |p| {
        p.transport_weight = 0.0;
        p.presence_weight = 0.0;
        p.non_overlap_weight = 0.0;
        p.attribute_weight = 0.0;
    })
    .evaluate(&maps(4, 4, &TOGETHER), CONTEXT)
    .unwrap();
    assert_eq!(evaluation.loss, 0.0);
    assert!(evaluation.gradient.iter().all(|g| *g == 0.0));
}

#[test]
fn maps_that_cannot_be_used_are_typed_errors() {
    let storm = objective(pair(RelationKind::LeftOf), |_| {});
    let mut broken = maps(4, 4, &CAT_LEFT);
    broken.values[10] = f32::NAN;
    for result in [
        storm.read(&broken, CONTEXT).err(),
        storm.evaluate(&broken, CONTEXT).err(),
    ] {
        assert!(matches!(result, Some(ObjectiveError::Attention(_))));
    }
    let short = AttentionMaps::new(2, 2, 5, vec![0.2; 20]).unwrap();
    assert_eq!(
        storm.read(&short, CONTEXT),
        Err(ObjectiveError::TokenCount {
            expected: TOKENS,
            found: 5
        })
    );
}

#[test]
fn parameters_and_layouts_out_of_range_are_refused() {
    let build = |layout: Layout, change: fn(&mut ReadingParameters, &mut StormParameters)| {
        let (mut readings, mut parameters) = Default::default();
        change(&mut readings, &mut parameters);
        Storm::new(layout, readings, parameters, &facts()).err()
    };
    let refused = build(pair(RelationKind::Above), |_, p| p.epsilon = f64::NAN);
    assert!(matches!(
        refused,
        Some(ObjectiveError::Parameter(ParameterError::OutOfRange {
            label: "Epsilon",
            ..
        }))
    ));
    let refused = build(Layout::default(), |_, _| {});
    assert!(matches!(refused, Some(ObjectiveError::Layout(_))));
    // Token 6 is the end token: it has a map only with the padding.
    let mut after_the_end = pair(RelationKind::Above);
    after_the_end.objects[0].tokens = vec![6];
    assert_eq!(build(after_the_end.clone(), |_, _| {}), None);
    let refused = build(after_the_end, |readings, _| {
        readings.include_padding = false
    });
    assert!(matches!(refused, Some(ObjectiveError::Layout(_))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Uniform, empty and spiky maps down to one cell: everything stays finite,
    /// and adding a constant to all tokens of a pixel changes nothing where the sharp
    /// maps are read.
    #[test]
    fn any_maps_give_a_finite_gradient_that_ignores_constants(
        rows in 1usize..7,
        columns in 1usize..7,
        kind in prop::sample::select(RelationKind::ALL.to_vec()),
        level in prop::sample::select(vec![0.0f32, 0.01, 0.3, 1.0]),
        noise in prop::collection::vec(0.0f32..1.0, 36 * TOKENS),
    ) {
        let count = rows * columns * TOKENS;
        let values = noise[..count].iter().map(|n| level * n).collect();
        let maps = AttentionMaps::new(rows, columns, TOKENS, values).unwrap();
        let evaluation = objective(pair(kind), to_blobs).evaluate(&maps, CONTEXT).unwrap();
        let by_default = objective(pair(kind), |_| {}).evaluate(&maps, CONTEXT).unwrap();
        prop_assert!(by_default.loss.is_finite());
        prop_assert!(by_default.gradient.iter().all(|slope| slope.is_finite()));
        prop_assert!(evaluation.loss.is_finite());
        let largest = evaluation.gradient.iter().fold(0.0f32, |m, g| m.max(g.abs()));
        for pixel in evaluation.gradient.chunks_exact(TOKENS) {
            prop_assert!(pixel.iter().sum::<f32>().abs() <= 1e-5 * largest);
        }
        for object in &evaluation.reading.objects {
            for fraction in object.centroid.iter().chain(&object.target) {
                prop_assert!((0.0..=1.0).contains(fraction));
            }
        }
    }
}

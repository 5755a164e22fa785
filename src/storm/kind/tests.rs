//! Names, parameters and sources of the objectives.

use super::super::attention::AttentionMaps;
use super::super::fixtures::{CONTEXT, TOKENS, facts, maps, pair};
use super::super::relation::{ObjectTarget, RelationKind};
use super::*;

#[test]
fn every_kind_is_built_under_its_own_name_and_reads_alike() {
    let maps = maps(6, 6, &[(&[2], [0.3, 0.4], 0.1, 0.05)]);
    let parameters = ObjectiveParameters::default();
    let mut centroids = Vec::new();
    for &kind in ObjectiveKind::ALL {
        let objective = build(kind, pair(RelationKind::Above), &parameters, &facts()).unwrap();
        assert_eq!(objective.kind(), kind);
        assert_eq!(kind.to_string().parse(), Ok(kind));
        let in_files = serde_json::to_string(&kind).unwrap();
        assert_eq!(in_files, format!("\"{kind}\""));
        let reading = objective.read(&maps, CONTEXT).unwrap();
        let evaluation = objective.evaluate(&maps, CONTEXT).unwrap();
        assert_eq!(evaluation.gradient.len(), maps.values.len());
        assert_eq!(evaluation.reading, reading);
        centroids.push(reading.objects[0].centroid);
    }
    assert!(centroids.iter().all(|centroid| *centroid == centroids[0]));
    let error = "transport".parse::<ObjectiveKind>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "“transport” is no method; use storm, centroid, attend-and-excite, cross-entropy, \
         balanced-transport, layout-guidance, box-diff, box-per-copy, moments, moments-per-copy \
         or reference"
    );
}

#[test]
fn each_objective_says_what_it_lacks() {
    use super::super::fixtures::layout;
    use ObjectiveKind::*;

    let nothing = layout(0, &[]);
    let one = layout(1, &[]);
    let two = layout(2, &[]);
    let related = layout(2, &[(0, RelationKind::LeftOf, 1)]);
    let mut placed = one.clone();
    placed.targets = vec![ObjectTarget::at(0, [0.5, 0.5])].into();
    let runs = |kind: ObjectiveKind| {
        [&nothing, &one, &two, &related, &placed].map(|layout| kind.check(layout).is_ok())
    };
    assert_eq!(runs(Storm), [false, false, false, true, true]);
    assert_eq!(runs(Centroid), runs(Storm));
    assert_eq!(runs(AttendAndExcite), [false, true, true, true, true]);
    assert_eq!(runs(Reference), [false, false, true, true, false]);
    for &kind in ObjectiveKind::ALL {
        // What needs no relation has enough with its objects alone.
        assert_eq!(kind.needs_relation(), kind.check(&two).is_err(), "{kind}");
    }
}

#[test]
fn odd_maps_give_finite_results_or_a_typed_error_in_every_kind() {
    for &kind in ObjectiveKind::ALL {
        let objective = build(
            kind,
            pair(RelationKind::RightOf),
            &ObjectiveParameters::default(),
            &facts(),
        )
        .unwrap();
        // One cell, nothing at all, uniform, certain.
        for (rows, columns, level) in [(1, 1, 0.1), (4, 4, 0.0), (3, 5, 0.1), (5, 2, 1.0)] {
            let values = vec![level; rows * columns * TOKENS];
            let maps = AttentionMaps::new(rows, columns, TOKENS, values).unwrap();
            let evaluation = objective.evaluate(&maps, CONTEXT).unwrap();
            assert!(evaluation.loss.is_finite());
            assert!(evaluation.gradient.iter().all(|g| g.is_finite()));
            for object in &evaluation.reading.objects {
                assert!(object.centroid.iter().all(|c| (c - 0.5).abs() < 1e-9));
            }
        }
        let mut broken = maps(4, 4, &[]);
        broken.values[20] = f32::NAN;
        for error in [
            objective.read(&broken, CONTEXT).err(),
            objective.evaluate(&broken, CONTEXT).err(),
            objective.evaluate_in_refinement(&broken, CONTEXT).err(),
        ] {
            assert!(
                matches!(error, Some(ObjectiveError::Attention(_))),
                "{kind}"
            );
        }
    }
}

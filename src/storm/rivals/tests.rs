//! The rivals' slopes, and that each of them brings about what it can.

use super::super::fixtures::{CONTEXT, Spot, assert_gradient, descend, facts, maps, pair};
use super::super::kind::build;
use super::super::object_target::{Area, Shape, Size};
use super::super::parameters::ObjectiveParameters;
use super::super::relation::RelationKind;
use super::*;

const TOGETHER: [Spot<'_>; 2] = [
    (&[2], [0.57, 0.53], 0.12, 0.03),
    (&[4, 5], [0.42, 0.46], 0.12, 0.03),
];

const RIVALS: [(ObjectiveKind, RivalLoss); 5] = [
    (ObjectiveKind::LayoutGuidance, RivalLoss::LayoutGuidance),
    (ObjectiveKind::BoxDiff, RivalLoss::BoxDiff),
    (ObjectiveKind::BoxPerCopy, RivalLoss::BoxPerCopy),
    (ObjectiveKind::Moments, RivalLoss::Moments),
    (ObjectiveKind::MomentsPerCopy, RivalLoss::MomentsPerCopy),
];

fn wishes() -> Layout {
    let mut layout = pair(RelationKind::LeftOf);
    layout.targets.edit(0, |target| target.copies = 2);
    layout
        .targets
        .edit(1, |target| target.size = Some(Size::Extent(0.45)));
    layout
}

#[test]
fn every_gradient_matches_central_differences_with_the_targets_held() {
    for bare_map in [true, false] {
        let readings = ReadingParameters {
            bare_map,
            ..ReadingParameters::default()
        };
        for rival in RIVALS {
            for layout in [wishes(), pair(RelationKind::Above)] {
                let maps = maps(6, 7, &TOGETHER);
                let objective = Rival::new(rival, layout, &readings, &facts()).unwrap();
                let reading = objective.read(&maps, CONTEXT).unwrap();
                let loss = |changed: &AttentionMaps| {
                    let words = objective.reader.object_maps(changed).unwrap();
                    objective.evaluate_towards(&words, reading.clone()).loss
                };
                let evaluation = objective.evaluate(&maps, CONTEXT).unwrap();
                assert_gradient(&maps, &evaluation.gradient, 5e-3, loss);
            }
        }
    }
}

#[test]
fn every_rival_takes_an_object_into_its_region() {
    let area = Area {
        x: 0.5,
        y: 0.0,
        width: 0.5,
        height: 0.5,
    };
    let mut layout = pair(RelationKind::LeftOf);
    layout.relations.clear();
    layout
        .targets
        .edit(0, |target| target.shape = Shape::Rectangle(area));
    for (kind, _) in RIVALS {
        let parameters = ObjectiveParameters::default();
        let objective = build(kind, layout.clone(), &parameters, &facts()).unwrap();
        assert_eq!(objective.kind(), kind);
        let spots: [Spot<'_>; 1] = [(&[2], [0.3, 0.7], 0.15, 0.1)];
        let mut maps = maps(8, 8, &spots);
        let inside = |maps: &AttentionMaps| {
            let map = maps.map(2);
            let cells = (0..64).filter(|cell| cell % 8 >= 4 && cell / 8 < 4);
            cells.map(|cell| map[cell]).sum::<f32>() / map.iter().sum::<f32>()
        };
        let before = inside(&maps);
        descend(objective.as_ref(), &mut maps, 60);
        assert!(
            inside(&maps) > before + 0.1,
            "{kind}: {before} {}",
            inside(&maps)
        );
    }
}

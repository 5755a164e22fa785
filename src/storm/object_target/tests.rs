//! Shapes on grids, and targets in files.

use super::*;

const AREA: Area = Area {
    x: 0.25,
    y: 0.25,
    width: 0.5,
    height: 0.25,
};

#[test]
fn coverage_is_the_share_of_every_cell_on_any_frame() {
    let frame = Frame {
        rows: 4,
        columns: 2,
    };
    let coverage = Shape::Rectangle(AREA).coverage(frame);
    assert_eq!(coverage, [0.0, 0.0, 0.5, 0.5, 0.0, 0.0, 0.0, 0.0]);
    for (rows, columns) in [(32, 32), (16, 48)] {
        let frame = Frame { rows, columns };
        let total: f64 = Shape::Ellipse(AREA).coverage(frame).iter().sum();
        let expected = std::f64::consts::PI / 4.0 * 0.125 * frame.cells() as f64;
        assert!((total / expected - 1.0).abs() < 0.01, "{total} {expected}");
    }
    assert!(Shape::Anywhere.coverage(frame).iter().all(|c| *c == 1.0));
}

#[test]
fn plain_places_keep_their_old_name_in_files() {
    let old = r#"{"free_targets":[{"object":1,"x":0.25,"y":0.5}]}"#;
    let targets: Targets = serde_json::from_str(old).unwrap();
    assert_eq!(*targets, [ObjectTarget::at(1, [0.25, 0.5])]);
    assert_eq!(serde_json::to_string(&targets).unwrap(), old);
    assert_eq!(
        serde_json::from_str::<Targets>("{}").unwrap(),
        Targets::default()
    );
}

#[test]
fn every_shape_and_size_comes_back_from_its_text() {
    let mut mask = Mask::empty(1.0);
    mask.paint([0.5, 0.5], 0.2, true);
    let shapes = [
        Shape::Anywhere,
        Shape::Points(vec![[0.1, 0.2], [0.3, 0.4]]),
        Shape::Ellipse(AREA),
        Shape::Rectangle(AREA),
        Shape::Mask(mask),
    ];
    let sizes = [None, Some(Size::Big), Some(Size::Extent(0.4))];
    let targets: Vec<ObjectTarget> = shapes
        .into_iter()
        .enumerate()
        .map(|(object, shape)| ObjectTarget {
            object,
            shape,
            size: sizes[object % 3],
            copies: 2,
            fill: object % 2 == 0,
            is_locked: object == 3,
            ..ObjectTarget::default()
        })
        .collect();
    let targets = Targets(targets);
    let text = serde_json::to_string(&targets).unwrap();
    assert_eq!(serde_json::from_str::<Targets>(&text).unwrap(), targets);
}

#[test]
fn a_target_that_asks_for_nothing_goes() {
    let mut targets = Targets::default();
    targets.edit(1, |target| target.copies = 2);
    targets.edit(0, |target| target.size = Some(Size::Small));
    assert_eq!(targets.len(), 2);
    targets.edit(1, |target| target.copies = 1);
    assert!(targets.of(1).is_none());
    targets.edit(3, |target| target.copies = 3);
    targets.remove_object(0);
    assert_eq!(targets.len(), 1);
    assert_eq!(targets.of(2).map(|target| target.copies), Some(3));
}

#[test]
fn big_and_small_are_seen_from_the_usual_extent() {
    assert_eq!(Size::Big.extent(0.4), 0.6000000000000001);
    assert_eq!(Size::Small.extent(0.4), 0.26);
    assert_eq!(Size::Extent(0.3).extent(0.9), 0.3);
    assert_eq!(Size::Big.extent(0.9), 1.0);
    assert_eq!("big".parse(), Ok(Size::Big));
    assert_eq!(Size::Extent(0.4).words(), "40 %");
}

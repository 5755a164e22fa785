//! Layouts that are fine and every way in which one is refused.

use super::super::fixtures::layout;
use super::super::relation::RelationKind::*;
use super::*;

#[test]
fn a_cycle_is_told_in_words() {
    let looped = layout(
        4,
        &[
            (0, LeftOf, 1),
            (2, RightOf, 1),
            (2, LeftOf, 0),
            (3, Above, 0),
        ],
    );
    let message = looped.validate(77).unwrap_err().to_string();
    // A cycle has no first object, so any rotation will do.
    let rotations = [
        "“cat” left of “dog” left of “car” left of “cat”",
        "“dog” left of “car” left of “cat” left of “dog”",
        "“car” left of “cat” left of “dog” left of “car”",
    ];
    assert!(rotations.iter().any(|r| message.contains(r)), "{message}");
    // The same pairs along different axes don't contradict each other.
    let fine = layout(3, &[(0, LeftOf, 1), (1, Above, 0), (1, LeftOf, 2)]);
    assert_eq!(fine.validate(77), Ok(()));
    assert_eq!(fine.longest_chain(Axis::Horizontal), 2);
    assert_eq!(fine.longest_chain(Axis::Vertical), 1);
}

#[test]
fn two_opposite_relations_of_a_pair_are_a_cycle() {
    let error = layout(2, &[(0, Below, 1), (0, Above, 1)]).validate(77);
    assert!(matches!(
        error,
        Err(LayoutError::Cycle {
            axis: Axis::Vertical,
            ref labels
        }) if labels.len() == 2
    ));
    // Saying the same thing twice is fine.
    assert_eq!(
        layout(2, &[(0, Below, 1), (1, Above, 0)]).validate(77),
        Ok(())
    );
}

#[test]
fn wrong_tokens_and_indices_are_refused() {
    assert_eq!(Layout::default().validate(77), Err(LayoutError::Empty));
    let with_token = |token| {
        let mut changed = layout(2, &[(0, LeftOf, 1)]);
        changed.objects[1].tokens = vec![token];
        changed.validate(77)
    };
    assert_eq!(with_token(75), Ok(()));
    for token in [0, 76, 77] {
        assert!(matches!(
            with_token(token),
            Err(LayoutError::TokenOutOfRange { last: 75, .. })
        ));
    }
    assert!(matches!(
        with_token(1),
        Err(LayoutError::SharedToken { token: 1, .. })
    ));
    assert!(matches!(
        layout(2, &[(1, LeftOf, 1)]).validate(77),
        Err(LayoutError::SelfRelation { .. })
    ));
    assert!(matches!(
        layout(2, &[(0, LeftOf, 2)]).validate(77),
        Err(LayoutError::UnknownObject { index: 2, count: 2 })
    ));
    let mut wordless = layout(1, &[]);
    wordless.objects[0].attributes.push(vec![]);
    assert!(matches!(
        wordless.validate(77),
        Err(LayoutError::NoTokens { .. })
    ));
}

#[test]
fn places_outside_twice_or_against_a_relation_are_refused() {
    let with = |targets: &[(usize, f64, f64)]| {
        let mut changed = layout(2, &[(0, LeftOf, 1)]);
        let targets = targets.iter();
        let targets: Vec<_> = targets
            .map(|&(object, x, y)| ObjectTarget::at(object, [x, y]))
            .collect();
        changed.targets = targets.into();
        changed.validate(77)
    };
    assert_eq!(with(&[(0, 0.2, 0.5), (1, 0.8, 0.5)]), Ok(()));
    assert!(matches!(
        with(&[(0, f64::NAN, 0.5)]),
        Err(LayoutError::TargetOutside { .. })
    ));
    assert!(matches!(
        with(&[(0, 0.2, 1.1)]),
        Err(LayoutError::TargetOutside { .. })
    ));
    assert!(matches!(
        with(&[(0, 0.2, 0.5), (0, 0.3, 0.5)]),
        Err(LayoutError::TwoTargets { .. })
    ));
    assert!(matches!(
        with(&[(0, 0.8, 0.5), (1, 0.2, 0.5)]),
        Err(LayoutError::TargetsContradict { .. })
    ));
}

#[test]
fn wishes_that_contradict_are_refused_in_words() {
    use super::super::mask::Mask;
    use super::super::object_target::Area;

    let left = Shape::Rectangle(Area {
        x: 0.0,
        y: 0.2,
        width: 0.3,
        height: 0.5,
    });
    let right = Shape::Ellipse(Area {
        x: 0.6,
        y: 0.2,
        width: 0.4,
        height: 0.5,
    });
    let target = |object: usize, shape: &Shape| ObjectTarget {
        object,
        shape: shape.clone(),
        ..ObjectTarget::default()
    };
    let with = |targets: Vec<ObjectTarget>| {
        let mut changed = layout(2, &[(0, LeftOf, 1)]);
        changed.targets = targets.into();
        changed.validate(77)
    };
    assert_eq!(with(vec![target(0, &left), target(1, &right)]), Ok(()));
    let error = with(vec![target(0, &right), target(1, &left)]).unwrap_err();
    assert!(matches!(error, LayoutError::RegionsContradict { .. }));
    assert!(error.to_string().contains("left of"), "{error}");
    // Copies that are given places must all be on that side.
    let places = Shape::Points(vec![[0.2, 0.5], [0.8, 0.5]]);
    let mut two = target(0, &places);
    two.copies = 2;
    assert!(matches!(
        with(vec![two.clone(), target(1, &left)]),
        Err(LayoutError::RegionsContradict { .. })
    ));
    two.copies = 1;
    assert!(matches!(
        with(vec![two]),
        Err(LayoutError::TooManyPlaces { places: 2, .. })
    ));
    let changed = |change: fn(&mut ObjectTarget)| {
        let mut one = target(0, &left);
        change(&mut one);
        with(vec![one]).unwrap_err()
    };
    assert!(matches!(
        changed(|it| it.copies = 0),
        LayoutError::Copies { copies: 0, .. }
    ));
    assert!(matches!(
        changed(|it| it.copies = 10),
        LayoutError::Copies { copies: 10, .. }
    ));
    assert!(matches!(
        changed(|it| it.size = Some(Size::Extent(f64::NAN))),
        LayoutError::Extent { .. }
    ));
    assert!(matches!(
        changed(|it| (it.fill, it.keep_inside) = (false, false)),
        LayoutError::IdleRegion { .. }
    ));
    assert!(matches!(
        changed(|it| it.shape = Shape::Mask(Mask::empty(1.0))),
        LayoutError::EmptyRegion { .. }
    ));
    let outside = Area {
        x: 0.8,
        y: 0.0,
        width: 0.5,
        height: 0.5,
    };
    assert!(matches!(
        with(vec![target(0, &Shape::Rectangle(outside))]),
        Err(LayoutError::TargetOutside { .. })
    ));
}

#[test]
fn relations_alone_leave_out_what_is_there_for_wishes() {
    let mut wished = layout(4, &[(0, LeftOf, 2)]);
    wished.targets.edit(1, |target| target.copies = 2);
    wished
        .targets
        .edit(2, |target| target.size = Some(Size::Big));
    assert_eq!(wished.validate(77), Ok(()));
    let plain = wished.relations_alone();
    let labels: Vec<&str> = plain.objects.iter().map(|it| it.label.as_str()).collect();
    assert_eq!(labels, ["cat", "car"]);
    assert_eq!(
        (plain.relations[0].subject, plain.relations[0].object),
        (0, 1)
    );
    assert!(plain.targets.is_empty());
    let without_wishes = layout(3, &[(0, LeftOf, 2)]);
    assert_eq!(without_wishes.relations_alone(), without_wishes);
}

#[test]
fn small_and_big_are_a_models_own_where_it_says_them() {
    let mut sized = layout(3, &[]);
    sized
        .targets
        .edit(0, |target| target.size = Some(Size::Small));
    sized
        .targets
        .edit(1, |target| target.size = Some(Size::Big));
    sized
        .targets
        .edit(2, |target| target.size = Some(Size::Extent(0.3)));
    let own = SizeExtents {
        small: 0.22,
        big: 0.44,
    };
    let resolved = sized.with_sizes(own);
    let extents: Vec<Option<Size>> = resolved.targets.iter().map(|it| it.size).collect();
    let wanted = [0.22, 0.44, 0.3].map(|extent| Some(Size::Extent(extent)));
    assert_eq!(extents, wanted);
    assert!(sized.has_relative_sizes() && !resolved.has_relative_sizes());
}

#[test]
fn bodies_are_the_moved_objects_with_their_copies() {
    assert_eq!(layout(3, &[(0, LeftOf, 1)]).bodies(), 2);
    let mut wished = layout(3, &[(0, LeftOf, 1)]);
    wished.targets.edit(0, |target| target.copies = 3);
    assert_eq!(wished.bodies(), 4);
    wished
        .targets
        .edit(1, |target| target.size = Some(Size::Extent(0.4)));
    assert_eq!(wished.bodies(), 5);
    // Nothing is asked for: all of them are held.
    assert_eq!(layout(3, &[]).bodies(), 3);
}

//! Layouts that are fine and every way in which one is refused.

use super::super::fixtures::layout;
use super::*;
use RelationKind::*;

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
        changed.free_targets = targets
            .iter()
            .map(|&(object, x, y)| FreeTarget { object, x, y })
            .collect();
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

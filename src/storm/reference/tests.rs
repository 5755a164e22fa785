//! The released objective against figures of an independent PyTorch program,
//! which reproduces every recorded loss of the released code to 1e-6.

use super::super::fixtures::{TOKENS, assert_gradient, facts, pair};
use super::super::kind::Missing;
use super::super::relation::RelationKind;
use super::*;

const STEP_COUNT: usize = 51;

fn context(step_index: usize) -> StepContext {
    StepContext {
        step_index,
        step_count: STEP_COUNT,
        noise: 1.0,
    }
}

/// Fixed irregular maps [4, 4, 9].
fn maps() -> AttentionMaps {
    let values = (0..16 * TOKENS)
        .map(|i| ((i * 37) % 101) as f32 / 101.0 * 0.05)
        .collect();
    AttentionMaps::new(4, 4, TOKENS, values).unwrap()
}

/// Subject at token 2, object at token 5, with the given attributes' tokens.
fn reference(prompt: &str, attributes: [Option<usize>; 2]) -> Reference {
    let mut layout = pair(RelationKind::LeftOf);
    layout.objects[1].tokens = vec![5];
    for (object, attribute) in layout.objects.iter_mut().zip(attributes) {
        object.attributes = attribute.map(|token| vec![token]).into_iter().collect();
    }
    build(layout, facts_of(prompt))
}

fn facts_of(prompt: &str) -> PromptFacts {
    PromptFacts {
        prompt: prompt.to_owned(),
        ..facts()
    }
}

fn build(layout: Layout, prompt: PromptFacts) -> Reference {
    let readings = ReadingParameters::default();
    Reference::new(layout, &readings, ReferenceParameters::default(), &prompt).unwrap()
}

#[test]
fn losses_and_gradients_are_those_of_the_independent_program() {
    // (prompt, attributes, step, loss, gradient at 2, 41, 58, 100, 139, its
    // largest entry)
    type Case = (&'static str, [Option<usize>; 2], usize, f64, [f64; 5], f64);
    let cases: [Case; 4] = [
        (
            "a left b",
            [None, None],
            3,
            0.639_063_597,
            [-14.2222, 0.61924, 0.014_356_6, 0.095_391, 0.308_875],
            20.81,
        ),
        (
            "a above b",
            [Some(1), Some(4)],
            8,
            1.009_677_89,
            [6.08269, -0.375_514, 0.177_295, 0.026_920_7, -1.88286],
            32.3394,
        ),
        (
            "a and b",
            [None, None],
            2,
            0.135_111_63,
            [
                -0.402_828,
                0.015_381_2,
                0.001_729_77,
                -0.002_955_28,
                -0.010_207,
            ],
            0.710_798,
        ),
        (
            "a next to b",
            [None, Some(4)],
            7,
            0.243_061_841,
            [0.042_338_6, -0.018_809_5, 0.040_096_3, 0.25885, -1.40653],
            1.56092,
        ),
    ];
    for (prompt, attributes, step, loss, entries, largest) in cases {
        let objective = reference(prompt, attributes);
        let found = objective.evaluate(&maps(), context(step)).unwrap();
        assert!(
            (found.loss / loss - 1.0).abs() < 1e-5,
            "{prompt}: {}",
            found.loss
        );
        for (index, expected) in [2, 41, 58, 100, 139].into_iter().zip(entries) {
            let error = (f64::from(found.gradient[index]) - expected).abs();
            assert!(error < 1e-4 * largest, "{prompt} at {index}: {error}");
        }
        let found_largest = found.gradient.iter().fold(0.0f32, |m, g| m.max(g.abs()));
        assert!((f64::from(found_largest) / largest - 1.0).abs() < 1e-4);
    }
}

#[test]
fn the_gradient_of_the_relation_matches_central_differences() {
    let objective = reference("a right b", [None, None]);
    let gradient = objective.evaluate(&maps(), context(1)).unwrap().gradient;
    assert_gradient(&maps(), &gradient, 1e-3, |changed| {
        objective.evaluate(changed, context(1)).unwrap().loss
    });
}

/// The faults that the default objective does not repeat.
#[test]
fn right_acts_as_left_and_below_as_above() {
    let gradient = |prompt| {
        let objective = reference(prompt, [None, None]);
        objective.evaluate(&maps(), context(3)).unwrap().gradient
    };
    assert_eq!(gradient("a left b"), gradient("a right b"));
    assert_eq!(gradient("a above b"), gradient("a below b"));
    assert_ne!(gradient("a left b"), gradient("a above b"));
}

#[test]
fn the_family_of_sd_2_drops_the_padding_in_the_step_only() {
    let prompt = facts_of("a left b");
    let with_columns = |released_columns| {
        let mut layout = pair(RelationKind::LeftOf);
        layout.objects[1].tokens = vec![5];
        let prompt = prompt.clone();
        build(
            layout,
            PromptFacts {
                released_columns,
                ..prompt
            },
        )
    };
    let sd1 = with_columns(prompt.columns.clone());
    let sd2 = with_columns(prompt.prompt_columns.clone());
    let loss = |o: &Reference| o.evaluate(&maps(), context(3)).unwrap().loss;
    let refined = |o: &Reference| o.evaluate_in_refinement(&maps(), context(3)).unwrap().loss;
    assert_eq!(loss(&sd1), refined(&sd1));
    assert_eq!(refined(&sd1), refined(&sd2));
    assert!((loss(&sd2) - refined(&sd2)).abs() > 1e-3);
}

#[test]
fn the_gate_looks_at_the_words_axis_and_opens_refinement_at_threshold_steps() {
    let mut values = vec![0.0; 16 * TOKENS];
    // Subject top left, object one row down and three columns to the right.
    values[2] = 0.5;
    values[7 * TOKENS + 5] = 0.5;
    let maps = AttentionMaps::new(4, 4, TOKENS, values).unwrap();
    let right = reference("a left b", [None, None]);
    let evaluation = right.evaluate(&maps, context(3)).unwrap();
    let [x, y] = evaluation.coordinate.unwrap();
    assert!(x > 2.0 * y && y > 0.0 && x < 0.3);
    assert_eq!(right.gate(&maps), Ok(x));
    assert_eq!(reference("a above b", [None, None]).gate(&maps), Ok(y));

    let opened: Vec<usize> = (0..STEP_COUNT)
        .filter(|&i| right.refinement(&maps, context(i)).unwrap().is_some())
        .collect();
    assert_eq!(opened, [5, 10, 15, 20]);
    let refinement = right.refinement(&maps, context(5)).unwrap().unwrap();
    assert!((refinement.until - 0.05).abs() < 1e-12);
    assert_eq!(refinement.limit, 30);
    // With the object on the other side the gate is shut.
    let mut layout = pair(RelationKind::LeftOf);
    layout.objects[0].tokens = vec![5];
    layout.objects[1].tokens = vec![2];
    let shut = build(layout, facts_of("a left b"));
    assert_eq!(shut.gate(&maps), Ok(0.0));
    assert_eq!(shut.refinement(&maps, context(5)), Ok(None));
}

#[test]
fn step_sizes_are_the_released_ones() {
    let parameters = ReferenceParameters::default();
    assert_eq!(parameters.step_size(context(0)), 20.0);
    assert!((parameters.step_size(context(50)) - 20.0 * 0.5f64.sqrt()).abs() < 1e-12);
    assert!((parameters.step_size(context(25)) - 20.0 * 0.75f64.sqrt()).abs() < 1e-12);
    assert!(!parameters.updates(0) && parameters.updates(1));
    assert!(parameters.updates(24) && !parameters.updates(25));
}

#[test]
fn anything_but_a_pair_is_refused_and_odd_maps_stay_finite() {
    let mut single = pair(RelationKind::LeftOf);
    single.objects.pop();
    single.relations.clear();
    let refused = Reference::new(
        single,
        &ReadingParameters::default(),
        ReferenceParameters::default(),
        &facts(),
    );
    assert!(matches!(
        refused.err(),
        Some(ObjectiveError::Missing(Missing::Pair { found: 1 }))
    ));
    for (rows, columns, level) in [(1, 1, 0.1), (4, 4, 0.0), (3, 5, 1.0)] {
        let values = vec![level; rows * columns * TOKENS];
        let maps = AttentionMaps::new(rows, columns, TOKENS, values).unwrap();
        let objective = reference("a above b", [Some(1), Some(4)]);
        let evaluation = objective.evaluate(&maps, context(9)).unwrap();
        assert!(evaluation.loss.is_finite());
    }
    let mut broken = maps();
    broken.values[3] = f32::INFINITY;
    let objective = reference("a left b", [None, None]);
    assert!(matches!(
        objective.gate(&broken),
        Err(ObjectiveError::Attention(_))
    ));
}

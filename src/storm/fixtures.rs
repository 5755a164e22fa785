//! Maps and checks that the tests of several objectives share.

use super::attention::AttentionMaps;
use super::layout::Layout;
use super::objective::{Objective, StepContext};
use super::prompt_facts::PromptFacts;
use super::relation::{ObjectTokens, Relation, RelationKind};

/// Text positions of the fixtures' prompts; the end token stands at 6.
pub(super) const TOKENS: usize = 9;

pub(super) const CONTEXT: StepContext = StepContext {
    step_index: 3,
    step_count: 50,
    noise: 1.0,
};

pub(super) fn facts() -> PromptFacts {
    PromptFacts::new("cat left of dog", TOKENS, 6)
}

pub(super) fn object(label: &str, tokens: &[usize]) -> ObjectTokens {
    ObjectTokens {
        tokens: tokens.to_vec(),
        attributes: vec![],
        label: label.to_owned(),
    }
}

/// A cat at token 2 and a dog at tokens 4 and 5.
pub(super) fn pair(kind: RelationKind) -> Layout {
    Layout {
        objects: vec![object("cat", &[2]), object("dog", &[4, 5])],
        relations: vec![Relation {
            subject: 0,
            kind,
            object: 1,
        }],
        targets: Default::default(),
    }
}

/// `count` objects, of which the first has token 1, with relations between them
/// by their indices.
pub(super) fn layout(count: usize, relations: &[(usize, RelationKind, usize)]) -> Layout {
    let labels = ["cat", "dog", "car", "bird"];
    Layout {
        objects: (0..count).map(|i| object(labels[i], &[i + 1])).collect(),
        relations: relations
            .iter()
            .map(|&(subject, kind, object)| Relation {
                subject,
                kind,
                object,
            })
            .collect(),
        targets: Default::default(),
    }
}

/// One blob of attention: tokens, centre in fractions of the frame, standard
/// deviation as a fraction of the longer side, height.
pub(super) type Spot<'a> = (&'a [usize], [f64; 2], f64, f64);

/// Maps `[rows, columns, TOKENS]` with a blob for each spot on a low uneven
/// ground; the start token takes the rest.
pub(super) fn maps(rows: usize, columns: usize, spots: &[Spot<'_>]) -> AttentionMaps {
    let longer = rows.max(columns) as f64;
    let mut values = Vec::with_capacity(rows * columns * TOKENS);
    for row in 0..rows {
        for column in 0..columns {
            let mut pixel: Vec<f64> = (0..TOKENS)
                .map(|t| 0.05 + 0.004 * ((row * 5 + column * 3 + t * 7) % 4) as f64)
                .collect();
            for &(tokens, centre, deviation, height) in spots {
                let dx = (column as f64 + 0.5 - centre[0] * columns as f64) / longer;
                let dy = (row as f64 + 0.5 - centre[1] * rows as f64) / longer;
                let blob = (-(dx * dx + dy * dy) / (2.0 * deviation * deviation)).exp();
                for &token in tokens {
                    pixel[token] += height * blob;
                }
            }
            pixel[0] = 1.0 - pixel[1..].iter().sum::<f64>();
            values.extend(pixel.iter().map(|&p| p as f32));
        }
    }
    AttentionMaps::new(rows, columns, TOKENS, values).unwrap()
}

/// Compares a gradient with central differences of `loss` at every entry, to
/// `tolerance` of its largest entry.
pub(super) fn assert_gradient(
    maps: &AttentionMaps,
    gradient: &[f32],
    tolerance: f64,
    loss: impl Fn(&AttentionMaps) -> f64,
) {
    let largest = gradient
        .iter()
        .fold(0.0f64, |m, g| m.max(f64::from(g.abs())));
    assert!(largest > 0.0, "an empty gradient proves nothing");
    let mut changed = maps.clone();
    for (index, &expected) in gradient.iter().enumerate() {
        let value = maps.values[index];
        // Small against the softmax's scale of 0.01; f32 still resolves it.
        let (up, down) = (value + 2e-5, value - 2e-5);
        changed.values[index] = up;
        let above = loss(&changed);
        changed.values[index] = down;
        let below = loss(&changed);
        changed.values[index] = value;
        let numeric = (above - below) / (f64::from(up) - f64::from(down));
        assert!(
            (numeric - f64::from(expected)).abs() <= tolerance * largest,
            "entry {index}: {numeric} by differences, {expected} by the gradient, largest {largest}"
        );
    }
}

/// Gradient descent on the maps themselves, in steps of a fixed length, until
/// the objective is satisfied; returns the steps taken, at most `limit`.
pub(super) fn descend(objective: &dyn Objective, maps: &mut AttentionMaps, limit: usize) -> usize {
    for step in 0..limit {
        let evaluation = objective.evaluate(maps, CONTEXT).unwrap();
        if evaluation.reading.satisfied {
            return step;
        }
        let length = evaluation
            .gradient
            .iter()
            .map(|g| g * g)
            .sum::<f32>()
            .sqrt();
        for (value, g) in maps.values.iter_mut().zip(&evaluation.gradient) {
            // Attention is a probability.
            *value = (*value - 0.02 * g / length).max(0.0);
        }
    }
    limit
}

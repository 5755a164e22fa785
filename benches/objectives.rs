//! What one evaluation of each objective costs on the host: loss and gradient of
//! one pair at 16 × 16 cells and 77 tokens, on one core.
//!
//! `storm` is to stay below a millisecond; the others stand beside it in the same
//! run. `reading` is what every step pays, also without an update.
//!
//!     cargo bench --bench objectives

use divan::{Bencher, black_box};
use storm_studio::storm::objective::StepContext;
use storm_studio::storm::parameters::ObjectiveParameters;
use storm_studio::storm::prompt_facts::PromptFacts;
use storm_studio::storm::{
    AttentionMaps, Layout, ObjectTokens, Objective, ObjectiveKind, Relation, RelationKind, build,
};

const SIDE: usize = 16;
const TOKENS: usize = 77;
const CONTEXT: StepContext = StepContext {
    step_index: 5,
    step_count: 50,
    noise: 1.0,
};

fn main() {
    divan::main();
}

/// Two words whose attention stands the wrong way round on an even ground.
fn maps() -> AttentionMaps {
    let words = [(2, [0.7, 0.45]), (8, [0.3, 0.55])];
    let mut values = Vec::with_capacity(SIDE * SIDE * TOKENS);
    for cell in 0..SIDE * SIDE {
        let place = [cell % SIDE, cell / SIDE].map(|i| (i as f64 + 0.5) / SIDE as f64);
        let mut pixel = [0.5 / TOKENS as f64; TOKENS];
        for (token, [x, y]) in words {
            let square = (place[0] - x).powi(2) + (place[1] - y).powi(2);
            pixel[token] += 0.1 * (-square / (2.0 * 0.12f64.powi(2))).exp();
        }
        pixel[0] = 1.0 - pixel[1..].iter().sum::<f64>();
        values.extend(pixel.map(|value| value as f32));
    }
    AttentionMaps::new(SIDE, SIDE, TOKENS, values).expect("the shape is that of the values")
}

fn objective(kind: ObjectiveKind) -> Box<dyn Objective> {
    let object = |label: &str, token| ObjectTokens {
        tokens: vec![token],
        attributes: Vec::new(),
        label: label.to_string(),
    };
    let layout = Layout {
        objects: vec![object("cat", 2), object("dog", 8)],
        relations: vec![Relation {
            subject: 0,
            kind: RelationKind::LeftOf,
            object: 1,
        }],
        targets: Default::default(),
    };
    let facts = PromptFacts::new("a cat to the left of a dog", TOKENS, 9);
    build(kind, layout, &ObjectiveParameters::default(), &facts).expect("the layout is valid")
}

#[divan::bench(args = ["storm", "centroid", "attend-and-excite", "reference"])]
fn evaluation(bencher: Bencher, name: &str) {
    let objective = objective(name.parse().expect("a name of an objective"));
    let maps = maps();
    bencher.bench_local(|| objective.evaluate(black_box(&maps), CONTEXT));
}

#[divan::bench]
fn reading(bencher: Bencher) {
    let objective = objective(ObjectiveKind::Storm);
    let maps = maps();
    bencher.bench_local(|| objective.read(black_box(&maps), CONTEXT));
}

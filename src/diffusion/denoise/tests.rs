//! How the loop counts its steps.

use super::*;
use crate::diffusion::{SchedulerConfig, SchedulerKind};

#[test]
fn objectives_count_steps_where_a_step_predicts_twice() {
    let config = SchedulerConfig::default();
    let calls = SchedulerKind::Heun.build(&config, 12).unwrap();
    let calls = calls.calls().to_vec();
    let counted = |step_index| {
        let context = StepContext {
            step_index,
            step_count: calls.len(),
            noise: 1.0,
        };
        let grid = Grid {
            rows: 16,
            columns: 16,
        };
        let step = Step {
            context,
            calls: &calls,
            bodies: 2,
            capture: grid.into(),
        };
        (step.of_steps().step_index, step.of_steps().step_count)
    };
    assert_eq!(calls.len(), 23);
    // Its calls but the last look ahead every second time.
    assert_eq!(counted(0), (0, 12));
    assert_eq!(counted(4), (2, 12));
    assert_eq!(counted(22), (11, 12));
}

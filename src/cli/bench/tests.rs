//! What `bench` prints.

use super::*;

#[test]
fn a_table_has_the_median_and_both_ends() {
    let durations = [3, 1, 2, 2000].map(Duration::from_millis);
    let timing = Timing::of("a step", durations.to_vec());
    assert!((timing.median - 0.0025).abs() < 1e-12);
    let findings = Findings {
        version: "1",
        model: "toybox".to_string(),
        size: [64, 96],
        device: "CPU".to_string(),
        weights: "f32",
        threads: 2,
        steps: 50,
        repeat: 4,
        timings: vec![timing],
        peak_memory: Some(1_500_000_000),
    };
    let table = table(&findings);
    assert!(
        table.contains("| a step | 2.5 ms | 1.0 ms | 2.00 s |"),
        "{table}"
    );
    assert!(table.contains("| peak memory | 1.50 GB |"));
    assert!(table.contains("toybox at 64 × 96, weights in f32, 50 steps; CPU, 2 threads"));
}

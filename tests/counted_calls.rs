//! How often the networks run, counted in the program's own log.

use std::process::Command;

/// Network calls of one run of the program.
#[derive(Debug, Default, PartialEq, Eq)]
struct Calls {
    /// Batch size of every full prediction.
    predictions: Vec<usize>,
    /// Shorter passes, with gradients.
    passes: usize,
    /// Batch size of every decode.
    decodes: Vec<usize>,
}

/// Runs `generate` on the embedded model and reads what its networks logged.
fn calls(arguments: &[&str]) -> Calls {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let ran = Command::new(env!("CARGO_BIN_EXE_storm-studio"))
        .args([
            "generate",
            "--device",
            "cpu",
            "--prompt",
            "a cat to the left of a dog",
        ])
        .args(arguments)
        .args(["--output".as_ref(), folder.path()])
        .args(["--log-file".as_ref(), log.as_path()])
        .env_remove("RUST_LOG")
        .output()
        .expect("the program starts");
    assert!(
        ran.status.success(),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    let mut calls = Calls::default();
    for line in std::fs::read_to_string(&log).unwrap().lines() {
        let batch = || {
            let (_, batch) = line.split_once("batch=").expect("a call has a batch");
            let digits = batch.split(' ').next().unwrap_or_default();
            digits.parse().expect("a batch size is a number")
        };
        if line.contains("UNet prediction") {
            calls.predictions.push(batch());
        } else if line.contains("UNet pass") {
            calls.passes += 1;
        } else if line.contains("VAE decode") {
            calls.decodes.push(batch());
        }
    }
    calls
}

#[test]
fn a_standard_run_predicts_twice_a_step_and_decodes_once_a_picture() {
    let ddim = calls(&[
        "--standard",
        "--scheduler",
        "ddim",
        "--steps",
        "5",
        "--seeds",
        "0,1",
    ]);
    let expected = Calls {
        // One batch of two a step, for two pictures.
        predictions: vec![2; 10],
        passes: 0,
        decodes: vec![1; 2],
    };
    assert_eq!(ddim, expected);
    // At a guidance scale of 1 only the prompt is predicted.
    let unguided = calls(&[
        "--standard",
        "--scheduler",
        "euler",
        "--steps",
        "5",
        "--guidance-scale",
        "1",
    ]);
    assert_eq!(unguided.predictions, [1; 5]);
    let heun = calls(&["--standard", "--scheduler", "heun", "--steps", "5"]);
    assert_eq!(heun.predictions, [2; 9]);
    // PNDM calls the network once more than it has steps.
    let pndm = calls(&["--standard", "--scheduler", "pndm", "--steps", "5"]);
    assert_eq!(pndm.predictions, [2; 6]);
    assert_eq!(pndm.decodes, [1]);
}

#[test]
fn the_released_method_costs_one_pass_an_update_besides_the_guided_predictions() {
    let line = [
        "--storm",
        "--objective",
        "reference",
        "--scheduler",
        "ddim",
        "--steps",
        "5",
    ];
    let reference = calls(&line);
    // Steps 1 to 4 update once; the first refinement would be in step 5.
    let expected = Calls {
        predictions: vec![2; 5],
        passes: 4,
        decodes: vec![1],
    };
    assert_eq!(reference, expected);
}

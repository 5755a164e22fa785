//! The released method's whole run on a narrow model, against PyTorch: steps
//! with one update, a refinement that ends at its threshold, the attribute term.

use burn::tensor::Device;
use storm_studio::checkpoint::{CheckpointSource, StableDiffusion};
use storm_studio::device::ComputeDevice;
use storm_studio::diffusion::SchedulerKind;

use super::recording::Recording;
use super::single_steps::{self, StepErrors};
use super::stored_maps::{largest_error, relative};
use super::whole_run;
use crate::fixture::folder;

fn recording() -> Recording {
    Recording::read(&folder().join("narrow-sd1-reference.safetensors"))
}

/// Of every update and step of a run by itself, from its own latents.
fn errors_of(recording: &Recording) -> StepErrors {
    let source = CheckpointSource::from_path(&folder().join("narrow-sd1")).unwrap();
    let model = StableDiffusion::load(&source, &Device::flex()).unwrap();
    let end_token = model
        .description
        .tokenizer
        .encode(&recording.run.prompt)
        .end;
    let objective = recording.objective(end_token);
    single_steps::check(recording, &model, SchedulerKind::Pndm, &*objective)
}

#[test]
fn every_update_and_every_scheduler_step_agrees_with_pytorch() {
    let errors = errors_of(&recording());
    println!("update {:.1e}, step {:.1e}", errors.update, errors.step);
    assert_eq!(errors.updates, 18);
    // Of 2.7 that the first update moves, 2e-3.
    assert!(errors.update <= 7e-4 && errors.step <= 1e-3, "{errors:?}");
}

#[test]
fn a_whole_run_agrees_with_pytorch() {
    let theirs = recording();
    let model = folder().join("narrow-sd1");
    let device = ComputeDevice::cpu(None);
    let ours = whole_run::repeat(&theirs, &model, SchedulerKind::Pndm, &device);
    let loss = |run: &Recording, number: usize| {
        let value = run.values(&format!("loss.{number}.value")).unwrap();
        f64::from(value[0])
    };
    // Those before anything was updated; PyTorch in f64 is as far from PyTorch
    // in f32 as ours is, and what follows magnifies it.
    for number in 0..3 {
        let error = relative(loss(&ours, number), loss(&theirs, number));
        assert!(error <= 1e-3, "loss {number}: {error:.1e}");
    }
    // So steep is the loss that the first update makes 1e-2 of 1e-4 that processors round
    // differently: from there on each of our updates and steps is held against the parts of the
    // model from our own latents, as those are against PyTorch from its own.
    let name = "update.0.before";
    let error = largest_error(ours.values(name).unwrap(), theirs.values(name).unwrap());
    assert!(error <= 1e-3, "{name}: {error:.1e}");
    let errors = errors_of(&ours);
    assert!(
        errors.updates > 9 && errors.update <= 1e-3 && errors.step <= 1e-4,
        "{errors:?}"
    );
    // One loss in step 0, two in each of the next four, then a refinement.
    let steps = ours.loss_steps();
    assert_eq!(steps[..10], theirs.loss_steps()[..10]);
    let refined = steps.iter().rposition(|step| *step == 5).unwrap() - 1;
    assert!(loss(&ours, refined) <= 0.05 && loss(&ours, refined - 1) > 0.05);
}

//! A recorded run again from its seed, through the engine as the program runs it.

use std::path::Path;
use std::sync::Arc;

use storm_studio::checkpoint::CheckpointSource;
use storm_studio::device::ComputeDevice;
use storm_studio::diffusion::{Methods, Optimisation, SchedulerKind};
use storm_studio::engine::{Engine, Event, Request, Settings};
use storm_studio::export::{Trajectory, TrajectoryTensor};
use storm_studio::storm::ObjectiveKind;

use super::recording::{Recording, Run};

/// Our trajectory of the run, as a recording of its own.
pub fn repeat(
    recording: &Recording,
    model: &Path,
    scheduler: SchedulerKind,
    device: &ComputeDevice,
) -> Recording {
    let source = CheckpointSource::from_path(model).expect("the model has been loaded before");
    let engine = Engine::start(device.clone(), source, 0, Arc::new(|| ()));
    let run = &recording.run;
    engine.submit(Request {
        prompt: run.prompt.clone(),
        seeds: vec![run.seed],
        layout: recording.layout(),
        settings: Settings {
            methods: Methods::of(&[recording.method()]),
            steps: run.steps,
            guidance_scale: run.guidance_scale,
            scheduler: Some(scheduler),
            size: Some(size(recording)),
            optimisation: Optimisation {
                objective: ObjectiveKind::Reference,
                ..Default::default()
            },
            ..Default::default()
        },
        trajectory: Some(recording.method()),
        ..Default::default()
    });
    Recording {
        name: format!("our {}", recording.name),
        run: Run::clone(run),
        trajectory: Trajectory {
            tensors: tensors(&engine),
            run: serde_json::Value::Null,
        },
    }
}

/// Width and height in pixels; the latents have an eighth of them.
fn size(recording: &Recording) -> [usize; 2] {
    let (last, _) = recording.latents().pop().expect("latents were recorded");
    let [_, _, rows, columns] = recording.shape(&format!("latents.{last}")) else {
        panic!("latents have four axes");
    };
    [columns * 8, rows * 8]
}

fn tensors(engine: &Engine) -> Vec<TrajectoryTensor> {
    while let Some(event) = engine.wait_event() {
        match event {
            Event::Trajectory(trajectory) => return trajectory.tensors.clone(),
            Event::ModelFailed { error, .. } | Event::Failed { error, .. } => panic!("{error}"),
            Event::Notice { notice, .. } => println!("  {notice}"),
            _ => {}
        }
    }
    panic!("the engine ended before the run did");
}

//! The same numbers as the released STORM code.
//!
//! `run.sh FOLDER` checks every recording of a folder, three ways: losses from
//! the recorded maps, each update and scheduler step from the recorded latents,
//! and whole runs from the seed. The small parts of recordings among the
//! fixtures are checked with all other tests.

mod fixtures;
mod loop_order;
mod models;
mod narrow_run;
mod recording;
mod report;
mod single_steps;
mod stored_maps;
mod whole_run;

use std::path::PathBuf;

use storm_studio::device::{ComputeDevice, DevicePreference};

use models::Models;
use recording::Recording;
use report::{RunReport, print_table};

/// A setting that `run.sh` hands over.
fn setting(name: &str) -> Option<String> {
    std::env::var(format!("STORM_STUDIO_PARITY_{name}")).ok()
}

#[test]
#[ignore = "needs a folder of recordings: tests/parity/run.sh FOLDER"]
fn recordings_of_the_release_are_reproduced() {
    let folder = setting("FOLDER").expect("run.sh names the folder of recordings");
    let folder = PathBuf::from(folder);
    let preference: DevicePreference = setting("DEVICE")
        .map_or(Ok(DevicePreference::Cpu), |name| name.parse())
        .expect("a device");
    let device = ComputeDevice::open(preference).expect("the device opens");
    println!("on {device}");
    let models = Models::find(&folder);
    let only = setting("ONLY");
    let mut reports = Vec::new();
    for path in Recording::paths(&folder) {
        let recording = Recording::read(&path);
        if only.as_ref().is_some_and(|only| *only != recording.name) {
            continue;
        }
        let report = RunReport::make(&recording, &models, &device, setting("FAST").is_some());
        report.print();
        reports.push(report);
    }
    assert!(!reports.is_empty(), "no recordings in {}", folder.display());
    print_table(&reports);
    let missed: Vec<String> = reports.iter().flat_map(RunReport::missed).collect();
    assert!(missed.is_empty(), "goals missed:\n{}", missed.join("\n"));
}

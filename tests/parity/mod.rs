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

use std::panic::{AssertUnwindSafe, catch_unwind};
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
    let (only, fast) = (setting("ONLY"), setting("FAST").is_some());
    let (mut reports, mut failed) = (Vec::new(), Vec::new());
    for path in Recording::paths(&folder) {
        let recording = Recording::read(&path);
        if only.as_ref().is_some_and(|only| *only != recording.name) {
            continue;
        }
        // One that can't be run, with a scheduler we lack for instance, must
        // not hide the others.
        let made = catch_unwind(AssertUnwindSafe(|| {
            RunReport::make(&recording, &models, &device, fast)
        }));
        match made {
            Ok(report) => {
                report.print();
                reports.push(report);
            }
            Err(_) => failed.push(format!("{}: see its panic above", recording.name)),
        }
    }
    print_table(&reports);
    let missed = reports.iter().flat_map(RunReport::missed);
    let missed: Vec<String> = missed.chain(failed).collect();
    assert!(missed.is_empty(), "goals missed:\n{}", missed.join("\n"));
    assert!(!reports.is_empty(), "no recordings in {}", folder.display());
}

//! `doctor`: does each adapter of this machine compute what the CPU computes?

use std::time::Instant;

use super::{Failure, output};
use crate::device::{ComputeDevice, WgpuHandles};
use crate::doctor::{Verdict, Verdicts, answer, examine};

pub(super) fn run() -> Result<(), Failure> {
    let began = Instant::now();
    let right = answer(ComputeDevice::cpu(None).burn()).map_err(Failure::run)?;
    let milliseconds = began.elapsed().as_secs_f64() * 1e3;
    output::line(concat!(
        "Storm Studio ",
        env!("CARGO_PKG_VERSION"),
        ", one prediction and one gradient of toybox"
    ))?;
    output::line(format_args!(
        "CPU: {milliseconds:.0} ms, the measure of all others"
    ))?;
    let mut verdicts = Verdicts::of_this_user();
    let opened = WgpuHandles::open_all();
    if opened.is_empty() {
        output::line("No graphics adapter answers through Vulkan, Metal or DirectX 12.")?;
    }
    for handles in opened {
        let adapter = match &handles {
            Ok(handles) => handles.summary(),
            Err(error) => {
                output::line(error)?;
                continue;
            }
        };
        let kind = if adapter.is_software {
            ", software: minutes to compile its kernels"
        } else {
            ""
        };
        output::line(format_args!("{adapter}, driver {}{kind}", adapter.driver))?;
        let device = handles.and_then(ComputeDevice::on);
        let verdict = examine(&right, || match device {
            Ok(device) => answer(device.burn()),
            Err(error) => Err(crate::doctor::ExerciseError::Device(error.to_string())),
        });
        output::line(format_args!("    {}", describe(&verdict)))?;
        verdicts.keep(&adapter, verdict);
    }
    Ok(())
}

fn describe(verdict: &Verdict) -> String {
    let judgement = if verdict.is_right() { "right" } else { "WRONG" };
    let milliseconds = verdict.milliseconds;
    match (&verdict.differences, &verdict.failure) {
        (Some([prediction, maps, gradient]), _) => format!(
            "{judgement}; largest differences: prediction {prediction:.1e}, maps {maps:.1e}, \
             gradient {gradient:.1e}; {milliseconds:.0} ms"
        ),
        (None, failure) => format!(
            "{judgement}; {}; {milliseconds:.0} ms",
            failure.as_deref().unwrap_or("no answer")
        ),
    }
}

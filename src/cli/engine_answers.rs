//! What the engine answers every command: its model, or an error with an exit code.

use std::sync::Arc;

use super::Failure;
use super::report::Report;
use crate::engine::{Engine, EngineError, Event, ModelInfo};

/// Waits until the engine has loaded its model.
pub(super) fn wait_for_model(
    engine: &Engine,
    report: &mut Report,
) -> Result<Arc<ModelInfo>, Failure> {
    while let Some(event) = engine.wait_event() {
        match event {
            Event::ModelReady(model) => {
                report.own_walk(&model.own_walk);
                model.notices.iter().for_each(|notice| report.note(notice));
                return Ok(model);
            }
            Event::ModelFailed { error, .. } => return Err(Failure::model(error)),
            Event::ModelLoading { name, .. } => report.loading(&name),
            Event::ModelOpened(needs) => report.needs(&needs),
            Event::ModelProgress(fraction) => report.loaded(fraction),
            Event::CheckingDevice => report.note(
                "Checking the graphics adapter against the CPU; this happens once and takes a while",
            ),
            _ => {}
        }
        report.check()?;
    }
    Err(Failure::run("the engine ended before the model was ready"))
}

/// An error of the engine with the exit code of its kind.
pub(super) fn failure(error: &Arc<EngineError>) -> Failure {
    match **error {
        EngineError::Request(_) => Failure::usage(error),
        EngineError::Checkpoint(_)
        | EngineError::Lora(_)
        | EngineError::Inversion(_)
        | EngineError::BufferLimit { .. }
        | EngineError::Memory { .. }
        | EngineError::NoModel => Failure::model(error),
        EngineError::DeviceLost(_) => Failure::device(error),
        EngineError::Denoise(_)
        | EngineError::HalvesOverflowed
        | EngineError::DecodeOverflowed
        | EngineError::OutOfMemory(_)
        | EngineError::Breakdown(_) => Failure::run(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_device_has_the_exit_code_of_devices() {
        let lost = failure(&Arc::new(EngineError::DeviceLost("a card".to_string())));
        assert_eq!(lost.code, 4);
        assert!(lost.to_string().contains("a card"), "{lost}");
        let memory = failure(&Arc::new(EngineError::OutOfMemory("a card".to_string())));
        assert_eq!(memory.code, 5);
    }
}

//! `studio`, the default: the window.

use super::Failure;
use super::arguments::StudioArguments;
use crate::app::{AppError, AppOptions, run as open_window};
use crate::device::set_cpu_threads;

pub(super) fn run(arguments: StudioArguments) -> Result<(), Failure> {
    set_cpu_threads(arguments.threads);
    let options = AppOptions {
        device: arguments.device.device,
        precision: arguments.device.dtype,
        model: arguments.model,
        output: arguments.output,
        fresh: arguments.fresh,
    };
    open_window(options).map_err(|error| match error {
        AppError::Model(_) => Failure::model(error),
        AppError::Device(_)
        | AppError::DeviceLost(_)
        | AppError::NoDisplay
        | AppError::NoGraphics(_) => Failure::device(error),
        AppError::Window(_) => Failure::run(error),
    })
}

//! `studio`, the default: the window.

use super::arguments::StudioArguments;
use super::{Failure, output};
use crate::app::{AppError, AppOptions, run as open_window};

pub(super) fn run(arguments: StudioArguments) -> Result<(), Failure> {
    if let Some(note) = arguments.threads.apply() {
        output::say(note);
    }
    let model = match arguments.model.source() {
        Err(failure) if !failure.is_about_the_model() => return Err(failure),
        // The window opens with the embedded model and says what is wrong.
        source => source.map_err(|failure| failure.message),
    };
    let options = AppOptions {
        device: arguments.device.device,
        precision: arguments.device.dtype,
        model,
        lora_folder: arguments.networks.lora_folder,
        embedding_folder: arguments.networks.embedding_folder,
        output: arguments.output,
        fresh: arguments.fresh,
    };
    open_window(options).map_err(|error| match error {
        AppError::Device(_)
        | AppError::DeviceLost(_)
        | AppError::NoDisplay
        | AppError::NoGraphics(_) => Failure::device(error),
        AppError::Window(_) => Failure::run(error),
    })
}

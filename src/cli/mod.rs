//! The command line: arguments as typed become arguments as used, then one command runs.
//!
//! [`main`]'s match is the table of contents. Exit codes say what failed:
//! 0 done, 1 a difference found, 2 wrong arguments, 3 the model, 4 the device, 5 a run, 6 files,
//! 130 interrupted.

mod animation;
mod arguments;
mod ask;
mod compare;
mod doctor;
mod evaluate;
mod evaluate_arguments;
mod generate;
mod inspect;
mod interrupt;
mod logging;
mod model;
mod parameter_file;
mod parameter_flags;
mod prompt;
mod relations;
mod report;
mod save;
mod storm_arguments;
mod studio;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command, StudioArguments};

/// A command that failed: a sentence for the person and a code for scripts.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    /// `compare` found a difference.
    fn differ(message: impl ToString) -> Self {
        Self::new(1, message)
    }

    /// Something about the arguments.
    fn usage(message: impl ToString) -> Self {
        Self::new(2, message)
    }

    /// The model cannot be loaded.
    fn model(message: impl ToString) -> Self {
        Self::new(3, message)
    }

    fn is_about_the_model(&self) -> bool {
        self.code == Self::model("").code
    }

    /// The device cannot be opened.
    fn device(message: impl ToString) -> Self {
        Self::new(4, message)
    }

    /// A run failed on the way.
    fn run(message: impl ToString) -> Self {
        Self::new(5, message)
    }

    /// A file cannot be read or written.
    fn file(message: impl ToString) -> Self {
        Self::new(6, message)
    }

    /// The person pressed Ctrl+C.
    fn interrupted() -> Self {
        Self::new(130, "interrupted")
    }

    fn new(code: u8, message: impl ToString) -> Self {
        Self {
            code,
            message: message.to_string(),
        }
    }
}

/// Runs the program.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    logging::start(arguments.verbose, arguments.log_file.as_deref());
    let command = arguments
        .command
        .unwrap_or_else(|| Command::Studio(StudioArguments::default()));
    let done = match command {
        Command::Studio(arguments) => studio::run(arguments),
        Command::Generate(arguments) => generate::run(*arguments),
        Command::Evaluate(arguments) => evaluate::run(&arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::Prompt(arguments) => prompt::run(&arguments),
        Command::Doctor => doctor::run(),
        Command::Compare(arguments) => compare::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("storm-studio: {failure}");
            ExitCode::from(failure.code)
        }
    }
}

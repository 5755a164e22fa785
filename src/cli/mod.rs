//! The command line: arguments as typed become arguments as used, then one command runs.
//!
//! [`main`]'s match is the table of contents. Exit codes say what failed:
//! 0 done, 1 a difference found, 2 wrong arguments, 3 the model, 4 the device, 5 a run, 6 files,
//! 130 interrupted, 141 nobody reads the output.

mod arguments;
mod ask;
mod bench;
mod compare;
mod doctor;
mod engine_answers;
mod evaluate;
mod evaluate_arguments;
mod generate;
mod generate_plan;
mod inspect;
mod interrupt;
mod logging;
mod model;
mod network_arguments;
mod output;
mod parameter_file;
mod parameter_flags;
mod prompt;
mod prompt_file;
mod relations;
mod report;
mod sampler_arguments;
mod save;
mod storm_arguments;
mod studio;
mod sweep_pictures;
mod target_arguments;
mod values;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

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

    /// For the exit code alone if `message` is empty.
    fn new(code: u8, message: impl ToString) -> Self {
        Self {
            code,
            message: message.to_string(),
        }
    }
}

/// Runs the program.
pub fn main() -> ExitCode {
    match parse().and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.message.is_empty() {
                output::say(format_args!("storm-studio: {failure}"));
            }
            ExitCode::from(failure.code)
        }
    }
}

/// The arguments as typed; `None` if help or the version was all that was wanted.
fn parse() -> Result<Option<Arguments>, Failure> {
    let parsed = with_negative_numbers(Arguments::command())
        .try_get_matches()
        .and_then(|matches| Arguments::from_arg_matches(&matches));
    match parsed {
        Ok(arguments) => Ok(Some(arguments)),
        Err(error) if error.use_stderr() => {
            // clap's text has colours and a hint of its own.
            let _ = error.print();
            Err(Failure::usage(""))
        }
        Err(help) => help.print().map(|()| None).map_err(output::failure),
    }
}

/// Takes `-1` after an option for its value: what is wrong with it is told by
/// whoever knows the option's rule.
fn with_negative_numbers(command: clap::Command) -> clap::Command {
    let with_values = |argument: clap::Arg| {
        let takes_values = argument.get_action().takes_values();
        match takes_values && !argument.is_allow_hyphen_values_set() {
            true => argument.allow_negative_numbers(true),
            false => argument,
        }
    };
    command
        .mut_args(with_values)
        .mut_subcommands(with_negative_numbers)
}

fn run(arguments: Option<Arguments>) -> Result<(), Failure> {
    let Some(arguments) = arguments else {
        return Ok(());
    };
    logging::start(arguments.verbose, arguments.log_file.as_deref())?;
    let command = arguments
        .command
        .unwrap_or_else(|| Command::Studio(StudioArguments::default()));
    match command {
        Command::Studio(arguments) => studio::run(arguments),
        Command::Generate(arguments) => generate::run(*arguments),
        Command::Evaluate(arguments) => evaluate::run(&arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::Prompt(arguments) => prompt::run(&arguments),
        Command::Doctor => doctor::run(),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
    }
}

//! Standard output and standard error, either of which may be closed or full:
//! `| head -1` is no reason to panic.

use std::fmt::Display;
use std::io::{self, Write};

use super::Failure;

/// Exit code of a program whose reader went away, as shells count the signal
/// that ends other programs then (128 + SIGPIPE).
const CLOSED_PIPE: u8 = 141;

/// Writes a line to standard output, for programs and for people who asked.
///
/// # Errors
/// [`Failure`] without words if nobody reads on, with a sentence if the line
/// can't be written.
pub(super) fn line(text: impl Display) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    writeln!(output, "{text}")
        .and_then(|()| output.flush())
        .map_err(failure)
}

/// Says something to the person, on standard error. Whether anybody reads it
/// makes no difference to the work.
pub(super) fn say(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// What it means that standard output can't be written.
pub(super) fn failure(error: io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::new(CLOSED_PIPE, ""),
        _ => Failure::file(format!(
            "standard output can't be written ({error}); free some space or send it elsewhere"
        )),
    }
}

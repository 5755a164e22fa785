//! What happens inside, for those who ask: on standard error or into a file.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tracing_subscriber::EnvFilter;

use super::{Failure, output};

/// Starts logging: warnings by default, more with each `--verbose`; everything
/// of ours goes to `file` if one is given. `RUST_LOG` overrides both.
///
/// # Errors
/// If the file can't be opened.
pub(super) fn start(verbose: u8, file: Option<&Path>) -> Result<(), Failure> {
    let level = match (verbose, file) {
        (0, None) => "error,storm_studio=warn",
        (1, _) | (0, Some(_)) => "warn,storm_studio=debug",
        _ => "debug",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // A line that can't be written is no reason to write about that.
        .log_internal_errors(false);
    match file {
        None => builder.with_writer(io::stderr).init(),
        Some(path) => {
            let log = LogFile::open(path)?;
            builder.with_ansi(false).with_writer(Mutex::new(log)).init();
        }
    }
    Ok(())
}

/// A log that ends with one sentence to the person when it can't go on.
struct LogFile {
    path: PathBuf,
    /// `None` once it could not be written.
    file: Option<File>,
}

impl LogFile {
    fn open(path: &Path) -> Result<Self, Failure> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        let file = file.map_err(|error| {
            Failure::file(format!(
                "the log can't be written to {} ({error}); choose another file",
                path.display()
            ))
        })?;
        Ok(Self {
            path: path.to_owned(),
            file: Some(file),
        })
    }
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.as_mut().map(|file| file.write(bytes));
        if let Some(Err(error)) = &written {
            let path = self.path.display();
            output::say(format_args!(
                "storm-studio: the log {path} ends here ({error}); the work goes on"
            ));
            self.file = None;
        }
        Ok(match written {
            Some(Ok(count)) => count,
            _ => bytes.len(),
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

//! What happens inside, for those who ask: on standard error or into a file.

use std::fs::OpenOptions;
use std::path::Path;
use std::sync::Mutex;

use tracing_subscriber::EnvFilter;

/// Starts logging: warnings by default, more with each `--verbose`; everything
/// of ours goes to `file` if one is given. `RUST_LOG` overrides both.
pub(super) fn start(verbose: u8, file: Option<&Path>) {
    let level = match (verbose, file) {
        (0, None) => "error,storm_studio=warn",
        (1, _) | (0, Some(_)) => "warn,storm_studio=debug",
        _ => "debug",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let builder = tracing_subscriber::fmt().with_env_filter(filter);
    let opened = file.map(|path| {
        let file = OpenOptions::new().create(true).append(true).open(path);
        (path, file)
    });
    match opened {
        None => builder.with_writer(std::io::stderr).init(),
        Some((_, Ok(file))) => builder
            .with_ansi(false)
            .with_writer(Mutex::new(file))
            .init(),
        Some((path, Err(error))) => {
            builder.with_writer(std::io::stderr).init();
            tracing::warn!("no log is written to {}: {error}", path.display());
        }
    }
}

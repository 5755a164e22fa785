//! `--prompts FILE` of `generate` and `evaluate`.

use std::io::{self, Read};
use std::path::Path;

use super::Failure;
use crate::evaluate::{ListedPrompt, prompt_file};

/// The prompts in the file at `path`; `-` is standard input.
///
/// # Errors
/// If it can't be read, or holds no prompts.
pub(super) fn read_prompts(path: &Path) -> Result<Vec<ListedPrompt>, Failure> {
    let named = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let mut bytes = Vec::new();
    let read = match path == Path::new("-") {
        true => io::stdin().lock().read_to_end(&mut bytes).map(|_| ()),
        false => std::fs::read(path).map(|read| bytes = read),
    };
    read.map_err(|error| Failure::file(named(&error)))?;
    let text = String::from_utf8_lossy(&bytes);
    prompt_file::read_prompts(&text).map_err(|error| Failure::usage(named(&error)))
}

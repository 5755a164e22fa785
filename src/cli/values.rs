//! Values of arguments, as people write them.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::builder::{PathBufValueParser, TypedValueParser};
use directories::UserDirs;

use crate::choices;
use crate::export::OutputFolder;
use crate::prompt::PromptWeights;

/// A path; a shell leaves `~` alone in quotes and after `=`, so it is done here.
pub(super) fn path() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().map(|path| {
        let home = UserDirs::new();
        match home {
            Some(home) => from_home(&path, home.home_dir()),
            None => path,
        }
    })
}

/// A folder for pictures.
pub(super) fn output() -> impl TypedValueParser<Value = OutputFolder> {
    path().map(OutputFolder::from)
}

/// What `--prompt-weights` can be.
pub(super) fn prompt_weights_help() -> String {
    format!(
        "How (cat:1.3) in prompts is read: {}; literal takes every character as it is",
        choices::all::<PromptWeights>()
    )
}

/// A whole number, such as `50`.
pub(super) fn whole_number(text: &str) -> Result<usize, String> {
    let wrong = || "write a whole number, such as 50".to_string();
    text.trim().parse().map_err(|_| wrong())
}

/// A whole number from 1.
pub(super) fn count(text: &str) -> Result<NonZeroUsize, String> {
    let wrong = || "write a whole number from 1".to_string();
    text.trim().parse().map_err(|_| wrong())
}

/// A number, such as `7.5`; neither infinite nor NaN.
pub(super) fn number(text: &str) -> Result<f64, String> {
    let read = text
        .trim()
        .parse()
        .ok()
        .filter(|read: &f64| read.is_finite());
    read.ok_or_else(|| "write a number with a point, such as 7.5".to_string())
}

/// The path with the home folder for a leading `~`; `~user` stays, and `./~` is
/// for those who mean a folder of that name.
fn from_home(path: &Path, home: &Path) -> PathBuf {
    match path.strip_prefix("~") {
        Ok(rest) if rest.as_os_str().is_empty() => home.to_owned(),
        Ok(rest) => home.join(rest),
        Err(_) => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_or_refused_in_plain_words() {
        assert_eq!(whole_number(" 50 "), Ok(50));
        assert_eq!(number("-1e3"), Ok(-1000.0));
        assert_eq!(count("2").map(NonZeroUsize::get), Ok(2));
        for text in ["-5", "5.5", "1e3", "", "99999999999999999999"] {
            assert!(whole_number(text).unwrap_err().contains("whole number"));
        }
        for text in ["7,5", "NaN", "inf", "much"] {
            assert!(number(text).unwrap_err().contains("such as 7.5"), "{text}");
        }
        assert!(count("0").is_err());
    }

    #[test]
    fn a_tilde_is_the_home_folder_at_the_beginning_only() {
        let home = Path::new("/home/someone");
        for (written, meant) in [
            ("~", "/home/someone"),
            ("~/pictures", "/home/someone/pictures"),
            ("./~", "./~"),
            ("~other/pictures", "~other/pictures"),
            ("a/~/b", "a/~/b"),
            ("/a", "/a"),
        ] {
            assert_eq!(from_home(Path::new(written), home), Path::new(meant));
        }
    }
}

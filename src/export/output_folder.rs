//! The folder that pictures are saved into, and under which names: those of the
//! window and of the command line are the same.

use std::fmt;
use std::path::{Path, PathBuf};

use super::file_names::{SaveError, check_writable, file_stem};
use crate::diffusion::Method;

/// Where pictures go: `{folder}/{prompt}/{seed}.png`, `{seed}-standard.png`,
/// `{seed}-comparison.png`, `grid.png`, `sweep-{seed}.png`. Names that exist get a number when a
/// file is saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputFolder(PathBuf);

impl OutputFolder {
    /// The folder without a choice of the person's, in the working directory.
    pub const DEFAULT: &str = "output";

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Where the picture of a method goes; STORM's has the seed alone.
    pub fn picture(&self, prompt: &str, seed: u64, method: Method) -> PathBuf {
        self.file(
            prompt,
            &match method {
                Method::Storm => format!("{seed}.png"),
                Method::Standard => format!("{seed}-standard.png"),
            },
        )
    }

    /// Where both methods side by side go.
    pub fn comparison(&self, prompt: &str, seed: u64) -> PathBuf {
        self.file(prompt, &format!("{seed}-comparison.png"))
    }

    /// Where all seeds in one picture go.
    pub fn grid(&self, prompt: &str) -> PathBuf {
        self.file(prompt, "grid.png")
    }

    /// Where one picture of a sweep goes; `cell` names its settings.
    pub fn sweep_picture(&self, prompt: &str, seed: u64, method: Method, cell: &str) -> PathBuf {
        let ending = match method {
            Method::Storm => "",
            Method::Standard => "-standard",
        };
        self.file(prompt, &format!("{seed} {}{ending}.png", file_stem(cell)))
    }

    /// Where a sweep's labelled grid goes.
    pub fn sweep(&self, prompt: &str, seed: u64) -> PathBuf {
        self.file(prompt, &format!("sweep-{seed}.png"))
    }

    /// Where the heatmaps over the steps go.
    pub fn strip(&self, prompt: &str, seed: u64) -> PathBuf {
        self.file(prompt, &format!("{seed}-heatmaps.png"))
    }

    /// Where the animation of the steps goes.
    pub fn animation(&self, prompt: &str, seed: u64) -> PathBuf {
        self.file(prompt, &format!("{seed}.gif"))
    }

    /// Where the numbers of a run go.
    pub fn trajectory(&self, prompt: &str, seed: u64) -> PathBuf {
        self.file(prompt, &format!("{seed}.safetensors"))
    }

    /// Finds out whether files can be saved here, before anything is made that
    /// would be lost.
    ///
    /// # Errors
    /// [`SaveError`] with what the system said.
    pub fn check(&self, prompt: &str) -> Result<(), SaveError> {
        check_writable(&self.grid(prompt))
    }

    fn file(&self, prompt: &str, name: &str) -> PathBuf {
        self.0.join(file_stem(prompt)).join(name)
    }
}

impl Default for OutputFolder {
    fn default() -> Self {
        Self(PathBuf::from(Self::DEFAULT))
    }
}

impl From<PathBuf> for OutputFolder {
    fn from(path: PathBuf) -> Self {
        Self(path)
    }
}

impl From<&Path> for OutputFolder {
    fn from(path: &Path) -> Self {
        Self(path.to_owned())
    }
}

impl fmt::Display for OutputFolder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_of_prompt_seed_and_method() {
        let output = OutputFolder::default();
        let prompt = Path::new("output/a cat_ left_right");
        let text = "a cat: left/right";
        assert_eq!(output.picture(text, 7, Method::Storm), prompt.join("7.png"));
        assert_eq!(
            output.picture(text, 7, Method::Standard),
            prompt.join("7-standard.png")
        );
        assert_eq!(output.comparison(text, 7), prompt.join("7-comparison.png"));
        assert_eq!(output.grid(text), prompt.join("grid.png"));
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_told_beforehand_and_nothing_is_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let output = OutputFolder::from(folder.path().join("new/folder"));
        output.check("a cat").unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let error = OutputFolder::from(file).check("a cat").unwrap_err();
        assert!(error.to_string().contains("can't be saved"), "{error}");
    }
}

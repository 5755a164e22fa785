//! The files that names of networks can mean: what lies in folders, and files given one
//! by one.

use std::path::{Path, PathBuf};

use super::proposed_walk::ProposedWalk;
use crate::checkpoint::{LoraFile, TextualInversion};
use crate::prompt::{KnownWord, KnownWords};

/// Most files of a folder that are looked at.
const MOST_FILES: usize = 5_000;
/// Deepest folder in it.
const DEEPEST: usize = 6;

/// A file that a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkFile {
    /// Without its ending.
    pub name: String,
    pub path: PathBuf,
    /// The models that it was made for, as far as its tensors tell.
    pub made_for: Option<String>,
    /// Why it cannot be used, in words.
    pub problem: Option<String>,
    /// How pictures are to be made with it, if it was made for few steps.
    pub walk: Option<ProposedWalk>,
}

/// A textual inversion that its name in a prompt stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InversionFile {
    /// Without its ending.
    pub name: String,
    pub path: PathBuf,
    /// How many tokens it is read as, and numbers of each; 0 where it cannot be used.
    pub tokens: usize,
    pub width: usize,
    /// Why it cannot be used, in words.
    pub problem: Option<String>,
}

/// The files that names can mean.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkLibrary {
    /// In the order of their names; those given one by one stand first.
    pub loras: Vec<NetworkFile>,
    /// In the order of their names.
    pub inversions: Vec<InversionFile>,
}

impl NetworkFile {
    /// Looks at the file at `path`, its header alone.
    pub fn look_at(path: &Path) -> Self {
        let name = path.file_stem().unwrap_or(path.as_os_str());
        let name = name.to_string_lossy().into_owned();
        let mut file = Self {
            name,
            path: path.to_path_buf(),
            made_for: None,
            problem: None,
            walk: None,
        };
        match LoraFile::open(path) {
            Ok(lora) => {
                let title = lora.metadata("modelspec.title").unwrap_or_default();
                let output = lora.metadata("ss_output_name").unwrap_or_default();
                file.walk = ProposedWalk::of(&[&file.name, title, output]);
                file.made_for = lora.made_for();
            }
            Err(error) => file.problem = Some(error.to_string()),
        }
        file
    }
}

impl InversionFile {
    /// Looks at the file at `path`, its header alone.
    pub fn look_at(path: &Path) -> Self {
        let name = path.file_stem().unwrap_or(path.as_os_str());
        let mut file = Self {
            name: name.to_string_lossy().into_owned(),
            path: path.to_path_buf(),
            tokens: 0,
            width: 0,
            problem: None,
        };
        match TextualInversion::open(path) {
            Ok(inversion) => {
                file.tokens = inversion.tokens();
                file.width = inversion.width();
            }
            Err(error) => file.problem = Some(error.to_string()),
        }
        file
    }
}

impl NetworkLibrary {
    /// Looks for textual inversions in `folder` and below it.
    ///
    /// # Errors
    /// If the folder itself cannot be looked into.
    pub fn find_inversions(&mut self, folder: &Path) -> std::io::Result<()> {
        let mut paths = Vec::new();
        collect(folder, 0, &mut paths)?;
        paths.sort();
        self.inversions = paths
            .iter()
            .map(|path| InversionFile::look_at(path))
            .collect();
        Ok(())
    }

    /// The words that prompts for a text encoder of `width` numbers a token can use.
    pub fn known_words(&self, width: usize) -> KnownWords {
        KnownWords::new(self.fitting(width).map(|file| KnownWord {
            name: file.name.clone(),
            tokens: file.tokens,
        }))
    }

    fn fitting(&self, width: usize) -> impl Iterator<Item = &InversionFile> {
        let files = self.inversions.iter();
        files.filter(move |file| file.problem.is_none() && file.width == width)
    }

    /// The file of a known word of [`Self::known_words`].
    pub fn known_inversion(&self, name: &str, width: usize) -> Option<&InversionFile> {
        self.fitting(width).find(|file| file.name == name)
    }

    /// The first file of that name in any capitals, for whatever model.
    pub fn inversion(&self, name: &str) -> Option<&InversionFile> {
        let name = name.to_lowercase();
        let mut files = self.inversions.iter();
        files.find(|file| file.name.to_lowercase() == name)
    }

    /// The LoRAs in `folder` and below it.
    ///
    /// # Errors
    /// If the folder itself cannot be looked into.
    pub fn in_folder(folder: &Path) -> std::io::Result<Self> {
        let mut paths = Vec::new();
        collect(folder, 0, &mut paths)?;
        paths.sort();
        Ok(Self {
            loras: paths
                .iter()
                .map(|path| NetworkFile::look_at(path))
                .collect(),
            inversions: Vec::new(),
        })
    }

    /// The file that `name` means: the same name, or one that differs in capitals.
    pub fn lora(&self, name: &str) -> Option<&NetworkFile> {
        let mut files = self.loras.iter();
        files.find(|file| file.name == name).or_else(|| {
            let mut files = self.loras.iter();
            files.find(|file| file.name.to_lowercase() == name.to_lowercase())
        })
    }

    /// Puts a file first.
    pub fn add(&mut self, file: NetworkFile) {
        self.loras.retain(|known| known.path != file.path);
        self.loras.insert(0, file);
    }

    /// Those of `asked` that no file is there for.
    pub fn missing<'a>(&self, asked: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        let mut missing: Vec<String> = Vec::new();
        for name in asked {
            if self.lora(name).is_none() && !missing.iter().any(|known| known == name) {
                missing.push(name.to_string());
            }
        }
        missing
    }
}

/// The .safetensors files below a folder; folders that may not be looked into are
/// passed over.
fn collect(folder: &Path, depth: usize, into: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        if into.len() >= MOST_FILES {
            return Ok(());
        }
        let path = entry?.path();
        let Ok(found) = std::fs::metadata(&path) else {
            continue;
        };
        let is_hidden = path
            .file_name()
            .is_some_and(|it| it.as_encoded_bytes().starts_with(b"."));
        let ending = path.extension();
        if is_hidden {
            continue;
        } else if found.is_dir() && depth < DEEPEST {
            if let Err(error) = collect(&path, depth + 1, into) {
                tracing::debug!("{} is passed over: {error}", path.display());
            }
        } else if found.is_file() && ending.is_some_and(|it| it.eq_ignore_ascii_case("safetensors"))
        {
            into.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_means_its_file_whatever_its_capitals() {
        let file = |name: &str| NetworkFile {
            name: name.to_string(),
            path: PathBuf::from(format!("/x/{name}.safetensors")),
            made_for: None,
            problem: None,
            walk: None,
        };
        let library = NetworkLibrary {
            loras: vec![file("Detail"), file("detail"), file("Style")],
            inversions: Vec::new(),
        };
        assert_eq!(library.lora("detail").unwrap().name, "detail");
        assert_eq!(library.lora("STYLE").unwrap().name, "Style");
        let missing = library.missing(["style", "gone", "gone"]);
        assert_eq!(missing, ["gone"]);
    }
}

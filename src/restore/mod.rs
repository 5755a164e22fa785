//! Settings out of pictures: all of ours, and of other programs' what is understood.
//!
//! A file gives texts, [`READERS`] are asked in turn whose they are, and one
//! value says what was taken and, by name, what was not. A program's format is
//! one file with one function `read`; those that can't be read yet only name
//! their program, so that nothing is taken for what it is not.

mod a1111;
mod comfyui;
mod diffusionbee;
mod draw_things;
mod easy_diffusion;
mod fooocus;
mod invokeai;
mod novelai;
mod picture_file;
mod program;
mod prompt_syntax;
mod restored;
mod storm_studio;
mod swarmui;
mod texts;

use std::io;
use std::path::Path;

use thiserror::Error;

pub use picture_file::PictureKind;
pub use program::Program;
pub use restored::{NotTaken, Reason, RestoredSettings};

use crate::export::{PngError, TextChunk};
use texts::Texts;

/// What a reader makes of texts that are its program's.
enum Found {
    /// Boxed because a request is large.
    Settings(Box<RestoredSettings>),
    /// Nothing can be taken, but whose they are is known.
    Named(Program),
}

/// Those that say most first: a picture may hold the texts of several programs.
const READERS: [fn(Texts) -> Option<Found>; 10] = [
    storm_studio::read,
    swarmui::read,
    fooocus::read,
    a1111::read,
    invokeai::read,
    novelai::read,
    draw_things::read,
    easy_diffusion::read,
    diffusionbee::read,
    comfyui::read,
];

/// Why a picture gives no settings; `file` is its name.
#[derive(Debug, Error)]
pub enum RestoreError {
    /// The file can't be opened.
    #[error("{file} can't be opened ({source})")]
    Open { file: String, source: io::Error },
    /// It is another kind of picture.
    #[error(
        "{file} is a {kind} picture; settings are read from PNG files only, so open the PNG that \
         the program saved"
    )]
    Kind { file: String, kind: PictureKind },
    /// It is no picture, or a damaged one.
    #[error("{file}: {source}")]
    Png { file: String, source: PngError },
    /// Nothing of another program's settings can be taken.
    #[error("{file} holds {}; type its prompt{}", .program.settings(), .program.other_way())]
    Foreign { file: String, program: Program },
    /// There are none.
    #[error("{file} holds no settings; open a picture as this program saved it")]
    NoSettings { file: String },
}

/// Reads the settings in a picture's file, which may come from anywhere.
///
/// # Errors
/// [`RestoreError`], whose text names the file.
pub fn read_picture(path: &Path) -> Result<Box<RestoredSettings>, RestoreError> {
    let name = path.file_name().unwrap_or(path.as_os_str());
    let file = name.to_string_lossy().into_owned();
    let texts = picture_file::read_texts(path, &file)?;
    match restore(&texts) {
        Some(Found::Settings(restored)) => Ok(Box::new(restored.bounded())),
        Some(Found::Named(program)) => Err(RestoreError::Foreign { file, program }),
        None => Err(RestoreError::NoSettings { file }),
    }
}

fn restore(texts: &[TextChunk]) -> Option<Found> {
    READERS.iter().find_map(|read| read(Texts(texts)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a picture with these texts gives.
    pub(super) fn found(texts: &[(&str, &str)]) -> Option<Found> {
        let texts = texts.iter();
        let chunks = texts.map(|(keyword, text)| TextChunk::new(keyword, (*text).to_owned()));
        restore(&chunks.collect::<Vec<_>>())
    }

    fn program(texts: &[(&str, &str)]) -> Option<Program> {
        Some(match found(texts)? {
            Found::Settings(restored) => restored.program,
            Found::Named(program) => program,
        })
    }

    const INFOTEXT: &str = "a cat\nSteps: 20, Sampler: DDIM, Seed: 1";

    #[test]
    fn the_texts_that_say_most_are_read() {
        let graph = r#"{"3": {"class_type": "KSampler", "inputs": {}}}"#;
        assert_eq!(
            program(&[("prompt", graph), ("parameters", INFOTEXT)]),
            Some(Program::Automatic1111)
        );
        assert_eq!(
            program(&[("parameters", "None"), ("prompt", graph)]),
            Some(Program::ComfyUi)
        );
    }

    #[test]
    fn texts_of_no_program_are_no_settings() {
        for texts in [
            &[][..],
            &[("parameters", "None")],
            &[("parameters", " \n")],
            &[("Software", "GIMP"), ("Comment", "{\"a\": 1}")],
            &[("prompt", "a cat")],
            &[("XML:com.adobe.xmp", "<x:xmpmeta/>")],
        ] {
            assert_eq!(program(texts), None, "{texts:?}");
        }
    }

    #[test]
    fn json_of_nobody_known_is_no_prompt() {
        for json in ["{\"a\": 1}", "[1, 2]", " {} "] {
            assert_eq!(program(&[("parameters", json)]), Some(Program::Unknown));
        }
    }

    #[test]
    fn messages_name_the_file_and_the_program() {
        let foreign = |program| {
            let file = "a.png".to_owned();
            RestoreError::Foreign { file, program }.to_string()
        };
        assert_eq!(
            foreign(Program::SwarmUi),
            "a.png holds SwarmUI's settings, which can't be read; type its prompt"
        );
        assert!(foreign(Program::ComfyUi).contains("ComfyUI graph"));
        assert!(foreign(Program::Unknown).contains("not known here"));
    }
}

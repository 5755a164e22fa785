//! Settings out of pictures: all of ours, and of other programs' what is understood.
//!
//! A file gives texts, [`READERS`] are asked in turn whose they are, and one
//! value says what was taken and, by name, what was not. A program's format is
//! one file with one function `read`; texts that say too little only name their
//! program, so that nothing is taken for what it is not.

mod a1111;
mod comfyui;
mod diffusionbee;
mod draw_things;
mod easy_diffusion;
mod exif;
mod fooocus;
mod invokeai;
mod json;
mod networks;
mod novelai;
mod picture_file;
mod program;
mod prompt_syntax;
mod restored;
mod storm_studio;
mod swarmui;
mod taking;
mod texts;
mod xmp;

use std::io;
use std::path::Path;

use thiserror::Error;

pub use networks::NamedNetwork;
pub use picture_file::{PictureKind, PictureTexts, read_texts};
pub use program::Program;
pub use restored::{NotTaken, Reason, RestoredSettings};

use crate::export::{PARAMETERS_KEYWORD, PngError, TextChunk};
use texts::Texts;

/// What a reader makes of texts that are its program's.
enum Found {
    /// Boxed because a request is large.
    Settings(Box<RestoredSettings>),
    /// Nothing can be taken, but whose they are is known.
    Named(Program),
    /// A graph that is not walked.
    Refused(comfyui::GraphError),
}

/// Those that say most first: a picture may hold the texts of several programs.
const READERS: [fn(Texts) -> Option<Found>; 11] = [
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
    a1111::read_unknown,
];

/// Why a picture gives no settings; `file` is its name.
#[derive(Debug, Error)]
pub enum RestoreError {
    /// The file can't be opened.
    #[error("{file} can't be opened ({source})")]
    Open { file: String, source: io::Error },
    /// It is a kind of picture that is not read.
    #[error(
        "{file} is a {kind} picture; settings are read from PNG, JPEG and WebP files, so open the \
         one that the program saved"
    )]
    Kind { file: String, kind: PictureKind },
    /// It is no picture, or a damaged one.
    #[error("{file}: {source}")]
    Png { file: String, source: PngError },
    /// The same of JPEG and WebP.
    #[error("{file} is a damaged {kind} picture ({reason}); open another copy of it")]
    Damaged {
        file: String,
        kind: PictureKind,
        reason: String,
    },
    /// Nothing of another program's settings can be taken.
    #[error("{file} holds {}; type its prompt{}", .program.settings(), .program.other_way())]
    Foreign { file: String, program: Program },
    /// A graph that is not walked.
    #[error("{file} can't be read, because its ComfyUI graph {reason}; type its prompt")]
    Graph { file: String, reason: String },
    /// There are none.
    #[error("{file} holds no settings; open a picture as its program saved it{}", in_brackets(.note))]
    NoSettings {
        file: String,
        /// What could not be read of it.
        note: Option<String>,
    },
}

fn in_brackets(note: &Option<String>) -> String {
    note.as_ref()
        .map_or_else(String::new, |it| format!(" ({it})"))
}

/// Reads the settings in a picture's file, which may come from anywhere.
///
/// # Errors
/// [`RestoreError`], whose text names the file.
pub fn read_picture(path: &Path) -> Result<Box<RestoredSettings>, RestoreError> {
    settings_of(read_texts(path)?)
}

/// The settings in texts that were read.
///
/// # Errors
/// [`RestoreError`], whose text names the file.
pub fn settings_of(read: PictureTexts) -> Result<Box<RestoredSettings>, RestoreError> {
    let PictureTexts { file, texts, note } = read;
    match restore(&texts) {
        Some(Found::Settings(mut restored)) => {
            restored.not_taken.extend(second_settings(&texts));
            Ok(Box::new(restored.bounded()))
        }
        Some(Found::Named(program)) => Err(RestoreError::Foreign { file, program }),
        Some(Found::Refused(error)) => Err(RestoreError::Graph {
            file,
            reason: error.to_string(),
        }),
        None => Err(RestoreError::NoSettings { file, note }),
    }
}

/// What a picture with two different texts of settings is told.
fn second_settings(texts: &[TextChunk]) -> Option<NotTaken> {
    let first = Texts(texts).get(PARAMETERS_KEYWORD)?;
    let mut all = texts
        .iter()
        .filter(|chunk| chunk.keyword == PARAMETERS_KEYWORD);
    let is_other = |text: &str| !matches!(text, "" | "None" | "null") && text != first;
    let other = all.find(|chunk| is_other(chunk.text.trim()))?;
    let rule = "the file says its settings twice, and the first are taken".to_owned();
    let text = picture_file::one_line(&other.text);
    Some(NotTaken::rule("a second parameters", &text, rule))
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
            Found::Refused(_) => Program::ComfyUi,
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
    fn of_two_texts_of_settings_the_first_is_taken_and_the_second_told() {
        let read = |second: &str| {
            let chunk = |text: &str| TextChunk::new("parameters", text.to_owned());
            let texts = vec![chunk("None"), chunk(INFOTEXT), chunk(second)];
            let (file, note) = ("a.png".to_owned(), None);
            *settings_of(PictureTexts { file, texts, note }).unwrap()
        };
        let other = read("a dog\nSteps: 9, Sampler: DDIM, Seed: 2");
        assert_eq!(other.taken.prompt, "a cat");
        let message = other.message(None);
        assert!(message.contains("says its settings twice"), "{message}");
        assert_eq!(read(INFOTEXT).not_taken, []);
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
        assert!(foreign(Program::ComfyUi).contains("drawing of a ComfyUI graph"));
        assert!(foreign(Program::Unknown).contains("not known here"));
    }
}

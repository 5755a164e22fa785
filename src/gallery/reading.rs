//! Entries read: their facts from the head of a file, thumbnails, and whole pictures
//! with their settings.

use std::fs::File;
use std::io::{BufReader, Cursor};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::{ImageReader, Limits, RgbImage, imageops};

use super::{Brief, Entry, EntryId, Facts};
use crate::diffusion::Method;
use crate::engine::Request;
use crate::export::TextChunk;
use crate::export::png::read_first_texts;
use crate::restore::{PictureKind, PictureTexts, RestoreError, read_texts, settings_of};

/// Longer side of a thumbnail in pixels.
const THUMBNAIL: u32 = 128;
/// Longest side of a picture that is read.
const LONGEST_SIDE: u32 = 8192;

/// The pictures of an entry with all that they say.
#[derive(Debug, Clone)]
pub struct Opened {
    pub id: EntryId,
    pub pictures: Vec<OpenedPicture>,
    /// What made them, as far as the files say it.
    pub request: Arc<Request>,
}

/// One picture of an entry.
#[derive(Debug, Clone)]
pub struct OpenedPicture {
    pub method: Method,
    pub image: Arc<RgbImage>,
    /// As they stand in its file.
    pub texts: Vec<TextChunk>,
}

/// What the head of an entry's file says.
pub(super) fn brief(entry: &Entry) -> Brief {
    let Some((_, path)) = entry.files.last() else {
        return Brief::Unreadable("it has no file".into());
    };
    let texts = first_texts(path);
    match texts.and_then(settings_of) {
        Ok(restored) => {
            let Request {
                prompt,
                seeds,
                settings,
                ..
            } = restored.taken;
            let sampler = settings.scheduler.map(|it| format!(", {it}"));
            Brief::Known(Arc::new(Facts {
                lowercase: prompt.to_lowercase(),
                prompt,
                seed: seeds.first().copied(),
                settings: format!(
                    "{} steps, guidance scale {}{}",
                    settings.steps,
                    settings.guidance_scale,
                    sampler.unwrap_or_default()
                ),
            }))
        }
        // A picture without settings is one all the same.
        Err(RestoreError::NoSettings { .. } | RestoreError::Foreign { .. }) => {
            Brief::Known(Arc::new(Facts {
                prompt: String::new(),
                lowercase: String::new(),
                seed: None,
                settings: "it holds no settings".to_owned(),
            }))
        }
        Err(error) => Brief::Unreadable(error.to_string().into()),
    }
}

/// The texts in front of the pixels, where this program writes them: a small part
/// of the file.
fn first_texts(path: &Path) -> Result<PictureTexts, RestoreError> {
    if PictureKind::of_file(path) != Some(PictureKind::Png) {
        return read_texts(path);
    }
    let name = path.file_name().unwrap_or(path.as_os_str());
    let file = name.to_string_lossy().into_owned();
    let opened = File::open(path).map_err(|source| RestoreError::Open {
        file: file.clone(),
        source,
    })?;
    match read_first_texts(BufReader::new(opened)) {
        Ok(texts) => Ok(PictureTexts {
            file,
            texts,
            note: None,
        }),
        Err(source) => Err(RestoreError::Png { file, source }),
    }
}

/// A small copy of a picture; the error in words.
pub(super) fn thumbnail(path: &Path) -> Result<RgbImage, String> {
    let image = picture(path)?;
    let (width, height) = image.dimensions();
    let longer = width.max(height).max(1);
    if longer <= THUMBNAIL {
        return Ok(image);
    }
    let side = |length: u32| (length * THUMBNAIL / longer).max(1);
    Ok(imageops::thumbnail(&image, side(width), side(height)))
}

fn picture(path: &Path) -> Result<RgbImage, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(LONGEST_SIDE);
    limits.max_image_height = Some(LONGEST_SIDE);
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let mut reader = reader.map_err(|error| error.to_string())?;
    reader.limits(limits);
    let image = reader.decode().map_err(|error| error.to_string())?;
    Ok(image.into_rgb8())
}

/// Reads an entry whole.
///
/// # Errors
/// A sentence that names the file.
pub(super) fn open(id: &EntryId, files: &[(Method, PathBuf)]) -> Result<Opened, String> {
    let mut pictures = Vec::new();
    let mut request = Request {
        seeds: Vec::new(),
        ..Request::default()
    };
    for (method, path) in files {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let image = picture(path).map_err(|error| format!("{name} can't be read ({error})"))?;
        let read = read_texts(path).map_err(|error| error.to_string())?;
        let texts = read.texts.clone();
        if let Ok(restored) = settings_of(read) {
            request = restored.taken;
        }
        pictures.push(OpenedPicture {
            method: *method,
            image: Arc::new(image),
            texts,
        });
    }
    Ok(Opened {
        id: id.clone(),
        pictures,
        request: Arc::new(request),
    })
}

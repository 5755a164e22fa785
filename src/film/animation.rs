//! How the pictures of one seed came about, side by side, one frame a step.

use std::io;
use std::path::Path;
use std::time::Duration;

use image::imageops::{FilterType, resize};
use image::{Rgb, RgbImage};

use super::{Film, FilmError};
use crate::export::animation::{AnimationFrame, AnimationKind};
use crate::export::{GridLayout, SaveError, grid, save_new};

/// Smallest side of a frame's pictures, in pixels.
const SIDE: u32 = 256;
const STEP: Duration = Duration::from_millis(120);
const FINISHED: Duration = Duration::from_millis(2500);
const PADDING: u32 = 4;
const BACKGROUND: Rgb<u8> = Rgb([255; 3]);

/// The frames: a step that every method has made, then the finished pictures; with
/// `overlays`, each object's attention and place are drawn over the steps.
///
/// # Errors
/// [`FilmError`] if no step is kept.
pub fn animation(film: &Film, overlays: bool) -> Result<Vec<AnimationFrame>, FilmError> {
    let methods = film.methods();
    let [width, height] = film.size().ok_or(FilmError::NoSteps)?;
    let scale = SIDE.div_ceil(width.min(height).max(1)).max(1);
    let size = [width * scale, height * scale];
    let mut frames = Vec::new();
    let mut push = |pictures: Vec<RgbImage>, delay| -> Result<(), FilmError> {
        let layout = GridLayout {
            columns: pictures.len(),
            ..GridLayout::nearly_square(pictures.len())
        };
        let image = grid(&pictures, layout.with_padding(PADDING, BACKGROUND))?;
        frames.push(AnimationFrame { image, delay });
        Ok(())
    };
    for records in film.steps.values() {
        let previews = records.iter().filter_map(|(method, record)| {
            let mut frame = film.preview(record, size)?;
            if overlays {
                film.draw_overlay(&mut frame, *method, record);
            }
            Some(frame)
        });
        let previews: Vec<RgbImage> = previews.collect();
        if previews.len() == methods.len() {
            push(previews, STEP)?;
        }
    }
    if film.pictures.len() == methods.len() {
        let pictures = film.pictures.iter();
        let pictures = pictures.map(|(_, image)| match scale {
            1 => RgbImage::clone(image),
            _ => resize(image.as_ref(), size[0], size[1], FilterType::CatmullRom),
        });
        push(pictures.collect(), FINISHED)?;
    }
    if frames.is_empty() {
        return Err(FilmError::NoSteps);
    }
    Ok(frames)
}

/// Writes frames as the name's ending says, whole or not at all, and returns where.
///
/// # Errors
/// [`SaveError`] with what the system said.
pub fn write_animation(
    path: &Path,
    frames: &[AnimationFrame],
) -> Result<std::path::PathBuf, SaveError> {
    let kind = AnimationKind::of_path(path).ok_or_else(|| SaveError {
        path: path.to_owned(),
        source: io::Error::new(io::ErrorKind::InvalidInput, AnimationKind::RULE),
    })?;
    save_new(path, |file| kind.write(file, frames))
}

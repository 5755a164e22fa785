//! What is drawn over the frames of an animation: each object's attention in its
//! colour, where the object is and where it should go.

use image::imageops::{FilterType, resize};
use image::{GrayImage, Rgb, RgbImage};

use super::Film;
use super::looks::{Mark, looks};
use super::word_attention::{mean_map, own_brightest};
use crate::diffusion::Method;
use crate::engine::StepRecord;

/// Largest opacity of an object's attention, so that the picture stays visible.
const STRONGEST: f32 = 0.6;
/// Radius of a mark, as a fraction of the frame's shorter side.
const MARK: f32 = 0.022;
/// Radius of the hollow mark where an object should go, in radii of a mark.
const GHOST: f32 = 1.6;

impl Film {
    /// Draws a step's attention and marks over its preview.
    pub(super) fn draw_overlay(&self, frame: &mut RgbImage, method: Method, record: &StepRecord) {
        for object in self.objects() {
            if let Some(map) = mean_map(&record.maps, &object.tokens) {
                veil(frame, &map, record.maps.columns, object.colour);
            }
        }
        let Some(reading) = &record.reading else {
            return;
        };
        let looks = looks(&self.request.layout);
        let objects = self.objects().into_iter().zip(looks);
        for ((object, look), found) in objects.zip(&reading.objects) {
            if method == Method::Storm && !reading.satisfied {
                hollow(frame, (look.mark, found.target), object.colour);
            }
            if !found.absent {
                filled(frame, (look.mark, found.centroid), object.colour);
            }
        }
    }
}

/// A map [rows, columns] as a veil of `colour`, the map being its opacity.
fn veil(frame: &mut RgbImage, map: &[f32], columns: usize, colour: [u8; 3]) {
    let brightest = own_brightest(map).max(f32::MIN_POSITIVE);
    let greys = map.iter().map(|value| (255.0 * value / brightest) as u8);
    let rows = map.len() / columns.max(1);
    let Some(small) = GrayImage::from_raw(columns as u32, rows as u32, greys.collect()) else {
        return;
    };
    let (width, height) = frame.dimensions();
    let large = resize(&small, width, height, FilterType::CatmullRom);
    for (pixel, grey) in frame.pixels_mut().zip(large.pixels()) {
        mix(pixel, colour, STRONGEST * f32::from(grey[0]) / 255.0);
    }
}

fn mix(pixel: &mut Rgb<u8>, colour: [u8; 3], share: f32) {
    for (value, target) in pixel.0.iter_mut().zip(colour) {
        *value = (f32::from(*value) * (1.0 - share) + f32::from(target) * share).round() as u8;
    }
}

/// A mark with a dark edge, which is seen on every ground.
fn filled(frame: &mut RgbImage, place: (Mark, [f64; 2]), colour: [u8; 3]) {
    mark(frame, place, 1.0, |distance| match distance {
        d if d <= 1.0 => Some((colour, 1.0)),
        d if d <= 1.35 => Some(([20, 22, 26], 0.8)),
        _ => None,
    });
}

fn hollow(frame: &mut RgbImage, place: (Mark, [f64; 2]), colour: [u8; 3]) {
    mark(frame, place, GHOST, |distance| {
        ((distance - GHOST).abs() < 0.25).then_some((colour, 1.0))
    });
}

/// Colours the pixels around a place by their distance from it, in radii of a mark.
fn mark(
    frame: &mut RgbImage,
    (mark, place): (Mark, [f64; 2]),
    reach: f32,
    colour: impl Fn(f32) -> Option<([u8; 3], f32)>,
) {
    let (width, height) = frame.dimensions();
    let radius = MARK * width.min(height) as f32;
    let x = place[0] as f32 * width as f32;
    let y = place[1] as f32 * height as f32;
    let reach = (reach + 1.0) * radius;
    let bounds = |centre: f32, length: u32| {
        let low = (centre - reach).max(0.0) as u32;
        low..((centre + reach).max(0.0) as u32 + 1).min(length)
    };
    for row in bounds(y, height) {
        for column in bounds(x, width) {
            let (across, down) = (column as f32 + 0.5 - x, row as f32 + 0.5 - y);
            let distance = match mark {
                Mark::Disc => across.hypot(down),
                // As large as the disc to the eye.
                Mark::Square => across.abs().max(down.abs()) / 0.9,
            };
            if let Some((colour, share)) = colour(distance / radius) {
                mix(frame.get_pixel_mut(column, row), colour, share);
            }
        }
    }
}

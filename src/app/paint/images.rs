//! From engine data to images: finished pictures, and, where the window's
//! device cannot run the shaders of [`super::device_drawing`], previews,
//! heatmaps and overlays too, computed here with the same formulas.

use egui::{Color32, ColorImage};
use image::{RgbImage, imageops};

use super::drawing::OVERLAY_ALPHA;
use crate::draw::ColourMap;
use crate::engine::StepRecord;
use crate::models::LatentRgb;

/// Small pictures are enlarged to at least this side, so that the screen's
/// linear filter has something smooth to start from.
const SMOOTH_SIDE: usize = 512;
/// Overlays and previews are enlarged to about this side.
const PREVIEW_SIDE: usize = 128;
/// Thumbnails in one texture are at most this large,
const THUMBNAIL_SIDE: usize = 32;
/// and all of them together at most this wide, as every OpenGL can have it.
const WIDEST_STRIP: usize = 4096;

/// The preview of a step, one pixel per cell. `None` if it lies on a device that
/// does not give it.
fn preview_image(record: &StepRecord, map: &LatentRgb) -> Option<RgbImage> {
    let numbers = record.preview.read();
    let numbers = numbers
        .inspect_err(|error| tracing::warn!("{error}"))
        .ok()?;
    let (width, height) = (record.columns as u32, record.rows as u32);
    RgbImage::from_raw(width, height, map.draw(&numbers))
}

/// A step's preview, enlarged smoothly.
pub fn preview(record: &StepRecord, map: &LatentRgb) -> Option<ColorImage> {
    let small = exact_picture(&preview_image(record, map)?);
    Some(enlarge(&small, PREVIEW_SIDE))
}

/// A finished picture, enlarged smoothly if it is small.
pub fn picture(image: &RgbImage) -> ColorImage {
    let size = [image.width() as usize, image.height() as usize];
    let picture = ColorImage::from_rgb(size, image.as_raw());
    enlarge(&picture, SMOOTH_SIDE)
}

/// A finished picture as it is, for the clipboard and thumbnails.
pub fn exact_picture(image: &RgbImage) -> ColorImage {
    let size = [image.width() as usize, image.height() as usize];
    ColorImage::from_rgb(size, image.as_raw())
}

/// A token's map [rows, columns] through a colour map, one pixel per cell;
/// `brightest` is the value drawn with the last colour.
pub fn heatmap(map: &[f32], columns: usize, brightest: f32, colours: ColourMap) -> ColorImage {
    let scale = 1.0 / brightest.max(f32::MIN_POSITIVE);
    let pixels = map.iter().map(|&value| {
        let [red, green, blue] = colours.colour(value * scale);
        Color32::from_rgb(red, green, blue)
    });
    ColorImage::new([columns, map.len() / columns.max(1)], pixels.collect())
}

/// The same, smooth between the cells.
pub fn smooth_heatmap(
    map: &[f32],
    columns: usize,
    brightest: f32,
    colours: ColourMap,
) -> ColorImage {
    enlarge(&heatmap(map, columns, brightest, colours), PREVIEW_SIDE)
}

/// A map [rows, columns] as a veil of `colour`, the map being its opacity.
pub fn overlay(map: &[f32], columns: usize, brightest: f32, colour: Color32) -> ColorImage {
    // The bare map is enlarged: the cubic's overshoot is cut off where greys end.
    let greys = heatmap(map, columns, brightest, ColourMap::Greys);
    let mut veil = enlarge(&greys, PREVIEW_SIDE);
    for pixel in &mut veil.pixels {
        let share = f32::from(pixel.r()) / 255.0;
        *pixel = colour.gamma_multiply(OVERLAY_ALPHA * share);
    }
    veil
}

/// Steps side by side in one row, made smaller where one would be larger than a
/// thumbnail or all of them wider than a texture; steps that are not kept any
/// more are left transparent.
pub fn thumbnails(
    steps: &[(usize, StepRecord)],
    count: usize,
    map: &LatentRgb,
) -> Option<ColorImage> {
    let (_, first) = steps.first()?;
    let count = count.max(1);
    let longer = first.columns.max(first.rows);
    let side = (WIDEST_STRIP / count).clamp(1, THUMBNAIL_SIDE.min(longer));
    let [width, height] = [first.columns, first.rows].map(|cells| (cells * side).div_ceil(longer));
    let mut strip = ColorImage::filled([width * count, height], Color32::TRANSPARENT);
    for (step, record) in steps.iter().filter(|(step, _)| *step < count) {
        let whole = preview_image(record, map)?;
        let image = imageops::thumbnail(&whole, width as u32, height as u32);
        for (x, y, pixel) in image.enumerate_pixels() {
            let [red, green, blue] = pixel.0;
            let place = y as usize * width * count + step * width + x as usize;
            strip.pixels[place] = Color32::from_rgb(red, green, blue);
        }
    }
    Some(strip)
}

/// `image` enlarged by a whole factor to a side of at least `side`, by the
/// Catmull–Rom cubic; unchanged if it is large enough.
fn enlarge(image: &ColorImage, side: usize) -> ColorImage {
    let [width, height] = image.size;
    let longer = width.max(height);
    let factor = side.div_ceil(longer.max(1));
    if longer == 0 || factor <= 1 {
        return image.clone();
    }
    let (across, down) = (taps(width, factor), taps(height, factor));
    let weigh = |weights: &[f32; 4], colours: [[f32; 4]; 4]| -> [f32; 4] {
        std::array::from_fn(|channel| {
            let terms = weights.iter().zip(&colours);
            terms.map(|(weight, colour)| weight * colour[channel]).sum()
        })
    };
    let wide: Vec<Vec<[f32; 4]>> = image
        .pixels
        .chunks_exact(width)
        .map(|row| {
            let colour = |place: usize| row[place].to_array().map(f32::from);
            let pixels = across.iter();
            let pixels = pixels.map(|(places, weights)| weigh(weights, places.map(colour)));
            pixels.collect()
        })
        .collect();
    let mut pixels = Vec::with_capacity(width * height * factor * factor);
    for (places, weights) in &down {
        let [first, second, third, fourth] = places.map(|place| &wide[place]);
        let neighbours = first.iter().zip(second).zip(third).zip(fourth);
        pixels.extend(neighbours.map(|(((first, second), third), fourth)| {
            let sums = weigh(weights, [*first, *second, *third, *fourth]);
            // Rounds and clamps: the cast goes down, and stops at 0 and 255.
            let [red, green, blue, alpha] = sums.map(|sum| (sum + 0.5) as u8);
            Color32::from_rgba_premultiplied(
                red.min(alpha),
                green.min(alpha),
                blue.min(alpha),
                alpha,
            )
        }));
    }
    ColorImage::new([width * factor, height * factor], pixels)
}

/// For each place of `count` enlarged by `factor`, which four it is made of and
/// how they weigh.
fn taps(count: usize, factor: usize) -> Vec<([usize; 4], [f32; 4])> {
    let of = |enlarged: usize| {
        let place = (enlarged as f32 + 0.5) / factor as f32 - 0.5;
        let first = place.floor();
        let sources = std::array::from_fn(|tap| {
            (first as isize + tap as isize - 1).clamp(0, count as isize - 1) as usize
        });
        (sources, catmull_rom(place - first))
    };
    (0..count * factor).map(of).collect()
}

/// Weights of the four neighbours around a place `t` past the second
/// (Catmull and Rom 1974).
fn catmull_rom(t: f32) -> [f32; 4] {
    let (t2, t3) = (t * t, t * t * t);
    [
        0.5 * (-t3 + 2.0 * t2 - t),
        0.5 * (3.0 * t3 - 5.0 * t2 + 2.0),
        0.5 * (-3.0 * t3 + 4.0 * t2 + t),
        0.5 * (t3 - t2),
    ]
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::device::Slot;
    use crate::storm::attention::AttentionMaps;

    #[test]
    fn a_heatmap_is_the_map_through_the_colour_map() {
        let image = heatmap(&[0.0, 0.25, 0.5, 0.125, 0.0, 0.5], 3, 0.5, ColourMap::Greys);
        assert_eq!(image.size, [3, 2]);
        let greys: Vec<u8> = image.pixels.iter().map(|pixel| pixel.r()).collect();
        assert_eq!(greys, [0, 128, 255, 64, 0, 255]);
    }

    #[test]
    fn an_overlay_hides_at_most_seven_tenths() {
        let image = overlay(&[0.0, 1.0], 2, 1.0, Color32::from_rgb(230, 159, 0));
        let strongest = image.pixels.iter().map(|pixel| pixel.a()).max().unwrap();
        assert!((177..=179).contains(&strongest), "{strongest}");
        assert_eq!(image.pixels[0].a(), 0);
    }

    #[test]
    fn enlarging_keeps_a_flat_picture_flat_and_the_order_of_its_corners() {
        let flat = ColorImage::filled([3, 2], Color32::from_rgb(10, 200, 30));
        let large = enlarge(&flat, 9);
        assert_eq!(large.size, [9, 6]);
        assert!(large.pixels.iter().all(|pixel| *pixel == flat.pixels[0]));

        let corners = [10, 60, 110, 160].map(Color32::from_gray);
        let large = enlarge(&ColorImage::new([2, 2], corners.to_vec()), 8);
        let at = |x: usize, y: usize| large.pixels[y * 8 + x];
        assert_eq!(
            [at(0, 0), at(7, 0), at(0, 7), at(7, 7)].map(|pixel| pixel.r() / 50),
            [0, 1, 2, 3]
        );
    }

    /// A step whose preview is painted in one colour, 0 to 1.
    fn painted([red, green, blue]: [f32; 3], rows: usize, columns: usize) -> StepRecord {
        let planes = [red, green, blue, 0.5].map(|value| vec![2.0 * value - 1.0; rows * columns]);
        let maps = Arc::new(AttentionMaps::new(1, 1, 1, vec![1.0]).unwrap());
        StepRecord {
            preview: planes.concat().into(),
            rows,
            columns,
            drawn_maps: Slot::Host(maps.clone()),
            maps,
            reading: None,
            update: None,
        }
    }

    #[test]
    fn thumbnails_of_any_run_fit_into_a_texture() {
        let (first, last) = ([1.0, 0.0, 0.2], [0.0, 0.6, 1.0]);
        for (rows, columns, count, size) in [
            (64, 96, 26, [26 * 32, 22]),
            (256, 256, 51, [51 * 32, 32]),
            (16, 16, 51, [51 * 16, 16]),
            (64, 64, 1000, [1000 * 4, 4]),
        ] {
            let steps = [
                (0, painted(first, rows, columns)),
                (count - 1, painted(last, rows, columns)),
            ];
            let strip = thumbnails(&steps, count, &LatentRgb::PAINTED).unwrap();
            assert_eq!(strip.size, size);
            let colour = |[r, g, b]: [f32; 3]| {
                let [r, g, b] = [r, g, b].map(|value| (255.0 * value).round() as u8);
                Color32::from_rgb(r, g, b)
            };
            assert_eq!(strip.pixels[0], colour(first));
            assert_eq!(strip.pixels[size[0] / 2], Color32::TRANSPARENT);
            assert_eq!(*strip.pixels.last().unwrap(), colour(last));
        }
    }

    #[test]
    fn a_large_picture_stays_as_it_is() {
        let image = RgbImage::from_fn(600, 2, |x, _| image::Rgb([x as u8, 0, 0]));
        assert_eq!(picture(&image), exact_picture(&image));
    }
}

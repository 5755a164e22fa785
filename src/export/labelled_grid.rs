//! Pictures in rows and columns that say what they are: a sweep over settings.

use image::imageops::{self, FilterType, resize};
use image::{Rgb, RgbImage};

use super::grid::{GridError, MAX_SIDE};
use super::lettering::Lettering;

/// Smaller pictures are enlarged to at least this side, so that labels have room.
const LEAST_SIDE: u32 = 128;
const PADDING: u32 = 6;
const TEXT: f32 = 16.0;
/// Widest label of a row in pixels.
const WIDEST: u32 = 320;
const BACKGROUND: Rgb<u8> = Rgb([255; 3]);
const FOREGROUND: Rgb<u8> = Rgb([0x1A, 0x1D, 0x22]);

/// Lays pictures of one size out row by row under the labels of the columns and
/// beside those of the rows; where a picture is missing a place stays empty.
///
/// # Errors
/// [`GridError`] if there are none, if they differ in size, or if the grid would be
/// too large.
pub fn labelled_grid(
    images: &[Option<&RgbImage>],
    columns: &[String],
    rows: &[String],
) -> Result<RgbImage, GridError> {
    let mut present = images
        .iter()
        .enumerate()
        .filter_map(|(index, it)| Some((index, (*it)?)));
    let (_, first) = present.next().ok_or(GridError::Empty)?;
    let first = first.dimensions();
    if columns.is_empty() {
        return Err(GridError::NoColumns);
    }
    if let Some((index, image)) = present.find(|(_, image)| image.dimensions() != first) {
        return Err(GridError::Sizes {
            index: index + 1,
            size: image.dimensions(),
            first,
        });
    }
    let scale = LEAST_SIDE.div_ceil(first.0.min(first.1).max(1)).max(1);
    let (width, height) = (first.0 * scale, first.1 * scale);
    let lettering = Lettering::new(TEXT);
    let labels: Vec<String> = rows
        .iter()
        .map(|row| lettering.shortened(row, WIDEST))
        .collect();
    let widest = labels.iter().map(|label| lettering.width(label)).max();
    let left = widest
        .filter(|width| *width > 0)
        .map_or(PADDING, |width| width + 3 * PADDING);
    let top = lettering.height() + 2 * PADDING;
    let side = |start: u32, length: u32, count: usize| {
        u64::from(start) + u64::from(length + PADDING) * count as u64
    };
    let total = [
        side(left, width, columns.len()),
        side(top, height, rows.len()),
    ];
    if total.iter().any(|side| *side > MAX_SIDE) {
        let [width, height] = total;
        return Err(GridError::TooLarge { width, height });
    }
    let mut picture = RgbImage::from_pixel(total[0] as u32, total[1] as u32, BACKGROUND);
    for (column, label) in columns.iter().enumerate() {
        let x = left + (width + PADDING) * column as u32;
        let label = lettering.shortened(label, width);
        let inset = (width - lettering.width(&label).min(width)) / 2;
        let place = [(x + inset) as i32, PADDING as i32];
        lettering.draw(&mut picture, &label, place, FOREGROUND);
    }
    for (row, label) in labels.iter().enumerate() {
        let y = top + (height + PADDING) * row as u32;
        let middle = y + (height - lettering.height().min(height)) / 2;
        lettering.draw(
            &mut picture,
            label,
            [PADDING as i32, middle as i32],
            FOREGROUND,
        );
        for column in 0..columns.len() {
            let Some(image) = images.get(row * columns.len() + column).copied().flatten() else {
                continue;
            };
            let x = left + (width + PADDING) * column as u32;
            let enlarged =
                (scale > 1).then(|| resize(image, width, height, FilterType::CatmullRom));
            let image = enlarged.as_ref().unwrap_or(image);
            imageops::replace(&mut picture, image, i64::from(x), i64::from(y));
        }
    }
    Ok(picture)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_stand_under_their_labels() {
        let image = |grey: u8| RgbImage::from_pixel(200, 100, Rgb([grey; 3]));
        let (dark, bright) = (image(20), image(120));
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let columns = names(&["steps 10", "steps 20"]);
        let rows = names(&["guidance scale 5", ""]);
        let images = [Some(&dark), Some(&bright), None, Some(&dark)];
        let grid = labelled_grid(&images, &columns, &rows).unwrap();
        let lettering = Lettering::new(TEXT);
        let left = lettering.width("guidance scale 5") + 3 * PADDING;
        let top = lettering.height() + 2 * PADDING;
        // Enlarged twice, since 100 pixels are few.
        assert_eq!(grid.dimensions(), (left + 2 * 406, top + 2 * 206));
        assert_eq!(*grid.get_pixel(left + 5, top + 5), Rgb([20; 3]));
        assert_eq!(*grid.get_pixel(left + 411, top + 5), Rgb([120; 3]));
        assert_eq!(*grid.get_pixel(left + 5, top + 211), BACKGROUND);
        assert_eq!(*grid.get_pixel(left + 411, top + 211), Rgb([20; 3]));
        let has_text = |x: std::ops::Range<u32>, y: std::ops::Range<u32>| {
            let mut places = x.flat_map(|x| y.clone().map(move |y| (x, y)));
            places.any(|(x, y)| grid.get_pixel(x, y)[0] < 100)
        };
        assert!(has_text(left..left + 400, 0..top - PADDING));
        assert!(has_text(0..left - PADDING, top..top + 200));
        assert!(!has_text(0..left - PADDING, top + 206..top + 400));
    }

    #[test]
    fn what_can_not_be_laid_out_is_refused() {
        let labels = |count: usize| vec!["a".to_owned(); count];
        assert_eq!(
            labelled_grid(&[], &labels(1), &labels(1)),
            Err(GridError::Empty)
        );
        let (small, large) = (RgbImage::new(8, 8), RgbImage::new(9, 8));
        let mixed = [Some(&small), Some(&large)];
        let error = labelled_grid(&mixed, &labels(2), &labels(1));
        assert!(matches!(error, Err(GridError::Sizes { index: 2, .. })));
        let many = vec![Some(&small); 300];
        let error = labelled_grid(&many, &labels(300), &labels(1));
        assert!(matches!(error, Err(GridError::TooLarge { .. })));
    }
}

//! Several pictures of one size as one picture: all seeds in a grid, or two
//! methods side by side.

use image::{GenericImage, Rgb, RgbImage};
use thiserror::Error;

/// Longest side of a grid in pixels: PNG viewers and GPU textures end here.
pub(super) const MAX_SIDE: u64 = 32_768;

/// How pictures are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GridLayout {
    /// Pictures in a row, at least 1; the last row may be shorter.
    pub columns: usize,
    /// Pixels between pictures and around them.
    pub padding: u32,
    /// Colour of the padding and of places left over.
    pub background: Rgb<u8>,
}

impl GridLayout {
    /// As near to a square as `count` pictures come, wider rather than higher,
    /// without padding, on black.
    pub fn nearly_square(count: usize) -> Self {
        let root = count.isqrt();
        Self {
            columns: (root + usize::from(root * root < count)).max(1),
            padding: 0,
            background: Rgb([0; 3]),
        }
    }

    /// The same with space between the pictures.
    #[must_use]
    pub fn with_padding(self, padding: u32, background: Rgb<u8>) -> Self {
        Self {
            padding,
            background,
            ..self
        }
    }
}

/// Why pictures can't be put into a grid.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GridError {
    /// There is nothing to show.
    #[error("there is no picture for the grid; make one first")]
    Empty,
    /// No columns.
    #[error("a grid needs at least one column")]
    NoColumns,
    /// The pictures differ in size.
    #[error(
        "picture {index} has {} × {} pixels, the first one {} × {}; put pictures of one size into a grid",
        .size.0, .size.1, .first.0, .first.1
    )]
    Sizes {
        /// Number of the picture, counted from 1.
        index: usize,
        /// Its width and height.
        size: (u32, u32),
        /// Width and height of the first picture.
        first: (u32, u32),
    },
    /// The grid would be larger than programs can show.
    #[error(
        "the grid would have {width} × {height} pixels, more than the 32768 on a side that programs can show; use fewer pictures"
    )]
    TooLarge {
        /// Pixels in a row.
        width: u64,
        /// Rows.
        height: u64,
    },
}

/// Lays pictures of one size out row by row.
///
/// # Errors
/// [`GridError`] if there are none, if they differ in size, or if the grid
/// would be too large.
pub fn grid(images: &[RgbImage], layout: GridLayout) -> Result<RgbImage, GridError> {
    let first = images.first().ok_or(GridError::Empty)?.dimensions();
    if layout.columns == 0 {
        return Err(GridError::NoColumns);
    }
    let different = images.iter().position(|image| image.dimensions() != first);
    if let Some(index) = different {
        return Err(GridError::Sizes {
            index: index + 1,
            size: images[index].dimensions(),
            first,
        });
    }
    let columns = layout.columns.min(images.len());
    let rows = images.len().div_ceil(columns);
    let padding = u64::from(layout.padding);
    let side = |length: u32, count: usize| {
        (count as u64).saturating_mul(u64::from(length) + padding) + padding
    };
    let (width, height) = (side(first.0, columns), side(first.1, rows));
    if width.max(height) > MAX_SIDE {
        return Err(GridError::TooLarge { width, height });
    }
    let mut picture = RgbImage::from_pixel(width as u32, height as u32, layout.background);
    for (index, image) in images.iter().enumerate() {
        let place =
            |length: u32, cell: usize| layout.padding + (length + layout.padding) * cell as u32;
        picture
            .copy_from(
                image,
                place(first.0, index % columns),
                place(first.1, index / columns),
            )
            .expect("the grid was made large enough");
    }
    Ok(picture)
}

/// Two pictures of one size beside each other, for a comparison.
///
/// # Errors
/// [`GridError`] if they differ in size or are too large together.
pub fn side_by_side(
    left: &RgbImage,
    right: &RgbImage,
    padding: u32,
    background: Rgb<u8>,
) -> Result<RgbImage, GridError> {
    let layout = GridLayout {
        columns: 2,
        padding,
        background,
    };
    grid(&[left.clone(), right.clone()], layout)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(width: u32, height: u32, value: u8) -> RgbImage {
        RgbImage::from_pixel(width, height, Rgb([value; 3]))
    }

    /// The red channel, row by row.
    fn rows(image: &RgbImage) -> Vec<Vec<u8>> {
        let rows = image.rows();
        rows.map(|row| row.map(|pixel| pixel.0[0]).collect())
            .collect()
    }

    #[test]
    fn pictures_stand_row_by_row_with_padding() {
        let images = [1, 2, 3].map(|value| plain(2, 1, value));
        let layout = GridLayout::nearly_square(3).with_padding(1, Rgb([9; 3]));
        assert_eq!(
            rows(&grid(&images, layout).unwrap()),
            [
                [9, 9, 9, 9, 9, 9, 9],
                [9, 1, 1, 9, 2, 2, 9],
                [9, 9, 9, 9, 9, 9, 9],
                [9, 3, 3, 9, 9, 9, 9],
                [9, 9, 9, 9, 9, 9, 9],
            ]
        );
    }

    #[test]
    fn a_short_row_takes_no_more_room_than_it_needs() {
        let images = [4, 5].map(|value| plain(1, 2, value));
        let wide = GridLayout {
            columns: 7,
            ..GridLayout::nearly_square(2)
        };
        assert_eq!(rows(&grid(&images, wide).unwrap()), [[4, 5], [4, 5]]);
        let pair = side_by_side(&images[0], &images[1], 0, Rgb([0; 3])).unwrap();
        assert_eq!(rows(&pair), [[4, 5], [4, 5]]);
    }

    #[test]
    fn the_layout_is_nearly_square() {
        let columns = [0, 1, 2, 3, 4, 5, 9, 10, 12].map(|n| GridLayout::nearly_square(n).columns);
        assert_eq!(columns, [1, 1, 2, 2, 2, 3, 3, 4, 4]);
    }

    #[test]
    fn what_makes_no_grid_is_told() {
        let layout = GridLayout::nearly_square(2);
        assert_eq!(grid(&[], layout), Err(GridError::Empty));
        let no_columns = GridLayout {
            columns: 0,
            ..layout
        };
        assert_eq!(
            grid(&[plain(1, 1, 0)], no_columns),
            Err(GridError::NoColumns)
        );
        assert_eq!(
            grid(&[plain(2, 2, 0), plain(2, 3, 0)], layout),
            Err(GridError::Sizes {
                index: 2,
                size: (2, 3),
                first: (2, 2)
            })
        );
        let padded = layout.with_padding(u32::MAX, Rgb([0; 3]));
        assert!(matches!(
            grid(&[plain(1, 1, 0)], padded),
            Err(GridError::TooLarge { .. })
        ));
    }
}

//! Which colour an object in a picture has.
//!
//! The embedded model's world knows four: recipe/scenes.py tints a glyph's
//! luminance with one of them, so that hue alone tells them apart. A pastel
//! ground and a glyph in its own, mixed colours are none of the four.

use image::RgbImage;
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

/// A colour that a prompt can ask for.
///
/// The order is that in which recipe/scenes.py names them.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Colour {
    Red,
    Blue,
    Green,
    Yellow,
}

/// Radius of the disc around an object's centre whose pixels decide, as a
/// fraction of the shorter side: two thirds of the smallest glyph's.
const RADIUS: f64 = 0.125;
/// Least chroma (largest minus smallest channel, 0 to 1) of a pixel that
/// counts; the grounds of the scenes lie below.
const LEAST_CHROMA: f64 = 0.3;
/// Least share of the disc that counting pixels make up.
const LEAST_SHARE: f64 = 0.25;
/// Least length, 0 to 1, of the mean of the pixels' hues as unit vectors:
/// below it the object has several colours.
const LEAST_AGREEMENT: f64 = 0.9;
/// Largest difference, in degrees, of the mean hue from the colour's own.
const HUE_TOLERANCE: f64 = 25.0;

impl Colour {
    /// Every colour.
    pub const ALL: &[Colour] = Self::VARIANTS;

    /// The word for it in a prompt.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The colour that a word names.
    pub fn of_name(word: &str) -> Option<Self> {
        word.parse().ok()
    }

    /// The tint of recipe/scenes.py.
    fn tint(self) -> [u8; 3] {
        match self {
            Self::Red => [220, 40, 40],
            Self::Blue => [50, 90, 230],
            Self::Green => [40, 170, 60],
            Self::Yellow => [240, 200, 30],
        }
    }

    /// The colour of the object whose centre lies at (`x`, `y`), fractions of
    /// width and height, if it has one: the chroma-weighted mean hue of the
    /// pixels around the centre, compared with the tints' hues.
    pub fn at(picture: &RgbImage, x: f64, y: f64) -> Option<Self> {
        let (width, height) = (f64::from(picture.width()), f64::from(picture.height()));
        let radius = RADIUS * width.min(height);
        let (mut pixels, mut counted, mut weight) = (0.0, 0.0, 0.0);
        let mut mean = [0.0, 0.0];
        for (column, row, pixel) in picture.enumerate_pixels() {
            let across = f64::from(column) + 0.5 - x * width;
            let down = f64::from(row) + 0.5 - y * height;
            if across.hypot(down) > radius {
                continue;
            }
            pixels += 1.0;
            let (hue, chroma) = hue_and_chroma(pixel.0);
            if chroma > LEAST_CHROMA {
                let (sine, cosine) = hue.to_radians().sin_cos();
                mean[0] += chroma * cosine;
                mean[1] += chroma * sine;
                counted += 1.0;
                weight += chroma;
            }
        }
        let agreement = mean[0].hypot(mean[1]) / weight;
        if counted < LEAST_SHARE * pixels || weight == 0.0 || agreement < LEAST_AGREEMENT {
            return None;
        }
        let hue = mean[1].atan2(mean[0]).to_degrees();
        Self::ALL.iter().copied().find(|colour| {
            let (own, _) = hue_and_chroma(colour.tint());
            let difference = (hue - own).rem_euclid(360.0);
            difference.min(360.0 - difference) <= HUE_TOLERANCE
        })
    }
}

/// Hue in degrees and chroma from 0 to 1 of an RGB colour.
fn hue_and_chroma(rgb: [u8; 3]) -> (f64, f64) {
    let [red, green, blue] = rgb.map(|byte| f64::from(byte) / 255.0);
    let largest = red.max(green).max(blue);
    let chroma = largest - red.min(green).min(blue);
    if chroma == 0.0 {
        return (0.0, 0.0);
    }
    let sixth = if largest == red {
        (green - blue) / chroma
    } else if largest == green {
        (blue - red) / chroma + 2.0
    } else {
        (red - green) / chroma + 4.0
    };
    (60.0 * sixth.rem_euclid(6.0), chroma)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    /// A disc of one colour on a ground of another.
    fn disc(colour: [u8; 3], ground: [u8; 3]) -> RgbImage {
        RgbImage::from_fn(64, 64, |column, row| {
            let (across, down) = (f64::from(column) - 19.5, f64::from(row) - 43.5);
            let is_inside = across.hypot(down) < 9.0;
            Rgb(if is_inside { colour } else { ground })
        })
    }

    fn seen(colour: [u8; 3]) -> Option<Colour> {
        Colour::at(&disc(colour, [235, 240, 225]), 20.0 / 64.0, 44.0 / 64.0)
    }

    #[test]
    fn the_tints_are_seen_in_light_and_shade() {
        for &colour in Colour::ALL {
            for shade in [0.65, 0.8, 1.0] {
                let shaded = colour.tint().map(|byte| (f64::from(byte) * shade) as u8);
                assert_eq!(seen(shaded), Some(colour), "{shade}");
            }
        }
    }

    #[test]
    fn grey_pastel_and_other_hues_are_no_colour() {
        for other in [
            [120, 120, 120],
            [200, 180, 190],
            [230, 120, 220],
            [40, 200, 200],
        ] {
            assert_eq!(seen(other), None, "{other:?}");
        }
        // Right of the disc there is nothing but ground.
        let picture = disc(Colour::Red.tint(), [255, 255, 255]);
        assert_eq!(Colour::at(&picture, 0.8, 0.3), None);
        assert_eq!(Colour::at(&RgbImage::new(0, 0), 0.5, 0.5), None);
    }

    #[test]
    fn two_colours_in_one_object_are_none() {
        let mut picture = disc(Colour::Red.tint(), [255, 255, 255]);
        for column in 20..64 {
            for row in 0..64 {
                if picture.get_pixel(column, row).0 == Colour::Red.tint() {
                    picture.put_pixel(column, row, Rgb(Colour::Blue.tint()));
                }
            }
        }
        assert_eq!(Colour::at(&picture, 20.0 / 64.0, 44.0 / 64.0), None);
    }
}

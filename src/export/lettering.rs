//! Words on pictures: labels of strips and grids, in the window's own typeface.

use ab_glyph::{Font, FontRef, Glyph, PxScale, ScaleFont, point};
use image::{Rgb, RgbImage};

static FONT: &[u8] = include_bytes!("../../assets/fonts/StormSans.ttf");

/// The typeface at one size.
pub struct Lettering {
    font: FontRef<'static>,
    scale: PxScale,
}

impl Lettering {
    /// Letters of so many pixels a line.
    pub fn new(size: f32) -> Self {
        let font = FontRef::try_from_slice(FONT).expect("the embedded font is whole");
        Self {
            font,
            scale: PxScale::from(size),
        }
    }

    /// Height of a line in pixels.
    pub fn height(&self) -> u32 {
        self.font.as_scaled(self.scale).height().ceil() as u32
    }

    /// Width of `text` in pixels.
    pub fn width(&self, text: &str) -> u32 {
        let (_, width) = self.glyphs(text, [0.0, 0.0]);
        width.ceil() as u32
    }

    /// `text`, or its beginning with `…` if it is wider than `width` pixels.
    pub fn shortened(&self, text: &str, width: u32) -> String {
        if self.width(text) <= width {
            return text.to_owned();
        }
        let mut short: Vec<char> = text.chars().collect();
        while short.pop().is_some() {
            let shown = short.iter().collect::<String>() + "…";
            if self.width(&shown) <= width {
                return shown;
            }
        }
        String::new()
    }

    /// Draws `text` with its top left at `place`; what lies outside is cut off.
    pub fn draw(&self, image: &mut RgbImage, text: &str, place: [i32; 2], colour: Rgb<u8>) {
        let ascent = self.font.as_scaled(self.scale).ascent();
        let start = [place[0] as f32, place[1] as f32 + ascent];
        let (glyphs, _) = self.glyphs(text, start);
        for outlined in glyphs
            .into_iter()
            .filter_map(|it| self.font.outline_glyph(it))
        {
            let bounds = outlined.px_bounds();
            outlined.draw(|x, y, coverage| {
                let x = bounds.min.x as i64 + i64::from(x);
                let y = bounds.min.y as i64 + i64::from(y);
                let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else {
                    return;
                };
                if let Some(pixel) = image.get_pixel_mut_checked(x, y) {
                    for (value, target) in pixel.0.iter_mut().zip(colour.0) {
                        let share = coverage.clamp(0.0, 1.0);
                        let mixed = f32::from(*value) * (1.0 - share) + f32::from(target) * share;
                        *value = mixed.round() as u8;
                    }
                }
            });
        }
    }

    /// Each character's glyph in its place, and where the next would begin.
    fn glyphs(&self, text: &str, start: [f32; 2]) -> (Vec<Glyph>, f32) {
        let font = self.font.as_scaled(self.scale);
        let mut glyphs = Vec::new();
        let mut x = start[0];
        let mut last = None;
        for character in text.chars() {
            let id = self.font.glyph_id(character);
            x += last.map_or(0.0, |last| font.kern(last, id));
            glyphs.push(id.with_scale_and_position(self.scale, point(x, start[1])));
            x += font.h_advance(id);
            last = Some(id);
        }
        (glyphs, x - start[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_drawn_where_they_are_measured() {
        let lettering = Lettering::new(16.0);
        let width = lettering.width("steps 10");
        assert!((40..100).contains(&width), "{width}");
        let mut image = RgbImage::new(200, 40);
        lettering.draw(&mut image, "steps 10", [20, 10], Rgb([255; 3]));
        let drawn = image
            .enumerate_pixels()
            .filter(|(.., pixel)| pixel[0] > 127);
        let places: Vec<(u32, u32)> = drawn.map(|(x, y, _)| (x, y)).collect();
        assert!(places.len() > 50);
        let bottom = 10 + lettering.height();
        for (x, y) in places {
            assert!(
                (20..=21 + width).contains(&x) && (10..bottom).contains(&y),
                "{x} {y}"
            );
        }
        // Outside the picture nothing happens.
        lettering.draw(&mut image, "steps", [-30, 38], Rgb([255; 3]));
    }

    #[test]
    fn long_texts_are_shortened_to_their_room() {
        let lettering = Lettering::new(16.0);
        assert_eq!(lettering.shortened("short", 200), "short");
        let short = lettering.shortened("a prompt that is far too long for its column", 120);
        assert!(
            short.ends_with('…') && short.starts_with("a prompt"),
            "{short}"
        );
        assert!(lettering.width(&short) <= 120);
        assert_eq!(lettering.shortened("word", 2), "");
    }
}

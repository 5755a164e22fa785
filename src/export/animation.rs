//! The denoising as an animated GIF: one frame per step, then the finished pictures.

use std::io;
use std::time::Duration;

use image::codecs::gif::{GifEncoder, Repeat};
use image::imageops::{FilterType, resize};
use image::{Delay, DynamicImage, Frame, RgbImage};

/// A frame and how long it stays.
#[derive(Debug, Clone)]
pub struct AnimationFrame {
    pub image: RgbImage,
    pub delay: Duration,
}

/// Writes frames of one size as a GIF that repeats for ever.
///
/// # Errors
/// What the writer says, and `InvalidInput` if the frames differ in size.
pub fn write_gif(writer: impl io::Write, frames: &[AnimationFrame]) -> io::Result<()> {
    let size = frames.first().map(|frame| frame.image.dimensions());
    if frames
        .iter()
        .any(|frame| Some(frame.image.dimensions()) != size)
    {
        let message = "the frames of an animation have one size";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    let mut encoder = GifEncoder::new_with_speed(writer, 10);
    let failed = |error: image::ImageError| io::Error::other(error);
    encoder.set_repeat(Repeat::Infinite).map_err(failed)?;
    for frame in frames {
        let pixels = DynamicImage::ImageRgb8(frame.image.clone()).into_rgba8();
        let delay = Delay::from_saturating_duration(frame.delay);
        let frame = Frame::from_parts(pixels, 0, 0, delay);
        encoder.encode_frame(frame).map_err(failed)?;
    }
    Ok(())
}

/// `image` at `width` × `height`, smoothly enlarged; previews are a few cells wide.
pub fn enlarge(image: &RgbImage, width: u32, height: u32) -> RgbImage {
    resize(image, width, height, FilterType::CatmullRom)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::codecs::gif::GifDecoder;
    use image::{AnimationDecoder, Rgb};

    fn frame(side: u32, colour: [u8; 3], milliseconds: u64) -> AnimationFrame {
        AnimationFrame {
            image: RgbImage::from_pixel(side, side, Rgb(colour)),
            delay: Duration::from_millis(milliseconds),
        }
    }

    #[test]
    fn frames_come_back_with_their_colours_and_delays() {
        let frames = [frame(8, [255, 0, 0], 100), frame(8, [0, 0, 255], 2000)];
        let mut bytes = Vec::new();
        write_gif(&mut bytes, &frames).unwrap();
        let decoder = GifDecoder::new(io::Cursor::new(bytes)).unwrap();
        let read = decoder.into_frames().collect_frames().unwrap();
        assert_eq!(read.len(), 2);
        assert_eq!(read[1].buffer().get_pixel(3, 3).0, [0, 0, 255, 255]);
        let delays: Vec<Duration> = read.iter().map(|frame| frame.delay().into()).collect();
        assert_eq!(delays, frames.map(|frame| frame.delay));
    }

    #[test]
    fn frames_of_two_sizes_are_refused() {
        let frames = [frame(8, [0; 3], 10), frame(9, [0; 3], 10)];
        assert!(write_gif(Vec::new(), &frames).is_err());
    }
}

//! Frames as an animated GIF, which every program shows, or an APNG, which keeps
//! every colour.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use image::codecs::gif::{GifEncoder, Repeat};
use image::{Delay, DynamicImage, Frame, RgbImage};

/// A frame and how long it stays.
#[derive(Debug, Clone)]
pub struct AnimationFrame {
    pub image: RgbImage,
    pub delay: Duration,
}

/// A kind of animation file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnimationKind {
    Gif,
    Apng,
}

impl AnimationKind {
    /// Which endings there are, in words.
    pub const RULE: &str = "an animation is a GIF or an APNG; give it a name that ends in .gif, \
                            .apng or .png";

    /// What the name's ending says; `None` for any other.
    pub fn of_path(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        match ending.as_str() {
            "gif" => Some(Self::Gif),
            "apng" | "png" => Some(Self::Apng),
            _ => None,
        }
    }

    /// Writes frames of one size; they repeat for ever.
    ///
    /// # Errors
    /// What the writer says, and `InvalidInput` if there are no frames or they
    /// differ in size.
    pub fn write(self, writer: impl Write, frames: &[AnimationFrame]) -> io::Result<()> {
        let wrong = |message: &str| io::Error::new(io::ErrorKind::InvalidInput, message);
        let first = frames
            .first()
            .ok_or_else(|| wrong("an animation has frames"))?;
        let size = first.image.dimensions();
        if frames.iter().any(|frame| frame.image.dimensions() != size) {
            return Err(wrong("the frames of an animation have one size"));
        }
        match self {
            Self::Gif => write_gif(writer, frames),
            Self::Apng => write_apng(writer, size, frames),
        }
    }
}

fn write_gif(writer: impl Write, frames: &[AnimationFrame]) -> io::Result<()> {
    let mut encoder = GifEncoder::new_with_speed(writer, 10);
    let failed = |error: image::ImageError| match error {
        image::ImageError::IoError(error) => error,
        other => io::Error::other(other),
    };
    encoder.set_repeat(Repeat::Infinite).map_err(failed)?;
    for frame in frames {
        let pixels = DynamicImage::ImageRgb8(frame.image.clone()).into_rgba8();
        let delay = Delay::from_saturating_duration(frame.delay);
        let frame = Frame::from_parts(pixels, 0, 0, delay);
        encoder.encode_frame(frame).map_err(failed)?;
    }
    Ok(())
}

fn write_apng(
    writer: impl Write,
    (width, height): (u32, u32),
    frames: &[AnimationFrame],
) -> io::Result<()> {
    let mut encoder = png::Encoder::new(writer, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    // 0 plays are endless.
    encoder
        .set_animated(frames.len() as u32, 0)
        .map_err(png_error)?;
    let mut writer = encoder.write_header().map_err(png_error)?;
    for frame in frames {
        let milliseconds = frame.delay.as_millis().min(u128::from(u16::MAX));
        writer
            .set_frame_delay(milliseconds as u16, 1000)
            .map_err(png_error)?;
        writer
            .write_image_data(frame.image.as_raw())
            .map_err(png_error)?;
    }
    writer.finish().map_err(png_error)
}

/// What the system said is worth more than what the encoder made of it.
fn png_error(error: png::EncodingError) -> io::Error {
    match error {
        png::EncodingError::IoError(error) => error,
        other => io::Error::other(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::codecs::gif::GifDecoder;
    use image::codecs::png::PngDecoder;
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
        for kind in [AnimationKind::Gif, AnimationKind::Apng] {
            let mut bytes = Vec::new();
            kind.write(&mut bytes, &frames).unwrap();
            let bytes = io::Cursor::new(bytes);
            let read = match kind {
                AnimationKind::Gif => GifDecoder::new(bytes).unwrap().into_frames(),
                AnimationKind::Apng => {
                    let decoder = PngDecoder::new(bytes).unwrap();
                    assert!(decoder.is_apng().unwrap());
                    decoder.apng().unwrap().into_frames()
                }
            };
            let read = read.collect_frames().unwrap();
            assert_eq!(read.len(), 2, "{kind:?}");
            assert_eq!(read[1].buffer().get_pixel(3, 3).0, [0, 0, 255, 255]);
            let delays: Vec<Duration> = read.iter().map(|frame| frame.delay().into()).collect();
            assert_eq!(delays, frames.clone().map(|frame| frame.delay));
        }
    }

    #[test]
    fn frames_of_two_sizes_and_none_are_refused() {
        let frames = [frame(8, [0; 3], 10), frame(9, [0; 3], 10)];
        for kind in [AnimationKind::Gif, AnimationKind::Apng] {
            assert!(kind.write(Vec::new(), &frames).is_err());
            assert!(kind.write(Vec::new(), &[]).is_err());
        }
    }

    /// A disk that takes so many bytes.
    struct FullAfter(usize);

    impl Write for FullAfter {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            match self.0.checked_sub(bytes.len()) {
                Some(left) => {
                    self.0 = left;
                    Ok(bytes.len())
                }
                None => Err(io::ErrorKind::StorageFull.into()),
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_disk_that_fills_is_told_as_what_it_is() {
        let frames = [frame(64, [9; 3], 100), frame(64, [200, 3, 5], 100)];
        for kind in [AnimationKind::Gif, AnimationKind::Apng] {
            let mut whole = Vec::new();
            kind.write(&mut whole, &frames).unwrap();
            for room in [0, 10, whole.len() / 2, whole.len() - 1] {
                // As files are written: what stands in the buffer is written at the end.
                let mut file = io::BufWriter::with_capacity(8, FullAfter(room));
                let written = kind.write(&mut file, &frames);
                let written = written.and_then(|()| file.flush());
                let error = written.expect_err("the disk is full");
                assert_eq!(error.kind(), io::ErrorKind::StorageFull, "{kind:?} {room}");
            }
        }
    }

    #[test]
    fn endings_decide() {
        let of = |name: &str| AnimationKind::of_path(Path::new(name));
        assert_eq!(of("a.GIF"), Some(AnimationKind::Gif));
        assert_eq!(of("a.apng"), of("a.png"));
        assert_eq!(of("a.webp"), None);
    }
}

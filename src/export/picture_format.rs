//! Kinds of files that pictures are written to: PNG and WebP keep every pixel, JPEG
//! is small. All of them carry the settings: PNG as texts, the others in EXIF, where
//! other programs look for them too.

use std::io::{self, Cursor, Seek, Write};
use std::path::Path;

use exif::experimental::Writer;
use exif::{Field, In, Tag, Value};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder, ImageError, RgbImage};
use strum::{Display, EnumString, IntoStaticStr, VariantArray};

use super::TextChunk;
use super::metadata::{OWN_KEYWORD, PARAMETERS_KEYWORD};
use super::png::write_png;

/// A kind of picture file.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Display, EnumString, IntoStaticStr, VariantArray,
)]
#[strum(serialize_all = "lowercase", ascii_case_insensitive)]
pub enum PictureFormat {
    #[default]
    Png,
    /// Lossless.
    WebP,
    #[strum(to_string = "jpeg", serialize = "jpg")]
    Jpeg,
}

/// Longest EXIF block: JPEG gives it one segment.
const MOST_EXIF: usize = 65_000;

impl PictureFormat {
    /// How good a JPEG is where nothing is said.
    pub const QUALITY: u8 = 92;

    /// What the name's ending says; `None` for any other.
    pub fn of_path(path: &Path) -> Option<Self> {
        path.extension()?.to_str()?.parse().ok()
    }

    /// What file names end in.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::WebP => "webp",
            Self::Jpeg => "jpg",
        }
    }

    /// Writes a picture with its texts; `quality` from 1 to 100 counts for JPEG.
    ///
    /// # Errors
    /// What the writer says.
    pub fn write(
        self,
        mut writer: impl Write + Seek,
        image: &RgbImage,
        texts: &[TextChunk],
        quality: u8,
    ) -> io::Result<()> {
        let (width, height) = image.dimensions();
        let colours = ExtendedColorType::Rgb8;
        match self {
            Self::Png => write_png(writer, image, texts),
            Self::WebP => {
                let mut encoder = WebPEncoder::new_lossless(&mut writer);
                set_exif(&mut encoder, texts)?;
                encoder
                    .write_image(image.as_raw(), width, height, colours)
                    .map_err(io_error)
            }
            Self::Jpeg => {
                let mut encoder = JpegEncoder::new_with_quality(&mut writer, quality.clamp(1, 100));
                set_exif(&mut encoder, texts)?;
                encoder
                    .write_image(image.as_raw(), width, height, colours)
                    .map_err(io_error)
            }
        }
    }
}

/// What the system said is worth more than what the encoder made of it.
fn io_error(error: ImageError) -> io::Error {
    match error {
        ImageError::IoError(error) => error,
        other => io::Error::other(other),
    }
}

fn set_exif(encoder: &mut impl ImageEncoder, texts: &[TextChunk]) -> io::Result<()> {
    if let Some(block) = exif_block(texts)? {
        encoder
            .set_exif_metadata(block)
            .map_err(|error| io::Error::other(error.to_string()))?;
    }
    Ok(())
}

/// A1111's infotext as `UserComment` and our own JSON as `ImageDescription`, behind
/// its keyword; `None` if there are no settings or if they are too long.
fn exif_block(texts: &[TextChunk]) -> io::Result<Option<Vec<u8>>> {
    let text = |keyword: &str| {
        let mut texts = texts.iter().filter(|chunk| chunk.keyword == keyword);
        texts.next().map(|chunk| chunk.text.as_str())
    };
    let mut fields = Vec::new();
    if let Some(text) = text(PARAMETERS_KEYWORD) {
        // As A1111 writes it: the encoding in eight bytes, then UTF-16.
        let units = text.encode_utf16().flat_map(u16::to_be_bytes);
        let comment = b"UNICODE\0".iter().copied().chain(units).collect();
        fields.push(Field {
            tag: Tag::UserComment,
            ifd_num: In::PRIMARY,
            value: Value::Undefined(comment, 0),
        });
    }
    if let Some(text) = text(OWN_KEYWORD) {
        let line = format!("{OWN_KEYWORD}:{}", ascii_json(text));
        fields.push(Field {
            tag: Tag::ImageDescription,
            ifd_num: In::PRIMARY,
            value: Value::Ascii(vec![line.into_bytes()]),
        });
    }
    if fields.is_empty() {
        return Ok(None);
    }
    let mut writer = Writer::new();
    fields.iter().for_each(|field| writer.push_field(field));
    let mut block = Cursor::new(Vec::new());
    writer
        .write(&mut block, false)
        .map_err(|error| io::Error::other(error.to_string()))?;
    let block = block.into_inner();
    if block.len() > MOST_EXIF {
        tracing::warn!("the settings are too long for this kind of file and are left out");
        return Ok(None);
    }
    Ok(Some(block))
}

/// JSON whose other characters are escaped: EXIF's texts are ASCII.
fn ascii_json(json: &str) -> String {
    let mut ascii = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() {
            ascii.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            ascii.push_str(&format!("\\u{unit:04x}"));
        }
    }
    ascii
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    fn noisy() -> RgbImage {
        let mut state = 1u32;
        RgbImage::from_fn(19, 13, |x, _| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            Rgb([(state >> 24) as u8, x as u8 * 9, 77])
        })
    }

    fn written(format: PictureFormat, texts: &[TextChunk], quality: u8) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        format.write(&mut bytes, &noisy(), texts, quality).unwrap();
        bytes.into_inner()
    }

    fn decoded(bytes: &[u8]) -> RgbImage {
        image::load_from_memory(bytes).unwrap().into_rgb8()
    }

    #[test]
    fn png_and_webp_keep_every_pixel_and_jpeg_follows_its_quality() {
        for format in [PictureFormat::Png, PictureFormat::WebP] {
            assert_eq!(decoded(&written(format, &[], 50)), noisy(), "{format}");
        }
        let difference = |quality| {
            let read = decoded(&written(PictureFormat::Jpeg, &[], quality));
            let pairs = read.as_raw().iter().zip(noisy().into_raw());
            pairs.map(|(a, b)| u64::from(a.abs_diff(b))).sum::<u64>()
        };
        assert!(difference(95) < difference(30));
        let length = |quality| written(PictureFormat::Jpeg, &[], quality).len();
        assert!(length(95) > length(30));
    }

    #[test]
    fn every_kind_gives_the_settings_back() {
        let folder = tempfile::tempdir().unwrap();
        let own = r#"{"prompt": "a 猫 \"left\""}"#;
        let texts = [
            TextChunk::new(
                PARAMETERS_KEYWORD,
                "a 猫\nSteps: 2, Seed: 1, Size: 8x8".to_owned(),
            ),
            TextChunk::new(OWN_KEYWORD, own.to_owned()),
        ];
        for format in PictureFormat::VARIANTS {
            let path = folder.path().join("a").with_extension(format.extension());
            assert_eq!(PictureFormat::of_path(&path), Some(*format));
            std::fs::write(&path, written(*format, &texts, 80)).unwrap();
            let read = crate::restore::read_texts(&path).unwrap().texts;
            let text = |keyword| {
                let chunk = read.iter().find(|chunk| chunk.keyword == keyword);
                chunk.map(|chunk| chunk.text.clone()).unwrap_or_default()
            };
            assert_eq!(text(PARAMETERS_KEYWORD), texts[0].text, "{format}");
            let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
            assert_eq!(json(&text(OWN_KEYWORD)), json(own), "{format}");
        }
    }

    #[test]
    fn settings_that_are_too_long_are_left_out_and_the_picture_is_whole() {
        let texts = [TextChunk::new(PARAMETERS_KEYWORD, "a".repeat(40_000))];
        let bytes = written(PictureFormat::Jpeg, &texts, 80);
        assert_eq!(decoded(&bytes).dimensions(), noisy().dimensions());
        assert!(bytes.len() < 10_000);
    }

    #[test]
    fn endings_decide() {
        let of = |name: &str| PictureFormat::of_path(Path::new(name));
        assert_eq!(of("a.JPG"), Some(PictureFormat::Jpeg));
        assert_eq!(of("a.jpeg"), Some(PictureFormat::Jpeg));
        assert_eq!(of("a.webp"), Some(PictureFormat::WebP));
        assert_eq!((of("a.gif"), of("a")), (None, None));
    }
}

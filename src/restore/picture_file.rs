//! Which kind of picture a file is, and the texts in it: those of PNG as they are,
//! those in the EXIF and XMP of JPEG and WebP under the same keywords.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::Path;

use image::ImageDecoder;
use image::codecs::jpeg::JpegDecoder;
use strum::Display;

use super::{RestoreError, exif, xmp};
use crate::export::TextChunk;
use crate::export::png;

/// Kinds of pictures that people save and drop, told by their first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display)]
pub enum PictureKind {
    #[strum(to_string = "PNG")]
    Png,
    #[strum(to_string = "JPEG")]
    Jpeg,
    #[strum(to_string = "WebP")]
    WebP,
    #[strum(to_string = "GIF")]
    Gif,
    #[strum(to_string = "BMP")]
    Bmp,
    #[strum(to_string = "TIFF")]
    Tiff,
    #[strum(to_string = "AVIF")]
    Avif,
    #[strum(to_string = "HEIC")]
    Heic,
    #[strum(to_string = "JPEG XL")]
    JpegXl,
}

impl PictureKind {
    /// The kind of the file at `path`; `None` for anything that is no picture or
    /// can't be read.
    pub fn of_file(path: &Path) -> Option<Self> {
        // Reading a pipe or a device would wait for ever.
        let is_file = std::fs::metadata(path).is_ok_and(|found| found.is_file());
        is_file
            .then(|| File::open(path).ok())
            .flatten()
            .and_then(Self::of)
    }

    fn of(file: impl Read) -> Option<Self> {
        let mut head = Vec::new();
        file.take(16).read_to_end(&mut head).ok()?;
        let at = |start: usize, bytes: &[u8]| {
            head.get(start..)
                .is_some_and(|rest| rest.starts_with(bytes))
        };
        // Heads: PNG 5.2; JFIF; RIFF; GIF89a; BITMAPFILEHEADER; TIFF 6; ISO/IEC 23008-12; 18181-2.
        let kinds = [
            (at(0, b"\x89PNG\r\n\x1a\n"), Self::Png),
            (at(0, b"\xff\xd8\xff"), Self::Jpeg),
            (at(0, b"RIFF") && at(8, b"WEBP"), Self::WebP),
            (at(0, b"GIF87a") || at(0, b"GIF89a"), Self::Gif),
            // "BM", the length of the file and four reserved zeros.
            (at(0, b"BM") && at(6, &[0; 4]), Self::Bmp),
            (at(0, b"II*\0") || at(0, b"MM\0*"), Self::Tiff),
            (at(4, b"ftypavi"), Self::Avif),
            (at(4, b"ftyphei") || at(4, b"ftypmif1"), Self::Heic),
            (at(0, b"\xff\x0a") || at(4, b"JXL \r\n\x87\n"), Self::JpegXl),
        ];
        kinds.iter().find_map(|(is, kind)| is.then_some(*kind))
    }
}

/// Largest JPEG or WebP file that is read; those of such programs have a few MB.
const MOST_BYTES: u64 = 256 << 20;

/// The texts of a picture, under the keywords that a PNG would have for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureTexts {
    /// The file's name, for messages.
    pub file: String,
    pub texts: Vec<TextChunk>,
    /// What could not be read of them, in words.
    pub note: Option<String>,
}

/// Reads the texts of the picture at `path`, which may come from anywhere.
///
/// # Errors
/// [`RestoreError`] if it is no picture of a kind that is read.
pub fn read_texts(path: &Path) -> Result<PictureTexts, RestoreError> {
    let name = path.file_name().unwrap_or(path.as_os_str());
    let file = name.to_string_lossy().into_owned();
    let opened = |source| RestoreError::Open {
        file: file.clone(),
        source,
    };
    let kind = PictureKind::of_file(path);
    let (mut texts, mut note) = match kind {
        None | Some(PictureKind::Png) => {
            let reader = BufReader::new(File::open(path).map_err(opened)?);
            let texts = png::read_texts(reader).map_err(|source| RestoreError::Png {
                file: file.clone(),
                source,
            })?;
            (texts, None)
        }
        Some(kind @ (PictureKind::Jpeg | PictureKind::WebP)) => {
            let blocks = Blocks::read(path, kind).map_err(|error| match error {
                BlockError::File(source) => opened(source),
                BlockError::Picture(reason) => RestoreError::Damaged {
                    file: file.clone(),
                    kind,
                    reason: one_line(&reason),
                },
            })?;
            blocks.texts()
        }
        Some(kind) => return Err(RestoreError::Kind { file, kind }),
    };
    let packet = texts.iter().position(|chunk| chunk.keyword == xmp::KEYWORD);
    if let Some(packet) = packet.map(|index| texts[index].text.clone()) {
        match xmp::texts(&packet) {
            Ok(found) => texts.extend(found),
            Err(reason) => note = Some(format!("its XMP is damaged: {reason}")),
        }
    }
    Ok(PictureTexts { file, texts, note })
}

/// A text of several lines within a sentence.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a JPEG or WebP file holds beside its pixels.
struct Blocks {
    exif: Option<Vec<u8>>,
    xmp: Option<Vec<u8>>,
}

enum BlockError {
    File(io::Error),
    Picture(String),
}

impl Blocks {
    fn read(path: &Path, kind: PictureKind) -> Result<Self, BlockError> {
        let file = File::open(path).map_err(BlockError::File)?;
        let length = file.metadata().map_err(BlockError::File)?.len();
        if length > MOST_BYTES {
            let reason = format!("it has {} MB, more than can be meant", length >> 20);
            return Err(BlockError::Picture(reason));
        }
        let mut bytes = Vec::new();
        let mut whole = BufReader::new(file).take(MOST_BYTES);
        whole.read_to_end(&mut bytes).map_err(BlockError::File)?;
        let found = match kind {
            PictureKind::WebP => Self::of_webp(&bytes).map_err(|error| error.to_string()),
            _ => Self::of_jpeg(&bytes).map_err(|error| error.to_string()),
        };
        found.map_err(BlockError::Picture)
    }

    fn of_webp(bytes: &[u8]) -> Result<Self, image_webp::DecodingError> {
        let mut decoder = image_webp::WebPDecoder::new(Cursor::new(bytes))?;
        // A block may claim any length.
        decoder.set_memory_limit(bytes.len());
        Ok(Self {
            exif: decoder.exif_metadata()?,
            xmp: decoder.xmp_metadata()?,
        })
    }

    fn of_jpeg(bytes: &[u8]) -> Result<Self, image::ImageError> {
        let mut decoder = JpegDecoder::new(Cursor::new(bytes))?;
        Ok(Self {
            exif: decoder.exif_metadata()?,
            xmp: decoder.xmp_metadata()?,
        })
    }

    /// The texts, and what could not be read.
    fn texts(self) -> (Vec<TextChunk>, Option<String>) {
        let mut note = None;
        let exif = self.exif.map_or_else(
            || Ok(Vec::new()),
            |block| exif::texts(block).map_err(|error| format!("its EXIF is damaged: {error}")),
        );
        let mut texts = exif.unwrap_or_else(|reason| {
            note = Some(reason);
            Vec::new()
        });
        if let Some(packet) = self.xmp {
            let packet = String::from_utf8_lossy(&packet).into_owned();
            texts.push(TextChunk::new(xmp::KEYWORD, packet));
        }
        (texts, note)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_the_first_bytes() {
        for (head, kind) in [
            (
                &b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..],
                Some(PictureKind::Png),
            ),
            (b"\xff\xd8\xff\xe0\0\x10JFIF", Some(PictureKind::Jpeg)),
            (b"RIFF\x10\0\0\0WEBPVP8 ", Some(PictureKind::WebP)),
            (b"RIFF\x10\0\0\0WAVEfmt ", None),
            (b"GIF89a", Some(PictureKind::Gif)),
            (b"BM\x10\x20\0\0\0\0\0\0", Some(PictureKind::Bmp)),
            (b"BMW is a car and no picture", None),
            (b"MM\0*\0\0\0\x08", Some(PictureKind::Tiff)),
            (b"\0\0\0\x20ftypavif", Some(PictureKind::Avif)),
            (b"\0\0\0\x20ftypheic", Some(PictureKind::Heic)),
            (b"\0\0\0\x0cJXL \r\n\x87\n", Some(PictureKind::JpegXl)),
            (b"", None),
            (b"\x89PN", None),
            // The head of a safetensors file.
            (b"\x40\0\0\0\0\0\0\0{\"a\":{}}", None),
        ] {
            assert_eq!(PictureKind::of(head), kind, "{head:?}");
        }
    }

    #[test]
    fn a_folder_and_nothing_are_no_pictures() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(PictureKind::of_file(folder.path()), None);
        assert_eq!(PictureKind::of_file(&folder.path().join("gone")), None);
    }
}

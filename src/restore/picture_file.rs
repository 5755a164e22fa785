//! Which kind of picture a file is, and the texts in it. Only PNG is read.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use strum::Display;

use super::RestoreError;
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

/// The texts of the PNG at `path`; `name` stands in messages.
pub(super) fn read_texts(path: &Path, name: &str) -> Result<Vec<TextChunk>, RestoreError> {
    let file = || name.to_owned();
    let kind = PictureKind::of_file(path);
    if let Some(kind) = kind.filter(|kind| *kind != PictureKind::Png) {
        return Err(RestoreError::Kind { file: file(), kind });
    }
    let opened = File::open(path).map_err(|source| RestoreError::Open {
        file: file(),
        source,
    })?;
    png::read_texts(BufReader::new(opened)).map_err(|source| RestoreError::Png {
        file: file(),
        source,
    })
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

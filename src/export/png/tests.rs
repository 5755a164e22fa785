//! Pictures and texts through PNG, and files that are none.

use std::io::Cursor;

use image::Rgb;

use super::*;

fn picture() -> RgbImage {
    RgbImage::from_fn(5, 3, |x, y| Rgb([x as u8 * 50, y as u8 * 80, 7]))
}

fn written(texts: &[TextChunk]) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_png(&mut bytes, &picture(), texts).unwrap();
    bytes
}

fn texts() -> Vec<TextChunk> {
    vec![
        TextChunk::new("parameters", "a café\nSteps: 20".to_owned()),
        TextChunk::new("storm-studio", "{\"prompt\":\"猫 🐱\"}".to_owned()),
    ]
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn pixels_and_texts_are_read_back() {
    let bytes = written(&texts());
    let read = read_png(Cursor::new(&bytes)).unwrap();
    assert_eq!(read.image, picture());
    assert_eq!(read.texts, texts());
    assert_eq!(read_texts(Cursor::new(&bytes)).unwrap(), texts());
    // An independent decoder sees the same pixels.
    let other = image::load_from_memory(&bytes).unwrap();
    assert_eq!(other.to_rgb8(), picture());
}

#[test]
fn latin1_goes_into_text_and_all_else_into_international_text() {
    let bytes = written(&texts());
    assert!(contains(&bytes, b"tEXtparameters\0a caf\xE9\nSteps: 20"));
    let international = "iTXtstorm-studio\0\0\0\0\0{\"prompt\":\"猫 🐱\"}";
    assert!(contains(&bytes, international.as_bytes()));
    let nul = TextChunk::new("parameters", "a\0b".to_owned());
    assert_eq!(nul.text, "ab");
    let keyword = TextChunk::new(&"k".repeat(80), String::new());
    assert!(write_png(Vec::new(), &picture(), &[keyword]).is_err());
}

/// Gray, palette, alpha and 16 bits, with texts of all kinds on both sides of the pixels.
#[test]
fn other_kinds_of_png_are_read() {
    for (color, depth, data, pixel) in [
        (
            png::ColorType::Grayscale,
            png::BitDepth::Eight,
            &[200][..],
            [200; 3],
        ),
        (
            png::ColorType::GrayscaleAlpha,
            png::BitDepth::Eight,
            &[200, 10],
            [200; 3],
        ),
        (
            png::ColorType::Rgba,
            png::BitDepth::Eight,
            &[1, 2, 3, 10],
            [1, 2, 3],
        ),
        (
            png::ColorType::Rgb,
            png::BitDepth::Sixteen,
            &[1, 255, 2, 255, 3, 255],
            [1, 2, 3],
        ),
        (
            png::ColorType::Indexed,
            png::BitDepth::One,
            &[128],
            [7, 8, 9],
        ),
    ] {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, 1, 1);
        encoder.set_color(color);
        encoder.set_depth(depth);
        if color == png::ColorType::Indexed {
            encoder.set_palette(vec![0, 0, 0, 7, 8, 9]);
        }
        encoder
            .add_ztxt_chunk("prompt".to_owned(), "{}".to_owned())
            .unwrap();
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(data).unwrap();
        let mut after = png::text_metadata::ITXtChunk::new("workflow", "猫");
        after.compress_text().unwrap();
        writer.write_text_chunk(&after).unwrap();
        writer.finish().unwrap();

        let read = read_png(Cursor::new(&bytes)).unwrap();
        assert_eq!(read.image.get_pixel(0, 0).0, pixel, "{color:?}");
        let texts = [("prompt", "{}"), ("workflow", "猫")];
        assert_eq!(
            read.texts,
            texts.map(|(key, text)| TextChunk::new(key, text.to_owned()))
        );
        assert_eq!(read_texts(Cursor::new(&bytes)).unwrap(), read.texts);
    }
}

#[test]
fn damaged_files_are_errors() {
    let whole = written(&texts());
    for cut in [0, 7, 40, 100, whole.len() - 13] {
        assert!(
            read_png(Cursor::new(&whole[..cut])).is_err(),
            "cut at {cut}"
        );
    }
    assert!(read_texts(Cursor::new(&whole[..100])).is_err());
    assert!(read_texts(Cursor::new(b"\xFF\xD8\xFF\xE0 a JPEG")).is_err());
}

/// A megabyte of zeros takes a kilobyte when compressed, so a small file can hold gigabytes.
#[test]
fn texts_that_unpack_without_end_are_refused() {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 1, 1);
    for _ in 0..5 {
        encoder
            .add_ztxt_chunk("parameters".to_owned(), "0".repeat(8 << 20))
            .unwrap();
    }
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&[0]).unwrap();
    writer.finish().unwrap();
    assert!(bytes.len() < 1 << 20);
    assert!(matches!(
        read_texts(Cursor::new(&bytes)),
        Err(PngError::Decoding(_))
    ));
}

#[test]
fn a_picture_of_too_many_pixels_is_refused_before_it_is_decoded() {
    let mut bytes = Vec::new();
    let encoder = png::Encoder::new(&mut bytes, 100_000, 100_000);
    let mut writer = encoder.write_header().unwrap();
    // Pixels are never reached.
    writer.write_chunk(png::chunk::IDAT, &[]).unwrap();
    drop(writer);
    assert!(matches!(
        read_png(Cursor::new(&bytes)),
        Err(PngError::TooLarge {
            width: 100_000,
            height: 100_000
        })
    ));
}

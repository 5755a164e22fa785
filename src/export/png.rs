//! PNG files with text: our settings and those of the field's other programs
//! travel in them. Reading is bounded, because the files come from anywhere.

use std::io::{self, BufRead, Seek, Write};

use image::RgbImage;
use thiserror::Error;

/// Most text read of one file, after decompression: workflows of ComfyUI with
/// embedded pictures reach a few MB.
const MAX_TEXT_BYTES: usize = 32 << 20;
/// Most bytes that the decoder may allocate for itself.
const MAX_DECODER_BYTES: usize = 64 << 20;
/// Most pixels decoded: 8192 × 8192.
const MAX_PIXELS: u64 = 1 << 26;

/// One text of a PNG file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextChunk {
    /// What the text is; 1 to 79 Latin-1 characters.
    pub keyword: String,
    /// The text, without NUL.
    pub text: String,
}

impl TextChunk {
    /// A text; NUL, which PNG can't hold, is dropped.
    pub fn new(keyword: &str, text: String) -> Self {
        Self {
            keyword: keyword.to_owned(),
            text: text.replace('\0', ""),
        }
    }
}

/// A decoded picture with its texts.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// 8-bit RGB; transparency is dropped.
    pub image: RgbImage,
    /// All texts.
    pub texts: Vec<TextChunk>,
}

/// Why a PNG file can't be read.
#[derive(Debug, Error)]
pub enum PngError {
    /// No PNG, damaged, or beyond the decoder's limits.
    #[error(
        "this is not a readable PNG picture ({0}); open a PNG as this or a similar program saved it"
    )]
    Decoding(#[from] png::DecodingError),
    /// More pixels than can be meant.
    #[error(
        "the picture has {width} × {height} pixels, more than the 8192 × 8192 that can be read"
    )]
    TooLarge {
        /// Pixels in a row.
        width: u32,
        /// Rows.
        height: u32,
    },
}

/// Writes a picture with texts in front of the pixels: as `tEXt` where Latin-1
/// is enough, else as `iTXt`, like Pillow.
///
/// # Errors
/// What the writer says, or invalid input for a keyword that PNG can't hold.
pub fn write_png(writer: impl Write, image: &RgbImage, texts: &[TextChunk]) -> io::Result<()> {
    let mut encoder = png::Encoder::new(writer, image.width(), image.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    for TextChunk { keyword, text } in texts.iter().cloned() {
        let is_latin1 = text.chars().all(|character| u32::from(character) <= 0xFF);
        if is_latin1 {
            encoder.add_text_chunk(keyword, text)?;
        } else {
            encoder.add_itxt_chunk(keyword, text)?;
        }
    }
    let mut writer = encoder.write_header()?;
    writer.write_image_data(image.as_raw())?;
    writer.finish()?;
    Ok(())
}

/// Reads the texts, in front of and behind the pixels, without the pixels.
///
/// # Errors
/// [`PngError`] for anything but a whole PNG file.
pub fn read_texts(source: impl BufRead + Seek) -> Result<Vec<TextChunk>, PngError> {
    let mut reader = decoder(source).read_info()?;
    reader.finish()?;
    texts_of(reader.info())
}

/// Reads the texts in front of the pixels alone, which is where this program writes
/// them: a small part of a large file.
///
/// # Errors
/// [`PngError`] if the file does not begin as a PNG.
pub fn read_first_texts(source: impl BufRead + Seek) -> Result<Vec<TextChunk>, PngError> {
    let reader = decoder(source).read_info()?;
    texts_of(reader.info())
}

/// Reads pixels and texts.
///
/// # Errors
/// [`PngError`] for anything but a whole PNG file of at most 8192 × 8192 pixels.
pub fn read_png(source: impl BufRead + Seek) -> Result<Picture, PngError> {
    let mut decoder = decoder(source);
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info()?;
    let (width, height) = (reader.info().width, reader.info().height);
    let too_large = PngError::TooLarge { width, height };
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(too_large);
    }
    let mut samples = vec![0; reader.output_buffer_size().ok_or(too_large)?];
    let frame = reader.next_frame(&mut samples)?;
    samples.truncate(frame.buffer_size());
    let channels = frame.color_type.samples();
    let rgb = match channels {
        3 => samples,
        1 | 2 => samples
            .chunks(channels)
            .flat_map(|pixel| [pixel[0]; 3])
            .collect(),
        _ => samples
            .chunks(channels)
            .flat_map(|pixel| [pixel[0], pixel[1], pixel[2]])
            .collect(),
    };
    let image = RgbImage::from_raw(frame.width, frame.height, rgb)
        .expect("the decoder gives one sample for each channel of each pixel");
    reader.finish()?;
    let texts = texts_of(reader.info())?;
    Ok(Picture { image, texts })
}

fn decoder<R: BufRead + Seek>(source: R) -> png::Decoder<R> {
    let limits = png::Limits {
        bytes: MAX_DECODER_BYTES,
    };
    png::Decoder::new_with_limits(source, limits)
}

/// All three kinds of text in a PNG file.
fn texts_of(info: &png::Info<'_>) -> Result<Vec<TextChunk>, PngError> {
    let mut texts: Vec<TextChunk> = Vec::new();
    // Thousands of small chunks could each unpack to the limit.
    let mut bytes_left = MAX_TEXT_BYTES;
    let mut add = |keyword: &str, text: String| {
        bytes_left = bytes_left.saturating_sub(text.len());
        texts.push(TextChunk::new(keyword, text));
        bytes_left
    };
    let mut limit = MAX_TEXT_BYTES;
    for chunk in &info.uncompressed_latin1_text {
        limit = add(&chunk.keyword, chunk.text.clone());
    }
    for mut chunk in info.compressed_latin1_text.iter().cloned() {
        chunk.decompress_text_with_limit(limit)?;
        limit = add(&chunk.keyword, chunk.get_text()?);
    }
    for mut chunk in info.utf8_text.iter().cloned() {
        chunk.decompress_text_with_limit(limit)?;
        limit = add(&chunk.keyword, chunk.get_text()?);
    }
    Ok(texts)
}

#[cfg(test)]
mod tests;

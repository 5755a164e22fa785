//! Texts in an EXIF block, which JPEG and WebP carry where PNG has text chunks.
//!
//! `UserComment` holds what PNG has under `parameters`. Other tags hold a keyword
//! and a text, as `prompt:{…}`: ComfyUI and its nodes write their graphs so, and
//! this program its own JSON.

use exif::{Exif, Reader, Value};

use crate::export::{OWN_KEYWORD, PARAMETERS_KEYWORD, TextChunk};

/// Numbers of tags, whichever of EXIF's directories they stand in: Pillow puts them
/// into the first unless it is told otherwise.
const USER_COMMENT: u16 = 0x9286;
const MAKER_NOTE: u16 = 0x927C;
const SOFTWARE: u16 = 0x0131;

/// Keywords that stand before a text in another tag.
const KEYWORDS: [&str; 3] = ["prompt", "workflow", OWN_KEYWORD];

/// The texts under the keywords that a PNG would have for them.
///
/// # Errors
/// What is wrong with the block, in words.
pub(super) fn texts(mut block: Vec<u8>) -> Result<Vec<TextChunk>, String> {
    // JPEG's marker stands before it in some WebP files.
    const MARKER: &[u8] = b"Exif\0\0";
    if block.starts_with(MARKER) {
        block.drain(..MARKER.len());
    }
    let exif = Reader::new()
        .read_raw(block)
        .map_err(|error| error.to_string())?;
    Ok(chunks(&exif))
}

fn chunks(exif: &Exif) -> Vec<TextChunk> {
    let mut chunks = Vec::new();
    for field in exif.fields() {
        let text = match &field.value {
            Value::Ascii(lines) => lines.iter().map(|line| plain(line)).collect::<String>(),
            Value::Undefined(bytes, _) | Value::Byte(bytes) => comment(bytes),
            _ => continue,
        };
        let keyword = match field.tag.number() {
            USER_COMMENT => PARAMETERS_KEYWORD,
            SOFTWARE => "Software",
            // Which of Fooocus' two forms its comment has.
            MAKER_NOTE if matches!(text.as_str(), "fooocus" | "a1111") => "fooocus_scheme",
            _ => {
                let named = text.split_once(':').and_then(|(keyword, text)| {
                    let is_it = |known: &&&str| known.eq_ignore_ascii_case(keyword.trim());
                    Some((*KEYWORDS.iter().find(is_it)?, text))
                });
                if let Some((keyword, text)) = named {
                    chunks.push(TextChunk::new(keyword, text.trim().to_owned()));
                }
                continue;
            }
        };
        chunks.push(TextChunk::new(keyword, text));
    }
    chunks
}

/// A comment, which begins with the name of its encoding in eight bytes (EXIF 2.3,
/// UserComment).
fn comment(bytes: &[u8]) -> String {
    let Some((encoding, text)) = bytes.split_at_checked(8) else {
        return plain(bytes);
    };
    match encoding {
        b"UNICODE\0" => utf16(text),
        b"ASCII\0\0\0" | &[0, 0, 0, 0, 0, 0, 0, 0] => plain(text),
        _ => plain(bytes),
    }
}

/// UTF-8, or what is nearest to it, without what fills it up.
fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.trim_end_matches(['\0', ' ']).to_owned()
}

/// UTF-16 of either order: the standard leaves it to the block, and programs to
/// chance. Settings have Latin letters, whose high byte is 0.
fn utf16(bytes: &[u8]) -> String {
    let (pairs, _) = bytes.as_chunks::<2>();
    let is_little = match pairs.first() {
        Some([0xFF, 0xFE]) => true,
        Some([0xFE, 0xFF]) => false,
        _ => {
            let zeros = |place: usize| pairs.iter().filter(|pair| pair[place] == 0).count();
            zeros(1) > zeros(0)
        }
    };
    let read = if is_little {
        u16::from_le_bytes
    } else {
        u16::from_be_bytes
    };
    let units: Vec<u16> = pairs.iter().copied().map(read).collect();
    let text = String::from_utf16_lossy(&units);
    text.trim_matches(['\0', '\u{FEFF}', ' ']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A little-endian block with these tags of bytes (type 7, undefined).
    fn block(tags: &[(u16, &[u8])]) -> Vec<u8> {
        let mut head = b"II*\0\x08\0\0\0".to_vec();
        head.extend((tags.len() as u16).to_le_bytes());
        let mut data: Vec<u8> = Vec::new();
        let start = head.len() + 12 * tags.len() + 4;
        for (tag, bytes) in tags {
            head.extend(tag.to_le_bytes());
            head.extend(7u16.to_le_bytes());
            head.extend((bytes.len() as u32).to_le_bytes());
            head.extend(((start + data.len()) as u32).to_le_bytes());
            data.extend(*bytes);
        }
        head.extend([0; 4]);
        head.extend(data);
        head
    }

    fn read(tags: &[(u16, &[u8])]) -> Vec<(String, String)> {
        let chunks = texts(block(tags)).unwrap().into_iter();
        chunks.map(|chunk| (chunk.keyword, chunk.text)).collect()
    }

    #[test]
    fn comments_of_every_encoding_are_read() {
        let text = "a 猫, Steps: 2";
        let units: Vec<u16> = text.encode_utf16().collect();
        let wide = |order: fn(u16) -> [u8; 2]| {
            let mut bytes = b"UNICODE\0".to_vec();
            bytes.extend(units.iter().flat_map(|unit| order(*unit)));
            bytes
        };
        let utf8 = ["ASCII\0\0\0", text].concat().into_bytes();
        for bytes in [
            wide(u16::to_be_bytes),
            wide(u16::to_le_bytes),
            utf8,
            text.as_bytes().to_vec(),
        ] {
            let found = read(&[(USER_COMMENT, &bytes)]);
            assert_eq!(found, [(PARAMETERS_KEYWORD.to_owned(), text.to_owned())]);
        }
    }

    #[test]
    fn graphs_stand_behind_their_keyword() {
        let found = read(&[
            (0x010F, b"Workflow: {\"nodes\": []}"),
            (0x0110, b"prompt:{\"1\": {}}"),
            (0x010E, b"a photo: of a cat"),
        ]);
        let expected = [("workflow", "{\"nodes\": []}"), ("prompt", "{\"1\": {}}")];
        let expected = expected.map(|(keyword, text)| (keyword.to_owned(), text.to_owned()));
        assert_eq!(found, expected);
    }

    #[test]
    fn blocks_that_lie_about_lengths_are_errors() {
        let mut lying = block(&[(USER_COMMENT, b"ASCII\0\0\0a cat")]);
        // The count of the only entry.
        lying[14..18].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(texts(lying.clone()).is_err() || texts(lying).unwrap().is_empty());
        for block in [&b""[..], b"II*\0", b"II*\0\xff\xff\xff\xff", b"Exif\0\0MM"] {
            assert!(texts(block.to_vec()).is_err(), "{block:?}");
        }
    }
}

//! The header of a safetensors file: what tensors there are and where.
//!
//! The library reads it and checks it against the file's length. What it only
//! says to be wrong is told here in numbers, and metadata of odd types, which
//! hold no weights, is not held against a file.

use safetensors::tensor::Metadata;
use safetensors::{SafeTensorError, SafeTensors};
use serde_json::{Map, Value};

/// Longest header taken for one. That of a whole SD 2.1 in one file, moving
/// average included, is a third of a megabyte.
pub(super) const LARGEST_HEADER: u64 = 16 << 20;
/// Bytes of the number that says how long the header is.
pub(super) const LENGTH_BYTES: usize = 8;

/// The header of the file that `bytes` are, with its length.
///
/// # Errors
/// What is wrong, in words that end a sentence about the file.
pub(super) fn read_header(bytes: &[u8]) -> Result<(usize, Metadata), String> {
    let length = length_of(bytes)?;
    match SafeTensors::read_metadata(bytes) {
        Ok(header) => Ok(header),
        Err(SafeTensorError::MetadataIncompleteBuffer) => {
            let header = serde_json::from_slice(header_text(bytes, length));
            let header: Metadata = header.map_err(|error| error.to_string())?;
            check_length(bytes, length, &header)?;
            Ok((length, header))
        }
        Err(error @ SafeTensorError::InvalidHeaderDeserialization(_)) => {
            let header = with_plain_metadata(header_text(bytes, length));
            let header = header.ok_or_else(|| error.to_string())?;
            check_length(bytes, length, &header)?;
            Ok((length, header))
        }
        Err(error) => Err(error.to_string()),
    }
}

/// The length of the header, which must lie in the file.
fn length_of(bytes: &[u8]) -> Result<usize, String> {
    let Some(length) = bytes.first_chunk::<LENGTH_BYTES>() else {
        return Err(match bytes.len() {
            0 => "it is empty".to_string(),
            count => format!("it ends after {count} bytes, within the length of its header"),
        });
    };
    let length = u64::from_le_bytes(*length);
    if length > LARGEST_HEADER {
        return Err("its header claims an impossible length".to_string());
    }
    let length = length as usize;
    let there = bytes.len() - LENGTH_BYTES;
    if there < length {
        return Err(format!(
            "it ends within its header, {} bytes of which are missing",
            length - there
        ));
    }
    Ok(length)
}

fn header_text(bytes: &[u8], length: usize) -> &[u8] {
    &bytes[LENGTH_BYTES..LENGTH_BYTES + length]
}

/// Whether the file is as long as its header says.
fn check_length(bytes: &[u8], length: usize, header: &Metadata) -> Result<(), String> {
    let described = header.data_len() as u64 + (LENGTH_BYTES + length) as u64;
    let found = bytes.len() as u64;
    match found.cmp(&described) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Less => Err(format!(
            "it is {} bytes too short: {found} of {described} are there, as after a download that \
             broke off",
            described - found
        )),
        std::cmp::Ordering::Greater => Err(format!(
            "it is {} bytes too long: its header describes {described} of its {found}",
            found - described
        )),
    }
}

/// A header whose metadata holds other things than texts, which are turned into
/// texts; `None` if that is not what is wrong with it.
fn with_plain_metadata(text: &[u8]) -> Option<Metadata> {
    const KEY: &str = "__metadata__";
    let mut header: Map<String, Value> = serde_json::from_slice(text).ok()?;
    let metadata = match header.remove(KEY)? {
        Value::Object(entries) => entries,
        _ => Map::new(),
    };
    let plain = metadata.into_iter().map(|(key, value)| {
        let text = match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        (key, Value::String(text))
    });
    header.insert(KEY.to_string(), Value::Object(plain.collect()));
    serde_json::from_value(Value::Object(header)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, data: usize) -> Vec<u8> {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.resize(bytes.len() + data, 0);
        bytes
    }

    const TENSOR: &str = r#""a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}"#;

    #[test]
    fn a_wrong_length_is_told_in_bytes() {
        let header = format!("{{{TENSOR}}}");
        assert!(read_header(&file(&header, 16)).is_ok());
        let long = read_header(&file(&header, 16 + 64)).unwrap_err();
        assert!(long.contains("64 bytes too long"), "{long}");
        let short = read_header(&file(&header, 16 - 10)).unwrap_err();
        assert!(short.contains("10 bytes too short"), "{short}");
        let whole = file(&header, 16);
        let cut = read_header(&whole[..8 + header.len() - 5]).unwrap_err();
        assert!(cut.contains("5 bytes of which are missing"), "{cut}");
        assert!(read_header(&[]).unwrap_err().contains("empty"));
    }

    #[test]
    fn metadata_of_any_type_is_read_as_text() {
        for metadata in [r#"{"steps":1000,"v":"x","is":true}"#, "null", "[1]"] {
            let header = format!(r#"{{"__metadata__":{metadata},{TENSOR}}}"#);
            let (_, read) = read_header(&file(&header, 16)).unwrap();
            assert_eq!(read.tensors().len(), 1);
            if metadata.starts_with('{') {
                let texts = read.metadata().clone().unwrap();
                assert_eq!(texts["steps"], "1000");
                assert_eq!(texts["v"], "x");
            }
            // Its length still counts.
            let long = read_header(&file(&header, 17)).unwrap_err();
            assert!(long.contains("1 bytes too long"), "{long}");
        }
        // Something else is wrong with it.
        let header = r#"{"__metadata__":{"a":1},"b":{"dtype":"F32"}}"#;
        assert!(read_header(&file(header, 0)).is_err());
    }
}

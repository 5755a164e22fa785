//! What a file is by its first bytes, whatever its name says.

use super::header::LARGEST_HEADER;

/// A kind of file that is often taken for a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileKind {
    /// A pickle, bare or zipped as torch.save writes it; reading one can run code.
    Pickle,
    /// Something else, in words.
    Other(&'static str),
}

/// The kind of a file that begins with `head` (16 bytes or more, where it has
/// them); `None` where nothing speaks against safetensors.
pub(super) fn file_kind(head: &[u8]) -> Option<FileKind> {
    if is_safetensors(head) {
        return None;
    }
    let is_text = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n');
    other_than_text(head).or_else(|| {
        // A header's length has bytes of zero.
        let is_text = head.len() >= 8 && head.iter().all(is_text);
        is_text.then_some(FileKind::Other("a text, not weights"))
    })
}

/// As [`file_kind`], of a file that may well be a text.
pub(super) fn other_than_text(head: &[u8]) -> Option<FileKind> {
    // torch.save: a zip archive since 1.6, a bare pickle (protocol 2 to 5) before.
    if head.starts_with(b"PK\x03\x04") || matches!(head, [0x80, 2..=5, ..]) {
        return Some(FileKind::Pickle);
    }
    let known: &[(&[u8], &'static str)] = &[
        (
            b"GGUF",
            "a GGUF file (quantised weights of llama.cpp and its kin)",
        ),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file (Keras weights)"),
        (
            b"version https://git-lfs",
            "a Git LFS pointer instead of the file itself (run git lfs pull)",
        ),
        (b"<!DOCTYPE", "a web page saved in place of the file"),
        (b"<!doctype", "a web page saved in place of the file"),
        (b"<html", "a web page saved in place of the file"),
        (
            b"\x00\x05\x16\x07",
            "what macOS keeps beside a file (its name begins with ._)",
        ),
        (b"\x89PNG", "a picture"),
        (b"\xff\xd8\xff", "a picture"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
        (b"Rar!", "a RAR archive"),
        (b"\x1f\x8b", "a gzip archive"),
    ];
    let found = known.iter().find(|(magic, _)| head.starts_with(magic));
    if let Some((_, what)) = found {
        return Some(FileKind::Other(what));
    }
    // A downloader reserves the room first.
    if head.len() >= 16 && head.iter().all(|byte| *byte == 0) {
        return Some(FileKind::Other(
            "full of zeros, as a download that has not finished leaves it",
        ));
    }
    // ONNX is a protobuf: field 1 is the IR version, a small number, field 2 the producer's name.
    if matches!(head, [0x08, 1..=32, 0x12, ..]) {
        return Some(FileKind::Other("an ONNX model"));
    }
    None
}

/// Safetensors has no magic number, but its first eight bytes are the length of
/// the JSON that follows, and those of a header of 640 bytes are a pickle's.
fn is_safetensors(head: &[u8]) -> bool {
    let (Some(length), Some(b'{')) = (head.first_chunk::<8>(), head.get(8)) else {
        return false;
    };
    u64::from_le_bytes(*length) <= LARGEST_HEADER
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pickles_and_others_are_told_by_their_bytes() {
        assert_eq!(file_kind(b"PK\x03\x04rest"), Some(FileKind::Pickle));
        assert_eq!(file_kind(b"\x80\x02}q\x00"), Some(FileKind::Pickle));
        let named = |head: &[u8]| match file_kind(head) {
            Some(FileKind::Other(what)) => what,
            other => panic!("{other:?}"),
        };
        assert!(named(b"GGUF\x03\0\0\0").contains("GGUF"));
        // The first bytes of a model that torch.onnx exported.
        assert!(named(b"\x08\x07\x12\x07pytorch").contains("ONNX"));
        assert!(named(b"version https://git-lfs.github.com/spec/v1").contains("lfs pull"));
        assert!(named(&[0; 64]).contains("not finished"));
        assert!(named(b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X").contains("macOS"));
        assert!(named(b"{\"_class_name\": \"UNet2DConditionModel\"").contains("a text"));
        assert!(named(b"model:\n  base_learning_rate: 1e-4\n").contains("a text"));
        assert_eq!(other_than_text(b"{\"_class_name\": \"X\"}"), None);
        // A header of 640 bytes begins as a pickle of protocol 2 does.
        assert_eq!(file_kind(b"\x80\x02\0\0\0\0\0\0{\"a\":"), None);
        assert_eq!(file_kind(b""), None);
    }
}

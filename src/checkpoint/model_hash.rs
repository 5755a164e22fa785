//! The hash by which programs tell one model's weights from another's (A1111's “Model
//! hash”), found beside everything else: a file is read at about a gigabyte a second.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::weight_file::WeightFile;
use crate::device::lower_thread_priority;

/// Digits that A1111 writes into pictures.
pub const SHORT_HASH: usize = 10;

/// Which file it was: path, time of its last change, length in bytes.
pub(super) type Origin = (PathBuf, Option<SystemTime>, u64);

/// Hashes found in this session, so that a model that is opened again is not read again.
static FOUND: Mutex<Option<HashMap<Vec<Origin>, String>>> = Mutex::new(None);

/// SHA-256 in hexadecimal of a model's file, or of a folder's the UNet's: shards count as
/// one file, in their order.
#[derive(Debug)]
pub struct ModelHash {
    /// Until they are read.
    files: Mutex<Vec<Arc<WeightFile>>>,
    is_begun: AtomicBool,
    digits: OnceLock<String>,
}

impl ModelHash {
    pub(super) fn new(files: Vec<Arc<WeightFile>>) -> Arc<Self> {
        Arc::new(Self {
            files: Mutex::new(files),
            is_begun: AtomicBool::new(false),
            digits: OnceLock::new(),
        })
    }

    /// Begins to find it on a thread of its own, unless that has begun.
    pub fn begin(self: &Arc<Self>) {
        if self.is_begun.swap(true, Ordering::Relaxed) {
            return;
        }
        let finder = Arc::clone(self);
        let thread = std::thread::Builder::new().name("model hash".to_owned());
        let spawned = thread.spawn(move || {
            lower_thread_priority();
            finder.find();
        });
        if spawned.is_err() {
            // No room for a thread.
            self.find();
        }
    }

    /// All 64 digits, if they are found.
    pub fn get(&self) -> Option<&str> {
        self.digits.get().map(String::as_str)
    }

    /// All 64 digits, as soon as they are found.
    pub fn wait(self: &Arc<Self>) -> &str {
        self.begin();
        self.digits.wait()
    }

    fn find(&self) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        // Files stay mapped no longer than they are needed.
        let files = std::mem::take(&mut *files);
        let origins: Option<Vec<Origin>> = files.iter().map(|file| file.origin.clone()).collect();
        let known = || FOUND.lock().unwrap_or_else(PoisonError::into_inner);
        let before = origins
            .as_ref()
            .and_then(|origins| known().as_ref()?.get(origins).cloned());
        let digits = before.unwrap_or_else(|| sha256(files.iter().map(|file| file.all_bytes())));
        if let Some(origins) = origins {
            let mut known = known();
            known
                .get_or_insert_default()
                .insert(origins, digits.clone());
        }
        self.digits.get_or_init(|| digits);
    }
}

/// SHA-256 of these bytes, one after the other, in hexadecimal.
pub(super) fn sha256<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hasher = Sha256::new();
    parts.into_iter().for_each(|part| hasher.update(part));
    let digest = hasher.finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_hash_of_the_file_that_other_tools_find() {
        // By sha256sum, of “abc” in one part and in two.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256([b"abc" as &[u8]]), abc);
        assert_eq!(sha256([b"a" as &[u8], b"bc"]), abc);
    }

    #[test]
    fn it_is_found_once_and_a_changed_file_has_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        let hash_of = |text: &str| {
            let header = format!(r#"{{"__metadata__":{{"made":"{text}"}}}}"#);
            let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
            bytes.extend(header.bytes());
            std::fs::write(&path, &bytes).unwrap();
            let file = Arc::new(WeightFile::open(&path, "model").unwrap());
            let hash = ModelHash::new(vec![file]);
            assert_eq!(hash.get(), None);
            hash.begin();
            let digits = hash.wait().to_owned();
            assert_eq!(digits, sha256([bytes.as_slice()]));
            assert_eq!(hash.get(), Some(digits.as_str()));
            digits
        };
        assert_ne!(hash_of("today"), hash_of("tomorrow"));
    }
}

//! Verdicts on disk, one per adapter, driver and version of this program.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use directories::ProjectDirs;

use super::Verdict;
use crate::device::AdapterSummary;

/// Why verdicts cannot be kept.
#[derive(Debug, thiserror::Error)]
#[error("the verdict cannot be kept in {}: {source}", path.display())]
pub struct VerdictsError {
    path: PathBuf,
    source: std::io::Error,
}

/// What is known of the adapters of this machine.
#[derive(Debug, Default)]
pub struct Verdicts {
    /// `None` where the system has no place for caches.
    file: Option<PathBuf>,
    known: BTreeMap<String, Verdict>,
}

impl Verdicts {
    /// Those of this user; a file that is missing or damaged knows nothing.
    pub fn of_this_user() -> Self {
        let folders = ProjectDirs::from("", "", "storm-studio");
        match folders {
            Some(folders) => Self::read(&folders.cache_dir().join("devices.json")),
            None => Self::default(),
        }
    }

    /// Those in `file`.
    pub fn read(file: &Path) -> Self {
        let bytes = std::fs::read(file).unwrap_or_default();
        Self {
            file: Some(file.to_path_buf()),
            known: serde_json::from_slice(&bytes).unwrap_or_default(),
        }
    }

    /// What is known of `adapter` with its present driver.
    pub fn of(&self, adapter: &AdapterSummary) -> Option<&Verdict> {
        self.known.get(&key(adapter))
    }

    /// Remembers a verdict. Failing to write it only costs the next check.
    pub fn keep(&mut self, adapter: &AdapterSummary, verdict: Verdict) {
        self.known.insert(key(adapter), verdict);
        if let Err(error) = self.write() {
            tracing::warn!("{error}");
        }
    }

    fn write(&self) -> Result<(), VerdictsError> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let write = || {
            if let Some(folder) = file.parent() {
                std::fs::create_dir_all(folder)?;
            }
            std::fs::write(file, serde_json::to_vec_pretty(&self.known)?)
        };
        write().map_err(|source| VerdictsError {
            path: file.clone(),
            source,
        })
    }
}

fn key(adapter: &AdapterSummary) -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!("{adapter}, driver {}, program {version}", adapter.driver)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapter(driver: &str) -> AdapterSummary {
        AdapterSummary {
            name: "a card".to_string(),
            driver: driver.to_string(),
            backend: wgpu::Backend::Vulkan,
            is_software: false,
        }
    }

    #[test]
    fn verdicts_outlive_the_program_and_belong_to_one_driver() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cache").join("devices.json");
        let verdict = Verdict {
            differences: Some([1e-6, 1e-7, 1e-5]),
            failure: None,
            milliseconds: 12.0,
        };
        Verdicts::read(&file).keep(&adapter("1.0"), verdict.clone());
        let again = Verdicts::read(&file);
        assert_eq!(again.of(&adapter("1.0")), Some(&verdict));
        assert_eq!(again.of(&adapter("1.1")), None);
        std::fs::write(&file, "damaged").unwrap();
        assert_eq!(Verdicts::read(&file).of(&adapter("1.0")), None);
    }
}

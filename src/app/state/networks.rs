//! The LoRAs that can be chosen: those in a folder and those opened one by one.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::engine::{NetworkFile, NetworkLibrary};

/// What is remembered from one session to the next.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RememberedNetworks {
    /// Whose LoRAs are listed.
    pub lora_folder: Option<PathBuf>,
    /// Whose textual inversions are words of prompts.
    pub embedding_folder: Option<PathBuf>,
    /// Opened one by one.
    pub lora_files: Vec<PathBuf>,
}

/// What the window knows of networks.
#[derive(Debug, Default)]
pub struct Networks {
    remembered: RememberedNetworks,
    library: Arc<NetworkLibrary>,
    /// What the person searches for.
    pub search: String,
}

impl Networks {
    pub fn new(remembered: RememberedNetworks) -> Self {
        Self {
            remembered,
            ..Self::default()
        }
    }

    pub fn remembered(&self) -> &RememberedNetworks {
        &self.remembered
    }

    /// What names mean in the next request.
    pub fn library(&self) -> &Arc<NetworkLibrary> {
        &self.library
    }

    pub fn set_folder(&mut self, folder: PathBuf) {
        self.remembered.lora_folder = Some(folder);
    }

    pub fn set_embedding_folder(&mut self, folder: PathBuf) {
        self.remembered.embedding_folder = Some(folder);
    }

    /// What the folder holds and the files that were opened.
    pub fn set_library(&mut self, library: NetworkLibrary) {
        self.library = Arc::new(library);
    }

    /// A file that was opened by itself.
    pub fn add(&mut self, file: NetworkFile) {
        self.remembered
            .lora_files
            .retain(|known| *known != file.path);
        self.remembered.lora_files.push(file.path.clone());
        Arc::make_mut(&mut self.library).add(file);
    }
}

//! What a gallery is told, and what it tells.

use std::path::PathBuf;
use std::sync::Arc;

use image::RgbImage;

use super::marks::Marks;
use super::reading::Opened;
use super::{Brief, Entry, EntryId};
use crate::diffusion::Method;
use crate::engine::RequestId;
use crate::export::TextChunk;

/// Where pictures are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    pub folder: PathBuf,
    /// Most bytes there; `None` in a folder of the person's, where nothing is ever
    /// removed.
    pub limit: Option<u64>,
}

/// A finished picture that is to be kept.
#[derive(Debug, Clone)]
pub struct Keep {
    /// Pictures of one run become one entry.
    pub run: (RequestId, u64),
    pub method: Method,
    pub image: Arc<RgbImage>,
    pub texts: Vec<TextChunk>,
    pub place: Place,
}

/// Where a picture goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Into the gallery, under a name of the moment.
    Gallery,
    /// To this file, in a folder of the person's.
    File(PathBuf),
}

/// What the worker tells; errors are sentences.
#[derive(Debug)]
pub enum News {
    /// All entries of the folder, the newest first.
    Listed(Vec<Entry>),
    ListFailed(String),
    /// A picture is in its file; the entry that it belongs to.
    Kept {
        run: (RequestId, u64),
        entry: Entry,
        path: PathBuf,
    },
    KeepFailed(String),
    Briefs(Vec<(EntryId, Brief)>),
    Thumbnail {
        id: EntryId,
        method: Method,
        /// Why there is none, in words.
        image: Result<RgbImage, String>,
    },
    Opened(Box<Opened>),
    /// An entry's files are not there any more.
    Gone(EntryId),
    OpenFailed(String),
    /// Removed to make room.
    Removed(Vec<EntryId>),
    Trashed(Vec<EntryId>),
    TrashFailed(String),
    Marked(EntryId, Marks),
    MarkFailed(String),
}

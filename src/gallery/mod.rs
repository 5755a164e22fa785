//! Finished pictures kept on disk, so that none is lost that nobody saved: after a
//! restart or a crash they come back from the files and their metadata alone.
//!
//! [`Gallery`] is a worker thread that owns the folder: it writes each picture
//! whole, keeps the folder within its bound, lists it, reads it piece by piece and
//! moves what is deleted to the system's trash. Whoever shows the pictures keeps a
//! [`Catalogue`], which takes in the worker's [`News`] and never waits for a file.

mod bound;
mod catalogue;
mod entry;
mod folder;
mod handle;
mod marks;
mod news;
mod reading;
mod worker;

pub use catalogue::Catalogue;
pub use entry::{Brief, Entry, EntryId, Facts};
pub use handle::Gallery;
pub use marks::Mark;
pub use news::{Home, Keep, News, Place};
pub use reading::{Opened, OpenedPicture};

use std::path::PathBuf;

use directories::ProjectDirs;

/// The folder of this user's kept pictures; `None` if the system tells of no home.
pub fn own_folder() -> Option<PathBuf> {
    let folders = ProjectDirs::from("", "", "storm-studio")?;
    Some(folders.data_dir().join("gallery"))
}

//! The thread that owns a gallery's folder. Commands that change files come first,
//! in order; then thumbnails, the newest wish first; then the heads of files, for
//! the search. What comes of it are [`News`].

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::sync::{Arc, PoisonError};
use std::time::SystemTime;

use rayon::iter::{IntoParallelIterator, IntoParallelRefIterator, ParallelIterator};

use super::handle::{Command, Files, MoveToTrash, Shared};
use super::marks::{Mark, MarkFile};
use super::news::{Home, Keep, News, Place};
use super::{Brief, Entry, EntryId, bound, folder, reading};
use crate::diffusion::Method;
use crate::engine::RequestId;
use crate::export::png::write_png;
use crate::export::save_new;

/// Heads of files that are read before the queue is looked at again.
const HEADS_AT_ONCE: usize = 64;
/// Thumbnails that are made before the queue is looked at again.
const THUMBNAILS_AT_ONCE: usize = 8;

/// What is done next.
enum Job {
    Command(Command),
    Thumbnails(Vec<(EntryId, Method, PathBuf)>),
    Heads(Vec<Entry>),
}

pub(super) struct Worker {
    pub(super) shared: Arc<Shared>,
    pub(super) outbox: Sender<News>,
    pub(super) wake: Arc<dyn Fn() + Send + Sync>,
    pub(super) trash: MoveToTrash,
    pub(super) home: Option<Home>,
    /// The newest first; their briefs stay unread here.
    pub(super) entries: Vec<Entry>,
    pub(super) marks: MarkFile,
    /// Names of this session's runs, without method and ending.
    pub(super) runs: HashMap<(RequestId, u64), PathBuf>,
}

impl Worker {
    pub(super) fn work(mut self) {
        while let Some(job) = self.next() {
            match job {
                Job::Command(Command::Move(home)) => self.move_to(home),
                Job::Command(Command::Keep(keep)) => self.keep(*keep),
                Job::Command(Command::Open(id, files)) => self.open(&id, &files),
                Job::Command(Command::Trash(entries)) => self.trash(entries),
                Job::Command(Command::Mark(id, mark, is_set)) => self.mark(&id, mark, is_set),
                Job::Thumbnails(wishes) => self.thumbnails(wishes),
                Job::Heads(entries) => {
                    let briefs = entries.par_iter();
                    let briefs = briefs.map(|entry| (entry.id.clone(), reading::brief(entry)));
                    self.tell(News::Briefs(briefs.collect()));
                }
            }
        }
    }

    /// Waits for something to do; `None` once the gallery closes and all is written.
    fn next(&self) -> Option<Job> {
        let mut queue = self.shared.lock();
        loop {
            if let Some(command) = queue.commands.pop_front() {
                return Some(Job::Command(command));
            }
            if queue.is_closing {
                return None;
            }
            if !queue.thumbnails.is_empty() {
                let rest = queue.thumbnails.len().saturating_sub(THUMBNAILS_AT_ONCE);
                return Some(Job::Thumbnails(queue.thumbnails.split_off(rest)));
            }
            if !queue.heads.is_empty() {
                let rest = queue.heads.len().saturating_sub(HEADS_AT_ONCE);
                return Some(Job::Heads(queue.heads.split_off(rest)));
            }
            let waited = self.shared.is_wanted.wait(queue);
            queue = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn tell(&self, news: News) {
        // Whoever showed it may be gone.
        if self.outbox.send(news).is_ok() {
            (self.wake)();
        }
    }

    fn move_to(&mut self, home: Option<Home>) {
        self.entries.clear();
        self.home = home;
        let Some(home) = &self.home else {
            return self.tell(News::Listed(Vec::new()));
        };
        self.marks = MarkFile::read(&home.folder);
        match folder::list(&home.folder, &self.marks) {
            Ok(entries) => {
                self.entries.clone_from(&entries);
                // The newest are looked at first, so they stand last.
                self.shared.lock().heads = entries.iter().rev().cloned().collect();
                self.tell(News::Listed(entries));
                self.make_room();
            }
            Err(error) => {
                let folder = home.folder.display();
                self.tell(News::ListFailed(format!(
                    "the kept pictures in {folder} can't be listed ({error})"
                )));
            }
        }
    }

    fn keep(&mut self, keep: Keep) {
        let Keep {
            run,
            method,
            image,
            texts,
            place,
        } = keep;
        let path = match place {
            Place::File(path) => path,
            Place::Gallery => {
                let Some(home) = &self.home else {
                    return;
                };
                let stem = self.runs.entry(run);
                let stem = stem
                    .or_insert_with(|| folder::new_stem(&home.folder, run.1, SystemTime::now()));
                let ending = match method {
                    Method::Storm => ".png",
                    Method::Standard => "-standard.png",
                };
                let mut path = stem.clone().into_os_string();
                path.push(ending);
                PathBuf::from(path)
            }
        };
        let saved = save_new(&path, |file| write_png(file, &image, &texts));
        match saved {
            Ok(path) => {
                let entry = self.add(method, &path);
                self.tell(News::Kept { run, entry, path });
                self.make_room();
            }
            Err(error) => self.tell(News::KeepFailed(error.to_string())),
        }
    }

    /// Takes in a file that was just written → its entry, with its brief.
    fn add(&mut self, method: Method, path: &Path) -> Entry {
        let folder = self
            .home
            .as_ref()
            .map_or(Path::new(""), |home| home.folder.as_path());
        let (id, _) = EntryId::of_file(folder, path);
        let bytes = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        let modified = SystemTime::now();
        let known = self.entries.iter().position(|entry| entry.id == id);
        let mut entry = match known {
            Some(index) => self.entries.remove(index),
            None => Entry {
                marks: self.marks.of(&id),
                id,
                files: Vec::new(),
                bytes: 0,
                modified,
                brief: Brief::Unread,
            },
        };
        entry.add(method, path.to_path_buf(), bytes, modified);
        self.entries.insert(0, entry.clone());
        entry.brief = reading::brief(&entry);
        entry
    }

    /// Removes the oldest where there are more bytes than may be.
    fn make_room(&mut self) {
        let Some(Home {
            limit: Some(limit), ..
        }) = self.home
        else {
            return;
        };
        if self.marks.is_unknown {
            return;
        }
        let surplus = bound::surplus(&self.entries, limit);
        let mut removed = Vec::new();
        // From the oldest, which stand last, so that places in front stay.
        for index in surplus {
            let files = self.entries[index].files.iter();
            let failed: Vec<io::Error> = files
                .filter_map(|(_, path)| std::fs::remove_file(path).err())
                .filter(|error| error.kind() != io::ErrorKind::NotFound)
                .collect();
            match failed.first() {
                None => removed.push(self.entries.remove(index).id),
                Some(error) => tracing::warn!("a kept picture can't be removed: {error}"),
            }
        }
        if !removed.is_empty() {
            self.tell(News::Removed(removed));
        }
    }

    fn open(&self, id: &EntryId, files: &Files) {
        let are_there: Files = files
            .iter()
            .filter(|(_, path)| path.exists())
            .cloned()
            .collect();
        if are_there.is_empty() {
            return self.tell(News::Gone(id.clone()));
        }
        self.tell(match reading::open(id, &are_there) {
            Ok(opened) => News::Opened(Box::new(opened)),
            Err(sentence) => News::OpenFailed(sentence),
        });
    }

    fn trash(&mut self, entries: Vec<(EntryId, Files)>) {
        let mut ids = Vec::new();
        let mut problem = None;
        for (id, files) in entries {
            let paths = files.into_iter().map(|(_, path)| path);
            let paths: Vec<PathBuf> = paths.filter(|path| path.exists()).collect();
            match (self.trash)(&paths) {
                Ok(()) => ids.push(id),
                Err(error) => problem = Some(error),
            }
        }
        self.entries.retain(|entry| !ids.contains(&entry.id));
        if let Some(home) = &self.home
            && let Err(error) = self.marks.forget(&home.folder, &ids)
        {
            tracing::warn!("{error}");
        }
        self.tell(News::Trashed(ids));
        if let Some(error) = problem {
            self.tell(News::TrashFailed(format!(
                "a picture can't be moved to the trash ({error}); delete it in the file manager"
            )));
        }
    }

    fn mark(&mut self, id: &EntryId, mark: Mark, is_set: bool) {
        let Some(home) = &self.home else {
            return;
        };
        match self.marks.change(&home.folder, id, mark, is_set) {
            Ok(marks) => {
                if let Some(entry) = self.entries.iter_mut().find(|entry| entry.id == *id) {
                    entry.marks = marks;
                }
                self.tell(News::Marked(id.clone(), marks));
            }
            Err(error) => self.tell(News::MarkFailed(format!(
                "the mark can't be kept ({error})"
            ))),
        }
    }

    fn thumbnails(&self, wishes: Vec<(EntryId, Method, PathBuf)>) {
        let made = wishes.into_par_iter().map(|(id, method, path)| {
            let image = reading::thumbnail(&path);
            News::Thumbnail { id, method, image }
        });
        let made: Vec<News> = made.collect();
        // The last wish first.
        made.into_iter().rev().for_each(|news| self.tell(news));
    }
}

pub(super) fn move_to_trash(paths: &[PathBuf]) -> Result<(), String> {
    trash::delete_all(paths).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;

//! The thread that owns a gallery's folder. Commands that change files come first,
//! in order; then thumbnails, the newest wish first; then the heads of files, for
//! the search. What comes of it are [`News`].

use std::collections::{HashMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::SystemTime;

use rayon::iter::{IntoParallelIterator, IntoParallelRefIterator, ParallelIterator};

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

type Files = Vec<(Method, PathBuf)>;
/// Moves files to where the person can take them back from.
type MoveToTrash = fn(&[PathBuf]) -> Result<(), String>;

enum Command {
    Move(Option<Home>),
    Keep(Box<Keep>),
    Open(EntryId, Files),
    Trash(Vec<(EntryId, Files)>),
    Mark(EntryId, Mark, bool),
}

#[derive(Default)]
struct Queue {
    commands: VecDeque<Command>,
    /// The newest last.
    thumbnails: Vec<(EntryId, Method, PathBuf)>,
    /// Entries whose heads are to be read, the next last.
    heads: Vec<Entry>,
    is_closing: bool,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    is_wanted: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing panics while it is held.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The gallery's thread. Dropping it writes what is still to be written, and waits.
pub struct Gallery {
    shared: Arc<Shared>,
    news: Receiver<News>,
    thread: Option<JoinHandle<()>>,
}

impl Gallery {
    /// Starts the thread, which lists `home` first. `wake` is called after every
    /// news.
    pub fn start(home: Option<Home>, wake: Arc<dyn Fn() + Send + Sync>) -> Self {
        Self::with_trash(home, wake, move_to_trash)
    }

    /// The same with another way to delete.
    pub fn with_trash(
        home: Option<Home>,
        wake: Arc<dyn Fn() + Send + Sync>,
        trash: MoveToTrash,
    ) -> Self {
        let shared = Arc::new(Shared::default());
        shared.lock().commands.push_back(Command::Move(home));
        let (outbox, news) = mpsc::channel();
        let worker = Worker {
            shared: Arc::clone(&shared),
            outbox,
            wake,
            trash,
            home: None,
            entries: Vec::new(),
            marks: MarkFile::default(),
            runs: HashMap::new(),
        };
        let thread = std::thread::Builder::new()
            .name("gallery".to_string())
            .spawn(|| worker.work())
            .expect("the system has room for one more thread");
        Self {
            shared,
            news,
            thread: Some(thread),
        }
    }

    /// The next news, if there is one.
    pub fn try_news(&self) -> Option<News> {
        self.news.try_recv().ok()
    }

    /// Waits for news; `None` when the thread has ended.
    pub fn wait_news(&self) -> Option<News> {
        self.news.recv().ok()
    }

    /// Lists another folder from now on, or none; the same to list it anew.
    pub fn move_to(&self, home: Option<Home>) {
        let mut queue = self.shared.lock();
        queue.thumbnails.clear();
        queue.heads.clear();
        drop(queue);
        self.send(Command::Move(home));
    }

    /// Writes a finished picture.
    pub fn keep(&self, keep: Keep) {
        self.send(Command::Keep(Box::new(keep)));
    }

    /// Reads an entry whole.
    pub fn open(&self, entry: &Entry) {
        self.send(Command::Open(entry.id.clone(), entry.files.clone()));
    }

    /// Moves entries to the system's trash.
    pub fn trash<'a>(&self, entries: impl IntoIterator<Item = &'a Entry>) {
        let entries = entries.into_iter();
        let files = entries.map(|entry| (entry.id.clone(), entry.files.clone()));
        self.send(Command::Trash(files.collect()));
    }

    /// Sets or takes away a mark.
    pub fn mark(&self, id: &EntryId, mark: Mark, is_set: bool) {
        self.send(Command::Mark(id.clone(), mark, is_set));
    }

    /// Wishes for a thumbnail; the last wish is fulfilled first.
    pub fn wish_thumbnail(&self, entry: &Entry, method: Method) {
        let Some(path) = entry.file(method) else {
            return;
        };
        let wish = (entry.id.clone(), method, path.to_path_buf());
        let mut queue = self.shared.lock();
        queue.thumbnails.push(wish);
        self.shared.is_wanted.notify_one();
    }

    /// Forgets the wishes that are not fulfilled yet: other entries are on the screen.
    pub fn forget_wishes(&self) -> Vec<(EntryId, Method)> {
        let wishes = std::mem::take(&mut self.shared.lock().thumbnails);
        let names = wishes.into_iter().map(|(id, method, _)| (id, method));
        names.collect()
    }

    fn send(&self, command: Command) {
        self.shared.lock().commands.push_back(command);
        self.shared.is_wanted.notify_one();
    }
}

impl Drop for Gallery {
    fn drop(&mut self) {
        self.shared.lock().is_closing = true;
        self.shared.is_wanted.notify_one();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the gallery's thread ended in a panic");
        }
    }
}

/// What is done next.
enum Job {
    Command(Command),
    Thumbnails(Vec<(EntryId, Method, PathBuf)>),
    Heads(Vec<Entry>),
}

struct Worker {
    shared: Arc<Shared>,
    outbox: Sender<News>,
    wake: Arc<dyn Fn() + Send + Sync>,
    trash: MoveToTrash,
    home: Option<Home>,
    /// The newest first; their briefs stay unread here.
    entries: Vec<Entry>,
    marks: MarkFile,
    /// Names of this session's runs, without method and ending.
    runs: HashMap<(RequestId, u64), PathBuf>,
}

impl Worker {
    fn work(mut self) {
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

fn move_to_trash(paths: &[PathBuf]) -> Result<(), String> {
    trash::delete_all(paths).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;

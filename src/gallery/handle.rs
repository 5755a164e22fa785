//! What a gallery's users hold: commands go to the worker's thread, news come back.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::marks::{Mark, MarkFile};
use super::news::{Home, Keep, News};
use super::worker::{Worker, move_to_trash};
use super::{Entry, EntryId};
use crate::diffusion::Method;

pub(super) type Files = Vec<(Method, PathBuf)>;
/// Moves files to where the person can take them back from.
pub(super) type MoveToTrash = fn(&[PathBuf]) -> Result<(), String>;

pub(super) enum Command {
    Move(Option<Home>),
    Keep(Box<Keep>),
    Open(EntryId, Files),
    Trash(Vec<(EntryId, Files)>),
    Mark(EntryId, Mark, bool),
}

#[derive(Default)]
pub(super) struct Queue {
    pub(super) commands: VecDeque<Command>,
    /// The newest last.
    pub(super) thumbnails: Vec<(EntryId, Method, PathBuf)>,
    /// Entries whose heads are to be read, the next last.
    pub(super) heads: Vec<Entry>,
    pub(super) is_closing: bool,
}

#[derive(Default)]
pub(super) struct Shared {
    queue: Mutex<Queue>,
    pub(super) is_wanted: Condvar,
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, Queue> {
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

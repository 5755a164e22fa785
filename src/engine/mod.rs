//! The engine: requests in, events out, one worker thread that computes.
//!
//! The window, the command line, the benchmark and the tests are listeners of
//! the same stream, started through the same function, [`Engine::start`].
//! Events are small and lossless; tensors go to the bounded [`StepStore`].

mod check;
mod error;
mod event;
mod generate;
mod merging;
mod needs;
mod networks;
mod prepare;
mod recipe;
mod recorder;
mod request;
mod run_shape;
mod seeds;
mod settings;
mod store;
mod sweep;
mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;

pub use error::{EngineError, RequestError};
pub use event::{Event, FoundObject, ModelInfo, Notice, Picture, Sighted, StepEvent, UpdateEvent};
pub use needs::ModelNeeds;
pub use networks::{
    AskedLora, InversionFile, LoraChoice, NetworkFile, NetworkLibrary, ProposedWalk, UsedKind,
    UsedNetwork, asked_loras,
};
pub use prepare::LARGEST_SIDE;
pub use recipe::Recipe;
pub use recorder::Trajectory;
pub use request::{Request, RequestId};
pub use seeds::{SeedError, SeedList, seeds_text};
pub use settings::Settings;
pub use store::{StepKey, StepRecord, StepStore, UpdateRecord};
pub use sweep::{Axis, Sweep, SweepError};

use crate::checkpoint::CheckpointSource;
use crate::device::ComputeDevice;
use worker::{Command, Worker};

/// What is to stop. The flags count requests instead of being on or off, so
/// that stopping one can never reach the next.
#[derive(Debug, Default)]
struct StopFlags {
    /// Requests up to and including this id are cancelled.
    cancelled_up_to: AtomicU64,
    /// Requests up to and including this id end after the seed in work.
    finishing_up_to: AtomicU64,
    /// The same of models that are to be loaded.
    loads_cancelled_up_to: AtomicU64,
}

/// Which of the models that were asked for; counts up from 1.
#[derive(Debug, Clone, Copy)]
struct LoadId(u64);

/// Stops a running engine from any thread.
#[derive(Debug, Clone)]
pub struct Stopper {
    flags: Arc<StopFlags>,
    last_request: Arc<AtomicU64>,
}

impl Stopper {
    /// Cancels everything submitted so far; the running picture ends within one
    /// stage of the network, without a decode.
    pub fn cancel_all(&self) {
        self.cancel_up_to(RequestId(self.last_request.load(Ordering::Relaxed)));
    }

    /// The same for `request` and what was submitted before it; what was submitted
    /// later goes on.
    pub fn cancel_up_to(&self, request: RequestId) {
        self.flags
            .cancelled_up_to
            .fetch_max(request.0, Ordering::Relaxed);
    }

    /// Lets the seed in work finish, then ends everything submitted so far.
    pub fn finish_then_stop(&self) {
        let last = self.last_request.load(Ordering::Relaxed);
        self.flags
            .finishing_up_to
            .fetch_max(last, Ordering::Relaxed);
    }
}

/// A running engine. Dropping it cancels what runs and waits for the worker.
pub struct Engine {
    commands: mpsc::Sender<Command>,
    events: mpsc::Receiver<Event>,
    store: Arc<StepStore>,
    stopper: Stopper,
    last_load: AtomicU64,
    worker: Option<JoinHandle<()>>,
}

impl Engine {
    /// Starts the worker thread, which loads `source` on `device` first. `wake`
    /// is called after every event, from the worker thread; a window asks for a
    /// repaint in it. `store_bytes` bounds what past steps may hold.
    pub fn start(
        device: ComputeDevice,
        source: CheckpointSource,
        store_bytes: usize,
        wake: Arc<dyn Fn() + Send + Sync>,
    ) -> Self {
        let (commands, inbox) = mpsc::channel();
        let (outbox, events) = mpsc::channel();
        let store = Arc::new(StepStore::new(store_bytes));
        let flags = Arc::new(StopFlags::default());
        let worker = Worker::new(
            device,
            inbox,
            outbox,
            wake,
            Arc::clone(&store),
            Arc::clone(&flags),
        );
        let engine = Self {
            commands,
            events,
            store,
            stopper: Stopper {
                flags,
                last_request: Arc::default(),
            },
            last_load: AtomicU64::new(0),
            worker: Some(worker.spawn()),
        };
        engine.load(source);
        engine
    }

    /// Loads another model, after what is queued. The old one stays until the
    /// files of the new one are found to be in order, and is freed then, before
    /// the new one's weights come.
    pub fn load(&self, source: CheckpointSource) {
        let id = LoadId(self.last_load.fetch_add(1, Ordering::Relaxed) + 1);
        self.send(Command::Load(id, source));
    }

    /// Ends the loading of every model asked for so far, within one tensor;
    /// [`Event::ModelFailed`] comes for each.
    pub fn cancel_loading(&self) {
        let last = self.last_load.load(Ordering::Relaxed);
        self.stopper
            .flags
            .loads_cancelled_up_to
            .fetch_max(last, Ordering::Relaxed);
    }

    /// Queues a request. It is immutable from here on.
    pub fn submit(&self, request: Request) -> RequestId {
        let id = RequestId(self.stopper.last_request.fetch_add(1, Ordering::Relaxed) + 1);
        self.send(Command::Generate(id, Box::new(request)));
        id
    }

    /// As [`Stopper::cancel_all`].
    pub fn cancel_all(&self) {
        self.stopper.cancel_all();
    }

    /// As [`Stopper::cancel_up_to`].
    pub fn cancel_up_to(&self, request: RequestId) {
        self.stopper.cancel_up_to(request);
    }

    /// As [`Stopper::finish_then_stop`].
    pub fn finish_then_stop(&self) {
        self.stopper.finish_then_stop();
    }

    /// A handle that stops this engine from another thread.
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// The next event, if one is waiting.
    pub fn try_event(&self) -> Option<Event> {
        self.events.try_recv().ok()
    }

    /// Waits for the next event; `None` when the worker has ended.
    pub fn wait_event(&self) -> Option<Event> {
        self.events.recv().ok()
    }

    /// Past steps.
    pub fn store(&self) -> &Arc<StepStore> {
        &self.store
    }

    fn send(&self, command: Command) {
        if self.commands.send(command).is_err() {
            tracing::error!("the worker has ended; the command is dropped");
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let flags = &self.stopper.flags;
        flags.cancelled_up_to.store(u64::MAX, Ordering::Relaxed);
        flags
            .loads_cancelled_up_to
            .store(u64::MAX, Ordering::Relaxed);
        self.send(Command::Quit);
        if let Some(worker) = self.worker.take()
            && worker.join().is_err()
        {
            tracing::error!("the worker ended in a panic");
        }
    }
}

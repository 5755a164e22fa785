//! Sharing the processor with the rest of the desktop.

use std::num::NonZeroUsize;

use thread_priority::{ThreadPriority, ThreadPriorityValue};

/// Lets other programs go first on the calling thread; best effort, since some
/// systems do not allow it.
pub fn lower_thread_priority() {
    let quarter = ThreadPriorityValue::try_from(25u8);
    let lowered = quarter
        .map_err(|error| error.to_string())
        .and_then(|value| {
            thread_priority::set_current_thread_priority(ThreadPriority::Crossplatform(value))
                .map_err(|error| format!("{error:?}"))
        });
    if let Err(reason) = lowered {
        tracing::debug!("thread priority stays as it is: {reason}");
    }
}

/// Bounds the threads that flex computes with (`None`: one per core) and lowers
/// their priority; returns how many there are: never more than cores, since more
/// only wait for each other. Only the first call of a process has an effect.
pub fn set_cpu_threads(threads: Option<NonZeroUsize>) -> NonZeroUsize {
    let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let threads = threads.map_or(cores, |threads| threads.min(cores));
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads.get())
        .thread_name(|index| format!("compute {index}"))
        .start_handler(|_| lower_thread_priority());
    if let Err(error) = pool.build_global() {
        tracing::debug!("the thread pool stays as it is: {error}");
    }
    threads
}

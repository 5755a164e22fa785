//! Sharing the processor with the rest of the desktop.

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
/// their priority. Only the first call of a process has an effect.
pub fn set_cpu_threads(threads: Option<usize>) {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads.unwrap_or(0))
        .thread_name(|index| format!("compute {index}"))
        .start_handler(|_| lower_thread_priority());
    if let Err(error) = pool.build_global() {
        tracing::debug!("the thread pool stays as it is: {error}");
    }
}

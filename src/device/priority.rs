//! The threads that compute on the CPU, and sharing the processor with the rest of the desktop.

use std::num::NonZeroUsize;

use rayon::{ThreadPool, ThreadPoolBuilder};
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
    if let Err(error) = pool_of(threads.get()).build_global() {
        tracing::debug!("the thread pool stays as it is: {error}");
    }
    threads
}

/// A thread that computes, and the others that help it.
///
/// Work of several threads that is begun outside their pool is handed over: the
/// caller sleeps, a thread of the pool wakes, and back, for each of a pass's hundreds
/// of operations. The caller being one of them, it begins at once.
pub struct ComputeThreads {
    _pool: Option<ThreadPool>,
}

impl ComputeThreads {
    /// Makes the calling thread one of as many as [`set_cpu_threads`] allows, for as
    /// long as this lives. The calling thread keeps its priority.
    pub fn with_this_one() -> Self {
        let pool = pool_of(rayon::current_num_threads()).use_current_thread();
        let pool = pool.build().inspect_err(|error| {
            tracing::debug!("this thread computes from outside the thread pool: {error}");
        });
        Self { _pool: pool.ok() }
    }
}

fn pool_of(threads: usize) -> ThreadPoolBuilder {
    ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|index| format!("compute {index}"))
        .start_handler(|_| lower_thread_priority())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calling_thread_computes_with_as_many_as_before() {
        let computed = std::thread::spawn(|| {
            let before = rayon::current_num_threads();
            assert_eq!(rayon::current_thread_index(), None);
            let _threads = ComputeThreads::with_this_one();
            assert!(rayon::current_thread_index().is_some());
            assert_eq!(rayon::current_num_threads(), before);
            let (here, _) = rayon::join(|| std::thread::current().id(), || ());
            assert_eq!(here, std::thread::current().id());
        });
        computed.join().unwrap();
    }
}

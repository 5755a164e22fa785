//! Ctrl+C: the write under way finishes, nothing else begins.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Set once the person has pressed Ctrl+C.
#[derive(Debug, Clone, Default)]
pub(super) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens from now on and calls `then` at the first Ctrl+C; a second one
    /// ends the program at once.
    pub(super) fn listen(then: impl Fn() + Send + 'static) -> Self {
        let interrupt = Self::default();
        let flag = interrupt.clone();
        let installed = ctrlc::set_handler(move || {
            if flag.0.swap(true, Ordering::SeqCst) {
                std::process::exit(130);
            }
            then();
        });
        if let Err(error) = installed {
            tracing::warn!("Ctrl+C ends the program without saying so: {error}");
        }
        interrupt
    }

    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

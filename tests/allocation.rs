//! How much memory a piece of work asks for at once, to show that damaged files ask for little,
//! and how much it holds at most, to hold against what was estimated.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(0) };
    /// Bytes that this thread asked for and gave back, and the most that it held.
    static HELD: Cell<isize> = const { Cell::new(0) };
    static MOST_HELD: Cell<isize> = const { Cell::new(0) };
}

/// The system's allocator, which notes the largest request of each thread.
struct Watching;

#[global_allocator]
static ALLOCATOR: Watching = Watching;

fn note(bytes: usize) {
    // A thread that is ending has nothing to note.
    let _ = LARGEST.try_with(|largest| largest.set(largest.get().max(bytes)));
}

fn hold(bytes: isize) {
    let held = HELD.try_with(|held| {
        held.set(held.get() + bytes);
        held.get()
    });
    if let Ok(held) = held {
        let _ = MOST_HELD.try_with(|most| most.set(most.get().max(held)));
    }
}

// SAFETY: every call is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        hold(layout.size() as isize);
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        hold(layout.size() as isize);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(size);
        hold(size as isize - layout.size() as isize);
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        hold(-(layout.size() as isize));
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// What `work` gives, and the largest number of bytes this thread asked for at once meanwhile.
pub fn largest_allocation<T>(work: impl FnOnce() -> T) -> (T, usize) {
    LARGEST.set(0);
    let result = work();
    (result, LARGEST.get())
}

/// What `work` gives, and how many bytes this thread held more at the fullest moment than before it.
/// What other threads hold for it, scratch of a kernel, is not counted.
pub fn most_held<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = HELD.get();
    MOST_HELD.set(before);
    let result = work();
    (result, (MOST_HELD.get() - before).max(0) as usize)
}

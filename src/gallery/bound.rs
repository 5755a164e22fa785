//! What goes when a gallery holds more than it may: the oldest entries, never one
//! that the person marked.

use super::Entry;

/// The entries to remove, the oldest first, so that at most `limit` bytes are left;
/// `entries` stand with the newest first. The newest stays, however large.
pub(super) fn surplus(entries: &[Entry], limit: u64) -> Vec<usize> {
    let mut bytes: u64 = entries.iter().map(|entry| entry.bytes).sum();
    let mut surplus = Vec::new();
    for (index, entry) in entries.iter().enumerate().skip(1).rev() {
        if bytes <= limit {
            break;
        }
        if !entry.marks.protects() {
            bytes -= entry.bytes;
            surplus.push(index);
        }
    }
    surplus
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::gallery::marks::Marks;
    use crate::gallery::{Brief, EntryId};

    #[test]
    fn the_oldest_without_a_mark_go_first() {
        let entry = |name: &str, bytes, starred, saved| Entry {
            id: EntryId::from(name),
            files: Vec::new(),
            bytes,
            modified: UNIX_EPOCH,
            brief: Brief::Unread,
            marks: Marks { starred, saved },
        };
        let entries = [
            entry("newest", 50, false, false),
            entry("d", 10, false, false),
            entry("c", 10, false, true),
            entry("b", 10, true, false),
            entry("oldest", 10, false, false),
        ];
        assert_eq!(surplus(&entries, 90), [0usize; 0]);
        assert_eq!(surplus(&entries, 89), [4]);
        assert_eq!(surplus(&entries, 75), [4, 1]);
        // What is marked stays, and so does what was just made.
        assert_eq!(surplus(&entries, 0), [4, 1]);
    }
}

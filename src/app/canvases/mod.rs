//! The middle of the window: the pictures of both methods, what is drawn over them, and all results.

pub mod canvas;
pub mod canvases_panel;
pub mod examples;
pub mod frame;
pub mod gallery;
pub mod handles;
pub mod keeping;
pub mod kept;
pub mod transport_overlay;
pub mod verdict;
pub mod verdict_line;
pub mod wanted;
pub mod wipe;

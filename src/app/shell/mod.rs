//! The window around everything: the operating system's, its panes, bars and keys.

pub mod drop_hint;
pub mod frame_meter;
pub mod message_bar;
pub mod panes;
pub mod preferences;
pub mod shortcuts;
pub mod status_bar;
pub mod window;

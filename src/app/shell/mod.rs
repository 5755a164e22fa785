//! Around the panels: the panes they stand in, bars, messages, keys and what is remembered.

pub mod drop_hint;
pub mod frame_meter;
pub mod message_bar;
pub mod panes;
pub mod path_entry;
pub mod preferences;
pub mod shortcuts;
pub mod status_bar;

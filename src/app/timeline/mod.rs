//! The bottom of the window: every step as a thumbnail, over plots on the same axis.

pub mod step_plot;
pub mod timeline_panel;

//! The right of the window: where each word looks, and which words look at a place.

pub mod attention_panel;
pub mod heatmap;

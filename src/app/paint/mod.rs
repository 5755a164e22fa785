//! Numbers made visible: textures, the window device's own drawing, colour maps.

pub mod colour_map;
pub mod paint_callback;
pub mod pictures;

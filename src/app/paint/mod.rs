//! Numbers made visible: what is drawn where, by the window's device or as textures.

pub mod device_drawing;
pub mod drawing;
pub mod images;
pub mod textures;

//! Drawing tensors where they lie: WGSL pipelines for previews, heatmaps and overlays.
//!
//! Each picture is a shader in `shaders/` and a file here with the Rust twin of
//! its uniforms. They read a [`Numbers`] buffer, which is the tensor's own memory
//! where burn computes on the same wgpu device, and an upload once per step
//! elsewhere; nothing above sees the difference.

mod colour_map;
mod heatmap;
mod latent_preview;
mod numbers;
mod overlay;
mod picture;

pub use colour_map::{ColourMap, OBJECT_COLOURS};
pub use heatmap::{Heatmap, HeatmapPainter};
pub use latent_preview::{LatentPreview, LatentPreviewPainter};
pub use numbers::Numbers;
pub use overlay::{Overlay, OverlayLayer, OverlayPainter};
pub use picture::Picture;

//! What is drawn and where: a place of the window, its content, and how numbers
//! become a picture; whoever draws it, the window's device or the CPU.

use egui::{Color32, Pos2, Rect};

use crate::app::state::session::RunKey;
use crate::diffusion::Method;
use crate::draw::{ColourMap, Heatmap, LatentPreview, Overlay, OverlayLayer};
use crate::models::LatentRgb;
use crate::storm::attention::AttentionMaps;

/// All of a picture or texture, in fractions of it.
pub const WHOLE: Rect = Rect {
    min: Pos2::ZERO,
    max: Pos2 { x: 1.0, y: 1.0 },
};
/// The most that an overlay hides of the picture.
pub const OVERLAY_ALPHA: f32 = 0.7;

/// Where a picture is shown; each place holds one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    Canvas(Method),
    /// One object's overlay on a canvas.
    Overlay(Method, usize),
    /// All objects' overlays on a canvas, in one drawing.
    Overlays(Method),
    /// A token's heatmap in the attention panel.
    Heatmap(usize),
    /// The same, before the update.
    HeatmapBefore(usize),
    /// All steps of a method, side by side.
    Thumbnails(Method),
    /// One of them, drawn alone.
    Thumbnail(Method, usize),
    Gallery(RunKey, Method),
}

/// What is shown there; a texture is made again only when this changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Content {
    pub run: RunKey,
    pub method: Method,
    /// A step, or `None` for the finished picture.
    pub step: Option<usize>,
    /// Anything else that changes the pixels.
    pub variant: u64,
}

/// How numbers become a picture.
#[derive(Debug, Clone, PartialEq)]
pub enum Drawing {
    Latents(LatentPreview),
    Heatmap(Heatmap, ColourMap),
    Overlay(Overlay),
}

impl Drawing {
    /// Whether the shaders have room for it.
    pub fn fits(&self) -> bool {
        match self {
            Self::Latents(_) => true,
            Self::Heatmap(heatmap, _) => heatmap.fits(),
            Self::Overlay(overlay) => overlay.fits(),
        }
    }
}

/// How a preview of some size is drawn.
pub fn preview_of([rows, columns]: [usize; 2], map: &LatentRgb) -> Drawing {
    Drawing::Latents(LatentPreview {
        rows: rows as u32,
        columns: columns as u32,
        factors: map.factors,
        bias: map.bias,
    })
}

/// How words of some maps are drawn over a picture: tokens, the value of the
/// greatest opacity, and colour of each.
pub fn overlay_of(maps: &AttentionMaps, words: &[(Vec<usize>, f32, Color32)]) -> Drawing {
    let layers = words.iter().map(|(tokens, brightest, colour)| {
        let [red, green, blue, _] = colour.to_array();
        OverlayLayer {
            colour: [red, green, blue],
            tokens: tokens.iter().map(|&token| token as u32).collect(),
            high: *brightest,
        }
    });
    Drawing::Overlay(Overlay {
        rows: maps.rows as u32,
        columns: maps.columns as u32,
        tokens: maps.tokens as u32,
        layers: layers.collect(),
        strongest: OVERLAY_ALPHA,
    })
}

/// A short name of anything that decides pixels.
pub fn hash_of(value: &impl std::hash::Hash) -> u64 {
    use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
    BuildHasherDefault::<DefaultHasher>::default().hash_one(value)
}

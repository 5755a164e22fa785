//! Several objects' attention over the picture, `shaders/overlay.wgsl`.

use bytemuck::{Pod, Zeroable};

use super::Numbers;
use super::picture::{Painter, Picture};

/// As many as the shader has room for.
const LAYERS: usize = 8;
/// Tokens of one word that the shader averages; a longer word's further ones
/// are left out of the drawing.
const TOKENS: usize = 4;
/// Marks an unused place in a layer's tokens.
const NO_TOKEN: u32 = u32::MAX;

/// What to draw: maps [rows, columns, tokens], one layer per object.
#[derive(Debug, Clone, PartialEq)]
pub struct Overlay {
    pub rows: u32,
    pub columns: u32,
    pub tokens: u32,
    /// At most eight; further ones are left out.
    pub layers: Vec<OverlayLayer>,
    /// Largest opacity, from 0 to 1.
    pub strongest: f32,
}

impl Overlay {
    /// Whether the shader has room for all objects and all their tokens.
    pub fn fits(&self) -> bool {
        let mut layers = self.layers.iter();
        self.layers.len() <= LAYERS && layers.all(|layer| layer.tokens.len() <= TOKENS)
    }
}

/// One object.
#[derive(Debug, Clone, PartialEq)]
pub struct OverlayLayer {
    /// Red, green, blue.
    pub colour: [u8; 3],
    /// The word's tokens; its map is their mean.
    pub tokens: Vec<u32>,
    /// The map's value that is drawn at full strength.
    pub high: f32,
}

/// Twin of the shader's `Layer`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct LayerUniforms {
    colour_high: [f32; 4],
    tokens: [u32; TOKENS],
}

/// Twin of the shader's `Overlay`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Uniforms {
    layers: [LayerUniforms; LAYERS],
    rows: u32,
    columns: u32,
    tokens: u32,
    count: u32,
    strongest: f32,
    padding: [u32; 3],
}

/// The compiled shader.
pub struct OverlayPainter(Painter);

impl OverlayPainter {
    /// Compiles it for targets of one format, onto which it blends with its
    /// alpha multiplied in.
    pub fn new(device: &wgpu::Device, target: wgpu::TextureFormat) -> Self {
        let shader = include_str!("../../shaders/overlay.wgsl");
        Self(Painter::new(device, target, "overlay", shader, false))
    }

    /// A picture of some objects of `numbers`, the maps.
    pub fn picture(&self, device: &wgpu::Device, overlay: &Overlay, numbers: &Numbers) -> Picture {
        let mut layers = [LayerUniforms::zeroed(); LAYERS];
        for (uniforms, layer) in layers.iter_mut().zip(&overlay.layers) {
            let [red, green, blue] = layer.colour.map(|byte| f32::from(byte) / 255.0);
            uniforms.colour_high = [red, green, blue, layer.high];
            uniforms.tokens = [NO_TOKEN; TOKENS];
            for (place, &token) in uniforms.tokens.iter_mut().zip(&layer.tokens) {
                *place = token;
            }
        }
        let uniforms = Uniforms {
            layers,
            rows: overlay.rows,
            columns: overlay.columns,
            tokens: overlay.tokens,
            count: overlay.layers.len().min(LAYERS) as u32,
            strongest: overlay.strongest,
            padding: [0; 3],
        };
        let bytes = bytemuck::bytes_of(&uniforms);
        self.0.picture(device, bytes, numbers, None)
    }
}

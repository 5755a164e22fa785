//! One word's attention through a colour map, `shaders/heatmap.wgsl`.

use bytemuck::{Pod, Zeroable};
use wgpu::util::DeviceExt;

use super::Numbers;
use super::picture::{Painter, Picture};

/// Tokens of one word that the shader averages.
const WORD_TOKENS: usize = 8;

/// What to draw: one word of maps [rows, columns, tokens]. Values from `low`
/// to `high` run through the whole colour map; the same bounds for several
/// words make their maps comparable.
#[derive(Debug, Clone, PartialEq)]
pub struct Heatmap {
    pub rows: u32,
    pub columns: u32,
    pub tokens: u32,
    /// The word's tokens; its map is their mean.
    pub word: Vec<u32>,
    pub low: f32,
    pub high: f32,
    /// Bicubic between the cells' centres instead of one square per cell.
    pub is_smooth: bool,
}

impl Heatmap {
    /// Whether the shader has room for all tokens of the word.
    pub fn fits(&self) -> bool {
        (1..=WORD_TOKENS).contains(&self.word.len())
    }
}

/// Twin of the shader's `Heatmap`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Uniforms {
    rows: u32,
    columns: u32,
    tokens: u32,
    count: u32,
    low: f32,
    high: f32,
    is_smooth: u32,
    padding: u32,
    word: [u32; WORD_TOKENS],
}

/// The compiled shader with one colour map.
pub struct HeatmapPainter {
    painter: Painter,
    colours: wgpu::Buffer,
}

impl HeatmapPainter {
    /// Compiles it for targets of one format. `colours` are RGB bytes from dark
    /// to bright.
    pub fn new(
        device: &wgpu::Device,
        target: wgpu::TextureFormat,
        colours: &[[u8; 3]; 256],
    ) -> Self {
        let shader = include_str!("../../shaders/heatmap.wgsl");
        Self {
            painter: Painter::new(device, target, "heatmap", shader, true),
            colours: colour_buffer(device, colours),
        }
    }

    /// A picture of one word of `numbers`, the maps; its first tokens if it
    /// does not fit.
    pub fn picture(&self, device: &wgpu::Device, heatmap: &Heatmap, numbers: &Numbers) -> Picture {
        let mut word = [0; WORD_TOKENS];
        for (place, &token) in word.iter_mut().zip(&heatmap.word) {
            *place = token;
        }
        let uniforms = Uniforms {
            rows: heatmap.rows,
            columns: heatmap.columns,
            tokens: heatmap.tokens,
            count: heatmap.word.len().min(WORD_TOKENS) as u32,
            low: heatmap.low,
            high: heatmap.high,
            is_smooth: u32::from(heatmap.is_smooth),
            padding: 0,
            word,
        };
        let bytes = bytemuck::bytes_of(&uniforms);
        self.painter
            .picture(device, bytes, numbers, Some(&self.colours))
    }
}

fn colour_buffer(device: &wgpu::Device, colours: &[[u8; 3]; 256]) -> wgpu::Buffer {
    let unit = |byte: u8| f32::from(byte) / 255.0;
    let colours = colours.map(|[red, green, blue]| [unit(red), unit(green), unit(blue), 1.0]);
    device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
        label: Some("colour map"),
        contents: bytemuck::cast_slice(&colours),
        usage: wgpu::BufferUsages::STORAGE,
    })
}

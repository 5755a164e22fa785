//! Latents as colours, `shaders/latent_preview.wgsl`.

use bytemuck::{Pod, Zeroable};

use super::Numbers;
use super::picture::{Painter, Picture};

/// What to draw: latents [4, rows, columns] through a linear map to colours in
/// [-1, 1].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LatentPreview {
    pub rows: u32,
    pub columns: u32,
    /// One row per latent channel; columns are red, green, blue.
    pub factors: [[f32; 3]; 4],
    pub bias: [f32; 3],
}

/// Twin of the shader's `LatentPreview`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Uniforms {
    factors: [[f32; 4]; 4],
    bias: [f32; 4],
    rows: u32,
    columns: u32,
    padding: [u32; 2],
}

/// The compiled shader.
pub struct LatentPreviewPainter(Painter);

impl LatentPreviewPainter {
    /// Compiles it for targets of one format.
    pub fn new(device: &wgpu::Device, target: wgpu::TextureFormat) -> Self {
        let shader = include_str!("../../shaders/latent_preview.wgsl");
        Self(Painter::new(
            device,
            target,
            "latent_preview",
            shader,
            false,
        ))
    }

    /// A picture of `numbers`, the latents.
    pub fn picture(
        &self,
        device: &wgpu::Device,
        preview: &LatentPreview,
        numbers: &Numbers,
    ) -> Picture {
        let widen = |[red, green, blue]: [f32; 3]| [red, green, blue, 0.0];
        let uniforms = Uniforms {
            factors: preview.factors.map(widen),
            bias: widen(preview.bias),
            rows: preview.rows,
            columns: preview.columns,
            padding: [0; 2],
        };
        let bytes = bytemuck::bytes_of(&uniforms);
        self.0.picture(device, bytes, numbers, None)
    }
}

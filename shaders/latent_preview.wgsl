// Latents as colours: a preview of the picture without the decoder.
//
// numbers: [4, rows, columns] f32, the predicted x0 as the UNet sees it.
// Bicubic between the cells' centres, like the CPU's previews: bilinear shows the
// cells' lattice at this enlargement.
// Colour in [-1, 1] = latents · factors + bias, then to [0, 1]; opaque.

struct LatentPreview {
    // One row per latent channel: red, green, blue, unused.
    factors: array<vec4<f32>, 4>,
    bias: vec4<f32>,
    rows: u32,
    columns: u32,
    padding0: u32,
    padding1: u32,
}

@group(0) @binding(0) var<uniform> preview: LatentPreview;

@fragment
fn latent_preview(in: Quad) -> @location(0) vec4<f32> {
    let cells = preview.rows * preview.columns;
    var colour = preview.bias.rgb;
    for (var channel = 0u; channel < 4u; channel++) {
        let grid = Grid(preview.rows, preview.columns, 1u, channel * cells);
        colour += bicubic(grid, in.uv) * preview.factors[channel].rgb;
    }
    return vec4<f32>(clamp((colour + 1.0) * 0.5, vec3<f32>(0.0), vec3<f32>(1.0)), 1.0);
}

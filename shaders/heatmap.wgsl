// One token's attention map through a colour map.
//
// numbers: [rows, columns, tokens] f32, probabilities in [0, 1].
// colours: 256 entries of red, green, blue, alpha in [0, 1], dark to bright.
// A value between `low` and `high` is spread over all of them; opaque.

struct Heatmap {
    rows: u32,
    columns: u32,
    tokens: u32,
    token: u32,
    low: f32,
    high: f32,
    padding0: u32,
    padding1: u32,
}

@group(0) @binding(0) var<uniform> heatmap_: Heatmap;
@group(0) @binding(2) var<storage, read> colours: array<vec4<f32>>;

@fragment
fn heatmap(in: Quad) -> @location(0) vec4<f32> {
    let grid = Grid(heatmap_.rows, heatmap_.columns, heatmap_.tokens, heatmap_.token);
    let span = max(heatmap_.high - heatmap_.low, 1e-12);
    let level = clamp((bicubic(grid, in.uv) - heatmap_.low) / span, 0.0, 1.0) * 255.0;
    let below = u32(floor(level));
    let above = min(below + 1u, 255u);
    return vec4<f32>(mix(colours[below].rgb, colours[above].rgb, level - floor(level)), 1.0);
}

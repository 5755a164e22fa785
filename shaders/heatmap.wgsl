// One word's attention map, the mean over its tokens, through a colour map.
//
// numbers: [rows, columns, tokens] f32, probabilities in [0, 1].
// colours: 256 entries of red, green, blue, alpha in [0, 1], dark to bright.
// A value between `low` and `high` is spread over all of them; opaque. Either
// one square of one colour per cell, or smoothly between the cells' centres.

const WORD_TOKENS = 8u;

struct Heatmap {
    rows: u32,
    columns: u32,
    tokens: u32,
    // How many of `word` are used, at least one.
    count: u32,
    low: f32,
    high: f32,
    // 0 or 1.
    smooth_: u32,
    padding: u32,
    word: array<vec4<u32>, WORD_TOKENS / 4u>,
}

@group(0) @binding(0) var<uniform> heatmap_: Heatmap;
@group(0) @binding(2) var<storage, read> colours: array<vec4<f32>>;

@fragment
fn heatmap(in: Quad) -> @location(0) vec4<f32> {
    var sum = 0.0;
    for (var i = 0u; i < min(heatmap_.count, WORD_TOKENS); i++) {
        let token = heatmap_.word[i / 4u][i % 4u];
        let grid = Grid(heatmap_.rows, heatmap_.columns, heatmap_.tokens, token);
        if heatmap_.smooth_ == 0u {
            sum += nearest(grid, in.uv);
        } else {
            sum += bicubic(grid, in.uv);
        }
    }
    let span = max(heatmap_.high - heatmap_.low, 1e-12);
    let value = sum / f32(max(heatmap_.count, 1u));
    var level = clamp((value - heatmap_.low) / span, 0.0, 1.0) * 255.0;
    if heatmap_.smooth_ == 0u {
        level = floor(level + 0.5);
    }
    let below = u32(floor(level));
    let above = min(below + 1u, 255u);
    return vec4<f32>(mix(colours[below].rgb, colours[above].rgb, level - floor(level)), 1.0);
}

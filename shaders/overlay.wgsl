// Several objects' attention over the picture, each in its own colour.
//
// numbers: [rows, columns, tokens] f32, probabilities in [0, 1].
// An object's map is the mean over its tokens; the map divided by `high` is its
// opacity, at most `strongest`, so that the picture stays visible. Later objects
// lie over earlier ones. The result has its alpha multiplied in.

const LAYERS = 8u;
const NO_TOKEN = 0xffffffffu;

struct Layer {
    // Red, green, blue in [0, 1]; the map's value at full strength.
    colour_high: vec4<f32>,
    // Up to four tokens of one word; NO_TOKEN where there are fewer.
    tokens: vec4<u32>,
}

struct Overlay {
    layers: array<Layer, LAYERS>,
    rows: u32,
    columns: u32,
    tokens: u32,
    count: u32,
    strongest: f32,
    padding0: u32,
    padding1: u32,
    padding2: u32,
}

@group(0) @binding(0) var<uniform> overlay_: Overlay;

@fragment
fn overlay(in: Quad) -> @location(0) vec4<f32> {
    var result = vec4<f32>(0.0);
    for (var i = 0u; i < min(overlay_.count, LAYERS); i++) {
        let layer = overlay_.layers[i];
        var sum = 0.0;
        var words = 0.0;
        for (var k = 0; k < 4; k++) {
            if layer.tokens[k] != NO_TOKEN {
                let grid =
                    Grid(overlay_.rows, overlay_.columns, overlay_.tokens, layer.tokens[k]);
                sum += bicubic(grid, in.uv);
                words += 1.0;
            }
        }
        let value = sum / max(words, 1.0) / max(layer.colour_high.w, 1e-12);
        let alpha = clamp(value, 0.0, 1.0) * overlay_.strongest;
        result = vec4<f32>(layer.colour_high.rgb * alpha, alpha) + result * (1.0 - alpha);
    }
    return result;
}

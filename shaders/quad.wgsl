// The vertex stage that all pictures share, and how they look numbers up.
//
// Prepended to every other shader. The viewport shows a part of the picture; `uv`
// runs from (0, 0) at the picture's top left to (1, 1) at its bottom right.
// Numbers lie in a storage buffer as a grid of `rows` × `columns` cells, `stride`
// apart, beginning at `offset`; cell centres are at half-integers, and places
// beyond the outermost centres take the nearest cell.

struct Part {
    // Of its top left, and its size, as fractions of the picture.
    corner: vec2<f32>,
    size: vec2<f32>,
}

@group(0) @binding(3) var<uniform> part: Part;

struct Quad {
    @builtin(position) position: vec4<f32>,
    @location(0) uv: vec2<f32>,
}

@vertex
fn quad(@builtin(vertex_index) index: u32) -> Quad {
    // One triangle that covers the viewport: (0,0), (2,0), (0,2).
    let corner = vec2<f32>(f32((index << 1u) & 2u), f32(index & 2u));
    var out: Quad;
    out.uv = part.corner + corner * part.size;
    out.position = vec4<f32>(corner.x * 2.0 - 1.0, 1.0 - corner.y * 2.0, 0.0, 1.0);
    return out;
}

struct Grid {
    rows: u32,
    columns: u32,
    stride: u32,
    offset: u32,
}

@group(0) @binding(1) var<storage, read> numbers: array<f32>;

fn cell(grid: Grid, row: i32, column: i32) -> f32 {
    let r = u32(clamp(row, 0, i32(grid.rows) - 1));
    let c = u32(clamp(column, 0, i32(grid.columns) - 1));
    return numbers[grid.offset + (r * grid.columns + c) * grid.stride];
}

fn place(grid: Grid, uv: vec2<f32>) -> vec2<f32> {
    return uv * vec2<f32>(f32(grid.columns), f32(grid.rows)) - 0.5;
}

fn nearest(grid: Grid, uv: vec2<f32>) -> f32 {
    let at = floor(place(grid, uv) + 0.5);
    return cell(grid, i32(at.y), i32(at.x));
}

// Weights of the four nearest cells (Catmull–Rom: cubic convolution with a = -1/2,
// Keys 1981), which passes through the cells' own values.
fn cubic_weights(t: f32) -> vec4<f32> {
    let t2 = t * t;
    let t3 = t2 * t;
    return vec4<f32>(
        -0.5 * t3 + t2 - 0.5 * t,
        1.5 * t3 - 2.5 * t2 + 1.0,
        -1.5 * t3 + 2.0 * t2 + 0.5 * t,
        0.5 * t3 - 0.5 * t2,
    );
}

fn bicubic(grid: Grid, uv: vec2<f32>) -> f32 {
    let at = place(grid, uv);
    let base = floor(at);
    let c = i32(base.x) - 1;
    let r = i32(base.y) - 1;
    let across = cubic_weights(at.x - base.x);
    let down = cubic_weights(at.y - base.y);
    var sum = 0.0;
    for (var i = 0; i < 4; i++) {
        let line = vec4<f32>(
            cell(grid, r + i, c),
            cell(grid, r + i, c + 1),
            cell(grid, r + i, c + 2),
            cell(grid, r + i, c + 3),
        );
        sum += down[i] * dot(across, line);
    }
    return sum;
}

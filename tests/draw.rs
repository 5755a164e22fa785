//! Each shader against the same formula on the CPU, and a tensor of burn's against its own copy.

use std::sync::Arc;

use burn::tensor::Tensor;
use storm_studio::device::{Slot, tensor_buffer};
use storm_studio::draw::{
    Heatmap, HeatmapPainter, LatentPreview, LatentPreviewPainter, Numbers, Overlay, OverlayLayer,
    OverlayPainter, Picture,
};

use crate::wgpu::device;

const WIDTH: u32 = 96;
const HEIGHT: u32 = 64;
const FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8Unorm;

/// The picture's pixels on a transparent ground, RGBA.
fn render(picture: &Picture) -> Vec<u8> {
    let handles = device().wgpu().expect("this device is wgpu");
    let size = wgpu::Extent3d {
        width: WIDTH,
        height: HEIGHT,
        depth_or_array_layers: 1,
    };
    let texture = handles.device.create_texture(&wgpu::TextureDescriptor {
        label: None,
        size,
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: FORMAT,
        usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
        view_formats: &[],
    });
    let view = texture.create_view(&Default::default());
    // Rows of a copied texture are multiples of 256 bytes.
    let row = (4 * WIDTH).next_multiple_of(256);
    let buffer = handles.device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: u64::from(row * HEIGHT),
        usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
        mapped_at_creation: false,
    });
    let mut encoder = handles.device.create_command_encoder(&Default::default());
    let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
        color_attachments: &[Some(wgpu::RenderPassColorAttachment {
            view: &view,
            depth_slice: None,
            resolve_target: None,
            ops: wgpu::Operations {
                load: wgpu::LoadOp::Clear(wgpu::Color::TRANSPARENT),
                store: wgpu::StoreOp::Store,
            },
        })],
        ..Default::default()
    });
    picture.draw(&mut pass);
    drop(pass);
    encoder.copy_texture_to_buffer(
        texture.as_image_copy(),
        wgpu::TexelCopyBufferInfo {
            buffer: &buffer,
            layout: wgpu::TexelCopyBufferLayout {
                offset: 0,
                bytes_per_row: Some(row),
                rows_per_image: None,
            },
        },
        size,
    );
    handles.queue.submit([encoder.finish()]);
    let slice = buffer.slice(..);
    slice.map_async(wgpu::MapMode::Read, |mapped| mapped.unwrap());
    let wait = wgpu::PollType::wait_indefinitely();
    handles.device.poll(wait).unwrap();
    let mapped = slice.get_mapped_range().unwrap();
    let rows = mapped.chunks(row as usize);
    rows.flat_map(|line| line[..4 * WIDTH as usize].to_vec())
        .collect()
}

/// The same pixels by a formula in f64 of the place in the picture.
fn assert_drawn(what: &str, drawn: &[u8], formula: impl Fn(f64, f64) -> [f64; 4]) {
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let u = (f64::from(x) + 0.5) / f64::from(WIDTH);
            let v = (f64::from(y) + 0.5) / f64::from(HEIGHT);
            let pixel = &drawn[4 * (y * WIDTH + x) as usize..][..4];
            for (channel, wanted) in formula(u, v).into_iter().enumerate() {
                let difference = (f64::from(pixel[channel]) - 255.0 * wanted).abs();
                // Half a step of rounding, and half a step of f32.
                assert!(
                    difference <= 1.0,
                    "{what} at {x}, {y}, channel {channel}: {} instead of {}",
                    pixel[channel],
                    255.0 * wanted
                );
            }
        }
    }
}

/// Numbers without a pattern, in [0, 1).
fn scattered(count: usize) -> Vec<f32> {
    let mut state = 0x2545_f491_u32;
    (0..count)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 24) as f32
        })
        .collect()
}

/// A grid of numbers looked up between its cells' centres.
struct Lookup<'a> {
    numbers: &'a [f32],
    rows: usize,
    columns: usize,
    stride: usize,
    offset: usize,
}

impl Lookup<'_> {
    fn at(&self, u: f64, v: f64) -> f64 {
        let x = u * self.columns as f64 - 0.5;
        let y = v * self.rows as f64 - 0.5;
        let mut sum = 0.0;
        for row in y.floor() as i64 - 1..=y.floor() as i64 + 2 {
            for column in x.floor() as i64 - 1..=x.floor() as i64 + 2 {
                let r = row.clamp(0, self.rows as i64 - 1) as usize;
                let c = column.clamp(0, self.columns as i64 - 1) as usize;
                let number = self.numbers[self.offset + (r * self.columns + c) * self.stride];
                let weight = keys((x - column as f64).abs()) * keys((y - row as f64).abs());
                sum += weight * f64::from(number);
            }
        }
        sum
    }
}

/// Keys 1981, equation 4 with a = -1/2, as a function of the distance.
fn keys(s: f64) -> f64 {
    if s < 1.0 {
        1.5 * s.powi(3) - 2.5 * s.powi(2) + 1.0
    } else if s < 2.0 {
        -0.5 * s.powi(3) + 2.5 * s.powi(2) - 4.0 * s + 2.0
    } else {
        0.0
    }
}

#[test]
fn every_shader_passes_nagas_validation() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    let quad = std::fs::read_to_string(folder.join("quad.wgsl")).unwrap();
    for name in ["latent_preview", "heatmap", "overlay"] {
        let own = std::fs::read_to_string(folder.join(format!("{name}.wgsl"))).unwrap();
        let module = naga::front::wgsl::parse_str(&format!("{quad}\n{own}")).expect(name);
        let mut validator = naga::valid::Validator::new(
            naga::valid::ValidationFlags::all(),
            naga::valid::Capabilities::empty(),
        );
        validator.validate(&module).expect(name);
    }
}

#[test]
fn latents_are_drawn_by_their_formula() {
    let handles = device().wgpu().unwrap();
    let (rows, columns) = (6, 9);
    let latents: Vec<f32> = scattered(4 * rows * columns)
        .iter()
        .map(|value| 4.0 * value - 2.0)
        .collect();
    let preview = LatentPreview {
        rows: rows as u32,
        columns: columns as u32,
        factors: [
            [0.35, 0.22, 0.32],
            [0.33, 0.5, 0.24],
            [-0.28, 0.18, 0.27],
            [-0.21, -0.26, -0.72],
        ],
        bias: [0.1, -0.2, 0.05],
    };
    let painter = LatentPreviewPainter::new(&handles.device, FORMAT);
    let numbers = Numbers::upload(&handles.device, &latents);
    let drawn = render(&painter.picture(&handles.device, &preview, &numbers));
    assert_drawn("latents", &drawn, |u, v| {
        let mut colour = preview.bias.map(f64::from);
        for (channel, factors) in preview.factors.iter().enumerate() {
            let lookup = Lookup {
                numbers: &latents,
                rows,
                columns,
                stride: 1,
                offset: channel * rows * columns,
            };
            let value = lookup.at(u, v);
            for (sum, factor) in colour.iter_mut().zip(factors) {
                *sum += value * f64::from(*factor);
            }
        }
        let [red, green, blue] = colour.map(|value| ((value + 1.0) / 2.0).clamp(0.0, 1.0));
        [red, green, blue, 1.0]
    });
}

/// A colour map whose entries say which they are.
fn ramp() -> [[u8; 3]; 256] {
    std::array::from_fn(|index| [index as u8, 255 - index as u8, (index / 2) as u8])
}

#[test]
fn a_heatmap_is_drawn_by_its_formula() {
    let handles = device().wgpu().unwrap();
    let (rows, columns, tokens) = (8, 5, 7);
    let maps = scattered(rows * columns * tokens);
    let heatmap = Heatmap {
        rows: rows as u32,
        columns: columns as u32,
        tokens: tokens as u32,
        word: vec![3],
        low: 0.1,
        high: 0.8,
        is_smooth: true,
    };
    let painter = HeatmapPainter::new(&handles.device, FORMAT, &ramp());
    let numbers = Numbers::upload(&handles.device, &maps);
    let drawn = render(&painter.picture(&handles.device, &heatmap, &numbers));
    let lookup = Lookup {
        numbers: &maps,
        rows,
        columns,
        stride: tokens,
        offset: 3,
    };
    assert_drawn("heatmap", &drawn, |u, v| {
        let level = (lookup.at(u, v) - f64::from(0.1f32)) / f64::from(0.8f32 - 0.1f32);
        let level = level.clamp(0.0, 1.0) * 255.0;
        let (below, share) = (level.floor() as usize, level.fract());
        let colour = |channel: usize| {
            let entry = |index: usize| f64::from(ramp()[index.min(255)][channel]);
            (entry(below) * (1.0 - share) + entry(below + 1) * share) / 255.0
        };
        [colour(0), colour(1), colour(2), 1.0]
    });
}

#[test]
fn a_word_of_two_tokens_is_drawn_cell_by_cell() {
    let handles = device().wgpu().unwrap();
    let (rows, columns, tokens) = (8, 6, 5);
    let maps = scattered(rows * columns * tokens);
    let heatmap = Heatmap {
        rows: rows as u32,
        columns: columns as u32,
        tokens: tokens as u32,
        word: vec![1, 4],
        low: 0.0,
        high: 0.9,
        is_smooth: false,
    };
    assert!(heatmap.fits());
    let painter = HeatmapPainter::new(&handles.device, FORMAT, &ramp());
    let numbers = Numbers::upload(&handles.device, &maps);
    let drawn = render(&painter.picture(&handles.device, &heatmap, &numbers));
    assert_drawn("heatmap", &drawn, |u, v| {
        let (row, column) = ((v * rows as f64) as usize, (u * columns as f64) as usize);
        let cell = (row * columns + column) * tokens;
        let mean = 0.5 * (maps[cell + 1] + maps[cell + 4]);
        let level = (mean / 0.9 * 255.0).clamp(0.0, 255.0).round() as usize;
        let [red, green, blue] = ramp()[level].map(|byte| f64::from(byte) / 255.0);
        [red, green, blue, 1.0]
    });
}

#[test]
fn an_overlay_is_drawn_by_its_formula() {
    let handles = device().wgpu().unwrap();
    let (rows, columns, tokens) = (4, 6, 9);
    let maps = scattered(rows * columns * tokens);
    let layer = |colour, tokens: &[u32], high| OverlayLayer {
        colour,
        tokens: tokens.to_vec(),
        high,
    };
    let overlay = Overlay {
        rows: rows as u32,
        columns: columns as u32,
        tokens: tokens as u32,
        layers: vec![
            layer([230, 159, 0], &[2], 0.9),
            layer([86, 180, 233], &[4, 5, 8], 0.6),
        ],
        strongest: 0.7,
    };
    let painter = OverlayPainter::new(&handles.device, FORMAT);
    let numbers = Numbers::upload(&handles.device, &maps);
    let drawn = render(&painter.picture(&handles.device, &overlay, &numbers));
    assert_drawn("overlay", &drawn, |u, v| {
        let mut result = [0.0; 4];
        for layer in &overlay.layers {
            let values = layer.tokens.iter().map(|&token| {
                let lookup = Lookup {
                    numbers: &maps,
                    rows,
                    columns,
                    stride: tokens,
                    offset: token as usize,
                };
                lookup.at(u, v)
            });
            let mean = values.sum::<f64>() / layer.tokens.len() as f64;
            let alpha = (mean / f64::from(layer.high)).clamp(0.0, 1.0) * 0.7;
            let [red, green, blue] = layer.colour.map(|byte| f64::from(byte) / 255.0);
            for (under, over) in result.iter_mut().zip([red, green, blue, 1.0]) {
                *under = over * alpha + *under * (1.0 - alpha);
            }
        }
        result
    });
}

#[test]
fn a_tensor_of_burn_is_drawn_in_place_as_its_copy_is() {
    let handles = device().wgpu().unwrap();
    let maps = scattered(16 * 16 * 77);
    let tensor = Tensor::<1>::from_floats(&maps[..], device().burn());
    // Computed and not contiguous, as maps of the network may be.
    let tensor = tensor
        .reshape([77, 16, 16])
        .mul_scalar(0.5)
        .permute([1, 2, 0]);
    let copy: Vec<f32> = tensor.clone().try_into_vec_as().unwrap();
    let heatmap = Heatmap {
        rows: 16,
        columns: 16,
        tokens: 77,
        word: vec![8],
        low: 0.0,
        high: 0.5,
        is_smooth: true,
    };
    let painter = HeatmapPainter::new(&handles.device, FORMAT, &ramp());
    let draw = |numbers| render(&painter.picture(&handles.device, &heatmap, &numbers));
    let in_place = tensor_buffer(&tensor).unwrap();
    let in_place = draw(Numbers::tensor(Arc::new(in_place)));
    assert_eq!(in_place, draw(Numbers::upload(&handles.device, &copy)));
    assert!(in_place.iter().any(|byte| *byte != in_place[0]));
}

#[test]
fn a_slot_on_the_device_is_a_part_of_its_own_and_can_be_read() {
    let handles = device().wgpu().unwrap();
    let numbers = scattered(2 * 64 * 77);
    let whole = Tensor::<1>::from_floats(&numbers[..], device().burn()).reshape([2, 64, 77]);
    // The second half of a larger tensor, as one lane's maps are.
    let half = whole.narrow(0, 1, 1);
    let slot = Slot::on_device(&half, handles).unwrap();
    // Computing in place on the tensor must not reach the slot.
    let doubled: Vec<f32> = half.mul_scalar(2.0).try_into_vec_as().unwrap();
    assert_eq!(slot.bytes(), 4 * 64 * 77);
    assert_eq!(*slot.read().unwrap(), numbers[64 * 77..]);
    assert_eq!(doubled[0], 2.0 * numbers[64 * 77]);
    assert!(!handles.is_lost());
}

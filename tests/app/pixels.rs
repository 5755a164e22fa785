//! What is drawn is what was computed.

use egui::Rect;
use egui_kittest::kittest::Queryable;
use image::RgbaImage;
use storm_studio::app::{DeviceDrawing, View};
use storm_studio::diffusion::Method;
use storm_studio::draw::ColourMap;
use storm_studio::engine::StepKey;

use super::{Studio, app, click, edit, studio, wait_until_idle};

/// A finished run of `steps` steps.
fn finished(steps: usize, folder: &tempfile::TempDir) -> Studio {
    let mut harness = studio(folder.path());
    edit(&mut harness, |content| content.settings.steps = steps);
    click(&mut harness, "Generate");
    wait_until_idle(&mut harness);
    harness.run_steps(2);
    harness
}

fn pixel(picture: &RgbaImage, x: f32, y: f32) -> [u8; 3] {
    let [red, green, blue, _] = picture.get_pixel(x as u32, y as u32).0;
    [red, green, blue]
}

fn differ(a: [u8; 3], b: [u8; 3]) -> u8 {
    let differences = a.iter().zip(b).map(|(a, b)| a.abs_diff(b));
    differences.max().unwrap_or(0)
}

/// Compares the heatmap in `rect` with the engine's map of `token`, cell by cell.
fn assert_shows(picture: &RgbaImage, rect: Rect, map: &[f32], columns: usize) {
    let strongest = map.iter().copied().fold(0.0, f32::max);
    let mean = map.iter().sum::<f32>() / map.len() as f32;
    let brightest = strongest.max(3.0 * mean);
    let rows = map.len() / columns;
    for (index, &value) in map.iter().enumerate() {
        let (column, row) = (index % columns, index / columns);
        let x = rect.left() + rect.width() * (column as f32 + 0.5) / columns as f32;
        let y = rect.top() + rect.height() * (row as f32 + 0.5) / rows as f32;
        let expected = ColourMap::Viridis.colour(value / brightest);
        let drawn = pixel(picture, x, y);
        // One for the renderer's rounding.
        let difference = differ(drawn, expected);
        assert!(
            difference <= 1,
            "cell {column}, {row}: {drawn:?} is not {expected:?}"
        );
    }
}

#[test]
fn a_heatmap_is_the_engines_map_of_that_token_and_step() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = finished(4, &folder);
    click(&mut harness, "One step back");
    for (label, token) in [
        ("Heatmap of ● cat", 2),
        ("Heatmap of ■ dog", 8),
        ("Heatmap of to", 3),
    ] {
        let picture = harness.render().unwrap();
        let run = app(&harness).state().shown_run().unwrap();
        let record = app(&harness).state().store.get(StepKey {
            request: run.key.request,
            seed: run.key.seed,
            method: Method::Storm,
            step: 2,
        });
        let maps = record.unwrap().maps;
        let rect = harness.get_all_by_label(label).next().unwrap().rect();
        assert_shows(&picture, rect, &maps.map(token), maps.columns);
    }
}

#[test]
fn the_canvases_show_the_finished_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = finished(4, &folder);
    // Without the marks that lie over the picture.
    click(&mut harness, "Where objects are and should be");
    let picture = harness.render().unwrap();
    for (name, method) in [("Standard", Method::Standard), ("STORM", Method::Storm)] {
        let rect = harness
            .get_by_label(&format!("{name} canvas, finished picture"))
            .rect();
        let run = app(&harness).state().shown_run().unwrap();
        let image = run.trace(method).picture.as_ref().unwrap().image.clone();
        // The screen's picture is a smooth enlargement: compare means of quarters.
        let (width, height) = (image.width(), image.height());
        for (right, low) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
            let mean = |get: &dyn Fn(f32, f32) -> [u8; 3]| {
                let mut sums = [0.0_f64; 3];
                for step in 0..1024 {
                    let (x, y) = ((step % 32) as f32 / 32.0, (step / 32) as f32 / 32.0);
                    let colour = get(
                        0.5 * (right as f32 + x) + 0.01,
                        0.5 * (low as f32 + y) + 0.01,
                    );
                    for (sum, byte) in sums.iter_mut().zip(colour) {
                        *sum += f64::from(byte) / 1024.0;
                    }
                }
                sums
            };
            let drawn = mean(&|x, y| {
                pixel(
                    &picture,
                    rect.left() + x * rect.width(),
                    rect.top() + y * rect.height(),
                )
            });
            let made = mean(&|x, y| {
                let place =
                    |fraction: f32, side: u32| ((fraction * side as f32) as u32).min(side - 1);
                image.get_pixel(place(x, width), place(y, height)).0
            });
            for (drawn, made) in drawn.iter().zip(made) {
                assert!(
                    (drawn - made).abs() < 4.0,
                    "{name}: {drawn:.1} is not {made:.1}"
                );
            }
        }
    }
}

#[test]
fn the_gap_between_previews_and_pictures_is_seen() {
    // The preview of a step is not the finished picture: going back changes the canvas.
    let folder = tempfile::tempdir().unwrap();
    let mut harness = finished(4, &folder);
    let after = harness.render().unwrap();
    click(&mut harness, "One step back");
    click(&mut harness, "One step back");
    let before = harness.render().unwrap();
    let rect = harness.get_by_label("STORM canvas, step 2 of 4").rect();
    let centre = rect.center();
    let changed = (0..20).any(|index| {
        let x = centre.x + 8.0 * (index as f32 - 10.0);
        differ(pixel(&after, x, centre.y), pixel(&before, x, centre.y)) > 8
    });
    assert!(changed);
}

/// Mean difference of two pictures in `rect`, in steps of 255.
fn mean_difference(a: &RgbaImage, b: &RgbaImage, rect: Rect) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for y in rect.top() as u32..rect.bottom() as u32 {
        for x in rect.left() as u32..rect.right() as u32 {
            let (a, b) = (a.get_pixel(x, y).0, b.get_pixel(x, y).0);
            let pairs = a.iter().zip(b);
            sum += pairs.map(|(a, b)| f64::from(a.abs_diff(b))).sum::<f64>();
            count += 4.0;
        }
    }
    sum / count
}

#[test]
fn the_device_draws_what_textures_show() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = finished(4, &folder);
    let view = |harness: &mut Studio, change: fn(&mut View)| {
        let app = harness.state_mut().as_mut().unwrap();
        change(&mut app.state_mut().view);
        harness.run_steps(2);
    };
    let device = DeviceDrawing::of(&super::renderer());
    view(&mut harness, |view| view.step = Some(3));
    let canvas = |harness: &Studio| {
        let rect = harness.get_by_label("STORM canvas, step 4 of 4").rect();
        // Corners are cut off in different ways.
        rect.shrink(4.0)
    };
    let mut previews = Vec::new();
    type Change = fn(&mut View);
    let changes: [(&str, Change); 5] = [
        ("previews", |_| ()),
        ("overlays", |view| view.show_maps = true),
        ("smooth maps", |view| view.smooth_maps = true),
        ("a part", |view| view.zoom.around(2.5, [0.7, 0.2])),
        ("the smallest part", |view| {
            view.zoom.around(64.0, [0.4, 0.5])
        }),
    ];
    for (what, change) in changes {
        view(&mut harness, change);
        let mut render = |drawing| {
            harness
                .state_mut()
                .as_mut()
                .unwrap()
                .draw_on_device(drawing);
            harness.run_steps(2);
            harness.render().unwrap()
        };
        let (drawn, textures) = (render(device), render(None));
        let difference = mean_difference(&drawn, &textures, canvas(&harness));
        // Textures are sampled between enlarged cells, the device between cells.
        assert!(difference < 2.0, "{what}: {difference:.2}");
        let heatmap = harness.get_by_label("Heatmap of ● cat").rect().shrink(1.0);
        let difference = mean_difference(&drawn, &textures, heatmap);
        assert!(difference < 4.0, "{what}, heatmap: {difference:.2}");
        previews.push(drawn);
    }
    // Each change is seen, so the comparisons are not of empty canvases.
    for pair in previews.windows(2) {
        assert_ne!(pair[0], pair[1]);
    }
}

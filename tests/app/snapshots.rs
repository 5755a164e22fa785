//! Pictures of the main screens, to be looked at when they change.

use egui::{Rect, Theme, pos2};
use egui_kittest::kittest::Queryable;

use super::{Studio, click, edit, themed_studio, wait_until_idle};

/// Compares all but the status line, whose figures are the machine's.
fn snapshot(harness: &mut Studio, name: &str) {
    let status = Rect::from_min_max(pos2(0.0, 784.0), pos2(1296.0, 816.0));
    harness.mask(status);
    // Of a million pixels, so many may differ: processors round the last bits of
    // a run differently, and a cell of a heatmap is a dozen pixels wide.
    let options = egui_kittest::SnapshotOptions::new().max_failed_pixels(600);
    harness.snapshot_options(name, &options);
}

fn first_screen(theme: Theme, name: &str) {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = themed_studio(folder.path(), theme);
    harness.run_steps(4);
    snapshot(&mut harness, name);
}

#[test]
fn the_first_screen_in_the_dark() {
    first_screen(Theme::Dark, "first-dark");
}

#[test]
fn the_first_screen_in_the_light() {
    first_screen(Theme::Light, "first-light");
}

#[test]
fn a_finished_run_in_every_mode() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = themed_studio(folder.path(), Theme::Dark);
    edit(&mut harness, |content| content.settings.steps = 8);
    click(&mut harness, "Generate");
    wait_until_idle(&mut harness);
    for (label, name) in [
        ("Side by side", "run-side-by-side"),
        ("Wipe", "run-wipe"),
        ("One at a time", "run-single"),
        ("All seeds", "run-grid"),
    ] {
        click(&mut harness, label);
        harness.remove_cursor();
        harness.run_steps(20);
        snapshot(&mut harness, name);
    }
    assert!(harness.query_by_label("Cancel").is_none());
}

//! The window, used as a person uses it: egui_kittest drives the program with
//! a real engine on the embedded model.

mod assigning;
mod dialogs;
mod export;
mod gallery;
mod layout;
mod models;
mod networks;
mod pictures;
mod pixels;
mod running;
mod settings;
mod snapshots;
mod targets;
mod vocabulary;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eframe::egui_wgpu::{RenderState, RendererOptions};
use egui::{Key, Modifiers, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use egui_kittest::wgpu::{WgpuTestRenderer, create_render_state, default_wgpu_setup};
use storm_studio::app::{DeviceDrawing, DraftContent, Preferences, StudioApp};
use storm_studio::checkpoint::CheckpointSource;
use storm_studio::device::ComputeDevice;
use storm_studio::engine::Engine;

/// Longer than anything here takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(240);

/// The program, made in its first frame. egui_kittest puts a margin of 8 around
/// it, so that 1280 × 800 are left.
type Studio = Harness<'static, Option<StudioApp>>;

/// A window whose model is loaded; saves into `output`.
fn studio(output: &Path) -> Studio {
    themed_studio(output, egui::Theme::Dark)
}

fn themed_studio(output: &Path, theme: egui::Theme) -> Studio {
    studio_with(output, theme, Preferences::default())
}

fn studio_with(output: &Path, theme: egui::Theme, preferences: Preferences) -> Studio {
    let mut harness = starting_studio(output, theme, preferences);
    wait(&mut harness, "the model", |app| {
        app.state().session.model().is_some()
    });
    harness.step();
    harness
}

/// The same after its first frame, in which the model began to load.
fn starting_studio(output: &Path, theme: egui::Theme, preferences: Preferences) -> Studio {
    let output = output.to_path_buf();
    let renderer = renderer();
    let drawing = DeviceDrawing::of(&renderer);
    assert!(drawing.is_some(), "this driver cannot run the shaders");
    Harness::builder()
        .with_size(vec2(1296.0, 816.0))
        .with_theme(theme)
        .renderer(WgpuTestRenderer::from_render_state(renderer))
        .build_ui_state(
            move |ui, app: &mut Option<StudioApp>| {
                let app = app.get_or_insert_with(|| {
                    let device = ComputeDevice::cpu(None);
                    let wake = Arc::new(|| {});
                    let engine = Engine::start(device, CheckpointSource::Embedded, 1 << 28, wake);
                    let (output, preferences) = (output.clone().into(), preferences.clone());
                    let mut app = StudioApp::new(ui.ctx(), engine, output, preferences);
                    app.draw_on_device(drawing);
                    app
                });
                app.logic(ui.ctx());
                app.ui(ui);
            },
            None,
        )
}

/// The window's device: a software one, so that pixels are the same everywhere.
fn renderer() -> RenderState {
    create_render_state(default_wgpu_setup(), RendererOptions::PREDICTABLE)
}

fn app(harness: &Studio) -> &StudioApp {
    harness.state().as_ref().expect("the first frame made it")
}

/// Changes the draft as a person would in the settings, which have their own test.
fn edit(harness: &mut Studio, change: impl FnOnce(&mut DraftContent)) {
    let app = harness
        .state_mut()
        .as_mut()
        .expect("the first frame made it");
    app.state_mut().draft.edit(change);
    harness.step();
}

/// Lays out frames until something is so.
fn wait(harness: &mut Studio, what: &str, is_so: impl Fn(&StudioApp) -> bool) {
    let began = Instant::now();
    loop {
        harness.step();
        if harness.state().as_ref().is_some_and(&is_so) {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn wait_until_idle(harness: &mut Studio) {
    wait(harness, "the engine to be idle", |app| {
        !app.state().session.is_busy()
    });
    harness.step();
}

/// Writes into the prompt's field instead of what is there.
fn type_prompt(harness: &mut Studio, text: &str) {
    harness.get_by_label("Prompt").focus();
    harness.step();
    harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    harness.step();
    harness.get_by_label("Prompt").type_text(text);
    harness.step();
}

/// Clicks what a screen reader calls `label`.
fn click(harness: &mut Studio, label: &str) {
    harness.get_by_label(label).click();
    // One frame takes the click, the next shows what it did.
    harness.run_steps(2);
}

//! The two canvases, Standard and STORM: side by side, as a wipe, one at a
//! time, or all seeds as a grid; under each its verdict.

use egui::{Pos2, Rect, Ui, UiBuilder, Vec2, pos2, vec2};

use super::canvas::canvas_ui;
use super::examples::Examples;
use super::frame::{TITLE_HEIGHT, VERDICT_HEIGHT, fit, picture_size};
use super::verdict_line::{finished_picture, is_at_the_end, verdict_ui};
use super::wipe::wipe_ui;
use crate::app::look::buttons::{icon_button, toggle};
use crate::app::look::icons;
use crate::app::look::names::method_name;
use crate::app::look::theme::{Palette, bold, small};
use crate::app::paint::textures::Textures;
use crate::app::state::State;
use crate::app::state::action::{Action, Export};
use crate::app::state::session::RunState;
use crate::app::state::view::{CanvasMode, Zoom};
use crate::diffusion::Method;

const GAP: f32 = 12.0;

#[derive(Debug, Default)]
pub struct CanvasesPanel {
    examples: Examples,
}

impl CanvasesPanel {
    pub fn ui(&mut self, ui: &mut Ui, state: &mut State, textures: &mut Textures) {
        toolbar_ui(ui, state);
        let area = ui.available_rect_before_wrap();
        match state.view.mode {
            CanvasMode::SideBySide => side_by_side_ui(ui, area, state, textures),
            CanvasMode::Wipe => wipe_ui(ui, area, state, textures),
            CanvasMode::Single => single_ui(ui, area, state, textures),
            CanvasMode::Grid => super::gallery::grid_ui(ui, state, textures),
        }
        if state.view.mode != CanvasMode::Grid {
            self.examples.ui(ui, area, state);
        }
    }
}

fn toolbar_ui(ui: &mut Ui, state: &mut State) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        for (mode, icon, name) in [
            (CanvasMode::SideBySide, icons::COLUMNS, "Side by side"),
            (CanvasMode::Wipe, icons::SPLIT_HORIZONTAL, "Wipe"),
            (CanvasMode::Single, icons::SQUARE, "One at a time"),
            (CanvasMode::Grid, icons::GRID_NINE, "All seeds"),
        ] {
            toggle(ui, icon, name, state.view.mode == mode)
                .clicked()
                .then(|| state.view.mode = mode);
        }
        ui.separator();
        let view = &mut state.view;
        if toggle(
            ui,
            icons::THERMOMETER_SIMPLE,
            "Attention over the picture",
            view.show_maps,
        )
        .clicked()
        {
            view.show_maps = !view.show_maps;
        }
        if toggle(
            ui,
            icons::CROSSHAIR,
            "Where objects are and should be",
            view.show_transport,
        )
        .clicked()
        {
            view.show_transport = !view.show_transport;
        }
        if view.zoom != Zoom::default() {
            ui.separator();
            let text = format!("{:.0} %", 100.0 * view.zoom.factor);
            let reset = ui
                .button(text)
                .on_hover_text("Show the whole picture again (double click)");
            if reset.clicked() {
                view.zoom = Zoom::default();
            }
        }
        let layout = egui::Layout::right_to_left(egui::Align::Center);
        ui.with_layout(layout, |ui| export_ui(ui, state));
    });
}

fn export_ui(ui: &mut Ui, state: &mut State) {
    let palette = Palette::of(ui);
    let has_picture = state
        .shown_run()
        .is_some_and(|run| run.storm.picture.is_some() || run.standard.picture.is_some());
    ui.add_enabled_ui(has_picture, |ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        let menu = egui::containers::menu::MenuButton::new(icons::EXPORT).ui(ui, |ui| {
            let request = state.shown_run().map(|run| run.key.request);
            let has_sweep = request.is_some_and(|request| state.sweeps.of(request).is_some());
            for (export, text) in Export::ALL {
                let is_possible = match export {
                    Export::Picture(method) => state
                        .shown_run()
                        .is_some_and(|run| run.trace(method).picture.is_some()),
                    Export::Sweep => has_sweep,
                    _ => true,
                };
                let button = ui.add_enabled(is_possible, egui::Button::new(text));
                if button.clicked() {
                    state.actions.push(Action::SaveAsDialog(export));
                }
            }
            ui.separator();
            let overlays = &mut state.view.overlays_in_animations;
            ui.checkbox(overlays, "Animations show where the words look");
            ui.horizontal(|ui| {
                // In a menu buttons have no frame, and a number would look like a word.
                let inactive = &mut ui.visuals_mut().widgets.inactive;
                inactive.weak_bg_fill = palette.raised;
                inactive.bg_fill = palette.raised;
                ui.add_space(4.0);
                ui.label("JPEG quality");
                let drag = egui::DragValue::new(&mut state.view.jpeg_quality).range(1..=100);
                ui.add(drag).accessible_name("JPEG quality");
            });
            ui.checkbox(&mut state.view.saves_settings, "Keep the settings in them")
                .on_hover_text(
                    "Saved pictures carry the prompt and all settings, so that they can be opened \
                     here again; switch it off to give them away without",
                );
            if ui.button("Choose the output folder…").clicked() {
                state.actions.push(Action::ChooseOutputDialog);
            }
        });
        menu.0.on_hover_text("Export").accessible_name("Export");
        if icon_button(ui, icons::COPY, "Copy", "Copy the picture (Ctrl+Shift+C)").clicked() {
            state.actions.push(Action::Copy);
        }
        let save = icon_button(
            ui,
            icons::FLOPPY_DISK,
            "Save",
            "Save into the output folder (Ctrl+S)",
        );
        if save.clicked() {
            state.actions.push(Action::Save);
        }
    });
    let open = icon_button(
        ui,
        icons::FILE_IMAGE,
        "Open a picture",
        "Take the settings from a saved picture (Ctrl+O)",
    );
    if open.clicked() {
        state.actions.push(Action::OpenPictureDialog);
    }
}

fn side_by_side_ui(ui: &mut Ui, area: Rect, state: &mut State, textures: &mut Textures) {
    let width = 0.5 * (area.width() - GAP);
    let room = Vec2::new(width, area.height() - TITLE_HEIGHT - VERDICT_HEIGHT);
    let side = fit(Rect::from_min_size(Pos2::ZERO, room), picture_size(state)).size();
    let left = area.center().x - side.x - 0.5 * GAP;
    // The pair stands in the middle of the height that is left over.
    let spare = (area.height() - TITLE_HEIGHT - VERDICT_HEIGHT - side.y).max(0.0);
    let top = area.top() + TITLE_HEIGHT + (0.4 * spare).floor();
    for (index, method) in [Method::Standard, Method::Storm].into_iter().enumerate() {
        let min = pos2(left + index as f32 * (side.x + GAP), top);
        column_ui(ui, Rect::from_min_size(min, side), method, state, textures);
    }
}

/// Title, canvas and verdict of one method; `rect` is the canvas.
fn column_ui(ui: &mut Ui, rect: Rect, method: Method, state: &mut State, textures: &mut Textures) {
    title_ui(ui, rect, method, state);
    canvas_ui(ui, rect, method, state, textures);
    let below = Rect::from_min_size(
        rect.left_bottom() + vec2(0.0, 6.0),
        vec2(rect.width(), VERDICT_HEIGHT - 6.0),
    );
    verdict_ui(ui, below, method, state);
}

fn title_ui(ui: &mut Ui, rect: Rect, method: Method, state: &State) {
    let area = Rect::from_min_size(
        rect.min - vec2(0.0, TITLE_HEIGHT),
        vec2(rect.width(), TITLE_HEIGHT),
    );
    let palette = Palette::of(ui);
    ui.scope_builder(UiBuilder::new().max_rect(area), |ui| {
        ui.horizontal_centered(|ui| {
            ui.label(bold(method_name(method)));
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                if let Some(text) = step_text(method, state) {
                    ui.label(small(text).color(palette.weak_text));
                }
            });
        });
    });
}

/// Which step the canvas shows, in words.
fn step_text(method: Method, state: &State) -> Option<String> {
    let run = state.shown_run()?;
    if let Some(picture) = finished_picture(method, state) {
        return Some(match (method, picture.updates) {
            (Method::Standard, _) => format!("seed {}", run.key.seed),
            // A file does not say how many there were.
            (Method::Storm, _) if !run.texts.is_empty() => format!("seed {}", run.key.seed),
            (Method::Storm, 1) => format!("seed {} · 1 update", run.key.seed),
            (Method::Storm, updates) => format!("seed {} · {updates} updates", run.key.seed),
        });
    }
    let step = state.shown_step(method)?;
    let at_the_end = is_at_the_end(method, state);
    Some(match run.state {
        RunState::Cancelled if at_the_end => format!("cancelled at step {}", step + 1),
        RunState::Failed if at_the_end => format!("failed at step {}", step + 1),
        _ => format!("step {} of {}", step + 1, run.step_count),
    })
}

fn single_ui(ui: &mut Ui, area: Rect, state: &mut State, textures: &mut Textures) {
    let inner = Rect::from_min_max(
        area.min + vec2(0.0, TITLE_HEIGHT),
        area.max - vec2(0.0, VERDICT_HEIGHT),
    );
    let rect = fit(inner, picture_size(state));
    let method = state.view.method;
    canvas_ui(ui, rect, method, state, textures);
    let below = Rect::from_min_size(
        rect.left_bottom() + vec2(0.0, 6.0),
        vec2(rect.width(), VERDICT_HEIGHT - 6.0),
    );
    verdict_ui(ui, below, method, state);
    let title = Rect::from_min_size(
        rect.min - vec2(0.0, TITLE_HEIGHT),
        vec2(rect.width(), TITLE_HEIGHT),
    );
    ui.scope_builder(UiBuilder::new().max_rect(title), |ui| {
        ui.horizontal_centered(|ui| {
            for method in [Method::Standard, Method::Storm] {
                ui.selectable_value(&mut state.view.method, method, method_name(method));
            }
            ui.label(small("Space exchanges them").color(Palette::of(ui).weak_text));
        });
    });
}

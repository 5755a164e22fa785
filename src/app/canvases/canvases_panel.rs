//! The two canvases, Standard and STORM: side by side, as a wipe, one at a
//! time, or all seeds as a grid; under each its verdict.

use egui::{Pos2, Rect, Ui, UiBuilder, Vec2, pos2, vec2};

use super::canvas::{canvas_ui, method_name};
use super::verdict::{Verdict, by_attention, by_detector};
use super::wipe::wipe_ui;
use crate::app::look::icons;
use crate::app::look::theme::{Palette, bold, small};
use crate::app::settings::setting_row::icon_button;
use crate::app::state::State;
use crate::app::state::session::RunState;
use crate::app::state::view::{CanvasMode, Zoom};
use crate::app::studio::action::{Action, Export};
use crate::diffusion::Method;
use crate::engine::Picture;

pub const TITLE_HEIGHT: f32 = 22.0;
pub const VERDICT_HEIGHT: f32 = 44.0;
const GAP: f32 = 12.0;

#[derive(Debug, Default)]
pub struct CanvasesPanel;

impl CanvasesPanel {
    pub fn ui(&mut self, ui: &mut Ui, state: &mut State) {
        toolbar_ui(ui, state);
        let area = ui.available_rect_before_wrap();
        match state.view.mode {
            CanvasMode::SideBySide => side_by_side_ui(ui, area, state),
            CanvasMode::Wipe => wipe_ui(ui, area, state),
            CanvasMode::Single => single_ui(ui, area, state),
            CanvasMode::Grid => super::gallery::grid_ui(ui, state),
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
    let has_picture = state
        .shown_run()
        .is_some_and(|run| run.storm.picture.is_some() || run.standard.picture.is_some());
    ui.add_enabled_ui(has_picture, |ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        let menu = egui::containers::menu::MenuButton::new(icons::EXPORT).ui(ui, |ui| {
            for (export, text) in [
                (Export::Picture, "This picture…"),
                (Export::Comparison, "Both side by side…"),
                (Export::Grid, "All seeds as a grid…"),
            ] {
                if ui.button(text).clicked() {
                    state.actions.push(Action::SaveAsDialog(export));
                }
            }
            ui.separator();
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

fn toggle(ui: &mut Ui, icon: &str, name: &str, on: bool) -> egui::Response {
    let button = egui::Button::selectable(on, icon).min_size(vec2(26.0, 24.0));
    ui.add(button).on_hover_text(name).accessible_name(name)
}

/// The largest rectangle of the picture's shape in `area`, in its middle.
pub fn fit(area: Rect, size: [usize; 2]) -> Rect {
    let size = vec2(size[0].max(1) as f32, size[1].max(1) as f32);
    let scale = (area.width() / size.x).min(area.height() / size.y).max(0.0);
    Rect::from_center_size(area.center(), scale * size)
}

pub fn picture_size(state: &State) -> [usize; 2] {
    let shown = state.shown_run().map(|run| run.size);
    let native = state.session.model().map(|model| model.native_size);
    shown.or(native).unwrap_or([1, 1])
}

fn side_by_side_ui(ui: &mut Ui, area: Rect, state: &mut State) {
    let width = 0.5 * (area.width() - GAP);
    let room = Vec2::new(width, area.height() - TITLE_HEIGHT - VERDICT_HEIGHT);
    let side = fit(Rect::from_min_size(Pos2::ZERO, room), picture_size(state)).size();
    let left = area.center().x - side.x - 0.5 * GAP;
    // The pair stands in the middle of the height that is left over.
    let spare = (area.height() - TITLE_HEIGHT - VERDICT_HEIGHT - side.y).max(0.0);
    let top = area.top() + TITLE_HEIGHT + (0.4 * spare).floor();
    for (index, method) in [Method::Standard, Method::Storm].into_iter().enumerate() {
        let min = pos2(left + index as f32 * (side.x + GAP), top);
        column_ui(ui, Rect::from_min_size(min, side), method, state);
    }
}

/// Title, canvas and verdict of one method; `rect` is the canvas.
fn column_ui(ui: &mut Ui, rect: Rect, method: Method, state: &mut State) {
    title_ui(ui, rect, method, state);
    canvas_ui(ui, rect, method, state);
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

/// The picture of the last step, if that is what the canvas shows.
fn finished_picture(method: Method, state: &State) -> Option<&Picture> {
    let run = state.shown_run()?;
    let picture = run.trace(method).picture.as_ref();
    picture.filter(|_| is_at_the_end(method, state))
}

fn is_at_the_end(method: Method, state: &State) -> bool {
    let last = state
        .shown_run()
        .and_then(|run| run.trace(method).last_step());
    state.view.step.is_none() || state.view.step >= last
}

/// Which step the canvas shows, in words.
fn step_text(method: Method, state: &State) -> Option<String> {
    let run = state.shown_run()?;
    let step = state.shown_step(method)?;
    let at_the_end = is_at_the_end(method, state);
    Some(match (finished_picture(method, state), run.state) {
        (Some(picture), _) => match (method, picture.updates) {
            (Method::Standard, _) => format!("seed {}", run.key.seed),
            (Method::Storm, 1) => format!("seed {} · 1 update", run.key.seed),
            (Method::Storm, updates) => format!("seed {} · {updates} updates", run.key.seed),
        },
        (_, RunState::Cancelled) if at_the_end => format!("cancelled at step {}", step + 1),
        (_, RunState::Failed) if at_the_end => format!("failed at step {}", step + 1),
        _ => format!("step {} of {}", step + 1, run.step_count),
    })
}

/// "● cat is left of ■ dog", and whether that is what was asked for.
pub fn verdict_ui(ui: &mut Ui, rect: Rect, method: Method, state: &State) {
    let palette = Palette::of(ui);
    let Some(run) = state.shown_run() else { return };
    let Some(reading) = state
        .shown_step(method)
        .and_then(|step| run.trace(method).reading(step))
    else {
        return;
    };
    let objects = state.shown_objects();
    let looked_at = finished_picture(method, state).and_then(|picture| {
        let gaps = run.request.settings.optimisation.parameters.storm.gaps();
        let (width, height) = picture.image.dimensions();
        by_detector(
            &run.request.layout,
            picture.sighted.as_deref()?,
            f64::from(width) / f64::from(height),
            [gaps.near, gaps.far],
        )
    });
    let (found, judge) = match looked_at {
        Some(judged) => {
            let mut words = "by detector".to_string();
            for (object, count) in judged.repeated {
                if let Some(object) = objects.get(object) {
                    words += &format!(" · {count} × {}", object.label);
                }
            }
            (judged.verdicts, words)
        }
        None => (
            by_attention(&run.request.layout, reading),
            "by attention".to_string(),
        ),
    };
    ui.scope_builder(UiBuilder::new().max_rect(rect), |ui| {
        ui.spacing_mut().item_spacing = vec2(4.0, 2.0);
        for (index, verdict) in found.iter().take(2).enumerate() {
            ui.horizontal(|ui| {
                verdict_line_ui(ui, verdict, &objects);
                if index == 0 {
                    let text = match state.view.mode {
                        CanvasMode::Wipe => format!("{}, {judge}", method_name(method)),
                        _ => judge.clone(),
                    };
                    let note = small(text).color(palette.weak_text);
                    ui.label(note).on_hover_text(
                        "A finished picture is looked at by the model's detector, if it has one \
                         that knows the objects; otherwise the centres of the words' attention \
                         are compared",
                    );
                }
            });
        }
    });
}

fn verdict_line_ui(ui: &mut Ui, verdict: &Verdict, objects: &[crate::app::state::ShownObject]) {
    let palette = Palette::of(ui);
    let (icon, colour) = if verdict.is_true {
        (icons::CHECK_CIRCLE, palette.holds)
    } else {
        (icons::WARNING_CIRCLE, palette.weak_text)
    };
    ui.label(egui::RichText::new(icon).size(17.0).color(colour));
    for (index, phrase) in [
        (verdict.subject, Some(verdict.phrase.as_str())),
        (verdict.object, None),
    ] {
        if let Some(object) = objects.get(index) {
            let text = format!("{} {}", object.look.mark.text(), object.label);
            ui.label(bold(text).color(object.look.colour(palette)));
        }
        if let Some(phrase) = phrase {
            ui.label(bold(phrase).color(if verdict.is_true {
                palette.holds
            } else {
                palette.text
            }));
        }
    }
}

fn single_ui(ui: &mut Ui, area: Rect, state: &mut State) {
    let inner = Rect::from_min_max(
        area.min + vec2(0.0, TITLE_HEIGHT),
        area.max - vec2(0.0, VERDICT_HEIGHT),
    );
    let rect = fit(inner, picture_size(state));
    let method = state.view.method;
    canvas_ui(ui, rect, method, state);
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

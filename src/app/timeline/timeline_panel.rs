//! The timeline: every step as a thumbnail over plots that share its axis.
//! Going back shows the pictures, maps and verdicts as they were, while
//! generation goes on.

use egui::{Color32, Key, Rect, Sense, Stroke, TextureOptions, Ui, UiBuilder, pos2, vec2};

use super::step_plot::{Curve, plot_ui};
use crate::app::look::buttons::icon_button;
use crate::app::look::icons;
use crate::app::look::theme::{Palette, small};
use crate::app::paint::drawing::{self, Content, Place, WHOLE};
use crate::app::paint::images;
use crate::app::paint::textures::Textures;
use crate::app::state::State;
use crate::diffusion::Method;
use crate::models::LatentRgb;

/// Width of the column of choices on the left.
const CHOICES_WIDTH: f32 = 104.0;
/// Tallest row of thumbnails.
const THUMBNAIL_HEIGHT: f32 = 30.0;
/// What a low pane leaves of it, so that the plot keeps its own least height.
const LEAST_THUMBNAIL_HEIGHT: f32 = 14.0;
const PLOT_HEIGHT: f32 = 24.0;
/// What the names of all curves need below each other.
const CHOICES_HEIGHT: f32 = 64.0;

#[derive(Debug, Default)]
pub struct TimelinePanel {
    curve: Curve,
}

impl TimelinePanel {
    pub fn ui(&mut self, ui: &mut Ui, state: &mut State, textures: &mut Textures) {
        let palette = Palette::of(ui);
        if state.shown_run().is_none() {
            ui.centered_and_justified(|ui| {
                let text = "Every step is kept here, to go back to.";
                ui.label(small(text).color(palette.weak_text));
            });
            return;
        }
        let area = ui.available_rect_before_wrap();
        let choices = Rect::from_min_size(area.min, vec2(CHOICES_WIDTH, area.height()));
        ui.scope_builder(UiBuilder::new().max_rect(choices), |ui| {
            self.choices_ui(ui, state)
        });
        let right = Rect::from_min_max(area.min + vec2(CHOICES_WIDTH + 8.0, 0.0), area.max);
        self.steps_ui(ui, right, state, textures);
    }

    fn choices_ui(&mut self, ui: &mut Ui, state: &mut State) {
        ui.spacing_mut().item_spacing.y = 2.0;
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 0.0;
            step_buttons_ui(ui, state);
        });
        if ui.available_height() < CHOICES_HEIGHT {
            // A long prompt leaves a low pane.
            egui::ComboBox::from_id_salt("curve")
                .width(CHOICES_WIDTH - 8.0)
                .selected_text(small(self.curve.name()))
                .show_ui(ui, |ui| {
                    for curve in Curve::ALL {
                        ui.selectable_value(&mut self.curve, curve, curve.name())
                            .on_hover_text(curve.explanation());
                    }
                });
            return;
        }
        for curve in Curve::ALL {
            let button = egui::Button::selectable(self.curve == curve, small(curve.name()))
                .min_size(vec2(CHOICES_WIDTH - 8.0, 20.0));
            if ui.add(button).on_hover_text(curve.explanation()).clicked() {
                self.curve = curve;
            }
        }
    }

    fn steps_ui(&mut self, ui: &mut Ui, area: Rect, state: &mut State, textures: &mut Textures) {
        let Some(run) = state.shown_run() else { return };
        let count = run.step_count.max(1);
        let methods = run.request.settings.methods.list();
        let rows = methods.len() as f32;
        let aspect = run.size[1] as f32 / run.size[0].max(1) as f32;
        let room = (area.height() - PLOT_HEIGHT) / rows - 2.0;
        let tallest = room.clamp(LEAST_THUMBNAIL_HEIGHT, THUMBNAIL_HEIGHT);
        let height = (area.width() / count as f32 * aspect).clamp(8.0, tallest);
        let mut top = area.top();
        for &method in methods {
            let strip = Rect::from_min_size(pos2(area.left(), top), vec2(area.width(), height));
            thumbnails_ui(ui, strip, method, state, textures);
            top += height + 2.0;
        }
        let plot = Rect::from_min_max(
            pos2(area.left(), area.top() + rows * (height + 2.0) + 2.0),
            area.max,
        );
        if plot.height() > 12.0 {
            ui.scope_builder(UiBuilder::new().max_rect(plot), |ui| {
                plot_ui(ui, self.curve, state)
            });
        }
        scrub_ui(ui, area, count, state);
    }
}

/// One step back, forward, and to the newest.
fn step_buttons_ui(ui: &mut Ui, state: &mut State) {
    let last = state
        .shown_run()
        .and_then(|run| run.steps_made().checked_sub(1));
    let shown = state.view.step.or(last);
    if icon_button(
        ui,
        icons::CARET_LEFT,
        "One step back",
        "One step back (Left)",
    )
    .clicked()
    {
        state.view.step = shown.map(|step| step.saturating_sub(1));
    }
    if icon_button(
        ui,
        icons::CARET_RIGHT,
        "One step forward",
        "One step forward (Right)",
    )
    .clicked()
    {
        state.view.step = shown.map(|step| step + 1).filter(|step| Some(*step) < last);
    }
    let newest = egui::Button::selectable(state.view.step.is_none(), icons::SKIP_FORWARD);
    let newest = ui
        .add(newest.min_size(vec2(24.0, 22.0)))
        .on_hover_text("Follow the newest step (End)")
        .accessible_name("Newest step");
    if newest.clicked() {
        state.view.step = None;
    }
}

/// All steps of one method in a row.
fn thumbnails_ui(ui: &Ui, strip: Rect, method: Method, state: &State, textures: &mut Textures) {
    let Some(map) = state.session.model().map(|model| model.preview_rgb.clone()) else {
        return;
    };
    if textures.draws_on_device() {
        drawn_thumbnails_ui(ui, strip, method, state, textures, &map);
    } else {
        thumbnail_textures_ui(ui, strip, method, state, textures, &map);
    }
}

/// Where a step's thumbnail of `aspect` goes: it keeps its shape in the middle of
/// its step's share of the width.
fn thumbnail_rect(strip: Rect, step: usize, count: usize, aspect: f32) -> Rect {
    let share = strip.width() / count.max(1) as f32;
    let size = vec2((strip.height() * aspect).min(share), strip.height());
    let centre = pos2(strip.left() + (step as f32 + 0.5) * share, strip.center().y);
    Rect::from_center_size(centre, size)
}

fn mark_ui(ui: &Ui, painter: &egui::Painter, rect: Rect) {
    let stroke = Stroke::new(2.0, Palette::of(ui).accent);
    painter.rect_stroke(rect, 1.0, stroke, egui::StrokeKind::Inside);
}

/// Each drawn by the window's device from the step's own numbers.
fn drawn_thumbnails_ui(
    ui: &Ui,
    strip: Rect,
    method: Method,
    state: &State,
    textures: &Textures,
    map: &LatentRgb,
) {
    let painter = ui.painter_at(strip);
    let Some(run) = state.shown_run() else { return };
    let shown = state.shown_step(method);
    let previews = state.store.previews(run.key.request, run.key.seed, method);
    for (step, slot, size) in previews {
        let [rows, columns] = size;
        let aspect = columns as f32 / rows.max(1) as f32;
        let rect = thumbnail_rect(strip, step, run.step_count, aspect);
        let drawing = drawing::preview_of(size, map);
        let (place, part) = (Place::Thumbnail(method, step), (rect, WHOLE));
        textures.paint(&painter, part, place, &slot, drawing);
        if shown == Some(step) {
            mark_ui(ui, &painter, rect);
        }
    }
}

/// All in one texture.
fn thumbnail_textures_ui(
    ui: &Ui,
    strip: Rect,
    method: Method,
    state: &State,
    textures: &mut Textures,
    map: &LatentRgb,
) {
    let painter = ui.painter_at(strip);
    let Some(run) = state.shown_run() else { return };
    let (key, count, last) = (run.key, run.step_count, run.trace(method).last_step());
    let store = state.store.clone();
    let content = Content {
        run: key,
        method,
        step: last,
        variant: 0,
    };
    let place = Place::Thumbnails(method);
    let texture = textures.get(ui.ctx(), place, content, TextureOptions::LINEAR, || {
        images::thumbnails(&store.steps(key.request, key.seed, method), count, map)
    });
    let Some(texture) = texture else { return };
    let [width, height] = texture.size();
    let aspect = width as f32 / count.max(1) as f32 / height.max(1) as f32;
    let is_shown = |step: usize| state.shown_step(method) == Some(step);
    for step in 0..=last.unwrap_or(0) {
        let rect = thumbnail_rect(strip, step, count, aspect);
        let [left, right] = [step, step + 1].map(|edge| edge as f32 / count as f32);
        let uv = Rect::from_min_max(pos2(left, 0.0), pos2(right, 1.0));
        painter.image(texture.id(), rect, uv, Color32::WHITE);
        if is_shown(step) {
            mark_ui(ui, &painter, rect);
        }
    }
}

/// Dragging anywhere over the steps, and the arrow keys.
fn scrub_ui(ui: &mut Ui, area: Rect, count: usize, state: &mut State) {
    let response = ui
        .interact(
            area,
            ui.scope_id().with("scrubber"),
            Sense::click_and_drag(),
        )
        .on_hover_cursor(egui::CursorIcon::ResizeHorizontal);
    let Some(last) = state
        .shown_run()
        .and_then(|run| run.steps_made().checked_sub(1))
    else {
        return;
    };
    if let Some(pointer) = response.interact_pointer_pos()
        && (response.dragged() || response.clicked())
    {
        let fraction = (pointer.x - area.left()) / area.width().max(1.0);
        let step = (fraction.clamp(0.0, 1.0) * count as f32) as usize;
        state.view.step = (step < last).then_some(step);
        response.request_focus();
    }
    if response.has_focus() {
        keys_ui(ui, last, state);
        let stroke = Stroke::new(1.0, Palette::of(ui).accent);
        ui.painter()
            .rect_stroke(area.expand(2.0), 3.0, stroke, egui::StrokeKind::Outside);
    }
    let shown = state.view.step.unwrap_or(last);
    response.widget_info(|| egui::WidgetInfo::slider(true, shown as f64, "Step shown"));
}

fn keys_ui(ui: &Ui, last: usize, state: &mut State) {
    ui.memory_mut(|memory| {
        let filter = egui::EventFilter {
            horizontal_arrows: true,
            ..Default::default()
        };
        if let Some(id) = memory.focused() {
            memory.set_focus_lock_filter(id, filter);
        }
    });
    let shown = state.view.step.unwrap_or(last);
    let pressed = |key| ui.input(|input| input.key_pressed(key));
    let step = if pressed(Key::ArrowLeft) {
        shown.saturating_sub(1)
    } else if pressed(Key::ArrowRight) {
        shown + 1
    } else if pressed(Key::Home) {
        0
    } else if pressed(Key::End) {
        last
    } else {
        return;
    };
    state.view.step = (step < last).then_some(step);
}

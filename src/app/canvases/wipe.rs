//! The wipe: STORM over Standard, uncovered from the right up to a line.

use egui::{Align2, Color32, CursorIcon, FontId, Rect, Sense, Stroke, Ui, pos2, vec2};

use super::canvas::{canvas_ui, paint_ui, sense_ui};
use super::frame::{TITLE_HEIGHT, VERDICT_HEIGHT, fit, picture_size};
use super::verdict_line::verdict_ui;
use crate::app::look::icons;
use crate::app::look::names::method_name;
use crate::app::look::theme::{BODY_SIZE, Palette, SMALL_SIZE};
use crate::app::paint::textures::Textures;
use crate::app::state::State;
use crate::diffusion::Method;

/// Between the verdicts, and how wide each is at most.
const GAP: f32 = 12.0;
const WIDEST_VERDICT: f32 = 360.0;

/// STORM over Standard, uncovered from the right up to a line that can be dragged.
pub fn wipe_ui(ui: &mut Ui, area: Rect, state: &mut State, textures: &mut Textures) {
    let inner = Rect::from_min_max(
        area.min + vec2(0.0, TITLE_HEIGHT),
        area.max - vec2(0.0, VERDICT_HEIGHT),
    );
    let rect = fit(inner, picture_size(state));
    if state.shown_step(Method::Standard).is_none() || state.shown_step(Method::Storm).is_none() {
        // There is nothing to compare yet.
        canvas_ui(ui, rect, state.attention_method(), state, textures);
        return;
    }
    let line = rect.left() + state.view.wipe * rect.width();
    let pointer = ui.input(|input| input.pointer.interact_pos());
    let is_left = pointer.is_some_and(|pointer| pointer.x < line);
    // Objects are dragged on the canvas that is seen there.
    sense_ui(
        ui,
        rect,
        if is_left {
            Method::Standard
        } else {
            Method::Storm
        },
        state,
    );
    let (left, right) = rect.split_left_right_at_x(line);
    paint_ui(ui, (rect, left), Method::Standard, state, textures);
    paint_ui(ui, (rect, right), Method::Storm, state, textures);
    wipe_line_ui(ui, rect, line, state);
    verdicts_ui(ui, area, rect.bottom(), state);
}

/// The verdicts beside each other, each with all of its lines: Standard's under
/// the left of the picture, STORM's under the right.
fn verdicts_ui(ui: &mut Ui, area: Rect, top: f32, state: &State) {
    let width = (0.5 * (area.width() - GAP)).min(WIDEST_VERDICT);
    let size = vec2(width, VERDICT_HEIGHT - 6.0);
    let middle = area.center().x;
    for (left, method) in [
        (middle - 0.5 * GAP - width, Method::Standard),
        (middle + 0.5 * GAP, Method::Storm),
    ] {
        let below = Rect::from_min_size(pos2(left, top + 6.0), size);
        verdict_ui(ui, below, method, state);
    }
}

fn wipe_line_ui(ui: &mut Ui, rect: Rect, line: f32, state: &mut State) {
    let palette = Palette::of(ui);
    let grip = Rect::from_center_size(pos2(line, rect.center().y), vec2(14.0, rect.height()));
    let response = ui
        .interact(grip, ui.scope_id().with("wipe"), Sense::drag())
        .on_hover_and_drag_cursor(CursorIcon::ResizeHorizontal);
    if response.dragged() {
        let moved = response.drag_delta().x / rect.width();
        state.view.wipe = (state.view.wipe + moved).clamp(0.0, 1.0);
    }
    if response.has_focus() {
        let moved = ui.input(|input| {
            let held = |key| if input.key_pressed(key) { 0.02 } else { 0.0 };
            held(egui::Key::ArrowRight) - held(egui::Key::ArrowLeft)
        });
        state.view.wipe = (state.view.wipe + moved).clamp(0.0, 1.0);
    }
    let wipe = f64::from(state.view.wipe);
    response
        .widget_info(|| egui::WidgetInfo::slider(true, wipe, "Wipe between Standard and STORM"));
    let painter = ui.painter();
    painter.vline(
        line,
        rect.y_range(),
        Stroke::new(3.0, Color32::from_black_alpha(120)),
    );
    painter.vline(line, rect.y_range(), Stroke::new(1.5, Color32::WHITE));
    painter.circle(
        pos2(line, rect.center().y),
        11.0,
        Color32::WHITE,
        Stroke::new(1.0, Color32::from_black_alpha(120)),
    );
    let font = FontId::proportional(BODY_SIZE);
    let place = pos2(line, rect.center().y);
    painter.text(
        place,
        Align2::CENTER_CENTER,
        icons::ARROWS_LEFT_RIGHT,
        font,
        Color32::BLACK,
    );
    for (align, corner, method) in [
        (Align2::LEFT_BOTTOM, rect.left_top(), Method::Standard),
        (Align2::RIGHT_BOTTOM, rect.right_top(), Method::Storm),
    ] {
        let place = corner - vec2(0.0, 4.0);
        let font = FontId::proportional(SMALL_SIZE + 1.0);
        painter.text(place, align, method_name(method), font, palette.text);
    }
}

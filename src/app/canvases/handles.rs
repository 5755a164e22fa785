//! Handles of the draft's objects on a canvas: dragged they move, pulled they resize,
//! and a hand with a tool draws a region. Each is a widget, so that the keyboard and
//! screen readers reach it.

use egui::accesskit::Role;
use egui::{EventFilter, Id, Key, Modifiers, Rect, Response, Sense, Ui, WidgetInfo, vec2};

use super::frame::Frame;
use super::wanted::{WantedCopy, guides_ui, pull_ui, radius_on_screen, wanted, width_to_height};
use crate::app::draft::targets::{self, Tool};
use crate::app::look::theme::Palette;
use crate::app::prompt::relation_sentences::{draft_looks, noun_text};
use crate::app::state::State;
use crate::storm::Size;
use crate::storm::object_target::{MOST_COPIES, ObjectTarget, Shape};

/// Side of what can be taken hold of, in points.
const GRIP: f32 = 24.0;
/// How far an arrow key moves or resizes, as a fraction of the picture.
const STEP: f64 = 0.01;
/// The same with Shift.
const LEAP: f64 = 0.05;
/// Radius of the brush, as a fraction of the shorter side.
const BRUSH: f64 = 0.06;

/// A region that is being drawn by hand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drawing {
    pub object: usize,
    pub tool: Tool,
    /// Where the pointer went down.
    pub from: Option<[f64; 2]>,
}

/// What of an object a handle holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Part {
    Copy(usize),
    CopySize(usize),
    Region,
    RegionSize,
}

/// The handles of all objects of which something is asked, and of the others while
/// there is no picture that shows where they are.
pub fn handles_ui(ui: &mut Ui, frame: Frame, state: &mut State) {
    if state.drawing.is_some() {
        return;
    }
    let wanted = wanted(state);
    for (object, copies) in wanted.iter().enumerate() {
        let target = state.draft.assignment.targets.of(object).cloned();
        let Some(target) = target.filter(|_| state.view.show_transport) else {
            continue;
        };
        let is_sized = target.size.is_some();
        if let Some([low, high]) = target.shape.bounds() {
            let middle = [0, 1].map(|axis| 0.5 * (low[axis] + high[axis]));
            handle_ui(
                ui,
                frame,
                state,
                (object, Part::Region),
                middle,
                (&target, copies),
            );
            if !matches!(target.shape, Shape::Mask(_)) {
                handle_ui(
                    ui,
                    frame,
                    state,
                    (object, Part::RegionSize),
                    high,
                    (&target, copies),
                );
            }
            if !is_sized && target.copies == 1 {
                continue;
            }
        }
        for (index, copy) in copies.iter().enumerate() {
            if !target.shape.is_region() {
                let part = (object, Part::Copy(index));
                handle_ui(ui, frame, state, part, copy.centre, (&target, copies));
            }
            let radius = radius_on_screen(frame, copy.extent);
            let corner = frame.to_screen(copy.centre) + radius * vec2(0.7, 0.7);
            let corner = frame.to_picture(corner).map(f64::from);
            let part = (object, Part::CopySize(index));
            handle_ui(ui, frame, state, part, corner, (&target, copies));
        }
    }
}

/// One handle at a place of the picture.
fn handle_ui(
    ui: &mut Ui,
    frame: Frame,
    state: &mut State,
    (object, part): (usize, Part),
    place: [f64; 2],
    (target, copies): (&ObjectTarget, &[WantedCopy]),
) {
    let at = frame.to_screen(place);
    if !frame.rect.contains(at) {
        return;
    }
    let rect = Rect::from_center_size(at, vec2(GRIP, GRIP));
    let id = Id::unique(("target handle", object, part));
    let response = ui.interact(rect, id, Sense::click_and_drag());
    let name = name(state, object, part, place, target);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &name));
    let Some(look) = draft_looks(state).get(object).copied() else {
        return;
    };
    let palette = Palette::of(ui);
    let colour = look.colour(palette);
    let painter = ui.painter_at(frame.rect);
    let is_lit = response.hovered() || response.has_focus() || response.dragged();
    match part {
        Part::Copy(_) | Part::Region => {
            look.paint(&painter, at, if is_lit { 8.0 } else { 6.0 }, palette);
        }
        Part::CopySize(_) | Part::RegionSize => pull_ui(&painter, at, colour, is_lit),
    }
    if response.has_focus() {
        let ring = rect.expand(-2.0);
        let stroke = egui::Stroke::new(2.0, palette.accent);
        painter.rect_stroke(ring, 4.0, stroke, egui::StrokeKind::Outside);
    }
    menu_ui(&response, state, object, target, copies);
    if target.is_locked {
        return;
    }
    if response.hovered() || response.dragged() {
        ui.ctx().set_cursor_icon(match part {
            Part::Copy(_) | Part::Region => egui::CursorIcon::Grab,
            Part::CopySize(_) | Part::RegionSize => egui::CursorIcon::ResizeNwSe,
        });
    }
    if let Some(pointer) = response
        .interact_pointer_pos()
        .filter(|_| response.dragged())
    {
        let pointer = frame.to_picture(pointer).map(f64::from);
        let is_free = ui.input(|input| input.modifiers.shift);
        let (pointer, guides) = match part {
            Part::Copy(_) if !is_free => targets::snapped(pointer, &others(state, object)),
            _ => (pointer, [None, None]),
        };
        guides_ui(&painter, frame, guides, colour);
        pull(state, (object, part), pointer, (target, copies));
    }
    if response.has_focus() {
        let filter = EventFilter {
            horizontal_arrows: true,
            vertical_arrows: true,
            ..EventFilter::default()
        };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(id, filter));
        keys(ui, state, (object, part), place, (target, copies));
    }
}

/// What a screen reader says of a handle.
fn name(
    state: &State,
    object: usize,
    part: Part,
    place: [f64; 2],
    target: &ObjectTarget,
) -> String {
    let noun = noun_text(state, object);
    let [x, y] = place.map(|part| (100.0 * part).round());
    let locked = if target.is_locked { ", locked" } else { "" };
    match part {
        Part::Copy(copy) if target.copies > 1 => {
            let copies = target.copies;
            format!(
                "{noun}, copy {} of {copies}, at {x} % and {y} %{locked}",
                copy + 1
            )
        }
        Part::Copy(_) => format!("{noun}, at {x} % and {y} %{locked}"),
        Part::CopySize(copy) if target.copies > 1 => format!("Size of {noun}, copy {}", copy + 1),
        Part::CopySize(_) => format!("Size of {noun}"),
        Part::Region => format!("Region of {noun}, around {x} % and {y} %{locked}"),
        Part::RegionSize => format!("Size of the region of {noun}"),
    }
}

/// The centres of all other objects' copies.
fn others(state: &State, object: usize) -> Vec<[f64; 2]> {
    let wanted = wanted(state).into_iter().enumerate();
    let others = wanted.filter(|(index, _)| *index != object);
    others
        .flat_map(|(_, copies)| copies)
        .map(|copy| copy.centre)
        .collect()
}

/// Brings what a handle holds to a place.
fn pull(
    state: &mut State,
    (object, part): (usize, Part),
    to: [f64; 2],
    (target, copies): (&ObjectTarget, &[WantedCopy]),
) {
    let ratio = width_to_height(state);
    let places: Vec<[f64; 2]> = copies.iter().map(|copy| copy.centre).collect();
    state.draft.edit(|content| match part {
        Part::Copy(copy) => targets::move_copy(content, object, copy, to, &places),
        Part::CopySize(copy) => {
            let Some(copy) = copies.get(copy) else { return };
            // In shorter sides.
            let across = (to[0] - copy.centre[0]) * ratio.max(1.0);
            let down = (to[1] - copy.centre[1]) / ratio.min(1.0);
            targets::resize(content, object, 2.0 * across.hypot(down));
        }
        Part::Region => {
            if let Some([low, high]) = target.shape.bounds() {
                let corner = [0, 1].map(|axis| to[axis] - 0.5 * (high[axis] - low[axis]));
                targets::move_region(content, object, corner);
            }
        }
        Part::RegionSize => targets::resize_region(content, object, to),
    });
}

/// Arrows move, plus and minus resize, Delete forgets.
fn keys(
    ui: &Ui,
    state: &mut State,
    (object, part): (usize, Part),
    place: [f64; 2],
    (target, copies): (&ObjectTarget, &[WantedCopy]),
) {
    let pressed = |key| {
        ui.input_mut(|input| {
            input.consume_key(Modifiers::NONE, key) || input.consume_key(Modifiers::SHIFT, key)
        })
    };
    let step = if ui.input(|input| input.modifiers.shift) {
        LEAP
    } else {
        STEP
    };
    let mut to = place;
    for (key, axis, by) in [
        (Key::ArrowLeft, 0, -step),
        (Key::ArrowRight, 0, step),
        (Key::ArrowUp, 1, -step),
        (Key::ArrowDown, 1, step),
    ] {
        if pressed(key) {
            to[axis] += by;
        }
    }
    if to != place {
        return pull(state, (object, part), to, (target, copies));
    }
    let mut growth = 0.0;
    for (key, by) in [(Key::Plus, step), (Key::Equals, step), (Key::Minus, -step)] {
        if pressed(key) {
            growth += by;
        }
    }
    if growth != 0.0
        && let Some(copy) = copies.first()
        && !target.shape.is_region()
    {
        let extent = copy.extent + growth;
        state
            .draft
            .edit(|content| targets::resize(content, object, extent));
    }
    if pressed(Key::Delete) || pressed(Key::Backspace) {
        state.draft.edit(|content| targets::clear(content, object));
    }
}

/// Everything that can be asked of an object, by the right mouse button.
fn menu_ui(
    response: &Response,
    state: &mut State,
    object: usize,
    target: &ObjectTarget,
    copies: &[WantedCopy],
) {
    response.context_menu(|ui| {
        for (text, size) in [
            ("As large as it comes", None),
            ("Small", Some(Size::Small)),
            ("Big", Some(Size::Big)),
        ] {
            if ui.radio(target.size == size, text).clicked() {
                state
                    .draft
                    .edit(|content| targets::edit(content, object, |it| it.size = size));
            }
        }
        ui.separator();
        if target.copies < MOST_COPIES && ui.button("One more copy").clicked() {
            let more = target.copies + 1;
            state
                .draft
                .edit(|content| targets::set_copies(content, object, more));
        }
        if target.copies > 1 && ui.button("One copy fewer").clicked() {
            let fewer = target.copies - 1;
            state
                .draft
                .edit(|content| targets::set_copies(content, object, fewer));
        }
        ui.separator();
        let text = if target.is_locked { "Unlock" } else { "Lock" };
        if ui.button(text).clicked() {
            let places = copies.iter().map(|copy| copy.centre).collect();
            let is_locked = target.is_locked;
            state.draft.edit(|content| match is_locked {
                true => targets::edit(content, object, |it| it.is_locked = false),
                false => targets::lock(content, object, places, None),
            });
        }
        if ui.button("Forget all of it").clicked() {
            state.draft.edit(|content| targets::clear(content, object));
        }
    });
}

/// A hand with a tool on the canvas draws a region; Escape puts the tool away.
pub fn draw_ui(ui: &Ui, frame: Frame, response: &Response, state: &mut State) {
    let Some(mut drawing) = state.drawing else {
        return;
    };
    let is_there = drawing.object < state.draft.assignment.objects.len();
    if !is_there || ui.input(|input| input.key_pressed(Key::Escape)) {
        state.drawing = None;
        return;
    }
    if response.hovered() {
        ui.ctx().set_cursor_icon(egui::CursorIcon::Crosshair);
    }
    let at = |pointer| {
        let place = frame.to_picture(pointer);
        place.map(|part| f64::from(part).clamp(0.0, 1.0))
    };
    let pointer = response.interact_pointer_pos().map(at);
    if response.drag_started() {
        let origin = ui.input(|input| input.pointer.press_origin());
        drawing.from = origin.map(at);
    }
    if let Some(pointer) = pointer.filter(|_| response.dragged() || response.clicked()) {
        let ratio = width_to_height(state);
        let is_added = !ui.input(|input| input.modifiers.alt);
        let Drawing { object, tool, from } = drawing;
        state.draft.edit(|content| match (tool, from) {
            (Tool::Brush, _) => {
                targets::paint(content, object, pointer, (BRUSH, is_added), ratio);
            }
            (_, Some(from)) => targets::draw(content, object, tool, [from, pointer]),
            (_, None) => {}
        });
    }
    if response.drag_stopped() {
        drawing.from = None;
        // A brush goes on; a drawn form is done.
        if drawing.tool != Tool::Brush {
            state.drawing = None;
            return;
        }
    }
    state.drawing = Some(drawing);
}

//! One canvas: the live preview or the finished picture of one method, and
//! over it the maps of the chosen words and where the objects are and should be.

use egui::{
    Align2, Color32, CornerRadius, FontId, Painter, Pos2, Rect, Response, Sense, Stroke,
    StrokeKind, TextureHandle, TextureId, TextureOptions, Ui, vec2,
};

use super::frame::Frame;
use super::handles::{draw_ui, handles_ui};
use super::transport_overlay::transport_ui;
use super::wanted::outlines_ui;
use crate::app::look::names::method_name;
use crate::app::look::theme::{CORNER, HEADING_SIZE, Palette, SMALL_SIZE};
use crate::app::paint::drawing::{self, Content, Place, hash_of};
use crate::app::paint::images;
use crate::app::paint::textures::Textures;
use crate::app::state::State;
use crate::app::state::session::{ModelState, RunState};
use crate::app::state::view::{CanvasMode, Zoom};
use crate::diffusion::Method;
use crate::engine::StepRecord;
use crate::film::word_attention::{known_tokens, mean_map, own_brightest};

/// How near the pointer must be to an object's mark to take hold of it, in points.
const GRAB_DISTANCE: f32 = 14.0;

/// Draws the canvas of `method` into `rect`, which has the picture's shape, and
/// takes what is done to it.
pub fn canvas_ui(
    ui: &mut Ui,
    rect: Rect,
    method: Method,
    state: &mut State,
    textures: &mut Textures,
) -> Response {
    let response = sense_ui(ui, rect, method, state);
    paint_ui(ui, (rect, rect), method, state, textures);
    // On one canvas only, so that each has one name.
    if state.view.mode != CanvasMode::SideBySide || method == Method::Storm {
        handles_ui(ui, Frame::new(rect, state.view.zoom), state);
    }
    response
}

/// The pointer's part of a canvas.
pub fn sense_ui(ui: &mut Ui, rect: Rect, method: Method, state: &mut State) -> Response {
    let id = ui.scope_id().with(("canvas", method));
    let response = ui.interact(rect, id, Sense::click_and_drag());
    let frame = Frame::new(rect, state.view.zoom);
    navigate(ui, frame, &response, state);
    drag_object(ui, frame, method, &response, state);
    draw_ui(ui, frame, &response, state);
    describe(&response, method, state);
    response
}

/// The drawn part of a canvas, as far as it lies in `clip`.
pub fn paint_ui(
    ui: &mut Ui,
    (rect, clip): (Rect, Rect),
    method: Method,
    state: &State,
    textures: &mut Textures,
) {
    let frame = Frame::new(rect, state.view.zoom);
    let painter = ui.painter_at(clip);
    let palette = Palette::of(ui);
    painter.rect_filled(rect, CornerRadius::same(CORNER), palette.ground);
    let is_shown = match finished_texture(ui, method, state, textures) {
        Some(texture) => {
            image_ui(&painter, texture.id(), frame);
            true
        }
        None => preview_ui(ui, &painter, frame, method, state, textures).is_some(),
    };
    if !is_shown {
        let has_outlines = state.view.show_transport && !state.draft.assignment.targets.is_empty();
        // What is wanted says enough, and is not written over.
        if !has_outlines || state.shown_run().is_some() {
            empty_ui(ui, &painter, rect, method, state);
        }
        if state.view.show_transport {
            outlines_ui(ui, &painter, frame, state, None);
        }
        return;
    }
    if state.view.show_maps || state.view.lit_word.get().is_some() {
        maps_ui(ui, &painter, frame, method, state, textures);
    }
    if state.view.show_transport {
        outlines_ui(ui, &painter, frame, state, None);
        transport_ui(ui, &painter, frame, method, state);
    }
}

fn image_ui(painter: &Painter, texture: TextureId, frame: Frame) {
    let shape =
        egui::epaint::RectShape::filled(frame.rect, CornerRadius::same(CORNER), Color32::WHITE)
            .with_texture(texture, frame.uv());
    painter.add(shape);
}

/// Rounds the corners of what a paint callback drew into `rect`.
fn round_corners_ui(painter: &Painter, rect: Rect, palette: &Palette) {
    // The corners of a square reach 0.42 of the radius beyond the rounded ones.
    let stroke = Stroke::new(0.5 * f32::from(CORNER), palette.surface);
    painter.rect_stroke(
        rect,
        CornerRadius::same(CORNER),
        stroke,
        StrokeKind::Outside,
    );
}

/// The finished picture, if it is there and no earlier step is looked at.
fn finished_texture(
    ui: &Ui,
    method: Method,
    state: &State,
    textures: &mut Textures,
) -> Option<TextureHandle> {
    let run = state.shown_run()?;
    let key = run.key;
    let last = run.trace(method).last_step();
    let at_the_end = state.view.step.is_none_or(|step| Some(step) >= last);
    let picture = run.trace(method).picture.as_ref()?;
    if !at_the_end {
        return None;
    }
    let image = picture.image.clone();
    let content = Content {
        run: key,
        method,
        step: None,
        variant: 0,
    };
    let draw = move || Some(images::picture(&image));
    let place = Place::Canvas(method);
    let linear = TextureOptions::LINEAR;
    textures.get(ui.ctx(), place, content, linear, draw)
}

/// The preview of the shown step; `None` if there is none.
fn preview_ui(
    ui: &Ui,
    painter: &Painter,
    frame: Frame,
    method: Method,
    state: &State,
    textures: &mut Textures,
) -> Option<()> {
    let content = Content {
        run: state.shown_run()?.key,
        method,
        step: Some(state.shown_step(method)?),
        variant: 0,
    };
    let record = state.shown_record(method);
    let map = state.session.model()?.preview_rgb.clone();
    let place = Place::Canvas(method);
    if let Some(record) = &record {
        let drawing = drawing::preview_of([record.rows, record.columns], &map);
        let slot = &record.preview;
        let part = (frame.rect, frame.uv());
        if textures.paint(painter, part, place, slot, drawing) {
            round_corners_ui(painter, frame.rect, Palette::of(ui));
            return Some(());
        }
    }
    let draw = || images::preview(&record?, &map);
    let linear = TextureOptions::LINEAR;
    let texture = textures.get(ui.ctx(), place, content, linear, draw)?;
    image_ui(painter, texture.id(), frame);
    Some(())
}

/// The veils of the chosen words, or of the word under the pointer alone.
fn maps_ui(
    ui: &Ui,
    painter: &Painter,
    frame: Frame,
    method: Method,
    state: &State,
    textures: &mut Textures,
) {
    let palette = Palette::of(ui);
    let Some(record) = state.shown_record(method) else {
        return;
    };
    let lit = state.view.lit_word.get().and_then(|word| {
        let word = state.shown_words().get(word)?;
        Some((
            usize::MAX,
            word.tokens.clone().collect::<Vec<_>>(),
            palette.accent,
        ))
    });
    let objects = state.shown_objects();
    let words: Vec<(usize, Vec<usize>, Color32)> = match lit {
        Some(lit) => vec![lit],
        None => objects
            .iter()
            .enumerate()
            .map(|(index, object)| (index, object.tokens.clone(), object.look.colour(palette)))
            .collect(),
    };
    let known = words.iter().filter_map(|(_, tokens, colour)| {
        let map = mean_map(&record.maps, tokens)?;
        let brightest = own_brightest(&map);
        Some((known_tokens(&record.maps, tokens), brightest, *colour))
    });
    let drawing = drawing::overlay_of(&record.maps, &known.collect::<Vec<_>>());
    let part = (frame.rect, frame.uv());
    let (place, slot) = (Place::Overlays(method), &record.drawn_maps);
    if textures.paint(painter, part, place, slot, drawing) {
        return;
    }
    for (index, tokens, colour) in words {
        let word = (index, &tokens[..], colour);
        let Some(texture) = map_texture(ui, method, state, textures, &record, word) else {
            continue;
        };
        painter.image(texture.id(), frame.rect, frame.uv(), Color32::WHITE);
    }
}

fn map_texture(
    ui: &Ui,
    method: Method,
    state: &State,
    textures: &mut Textures,
    record: &StepRecord,
    (index, tokens, colour): (usize, &[usize], Color32),
) -> Option<TextureHandle> {
    let content = Content {
        run: state.shown_run()?.key,
        method,
        step: state.shown_step(method),
        variant: hash_of(&(tokens, colour)),
    };
    textures.get(
        ui.ctx(),
        Place::Overlay(method, index),
        content,
        TextureOptions::LINEAR,
        || {
            let map = mean_map(&record.maps, tokens)?;
            let brightest = own_brightest(&map);
            Some(images::overlay(
                &map,
                record.maps.columns,
                brightest,
                colour,
            ))
        },
    )
}

/// What an empty canvas says: where to begin, or what is going on.
fn empty_ui(ui: &Ui, painter: &Painter, rect: Rect, method: Method, state: &State) {
    let palette = Palette::of(ui);
    let run = state.shown_run();
    let left_out = run.is_some_and(|run| !run.request.settings.methods.includes(method));
    let (title, hint) = match (&state.session.model, run.map(|run| run.state)) {
        (ModelState::Loading { .. }, _) => ("Preparing", "The model is loading."),
        (ModelState::Failed { .. }, None) => ("No model", "Open one in the settings on the left."),
        (_, _) if left_out => ("Not run", "This method was left out of the request."),
        (_, Some(RunState::Running)) => ("Preparing", "The first step is being computed."),
        (_, Some(RunState::Cancelled)) => ("Cancelled", "Nothing was made before the stop."),
        (_, Some(RunState::Failed)) => ("Failed", "The message above says what to do."),
        _ => match method {
            Method::Standard => (
                "Standard",
                "Ctrl+Enter makes the picture as Stable Diffusion alone does.",
            ),
            Method::Storm => (
                "STORM",
                "The same noise, with every object moved to its place.",
            ),
        },
    };
    let centre = rect.center();
    painter.text(
        centre - vec2(0.0, 10.0),
        Align2::CENTER_CENTER,
        title,
        FontId::proportional(HEADING_SIZE),
        palette.weak_text,
    );
    let galley = painter.layout(
        hint.to_string(),
        FontId::proportional(SMALL_SIZE + 0.5),
        palette.weak_text,
        (rect.width() - 32.0).min(240.0),
    );
    let place = centre + vec2(-0.5 * galley.size().x, 6.0);
    painter.galley(place, galley, palette.weak_text);
}

/// Zoom with the wheel, pan by dragging, reset by a double click; both canvases
/// follow, since they share the zoom.
fn navigate(ui: &Ui, frame: Frame, response: &Response, state: &mut State) {
    if let Some(pointer) = response.hover_pos() {
        let place = frame.to_picture(pointer);
        state.view.pointed.set(place);
        let (scroll, pinch) = ui.input(|input| (input.smooth_scroll_delta().y, input.zoom_delta()));
        let factor = pinch * (scroll * 0.004).exp();
        if factor != 1.0 {
            state.view.zoom.around(factor, place);
        }
    }
    if response.double_clicked() {
        state.view.zoom = Zoom::default();
    }
    if response.dragged() && state.dragged_object.is_none() && state.drawing.is_none() {
        let delta = response.drag_delta() / frame.rect.size();
        state.view.zoom.pan([delta.x, delta.y]);
    }
}

/// An object taken by its mark goes where it is dropped, in the next request.
fn drag_object(ui: &Ui, frame: Frame, method: Method, response: &Response, state: &mut State) {
    if !state.view.show_transport || state.drawing.is_some() {
        return;
    }
    let near = response
        .hover_pos()
        .and_then(|pointer| object_at(pointer, frame, method, state));
    if near.is_some() || state.dragged_object.is_some() {
        ui.ctx().set_cursor_icon(egui::CursorIcon::Grab);
    }
    if response.drag_started() {
        let origin = ui.input(|input| input.pointer.press_origin());
        state.dragged_object = origin.and_then(|origin| object_at(origin, frame, method, state));
    }
    let Some(object) = state.dragged_object else {
        return;
    };
    if let Some(pointer) = response.interact_pointer_pos() {
        let place = frame
            .to_picture(pointer)
            .map(|place| f64::from(place).clamp(0.0, 1.0));
        state.set_draft_target(object, place);
    }
    if response.drag_stopped() {
        state.dragged_object = None;
    }
}

/// The shown object whose mark is under `pointer`.
fn object_at(pointer: Pos2, frame: Frame, method: Method, state: &State) -> Option<usize> {
    let step = state.shown_step(method)?;
    let reading = state.shown_run()?.trace(method).reading(step)?;
    let objects = state.shown_objects();
    let targets = state.draft_targets(&objects);
    (0..reading.objects.len()).find(|&index| {
        let centroid = frame.to_screen(reading.objects[index].centroid);
        let pinned = targets.get(index).copied().flatten();
        centroid.distance(pointer) < GRAB_DISTANCE
            || pinned.is_some_and(|place| frame.to_screen(place).distance(pointer) < GRAB_DISTANCE)
    })
}

/// What a screen reader says of the canvas.
fn describe(response: &Response, method: Method, state: &State) {
    let text = match (state.shown_run(), state.shown_step(method)) {
        (Some(run), Some(step))
            if run.trace(method).picture.is_none() || state.view.step.is_some() =>
        {
            format!(
                "{} canvas, step {} of {}",
                method_name(method),
                step + 1,
                run.step_count
            )
        }
        (Some(_), Some(_)) => format!("{} canvas, finished picture", method_name(method)),
        _ => format!("{} canvas, empty", method_name(method)),
    };
    response.widget_info(|| egui::WidgetInfo::labeled(egui::accesskit::Role::Image, true, &text));
}

//! Transport made visible: where each object's attention is, where STORM wants
//! it, and the way there.

use egui::{Color32, Painter, Pos2, Shape, Stroke, Ui, vec2};

use super::frame::Frame;
use crate::app::look::theme::Palette;
use crate::app::state::State;
use crate::diffusion::Method;
use crate::storm::objective::{Reading, RelationReading};

const MARK_RADIUS: f32 = 6.0;

/// Each object's centre and, on STORM's canvas, its target and the way there,
/// fading as the relation becomes true.
pub fn transport_ui(ui: &Ui, painter: &Painter, frame: Frame, method: Method, state: &State) {
    let palette = Palette::of(ui);
    let Some(run) = state.shown_run() else { return };
    let Some(step) = state.shown_step(method) else {
        return;
    };
    let Some(reading) = run.trace(method).reading(step) else {
        return;
    };
    let urgency = if method == Method::Storm {
        urgency(reading)
    } else {
        0.0
    };
    let objects = state.shown_objects();
    for (object, found) in objects.iter().zip(&reading.objects) {
        let centre = frame.to_screen(found.centroid);
        let target = frame.to_screen(found.target);
        if urgency > 0.02 && centre.distance(target) > MARK_RADIUS {
            let colour = object.look.colour(palette).gamma_multiply(urgency);
            object
                .look
                .paint_ghost(painter, target, 1.6 * MARK_RADIUS, colour);
            arrow_ui(painter, centre, target, colour);
        }
        if !found.absent {
            object.look.paint(painter, centre, MARK_RADIUS, palette);
        }
    }
    for (object, target) in objects.iter().zip(&state.draft_targets(&objects)) {
        if let Some(target) = target {
            pin_ui(
                painter,
                frame.to_screen(*target),
                object.look.colour(palette),
            );
        }
    }
}

/// How far the relations are from holding: 1 for far, 0 when all hold.
fn urgency(reading: &Reading) -> f32 {
    if reading.satisfied {
        return 0.0;
    }
    let short = |relation: &RelationReading| {
        let missing = relation.margin - relation.signed_distance;
        (missing / relation.margin.max(0.1)).clamp(0.0, 1.0) as f32
    };
    let worst = reading.relations.iter().map(short).fold(0.0, f32::max);
    if reading.relations.is_empty() {
        1.0
    } else {
        worst
    }
}

fn arrow_ui(painter: &Painter, from: Pos2, to: Pos2, colour: Color32) {
    let way = to - from;
    let direction = way.normalized();
    let start = from + direction * (MARK_RADIUS + 3.0);
    let end = to - direction * 1.6 * MARK_RADIUS;
    if (end - start).dot(direction) < 4.0 {
        return;
    }
    let shadow = Stroke::new(
        4.0,
        Color32::from_black_alpha(90).gamma_multiply(f32::from(colour.a()) / 255.0),
    );
    painter.line_segment([start, end], shadow);
    painter.line_segment([start, end - direction * 6.0], Stroke::new(2.5, colour));
    let side = direction.rot90() * 5.0;
    let back = end - direction * 9.0;
    let head = vec![end, back + side, back - side];
    painter.add(Shape::convex_polygon(head, colour, Stroke::NONE));
}

/// A place that the person gave an object, for the next request.
fn pin_ui(painter: &Painter, place: Pos2, colour: Color32) {
    let outline = Stroke::new(3.0, Color32::from_black_alpha(140));
    for (radius, stroke) in [(10.0, outline), (10.0, Stroke::new(1.5, colour))] {
        painter.circle_stroke(place, radius, stroke);
        for direction in [
            vec2(1.0, 0.0),
            vec2(-1.0, 0.0),
            vec2(0.0, 1.0),
            vec2(0.0, -1.0),
        ] {
            painter.line_segment([place + 7.0 * direction, place + 13.0 * direction], stroke);
        }
    }
}

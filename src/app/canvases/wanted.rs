//! The wanted shapes of objects as outlines: over the canvases and over a word's map,
//! before and while a picture is made.

use egui::{Color32, Painter, Pos2, Rect, Shape as Drawn, Stroke, StrokeKind, Ui, pos2, vec2};

use super::frame::{Frame, picture_size};
use crate::app::look::theme::Palette;
use crate::app::prompt::relation_sentences::draft_looks;
use crate::app::state::State;
use crate::storm::frame::Frame as Cells;
use crate::storm::object_target::{ObjectTarget, Shape};
use crate::storm::placement::{Usual, sketch};

/// Cells along the longer side of the frame that wishes are sketched on.
const CELLS: usize = 32;

/// One copy of an object of the draft where it is wanted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WantedCopy {
    /// As fractions of width and height.
    pub centre: [f64; 2],
    /// Its diameter, as a fraction of the shorter side.
    pub extent: f64,
}

/// Width to height of the picture.
pub fn width_to_height(state: &State) -> f64 {
    let [width, height] = picture_size(state);
    width.max(1) as f64 / height.max(1) as f64
}

/// Every copy of every object of the draft where it is wanted; empty while there are
/// no tokens, or the wishes contradict.
pub fn wanted(state: &State) -> Vec<Vec<WantedCopy>> {
    let Ok(layout) = state.draft.layout() else {
        return Vec::new();
    };
    if layout.validate(usize::MAX).is_err() {
        return Vec::new();
    }
    let ratio = width_to_height(state);
    let side = |part: f64| ((CELLS as f64 * part).round() as usize).max(1);
    let frame = match ratio >= 1.0 {
        true => Cells {
            rows: side(1.0 / ratio),
            columns: CELLS,
        },
        false => Cells {
            rows: CELLS,
            columns: side(ratio),
        },
    };
    let readings = &state.draft.settings.optimisation.parameters.readings;
    let usual = Usual {
        deviation: readings.blob,
    };
    let layout = layout.with_extents(|_| 2.0 * readings.blob);
    let gaps = readings.gaps().for_targets(readings.overshoot);
    let bodies = sketch(frame, &layout, &gaps, usual).into_iter();
    bodies
        .map(|bodies| {
            let copies = bodies.into_iter().map(|body| WantedCopy {
                centre: frame.to_fractions(body.centre),
                extent: body.extent / frame.shorter_side(),
            });
            copies.collect()
        })
        .collect()
}

/// The outlines of all objects of which something is asked, or of one.
pub fn outlines_ui(ui: &Ui, painter: &Painter, frame: Frame, state: &State, only: Option<usize>) {
    if state.draft.assignment.targets.is_empty() {
        return;
    }
    let palette = Palette::of(ui);
    let looks = draft_looks(state);
    let wanted = wanted(state);
    for target in state.draft.assignment.targets.iter() {
        let object = target.object;
        let (Some(look), Some(copies)) = (looks.get(object), wanted.get(object)) else {
            continue;
        };
        if only.is_none_or(|only| only == object) {
            let colour = look.colour(palette);
            region_ui(painter, frame, target, colour);
            if !target.shape.is_region() || target.copies > 1 || target.size.is_some() {
                for copy in copies {
                    let radius = radius_on_screen(frame, copy.extent);
                    ring(painter, frame.to_screen(copy.centre), radius, colour);
                }
            }
        }
    }
}

/// Half of an extent in points.
pub fn radius_on_screen(frame: Frame, extent: f64) -> f32 {
    let corner = frame.to_screen([0.0, 0.0]);
    let far = frame.to_screen([1.0, 1.0]);
    let size = far - corner;
    0.5 * extent as f32 * size.x.min(size.y)
}

fn shadowed(colour: Color32) -> [Stroke; 2] {
    [
        Stroke::new(3.5, Color32::from_black_alpha(110)),
        Stroke::new(1.5, colour),
    ]
}

fn ring(painter: &Painter, centre: Pos2, radius: f32, colour: Color32) {
    for stroke in shadowed(colour) {
        painter.circle_stroke(centre, radius, stroke);
    }
}

fn region_ui(painter: &Painter, frame: Frame, target: &ObjectTarget, colour: Color32) {
    match &target.shape {
        Shape::Anywhere | Shape::Points(_) => {}
        Shape::Rectangle(area) | Shape::Ellipse(area) => {
            let rect = Rect::from_two_pos(
                frame.to_screen([area.x, area.y]),
                frame.to_screen([area.x + area.width, area.y + area.height]),
            );
            for stroke in shadowed(colour) {
                match target.shape {
                    Shape::Rectangle(_) => {
                        painter.rect_stroke(rect, 2.0, stroke, StrokeKind::Middle);
                    }
                    _ => {
                        let radius = 0.5 * rect.size();
                        painter.add(Drawn::ellipse_stroke(rect.center(), radius, stroke));
                    }
                }
            }
        }
        Shape::Mask(mask) => {
            let [rows, columns] = mask.size();
            let fill = colour.gamma_multiply(0.3);
            for row in 0..rows {
                let place = |column: usize, row: usize| {
                    frame.to_screen([column as f64 / columns as f64, row as f64 / rows as f64])
                };
                let is_inside = |column: usize| {
                    mask.has([
                        (column as f64 + 0.5) / columns as f64,
                        (row as f64 + 0.5) / rows as f64,
                    ])
                };
                let mut start = None;
                for column in 0..=columns {
                    let inside = column < columns && is_inside(column);
                    match (start, inside) {
                        (None, true) => start = Some(column),
                        (Some(first), false) => {
                            let rect =
                                Rect::from_min_max(place(first, row), place(column, row + 1));
                            painter.rect_filled(rect, 0.0, fill);
                            for x in [rect.left(), rect.right()] {
                                let ends = [pos2(x, rect.top()), pos2(x, rect.bottom())];
                                painter.line_segment(ends, Stroke::new(1.5, colour));
                            }
                            start = None;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
}

/// A small square that pulls a size.
pub fn pull_ui(painter: &Painter, centre: Pos2, colour: Color32, is_lit: bool) {
    let side = if is_lit { 11.0 } else { 8.0 };
    let rect = Rect::from_center_size(centre, vec2(side, side));
    painter.rect(
        rect,
        2.0,
        colour,
        Stroke::new(1.5, Color32::from_black_alpha(200)),
        StrokeKind::Middle,
    );
}

/// Lines at what a dragged place snapped to.
pub fn guides_ui(painter: &Painter, frame: Frame, guides: [Option<f64>; 2], colour: Color32) {
    let stroke = Stroke::new(1.0, colour.gamma_multiply(0.7));
    if let Some(x) = guides[0] {
        painter.line_segment(
            [frame.to_screen([x, 0.0]), frame.to_screen([x, 1.0])],
            stroke,
        );
    }
    if let Some(y) = guides[1] {
        painter.line_segment(
            [frame.to_screen([0.0, y]), frame.to_screen([1.0, y])],
            stroke,
        );
    }
}

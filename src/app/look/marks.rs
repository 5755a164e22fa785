//! How an object's [`Look`] is drawn: its colour and its mark.

use egui::{Color32, Painter, Pos2, Rect, Stroke, StrokeKind, Vec2};

use super::theme::Palette;
use crate::film::looks::{Look, Mark};

impl Look {
    pub fn colour(self, palette: &Palette) -> Color32 {
        palette.object(self.slot)
    }

    /// Draws the mark with an outline that keeps it visible on any picture.
    pub fn paint(self, painter: &Painter, centre: Pos2, radius: f32, palette: &Palette) {
        let outline = Stroke::new(1.5, Color32::from_black_alpha(200));
        let colour = self.colour(palette);
        match self.mark {
            Mark::Disc => {
                painter.circle(centre, radius, colour, outline);
            }
            Mark::Square => {
                let rect = Rect::from_center_size(centre, Vec2::splat(1.8 * radius));
                painter.rect(rect, 1.0, colour, outline, StrokeKind::Middle);
            }
        }
    }

    /// Draws the mark as a hollow ghost.
    pub fn paint_ghost(self, painter: &Painter, centre: Pos2, radius: f32, colour: Color32) {
        let stroke = Stroke::new(2.0, colour);
        match self.mark {
            Mark::Disc => {
                painter.circle_stroke(centre, radius, stroke);
            }
            Mark::Square => {
                let rect = Rect::from_center_size(centre, Vec2::splat(1.8 * radius));
                painter.rect_stroke(rect, 1.0, stroke, StrokeKind::Middle);
            }
        }
    }
}

//! Where things are on a canvas: its rectangle, the part of the picture in it,
//! and the room above and below for its title and verdict.

use egui::{Pos2, Rect, pos2, vec2};

use crate::app::state::State;
use crate::app::state::view::Zoom;

pub const TITLE_HEIGHT: f32 = 22.0;
pub const VERDICT_HEIGHT: f32 = 44.0;

/// Places on a canvas, as fractions of the picture, and on the screen.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    pub rect: Rect,
    zoom: Zoom,
}

impl Frame {
    pub fn new(rect: Rect, zoom: Zoom) -> Self {
        Self { rect, zoom }
    }

    /// The part of the picture that is seen, in texture coordinates.
    pub fn uv(&self) -> Rect {
        let [[left, top], [right, bottom]] = self.zoom.visible();
        Rect::from_min_max(pos2(left, top), pos2(right, bottom))
    }

    pub fn to_screen(self, place: [f64; 2]) -> Pos2 {
        let uv = self.uv();
        pos2(
            egui::remap(place[0] as f32, uv.x_range(), self.rect.x_range()),
            egui::remap(place[1] as f32, uv.y_range(), self.rect.y_range()),
        )
    }

    pub fn to_picture(self, position: Pos2) -> [f32; 2] {
        let uv = self.uv();
        [
            egui::remap(position.x, self.rect.x_range(), uv.x_range()),
            egui::remap(position.y, self.rect.y_range(), uv.y_range()),
        ]
    }
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

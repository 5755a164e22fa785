//! What the window says while a file is held over it.

use egui::Ui;

use crate::app::look::theme::{HEADING_SIZE, Palette};

/// Says that a file held over the window can be dropped.
pub fn ui(ui: &Ui) {
    let is_hovered = ui.input(|input| !input.raw.hovered_files.is_empty());
    if !is_hovered {
        return;
    }
    let palette = Palette::of(ui);
    let rect = ui.ctx().content_rect();
    let layer = egui::LayerId::new(egui::Order::Foreground, egui::Id::unique("drop hint"));
    let painter = ui.ctx().layer_painter(layer);
    painter.rect_filled(rect, 0.0, palette.ground.gamma_multiply(0.85));
    painter.text(
        rect.center(),
        egui::Align2::CENTER_CENTER,
        "Drop a model's folder or file to open it, or a picture to take its settings",
        egui::FontId::proportional(HEADING_SIZE),
        palette.text,
    );
}

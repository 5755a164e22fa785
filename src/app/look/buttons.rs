//! Buttons that are one icon, with a tooltip and a name for screen readers.

use egui::{Response, Ui, vec2};

/// A frameless button with an icon, a tooltip and a name for screen readers.
pub fn icon_button(ui: &mut Ui, icon: &str, name: &str, explanation: &str) -> Response {
    let button = egui::Button::new(icon)
        .frame_when_inactive(false)
        .min_size(vec2(22.0, 22.0));
    ui.add(button)
        .on_hover_text(explanation)
        .accessible_name(name)
}

/// A button that stays pressed while `on`.
pub fn toggle(ui: &mut Ui, icon: &str, name: &str, on: bool) -> Response {
    let button = egui::Button::selectable(on, icon).min_size(vec2(26.0, 24.0));
    ui.add(button).on_hover_text(name).accessible_name(name)
}

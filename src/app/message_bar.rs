//! The line under the prompt that says what happened and what to do.

use egui::{Align, Layout, Ui};

use super::action::Action;
use super::icons;
use super::settings_panel::icon_button;
use super::state::State;
use super::theme::Palette;

/// Draws the message, if there is one.
pub fn ui(ui: &mut Ui, state: &mut State) {
    let palette = Palette::of(ui);
    let Some(message) = state.session.message.clone() else {
        return;
    };
    ui.horizontal(|ui| {
        let (icon, colour) = if message.is_error {
            (icons::WARNING_CIRCLE, palette.error)
        } else {
            (icons::INFO, palette.accent)
        };
        ui.label(egui::RichText::new(icon).size(16.0).color(colour));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if icon_button(ui, icons::X, "Close the message", "Close").clicked() {
                state.session.message = None;
            }
            if let Some(remedy) = message.remedy
                && ui.button(remedy.label()).clicked()
            {
                state.actions.push(Action::Remedy(remedy));
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ui.add(egui::Label::new(&message.text).wrap());
            });
        });
    });
}

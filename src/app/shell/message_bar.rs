//! The line that says what happened and what to do. It floats over the panes,
//! so that nothing moves when it comes and goes.

use egui::{Align2, Area, Frame, Id, Margin, Order, Stroke, Ui, vec2};

use crate::app::look::buttons::icon_button;
use crate::app::look::icons;
use crate::app::look::theme::Palette;
use crate::app::state::State;
use crate::app::state::action::Action;

/// Draws the message, if there is one, at the top of `ui`'s rectangle: in the gap of
/// the canvases' toolbar, if it is of one line, so that it hides nothing.
pub fn ui(ui: &Ui, state: &mut State) {
    let palette = Palette::of(ui);
    let Some(message) = state.session.message.clone() else {
        return;
    };
    let (icon, colour) = if message.is_error {
        (icons::WARNING_CIRCLE, palette.error)
    } else {
        (icons::INFO, palette.accent)
    };
    let rect = ui.max_rect();
    let area = Area::new(Id::unique("message"))
        .order(Order::Foreground)
        .pivot(Align2::CENTER_TOP)
        .fixed_pos(rect.center_top() + vec2(0.0, 4.0));
    area.show(ui.ctx(), |ui| {
        let frame = Frame::popup(ui.style())
            .inner_margin(Margin::symmetric(12, 4))
            .stroke(Stroke::new(1.0, colour));
        frame.show(ui, |ui| {
            ui.horizontal(|ui| {
                ui.label(egui::RichText::new(icon).size(16.0).color(colour));
                let room = (rect.width() - 320.0).max(200.0);
                let font = egui::FontId::proportional(crate::app::look::theme::BODY_SIZE);
                let text = message.text.clone();
                let galley = ui.painter().layout(text, font, palette.text, room);
                ui.label(galley);
                if let Some(remedy) = message.remedy
                    && ui.button(remedy.label()).clicked()
                {
                    state.actions.push(Action::Remedy(remedy));
                }
                if icon_button(ui, icons::X, "Close the message", "Close").clicked() {
                    state.session.message = None;
                }
            });
        });
    });
}

//! A field for a path, where the system's dialog does not open or does not answer.

use std::path::PathBuf;

use egui::{
    Align, Align2, Area, Frame, Id, Key, Layout, Margin, Order, Stroke, TextEdit, Ui, vec2,
};

use crate::app::files::NoAnswer;
use crate::app::look::buttons::icon_button;
use crate::app::look::icons;
use crate::app::look::theme::{Palette, bold, small};
use crate::app::state::State;
use crate::app::state::action::Action;

const WIDTH: f32 = 560.0;

/// What the person writes.
#[derive(Debug, Default)]
pub struct PathEntry {
    text: String,
    /// It was there in the last frame.
    is_open: bool,
}

impl PathEntry {
    /// Draws the field over the panes while a dialog is missing.
    pub fn ui(&mut self, ui: &Ui, state: &mut State) {
        let Some((wanted, why)) = state.files.no_answer() else {
            self.is_open = false;
            return;
        };
        let has_opened = !std::mem::replace(&mut self.is_open, true);
        if has_opened {
            self.text = wanted.proposed().display().to_string();
        }
        let explanation = explanation(why);
        let palette = Palette::of(ui);
        let place = ui.max_rect().center_top() + vec2(0.0, 48.0);
        let area = Area::new(Id::unique("path entry"))
            .order(Order::Foreground)
            .pivot(Align2::CENTER_TOP)
            .fixed_pos(place);
        area.show(ui.ctx(), |ui| {
            let frame = Frame::popup(ui.style())
                .inner_margin(Margin::same(12))
                .stroke(Stroke::new(1.0, palette.accent));
            frame.show(ui, |ui| {
                ui.set_width(WIDTH);
                let mut is_closed = false;
                ui.horizontal(|ui| {
                    ui.label(bold(wanted.title()));
                    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                        let close = icon_button(ui, icons::X, "Close the path field", "Close");
                        is_closed = close.clicked();
                    });
                });
                ui.label(small(explanation).color(palette.weak_text));
                let mut is_done = false;
                ui.horizontal(|ui| {
                    let edit = TextEdit::singleline(&mut self.text)
                        .hint_text("/home/…")
                        .desired_width(WIDTH - 110.0);
                    let response = ui.add(edit).accessible_name("Path");
                    if has_opened {
                        response.request_focus();
                    }
                    let is_entered =
                        response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
                    let is_path = !self.text.trim().is_empty();
                    let take = ui.add_enabled(is_path, egui::Button::new("Take this path"));
                    is_done = is_path && (is_entered || take.clicked());
                });
                if is_closed || ui.input(|input| input.key_pressed(Key::Escape)) {
                    state.files.give_up_asking();
                }
                if is_done {
                    state.files.give_up_asking();
                    let path = PathBuf::from(self.text.trim());
                    state.actions.push(Action::TakePath(wanted, path));
                }
            });
        });
    }
}

/// What is wrong and what works.
fn explanation(why: NoAnswer) -> &'static str {
    match why {
        NoAnswer::NotOpened => {
            "No file dialog could be opened: neither a desktop portal nor zenity answers. Write \
             the path here; with one of them installed the dialog comes back."
        }
        NoAnswer::Silent => {
            "The file dialog has not answered yet. If none is to be seen, write the path here."
        }
    }
}

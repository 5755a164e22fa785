//! Generate, and while it runs what can be done about it.

use egui::{Ui, vec2};

use crate::app::draft::DraftError;
use crate::app::look::icons;
use crate::app::look::theme::{Palette, bold, small};
use crate::app::state::State;
use crate::app::state::action::Action;
use crate::app::state::message::sentence;

/// Width of the column with Generate.
pub const RUN_WIDTH: f32 = 150.0;

/// Generate, or while running what can be done about it.
pub fn run_ui(ui: &mut Ui, state: &mut State) {
    let palette = Palette::of(ui);
    ui.set_width(RUN_WIDTH);
    // While the model loads, Generate waits for it.
    let problem = state
        .draft
        .request()
        .err()
        .filter(|problem| !matches!(problem, DraftError::NoModel));
    let text = if state.session.is_busy() {
        "Queue another"
    } else {
        "Generate"
    };
    let label = bold(format!("{}  {text}", icons::PLAY)).color(palette.on_accent);
    let button = egui::Button::new(label)
        .fill(palette.accent)
        .min_size(vec2(RUN_WIDTH, 34.0));
    let shortcut = ui.ctx().format_shortcut(&crate::app::look::keys::GENERATE);
    let mut response = ui
        .add_enabled(problem.is_none(), button)
        .accessible_name(text);
    response = match &problem {
        None => response.on_hover_text(format!("{text} ({shortcut})")),
        Some(problem) => response.on_disabled_hover_text(sentence(&problem.to_string())),
    };
    if response.clicked() {
        state.actions.push(Action::Generate);
    }
    if state.session.is_busy() {
        stop_ui(ui, state);
    } else {
        let hint = match &problem {
            Some(problem) => sentence(&problem.to_string()),
            None => shortcut,
        };
        ui.label(small(hint).color(palette.weak_text));
    }
}

fn stop_ui(ui: &mut Ui, state: &mut State) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        let width = 0.5 * (RUN_WIDTH - 4.0);
        let cancel = egui::Button::new(format!("{} Cancel", icons::X)).min_size(vec2(width, 26.0));
        let cancel = ui
            .add_enabled(!state.session.is_cancelling, cancel)
            .on_hover_text("Stop this at once, without a last picture (Esc); what waits goes on")
            .accessible_name("Cancel");
        if cancel.clicked() {
            state.actions.push(Action::Cancel);
        }
        let finish = egui::Button::new("Finish one").min_size(vec2(width, 26.0));
        let finish = ui
            .add_enabled(!state.session.is_finishing, finish)
            .on_hover_text("Finish the seed in work, then stop")
            .accessible_name("Finish this one, then stop");
        if finish.clicked() {
            state.actions.push(Action::FinishThenStop);
        }
    });
    let waiting = state.session.queue.len();
    if waiting > 0 {
        ui.label(small(format!("{waiting} waiting")).weak());
    }
}

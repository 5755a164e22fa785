//! Keys that work everywhere in the window, in one table.

use egui::{Event, ImeEvent, Key, Modifiers, Ui};

use crate::app::look::keys::{
    COPY, FOCUS_PROMPT, GENERATE, OPEN, QUIT, REDO, REDO_TOO, SAVE, UNDO,
};
use crate::app::state::State;
use crate::app::state::action::Action;
use crate::app::state::view::{CanvasMode, Zoom};
use crate::diffusion::Method;

/// How long after a composition Escape still belongs to it, in seconds.
const AFTER_COMPOSITION: f64 = 0.3;

/// Reads the keys before any panel does, so that a focused field can't keep them.
pub fn read(ui: &Ui, state: &mut State) {
    let is_composing = follow_composition(ui, state);
    let table = [
        (GENERATE, Action::Generate),
        (SAVE, Action::Save),
        (OPEN, Action::OpenPictureDialog),
        (COPY, Action::Copy),
        // The longer combination first: it contains the shorter one.
        (REDO, Action::Redo),
        (REDO_TOO, Action::Redo),
        (UNDO, Action::Undo),
        (QUIT, Action::Quit),
    ];
    for (shortcut, action) in table {
        if ui.input_mut(|input| input.consume_shortcut(&shortcut)) {
            state.actions.push(action);
        }
    }
    if ui.input_mut(|input| input.consume_shortcut(&FOCUS_PROMPT)) {
        ui.memory_mut(|memory| memory.request_focus(crate::app::prompt::prompt_panel::prompt_id()));
    }
    let popup_open = egui::Popup::is_any_open(ui.ctx());
    if state.session.is_busy()
        && !popup_open
        && !is_composing
        && ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape))
    {
        state.actions.push(Action::Cancel);
    }
    crate::app::prompt::prompt_panel::click_word_by_key(ui, state);
    if ui.memory(|memory| memory.focused()).is_none() {
        without_focus(ui, state);
    }
}

/// Whether an input method composes, or did a moment ago: the key that ended it may
/// come after its end, and is not meant for the program.
fn follow_composition(ui: &Ui, state: &mut State) -> bool {
    let view = &mut state.view;
    ui.input(|input| {
        for event in &input.events {
            let Event::Ime(event) = event else { continue };
            if matches!(event, ImeEvent::Preedit { text, .. } if !text.is_empty()) {
                view.composed_until = f64::INFINITY;
            } else if view.composed_until == f64::INFINITY {
                view.composed_until = input.time;
            }
        }
        view.is_composing = input.time < view.composed_until + AFTER_COMPOSITION;
    });
    view.is_composing
}

/// Single keys, which belong to whatever has the focus if anything has it.
fn without_focus(ui: &Ui, state: &mut State) {
    let pressed = |key| ui.input(|input| input.key_pressed(key) && input.modifiers.is_none());
    if pressed(Key::Space) && state.view.mode == CanvasMode::Single {
        state.view.method = match state.view.method {
            Method::Standard => Method::Storm,
            Method::Storm => Method::Standard,
        };
    }
    for (key, factor) in [(Key::Plus, 1.25), (Key::Equals, 1.25), (Key::Minus, 0.8)] {
        if pressed(key) {
            let centre = state.view.zoom.centre;
            state.view.zoom.around(factor, centre);
        }
    }
    if pressed(Key::Num0) {
        state.view.zoom = Zoom::default();
    }
    for (key, mode) in [
        (Key::Num1, CanvasMode::SideBySide),
        (Key::Num2, CanvasMode::Wipe),
        (Key::Num3, CanvasMode::Single),
        (Key::Num4, CanvasMode::Grid),
    ] {
        if pressed(key) {
            state.view.mode = mode;
        }
    }
    let Some(last) = state
        .shown_run()
        .and_then(|run| run.steps_made().checked_sub(1))
    else {
        return;
    };
    let shown = state.view.step.unwrap_or(last);
    let step = if pressed(Key::ArrowLeft) {
        shown.saturating_sub(1)
    } else if pressed(Key::ArrowRight) {
        shown + 1
    } else if pressed(Key::Home) {
        0
    } else if pressed(Key::End) {
        last
    } else {
        return;
    };
    state.view.step = (step < last).then_some(step);
}

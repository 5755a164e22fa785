//! A sweep: one or two settings at several values, as a labelled grid.

use egui::{TextEdit, Ui, vec2};

use crate::app::look::theme::{Palette, small};
use crate::app::state::State;
use crate::app::state::action::Action;
use crate::app::state::sweeps::parse;

const HINTS: [&str; 2] = ["steps=10, 20, 30", "prompt:dog=cat, horse"];
const EXPLANATION: &str = "Any setting by its name in files, such as steps, guidance_scale or storm.margin; also seed, \
     size, scheduler, prompt:dog=cat, horse for words of the prompt and lora:NAME=0.4, 0.8 for the \
     weight of a LoRA. Values that hold commas are parted by ;";
const NAMES: [&str; 2] = ["Sweep over the columns", "Sweep over the rows"];

/// Two fields and a button that queues a request for each cell.
pub fn sweep_ui(ui: &mut Ui, state: &mut State) {
    let palette = Palette::of(ui);
    ui.label(
        small("A setting and its values, or words and what takes their place.")
            .color(palette.weak_text),
    )
    .on_hover_text(EXPLANATION);
    for (text, (hint, name)) in state
        .view
        .sweep
        .iter_mut()
        .zip(HINTS.into_iter().zip(NAMES))
    {
        let edit = TextEdit::singleline(text)
            .hint_text(hint)
            .desired_width(f32::INFINITY);
        ui.add(edit).accessible_name(name);
    }
    let is_empty = state.view.sweep.iter().all(|text| text.trim().is_empty());
    let parsed = parse(&state.view.sweep);
    let problem = parsed.as_ref().err().map(ToString::to_string);
    let (label, is_possible) = match &parsed {
        Ok(Some(sweep)) => {
            let cells = sweep.columns().len() * sweep.rows().len();
            (format!("Make {cells} requests"), true)
        }
        _ => ("Make the sweep".to_owned(), false),
    };
    let button = egui::Button::new(label).min_size(vec2(0.0, 24.0));
    let made = ui
        .add_enabled(is_possible, button)
        .accessible_name("Make the sweep");
    if made.clicked() {
        state.actions.push(Action::Sweep);
    }
    if let Some(problem) = problem.filter(|_| !is_empty) {
        ui.label(small(problem).color(palette.error));
    } else if !state.sweeps.is_empty() {
        ui.label(
            small("The grid view shows it with its labels; Export saves it.")
                .color(palette.weak_text),
        );
    }
}

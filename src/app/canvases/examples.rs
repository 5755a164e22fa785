//! Prompts to begin with, under canvases that are empty: a click writes one.

use std::sync::Arc;

use egui::{Align, Button, Layout, Rect, Ui, UiBuilder, pos2, vec2};

use crate::app::look::theme::small;
use crate::app::state::State;
use crate::prompt::{ModelVocabulary, example_prompts};

/// Height of a row, and how many there are at most.
const ROW: f32 = 19.0;
const ROWS: usize = 2;
const SPACING: f32 = 6.0;

/// The examples of the model that is there.
#[derive(Debug, Default)]
pub struct Examples {
    /// What they are made of.
    vocabulary: Option<Arc<ModelVocabulary>>,
    prompts: Vec<String>,
}

impl Examples {
    /// Fills the lower end of `area`, as long as there is nothing to show and a model
    /// to show it with.
    pub fn ui(&mut self, ui: &mut Ui, area: Rect, state: &mut State) {
        let Some(model) = state.session.model() else {
            return;
        };
        if state.shown_run().is_some() {
            return;
        }
        let vocabulary = model.vocabulary.clone();
        let is_same =
            self.vocabulary.as_ref().map(Arc::as_ptr) == vocabulary.as_ref().map(Arc::as_ptr);
        if self.prompts.is_empty() || !is_same {
            self.prompts = example_prompts(vocabulary.as_deref());
            self.vocabulary = vocabulary;
        }
        let top = area.bottom() - ROWS as f32 * ROW;
        let rows = self.rows(ui, area.width());
        for (row, prompts) in rows.iter().enumerate() {
            let width = row_width(prompts);
            let min = pos2(area.center().x - 0.5 * width, top + row as f32 * ROW);
            let rect = Rect::from_min_size(min, vec2(width, ROW));
            let layout = Layout::left_to_right(Align::Center);
            let builder = UiBuilder::new().max_rect(rect).layout(layout);
            ui.scope_builder(builder, |ui| {
                ui.spacing_mut().item_spacing.x = SPACING;
                ui.spacing_mut().button_padding = vec2(PADDING, 1.0);
                ui.spacing_mut().interact_size.y = ROW - 2.0;
                for (prompt, _) in prompts {
                    example_ui(ui, prompt, state);
                }
            });
        }
    }

    /// The examples with their widths, in rows as wide as there is room for.
    fn rows(&self, ui: &Ui, room: f32) -> Vec<Vec<(&str, f32)>> {
        let mut rows: Vec<Vec<(&str, f32)>> = vec![Vec::new()];
        let font = egui::TextStyle::Small.resolve(ui.style());
        for prompt in &self.prompts {
            let colour = ui.visuals().text_color();
            let galley = ui
                .painter()
                .layout_no_wrap(prompt.clone(), font.clone(), colour);
            let item = (prompt.as_str(), galley.size().x + 2.0 * PADDING);
            let last = rows.last_mut().expect("there is one at least");
            if last.is_empty() || row_width(last) + SPACING + item.1 <= room {
                last.push(item);
            } else if rows.len() < ROWS {
                rows.push(vec![item]);
            }
        }
        rows
    }
}

/// Beside the text of an example.
const PADDING: f32 = 6.0;

fn row_width(prompts: &[(&str, f32)]) -> f32 {
    let widths: f32 = prompts.iter().map(|(_, width)| width).sum();
    widths + SPACING * prompts.len().saturating_sub(1) as f32
}

/// One example, lit while it is the prompt.
fn example_ui(ui: &mut Ui, prompt: &str, state: &mut State) {
    let is_prompt = state.draft.prompt == prompt;
    let text = match is_prompt {
        true => small(prompt),
        false => small(prompt).weak(),
    };
    let button = Button::selectable(is_prompt, text).frame_when_inactive(true);
    let response = ui.add(button).on_hover_text("Write this prompt");
    if response.clicked() {
        state
            .draft
            .edit(|content| content.prompt = prompt.to_owned());
        state.draft.propose_again();
    }
}

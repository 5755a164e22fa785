//! The prompt at the top: the text, its words as chips that can be clicked,
//! and the relations as sentences.

use egui::{Align, Key, Layout, Modifiers, TextEdit, Ui, vec2};

use super::chips_row::chips_ui;
use super::notes::PromptNotes;
use super::relation_sentences::relation_sentences_ui;
use super::run_buttons::{RUN_WIDTH, run_ui};
use crate::app::draft::assigning;
use crate::app::look::buttons::icon_button;
use crate::app::look::icons;
use crate::app::look::theme::{PROMPT_SIZE, Palette};
use crate::app::state::State;
use crate::app::state::message::sentence;
use crate::prompt::proposal::first_relation;
use crate::prompt::{TokenIndices, TokenizedPrompt, example_prompts};
use crate::storm::relation::RelationKind;

/// Lines of the prompt that are seen at once.
const MOST_LINES: usize = 3;

/// The id of the prompt's field, for the first focus.
pub fn prompt_id() -> egui::Id {
    egui::Id::unique("prompt")
}

#[derive(Debug, Default)]
pub struct PromptPanel {
    shows_negative: bool,
    /// Words far from what is assigned are shown too.
    shows_all_words: bool,
    /// The notation as it is being typed; `None` shows the draft's own.
    notation: Option<String>,
    notation_problem: Option<String>,
    notes: PromptNotes,
}

impl PromptPanel {
    pub fn ui(&mut self, ui: &mut Ui, state: &mut State) {
        ui.horizontal_top(|ui| {
            let width = ui.available_width() - RUN_WIDTH - 12.0;
            ui.vertical(|ui| {
                ui.set_width(width);
                ui.spacing_mut().item_spacing.y = 6.0;
                self.text_ui(ui, state);
                chips_ui(ui, &mut self.shows_all_words, state);
                self.relations_ui(ui, state);
            });
            ui.add_space(4.0);
            ui.vertical(|ui| run_ui(ui, state));
        });
    }

    fn text_ui(&mut self, ui: &mut Ui, state: &mut State) {
        ui.horizontal(|ui| {
            let width = ui.available_width() - 34.0;
            if let Some(prompt) = prompt_field_ui(ui, width, state) {
                state.draft.edit(|content| content.prompt = prompt);
                self.notation = None;
            }
            let icon = if self.shows_negative {
                icons::CARET_UP
            } else {
                icons::CARET_DOWN
            };
            let tip = "Negative prompt: what the picture should not show";
            if icon_button(ui, icon, "Negative prompt", tip).clicked() {
                self.shows_negative = !self.shows_negative;
            }
        });
        if self.shows_negative || !state.draft.negative_prompt.is_empty() {
            let mut negative = state.draft.negative_prompt.clone();
            let edit = TextEdit::singleline(&mut negative)
                .margin(vec2(10.0, 4.0))
                .hint_text("Negative prompt: what the picture should not show")
                .desired_width(ui.available_width() - 34.0);
            if ui.add(edit).accessible_name("Negative prompt").changed() {
                state
                    .draft
                    .edit(|content| content.negative_prompt = negative);
            }
        }
    }

    fn relations_ui(&mut self, ui: &mut Ui, state: &mut State) {
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = vec2(6.0, 2.0);
            relation_sentences_ui(ui, state);
            self.notation_ui(ui, state);
        });
        self.notes.ui(ui, state);
    }

    /// The original program's notation, kept in step with the chips both ways.
    fn notation_ui(&mut self, ui: &mut Ui, state: &mut State) {
        let Some(tokens) = state.draft.tokens().cloned() else {
            return;
        };
        let palette = Palette::of(ui);
        let current =
            TokenIndices::of(&state.draft.assignment, &tokens).map(|indices| indices.to_string());
        let mut text = self.notation.clone().or(current).unwrap_or_default();
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let edit = TextEdit::singleline(&mut text)
                .font(egui::TextStyle::Monospace)
                .hint_text("[[2,9],[None,8]]")
                .text_color_opt(self.notation_problem.is_some().then_some(palette.error))
                .desired_width(156.0);
            let response = ui
                .add(edit)
                .on_hover_text(self.notation_problem.clone().unwrap_or_else(|| {
                    "Token indices as the original program takes them: subject and object, then \
                     their attributes or None"
                        .to_string()
                }))
                .accessible_name("Token indices");
            if response.changed() {
                self.notation_problem = apply_notation(&text, &tokens, state).err();
                self.notation = Some(text.clone());
            }
            if !response.has_focus() && self.notation_problem.is_none() {
                self.notation = None;
            }
            if response.lost_focus() && ui.input(|input| input.key_pressed(Key::Escape)) {
                self.notation = None;
                self.notation_problem = None;
            }
        });
    }
}

fn apply_notation(text: &str, tokens: &TokenizedPrompt, state: &mut State) -> Result<(), String> {
    let explain = |error: crate::prompt::TokenIndicesError| sentence(&error.to_string());
    let indices: TokenIndices = text.parse().map_err(explain)?;
    let kept = state
        .draft
        .assignment
        .relations
        .first()
        .map(|relation| relation.kind);
    let kind = kept
        .or_else(|| first_relation(&tokens.words))
        .unwrap_or(RelationKind::LeftOf);
    let assignment = indices.assignment(tokens, Some(kind)).map_err(explain)?;
    state.draft.assign(|content| {
        content.assignment = assignment;
        content.next_relation = None;
    });
    Ok(())
}

/// The prompt in as many lines as it needs, up to [`MOST_LINES`]; beyond them it
/// scrolls → the text, if it was changed.
fn prompt_field_ui(ui: &mut Ui, width: f32, state: &State) -> Option<String> {
    let font = egui::FontId::proportional(PROMPT_SIZE);
    let margin = vec2(10.0, 6.0);
    let mut prompt = state.draft.prompt.clone();
    let colour = Palette::of(ui).text;
    let inner = width - 2.0 * margin.x;
    let galley = ui
        .painter()
        .layout(prompt.clone(), font.clone(), colour, inner);
    let lines = galley.rows.len().max(1);
    let line = ui.ctx().fonts_mut(|fonts| fonts.row_height(&font));
    let is_composing = state.view.is_composing;
    let edit = TextEdit::multiline(&mut prompt)
        .id(prompt_id())
        .font(font)
        .margin(margin)
        .desired_rows(1)
        // A prompt is one line, however long: Enter ends the writing.
        .return_key(None)
        .event_filter(egui::EventFilter {
            horizontal_arrows: true,
            vertical_arrows: true,
            // It belongs to the input method while that composes.
            escape: is_composing,
            ..Default::default()
        })
        .hint_text(hint(state))
        .desired_width(width);
    let height = lines.min(MOST_LINES) as f32 * line + 2.0 * margin.y;
    let response = if lines > MOST_LINES {
        let scroll = egui::ScrollArea::vertical()
            .id_salt("prompt")
            .max_height(height)
            .max_width(width);
        scroll.show(ui, |ui| ui.add(edit)).inner
    } else {
        ui.add(edit)
    };
    let response = response.accessible_name("Prompt");
    if response.has_focus() && ui.input(|input| input.key_pressed(Key::Enter)) {
        response.surrender_focus();
    }
    response
        .changed()
        .then(|| prompt.replace(['\r', '\n'], " "))
}

/// What stands in the field while it is empty.
fn hint(state: &State) -> String {
    if !state.draft.prompt.is_empty() {
        return String::new();
    }
    let model = state.session.model();
    let vocabulary = model.and_then(|model| model.vocabulary.as_deref());
    let example = example_prompts(vocabulary).into_iter().next();
    let example = example.map_or_else(String::new, |it| format!(" For example: {it}"));
    format!("What should the picture show?{example}")
}

/// Alt and a digit click the word with this number, for hands on the keyboard.
pub fn click_word_by_key(ui: &Ui, state: &mut State) {
    const DIGITS: [Key; 9] = [
        Key::Num1,
        Key::Num2,
        Key::Num3,
        Key::Num4,
        Key::Num5,
        Key::Num6,
        Key::Num7,
        Key::Num8,
        Key::Num9,
    ];
    let Some(tokens) = state.draft.tokens().cloned() else {
        return;
    };
    for (index, key) in DIGITS.into_iter().enumerate() {
        if ui.input_mut(|input| input.consume_key(Modifiers::ALT, key))
            && let Some(word) = tokens.words.get(index)
        {
            state
                .draft
                .edit(|content| assigning::click(content, &word.span));
        }
    }
}

//! The prompt at the top: the text, its words as chips that can be clicked,
//! and the relations as sentences.

use egui::{Align, Key, Layout, Modifiers, TextEdit, Ui, vec2};

use super::chips::{Chip, ChipRole, chip_ui};
use super::notes::PromptNotes;
use super::relation_sentences::{draft_looks, noun_text, relation_sentences_ui};
use super::run_buttons::{RUN_WIDTH, run_ui};
use crate::app::draft::assigning::{self, WordClick};
use crate::app::look::buttons::icon_button;
use crate::app::look::icons;
use crate::app::look::theme::{PROMPT_SIZE, Palette, small};
use crate::app::state::State;
use crate::app::state::message::sentence;
use crate::prompt::proposal::first_relation;
use crate::prompt::{TokenIndices, TokenizedPrompt, WordRole};
use crate::storm::relation::RelationKind;

/// The id of the prompt's field, for the first focus.
pub fn prompt_id() -> egui::Id {
    egui::Id::unique("prompt")
}

#[derive(Debug, Default)]
pub struct PromptPanel {
    shows_negative: bool,
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
                chips_ui(ui, state);
                self.relations_ui(ui, state);
            });
            ui.add_space(4.0);
            ui.vertical(|ui| run_ui(ui, state));
        });
    }

    fn text_ui(&mut self, ui: &mut Ui, state: &mut State) {
        let font = egui::FontId::proportional(PROMPT_SIZE);
        ui.horizontal(|ui| {
            let mut prompt = state.draft.prompt.clone();
            let edit = TextEdit::singleline(&mut prompt)
                .id(prompt_id())
                .font(font.clone())
                .margin(vec2(10.0, 6.0))
                .hint_text("What should the picture show? For example: a cat to the left of a dog")
                .desired_width(ui.available_width() - 34.0);
            let response = ui.add(edit).accessible_name("Prompt");
            if response.changed() {
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

fn chips_ui(ui: &mut Ui, state: &mut State) {
    let Some(tokens) = state.draft.tokens().cloned() else {
        ui.label(small("The words appear here as soon as the model is loaded.").weak());
        return;
    };
    let looks = draft_looks(state);
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(4.0, 4.0);
        for (index, word) in tokens.words.iter().enumerate() {
            let role = match state.draft.assignment.role_of(&word.span) {
                Some(WordRole::Noun(object)) => ChipRole::Noun(looks[object]),
                Some(WordRole::Attribute(object)) => ChipRole::Attribute(looks[object]),
                None => ChipRole::None,
            };
            let chip = Chip {
                text: &word.text,
                tokens: word.tokens.clone(),
                pieces: tokens.pieces(word),
                role,
                is_lit: state.view.lit_word.get() == Some(index),
            };
            let effect = assigning::effect_of_click(&state.draft, &word.span);
            let response = chip_ui(ui, &chip, &explain(state, &effect));
            if response.hovered() || response.has_focus() {
                state.view.lit_word.set(index);
            }
            if response.clicked() {
                state
                    .draft
                    .edit(|content| assigning::click(content, &word.span));
            }
            chip_menu(&response, state, &word.span);
        }
        let end = tokens.end;
        let padding = tokens.ids.len() - end - 1;
        let text = format!("{end} end, {padding} padding");
        ui.label(small(text).weak())
            .on_hover_text("The text encoder always reads the same number of tokens");
    });
}

/// What a click on the chip will do, in words.
fn explain(state: &State, effect: &WordClick) -> String {
    match effect {
        WordClick::MakeSubject => "Click: make it the subject".to_string(),
        WordClick::MakeObject(kind) => match subject_text(state) {
            Some(subject) => format!("Click: {subject} is {} it", kind.phrase()),
            None => "Click: make it the object".to_string(),
        },
        WordClick::MakeAttribute(object) => {
            format!("Click: it describes the {}", noun_text(state, *object))
        }
        WordClick::Clear => "Click: clear it".to_string(),
        WordClick::Nothing => "Choose a subject first".to_string(),
    }
}

fn subject_text(state: &State) -> Option<String> {
    let open = assigning::open_relation(&state.draft)?;
    Some(noun_text(state, open.subject?))
}

/// Everything that can be made of a word, by the right mouse button.
fn chip_menu(response: &egui::Response, state: &mut State, word: &std::ops::Range<usize>) {
    response.context_menu(|ui| {
        let nouns: Vec<(String, std::ops::Range<usize>)> = state
            .draft
            .assignment
            .objects
            .iter()
            .filter(|object| object.noun != *word)
            .filter_map(|object| {
                let text = state.draft.prompt.get(object.noun.clone())?;
                Some((text.to_string(), object.noun.clone()))
            })
            .collect();
        for (text, noun) in &nouns {
            if ui.button(format!("It describes the {text}")).clicked() {
                state
                    .draft
                    .edit(|content| assigning::make_attribute(content, word, noun));
            }
        }
        for (text, noun) in &nouns {
            if are_neighbours(&state.draft.prompt, word, noun)
                && ui.button(format!("Join it with “{text}”")).clicked()
            {
                state
                    .draft
                    .edit(|content| assigning::join(content, word, noun));
            }
        }
        if state.draft.assignment.role_of(word).is_some() && ui.button("Clear it").clicked() {
            state.draft.edit(|content| assigning::clear(content, word));
        }
        if ui.button("Let the program propose again").clicked() {
            state.draft.propose_again();
        }
    });
}

/// Whether only white space stands between two spans.
fn are_neighbours(text: &str, a: &std::ops::Range<usize>, b: &std::ops::Range<usize>) -> bool {
    let gap = a.end.min(b.end)..a.start.max(b.start);
    text.get(gap).is_some_and(|gap| gap.trim().is_empty())
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

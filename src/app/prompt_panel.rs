//! The prompt at the top: the text, its words as chips that can be clicked,
//! and the relations as sentences.

use egui::{Align, DragValue, Key, Layout, Modifiers, RichText, TextEdit, Ui, vec2};

use super::action::Action;
use super::assigning::{self, NextRelation, WordClick};
use super::chips::{Chip, ChipRole, chip_ui};
use super::draft::DraftError;
use super::icons;
use super::looks::{Look, looks};
use super::session::sentence;
use super::settings_panel::icon_button;
use super::state::State;
use super::theme::{PROMPT_SIZE, Palette, bold, small};
use crate::prompt::proposal::first_relation;
use crate::prompt::{TokenIndices, TokenizedPrompt, WordRole};
use crate::storm::Layout as ObjectLayout;
use crate::storm::relation::RelationKind;

/// Width of the column with Generate.
const RUN_WIDTH: f32 = 150.0;

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
            let edit = TextEdit::singleline(&mut state.draft.prompt)
                .id(prompt_id())
                .font(font.clone())
                .margin(vec2(10.0, 6.0))
                .hint_text("What should the picture show? For example: a cat to the left of a dog")
                .desired_width(ui.available_width() - 34.0);
            let response = ui.add(edit).accessible_name("Prompt");
            if response.changed() {
                state.draft.follow_text();
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
            let edit = TextEdit::singleline(&mut state.draft.negative_prompt)
                .margin(vec2(10.0, 4.0))
                .hint_text("Negative prompt: what the picture should not show")
                .desired_width(ui.available_width() - 34.0);
            ui.add(edit).accessible_name("Negative prompt");
        }
    }

    fn relations_ui(&mut self, ui: &mut Ui, state: &mut State) {
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = vec2(6.0, 2.0);
            relation_sentences_ui(ui, state);
            self.notation_ui(ui, state);
        });
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
    state.draft.assignment = assignment;
    state.draft.is_proposed = false;
    state.draft.next_relation = None;
    Ok(())
}

/// The looks of the draft's objects.
fn draft_looks(state: &State) -> Vec<Look> {
    let assignment = &state.draft.assignment;
    let mut relations = assignment.relations.clone();
    // A relation that is being made already has its subject's colour.
    if let Some(open) = assigning::open_relation(&state.draft)
        && let Some(subject) = open.subject
    {
        relations.push(crate::storm::relation::Relation {
            subject,
            kind: open.kind,
            object: usize::MAX,
        });
    }
    let blank = |_| crate::storm::relation::ObjectTokens {
        tokens: Vec::new(),
        attributes: Vec::new(),
        label: String::new(),
    };
    looks(&ObjectLayout {
        objects: assignment.objects.iter().map(blank).collect(),
        relations,
        free_targets: Vec::new(),
    })
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
                first_token: word.tokens.start,
                tokens: word
                    .tokens
                    .clone()
                    .map(|token| tokens.tokens[token].text.as_str())
                    .collect(),
                role,
                is_lit: state.view.lit_word.get() == Some(index),
            };
            let effect = assigning::effect_of_click(&state.draft, &word.span);
            let response = chip_ui(ui, &chip, &explain(state, &effect));
            if response.hovered() || response.has_focus() {
                state.view.lit_word.set(index);
            }
            if response.clicked() {
                assigning::click(&mut state.draft, &word.span);
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

fn noun_text(state: &State, object: usize) -> String {
    let noun = state
        .draft
        .assignment
        .objects
        .get(object)
        .map(|object| object.noun.clone());
    let text = noun.and_then(|noun| state.draft.prompt.get(noun));
    text.unwrap_or("object").to_string()
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
                assigning::make_attribute(&mut state.draft, word, noun);
            }
        }
        for (text, noun) in &nouns {
            if are_neighbours(&state.draft.prompt, word, noun)
                && ui.button(format!("Join it with “{text}”")).clicked()
            {
                assigning::join(&mut state.draft, word, noun);
            }
        }
        if state.draft.assignment.role_of(word).is_some() && ui.button("Clear it").clicked() {
            assigning::clear(&mut state.draft, word);
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

/// "● cat is to the left of ■ dog", the relation word being the picker.
fn relation_sentences_ui(ui: &mut Ui, state: &mut State) {
    let palette = Palette::of(ui);
    let looks = draft_looks(state);
    let relations = state.draft.assignment.relations.clone();
    let mut removed = None;
    for (index, relation) in relations.iter().enumerate() {
        object_word_ui(ui, state, &looks, relation.subject);
        ui.label("is");
        if let Some(kind) = kind_picker_ui(ui, index, relation.kind) {
            state.draft.assignment.relations[index].kind = kind;
            state.draft.is_proposed = false;
        }
        object_word_ui(ui, state, &looks, relation.object);
        let remove = icon_button(ui, icons::X, "Remove this relation", "Remove this relation");
        if remove.clicked() {
            removed = Some(index);
        }
        if index + 1 < relations.len() {
            ui.label(small("and").color(palette.weak_text));
        }
    }
    if let Some(index) = removed {
        state.draft.assignment.relations.remove(index);
        state.draft.is_proposed = false;
    }
    match assigning::open_relation(&state.draft) {
        Some(open) => open_relation_ui(ui, state, &looks, open),
        None => add_ui(ui, state),
    }
    targets_ui(ui, state, &looks);
}

fn object_word_ui(ui: &mut Ui, state: &State, looks: &[Look], object: usize) {
    let palette = Palette::of(ui);
    if let Some(look) = looks.get(object) {
        let text = format!("{} {}", look.mark.text(), noun_text(state, object));
        ui.label(bold(text).color(look.colour(palette)));
    }
}

/// The relation word; returns another one if it was picked.
fn kind_picker_ui(ui: &mut Ui, index: usize, kind: RelationKind) -> Option<RelationKind> {
    let mut picked = kind;
    let combo = egui::ComboBox::from_id_salt(("relation", index))
        .width(86.0)
        .selected_text(kind.phrase());
    let opened = combo.show_ui(ui, |ui| {
        for kind in RelationKind::ALL {
            ui.selectable_value(&mut picked, kind, kind.phrase());
        }
    });
    opened.response.accessible_name("Relation");
    (picked != kind).then_some(picked)
}

/// A relation whose words are still to be clicked.
fn open_relation_ui(ui: &mut Ui, state: &mut State, looks: &[Look], open: NextRelation) {
    let palette = Palette::of(ui);
    let hint = |text: &str| RichText::new(text).color(palette.weak_text).italics();
    match open.subject {
        None => {
            ui.label(hint("Click the word that should be moved"));
        }
        Some(subject) => {
            object_word_ui(ui, state, looks, subject);
            ui.label("is");
            let index = state.draft.assignment.relations.len();
            if let Some(kind) = kind_picker_ui(ui, index, open.kind) {
                state.draft.next_relation = Some(NextRelation { kind, ..open });
                state.draft.is_proposed = false;
            }
            ui.label(hint("… click the second word"));
        }
    }
    let can_stop =
        state.draft.next_relation.is_some() && !state.draft.assignment.relations.is_empty();
    if can_stop && icon_button(ui, icons::X, "No further relation", "No further relation").clicked()
    {
        state.draft.next_relation = None;
    }
}

/// What can be added: a relation, or a place for an object that has none.
fn add_ui(ui: &mut Ui, state: &mut State) {
    let button = egui::Button::new(icons::PLUS).frame_when_inactive(false);
    let menu = egui::containers::menu::MenuButton::from_button(button).ui(ui, |ui| {
        if ui.button("A relation between two words").clicked() {
            state.draft.next_relation = Some(NextRelation {
                subject: None,
                kind: RelationKind::Above,
            });
        }
        for object in 0..state.draft.assignment.objects.len() {
            let targets = &state.draft.assignment.free_targets;
            let is_placed = targets.iter().any(|target| target.object == object);
            let text = format!("A place for the {}", noun_text(state, object));
            if !is_placed && ui.button(text).clicked() {
                assigning::place(&mut state.draft, object, [0.5, 0.5]);
            }
        }
    });
    let explanation = "Add a relation, or give an object a place of its own";
    menu.0
        .on_hover_text(explanation)
        .accessible_name("Add a relation or a place");
}

/// Objects with a place of their own, dragged there on a canvas.
fn targets_ui(ui: &mut Ui, state: &mut State, looks: &[Look]) {
    let mut removed = None;
    for index in 0..state.draft.assignment.free_targets.len() {
        let target = state.draft.assignment.free_targets[index];
        object_word_ui(ui, state, looks, target.object);
        ui.label("goes to");
        let mut place = [100.0 * target.x, 100.0 * target.y];
        let [x, y] = &mut place;
        let edits = [
            (x, "from the left", "Place from the left"),
            (y, "from the top", "Place from the top"),
        ];
        for (value, text, name) in edits {
            let edit = DragValue::new(value)
                .range(0.0..=100.0)
                .max_decimals(0)
                .suffix(" %");
            let response = ui.add(edit).accessible_name(name);
            if response.changed() {
                state.draft.is_proposed = false;
            }
            ui.label(small(text).weak());
        }
        let target = &mut state.draft.assignment.free_targets[index];
        [target.x, target.y] = place.map(|percent| percent / 100.0);
        if icon_button(ui, icons::X, "Forget this place", "Forget this place").clicked() {
            removed = Some(target.object);
        }
    }
    if let Some(object) = removed {
        let targets = &mut state.draft.assignment.free_targets;
        targets.retain(|target| target.object != object);
    }
}

/// Generate, or while running what can be done about it.
fn run_ui(ui: &mut Ui, state: &mut State) {
    let palette = Palette::of(ui);
    ui.set_width(RUN_WIDTH);
    // While the model loads, Generate waits for it.
    let problem = state
        .draft
        .request()
        .err()
        .filter(|problem| *problem != DraftError::NoModel);
    let text = if state.session.is_busy() {
        "Queue another"
    } else {
        "Generate"
    };
    let label = bold(format!("{}  {text}", icons::PLAY)).color(palette.on_accent);
    let button = egui::Button::new(label)
        .fill(palette.accent)
        .min_size(vec2(RUN_WIDTH, 34.0));
    let shortcut = ui.ctx().format_shortcut(&super::shortcuts::GENERATE);
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
            .on_hover_text("Stop everything at once, without a last picture (Esc)")
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
            assigning::click(&mut state.draft, &word.span);
        }
    }
}

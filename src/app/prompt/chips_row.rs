//! The prompt's words as chips in two rows, or all of them if the person wants;
//! what a click on one does, and its menu.

use egui::{Button, Ui, vec2};

use super::chips::{Chip, ChipRole, HEIGHT, chip_ui, chip_width};
use super::fold::{Room, Shown, fold};
use super::relation_sentences::{draft_looks, noun_text};
use crate::app::draft::assigning::{self, WordClick};
use crate::app::look::theme::small;
use crate::app::state::State;
use crate::film::looks::Look;
use crate::prompt::{TokenizedPrompt, Word, WordRole};

/// Rows of chips that a long prompt is folded to.
const ROWS: usize = 2;
const SPACING: f32 = 4.0;
/// Room for the mark of words that are left out.
const GAP_WIDTH: f32 = 48.0;
/// Room for the count of tokens behind the last chip.
const TAIL_WIDTH: f32 = 120.0;

/// The words as chips; `shows_all` unfolds a long prompt.
pub fn chips_ui(ui: &mut Ui, shows_all: &mut bool, state: &mut State) {
    let Some(tokens) = state.draft.tokens().cloned() else {
        ui.label(small("The words appear here as soon as the model is loaded.").weak());
        return;
    };
    let looks = draft_looks(state);
    let chips = |state: &State| -> Vec<ChipRole> {
        let words = tokens.words.iter();
        words.map(|word| role(state, word, &looks)).collect()
    };
    let roles = chips(state);
    let model = state.session.model().cloned();
    let unknown = model.as_ref().map_or_else(Vec::new, |model| {
        let vocabulary = model.vocabulary.as_ref();
        vocabulary.map_or_else(Vec::new, |it| it.unknown_words(&tokens))
    });
    let model = model.as_ref().map(|model| model.name.as_str());
    let folded = folded(ui, &tokens, &roles);
    let is_long = folded.iter().any(|item| matches!(item, Shown::Gap(_)));
    let shown = match is_long && *shows_all {
        true => (0..tokens.words.len()).map(Shown::Word).collect(),
        false => folded,
    };
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(SPACING, SPACING);
        for item in shown {
            match item {
                Shown::Word(index) => {
                    let mut chip = chip(&tokens, index, roles[index]);
                    let is_unknown = unknown.binary_search(&index).is_ok();
                    chip.never_seen_by = model.filter(|_| is_unknown);
                    word_ui(ui, state, &tokens.words[index], index, chip);
                }
                Shown::Gap(words) => *shows_all |= gap_ui(ui, &tokens.words[words]),
            }
        }
        if is_long && *shows_all {
            let fold = ui.add(Button::new(small("Fewer words")).min_size(vec2(0.0, HEIGHT)));
            *shows_all &= !fold.clicked();
        }
        let (text, tip) = length_of(&tokens);
        ui.label(small(text).weak()).on_hover_text(tip);
    });
}

/// What follows the words, or how many chunks they fill; an explanation.
fn length_of(tokens: &TokenizedPrompt) -> (String, &'static str) {
    let end = tokens.end;
    match tokens.own_chunks {
        1 => {
            let padding = tokens.ids.len() - end - 1;
            let tip = "The text encoder always reads the same number of tokens";
            (format!("{end} end, {padding} padding"), tip)
        }
        chunks => {
            let tip = "The text encoder reads a long prompt in chunks, one after the other; a word \
                       of any of them can be an object";
            (format!("{} tokens, {chunks} chunks", end - 1), tip)
        }
    }
}

fn role(state: &State, word: &Word, looks: &[Look]) -> ChipRole {
    match state.draft.assignment.role_of(&word.span) {
        Some(WordRole::Noun(object)) => ChipRole::Noun(looks[object]),
        Some(WordRole::Attribute(object)) => ChipRole::Attribute(looks[object]),
        None => ChipRole::None,
    }
}

fn chip<'a>(tokens: &'a TokenizedPrompt, index: usize, role: ChipRole) -> Chip<'a> {
    let word = &tokens.words[index];
    Chip {
        text: &word.text,
        tokens: word.tokens.clone(),
        pieces: tokens.pieces(word),
        weight: word.weight,
        role,
        never_seen_by: None,
        is_lit: false,
    }
}

/// The words that two rows hold.
fn folded(ui: &Ui, tokens: &TokenizedPrompt, roles: &[ChipRole]) -> Vec<Shown> {
    let chips = roles.iter().enumerate();
    let widths: Vec<f32> = chips
        .clone()
        .map(|(index, &role)| chip_width(ui, &chip(tokens, index, role)))
        .collect();
    let assigned: Vec<usize> = chips
        .filter(|(_, role)| **role != ChipRole::None)
        .map(|(index, _)| index)
        .collect();
    let room = Room {
        width: ui.available_width(),
        rows: ROWS,
        spacing: SPACING,
        gap: GAP_WIDTH,
        tail: TAIL_WIDTH,
    };
    fold(&widths, &assigned, room)
}

fn word_ui(ui: &mut Ui, state: &mut State, word: &Word, index: usize, mut chip: Chip<'_>) {
    chip.is_lit = state.view.lit_word.get() == Some(index);
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

/// A mark for words that are left out → whether it was clicked.
fn gap_ui(ui: &mut Ui, words: &[Word]) -> bool {
    let count = words.len();
    let button = Button::new(small(format!("… {count}")))
        .frame_when_inactive(false)
        .min_size(vec2(0.0, HEIGHT));
    let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
    ui.add(button)
        .on_hover_text(texts.join(" "))
        .accessible_name(format!("Show {count} more words"))
        .clicked()
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
                let text = state.draft.text_in(&object.noun)?;
                Some((text, object.noun.clone()))
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

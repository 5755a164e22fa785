//! The relations as sentences, "● cat is left of ■ dog", in which everything can
//! be changed.

use egui::{RichText, Ui};

use super::target_sentences::{add_target_ui, target_sentences_ui};
use crate::app::draft::assigning::{self, NextRelation};
use crate::app::look::buttons::icon_button;
use crate::app::look::icons;
use crate::app::look::theme::{Palette, bold, small};
use crate::app::state::State;
use crate::film::looks::{Look, looks};
use crate::storm::Layout as ObjectLayout;
use crate::storm::relation::RelationKind;

/// "● cat is to the left of ■ dog", the relation word being the picker.
pub fn relation_sentences_ui(ui: &mut Ui, state: &mut State) {
    let palette = Palette::of(ui);
    let looks = draft_looks(state);
    let relations = state.draft.assignment.relations.clone();
    let mut removed = None;
    for (index, relation) in relations.iter().enumerate() {
        object_word_ui(ui, state, &looks, relation.subject);
        ui.label(state.draft.assignment.targets.verb(relation.subject));
        if let Some(kind) = kind_picker_ui(ui, index, relation.kind) {
            state
                .draft
                .assign(|content| content.assignment.relations[index].kind = kind);
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
        state
            .draft
            .assign(|content| content.assignment.relations.remove(index));
    }
    match assigning::open_relation(&state.draft) {
        Some(open) => open_relation_ui(ui, state, &looks, open),
        None => add_ui(ui, state),
    }
    target_sentences_ui(ui, state, &looks);
}

pub(super) fn object_word_ui(ui: &mut Ui, state: &State, looks: &[Look], object: usize) {
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
        for &kind in RelationKind::ALL {
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
            ui.label(state.draft.assignment.targets.verb(subject));
            let index = state.draft.assignment.relations.len();
            if let Some(kind) = kind_picker_ui(ui, index, open.kind) {
                let next = NextRelation { kind, ..open };
                state
                    .draft
                    .assign(|content| content.next_relation = Some(next));
            }
            ui.label(hint("… click the second word"));
        }
    }
    let can_stop =
        state.draft.next_relation.is_some() && !state.draft.assignment.relations.is_empty();
    if can_stop && icon_button(ui, icons::X, "No further relation", "No further relation").clicked()
    {
        state.draft.edit(|content| content.next_relation = None);
    }
}

/// What can be added: a relation, or a place for an object that has none.
fn add_ui(ui: &mut Ui, state: &mut State) {
    let button = egui::Button::new(icons::PLUS).frame_when_inactive(false);
    let menu = egui::containers::menu::MenuButton::from_button(button).ui(ui, |ui| {
        if ui.button("A relation between two words").clicked() {
            let next = NextRelation {
                subject: None,
                kind: RelationKind::Above,
            };
            state
                .draft
                .edit(|content| content.next_relation = Some(next));
        }
        for object in 0..state.draft.assignment.objects.len() {
            add_target_ui(ui, state, object);
        }
    });
    let explanation = "Add a relation, or give an object a place of its own";
    menu.0
        .on_hover_text(explanation)
        .accessible_name("Add a relation or a place");
}

/// The looks of the draft's objects.
pub fn draft_looks(state: &State) -> Vec<Look> {
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
        targets: Default::default(),
    })
}

pub fn noun_text(state: &State, object: usize) -> String {
    let noun = state
        .draft
        .assignment
        .objects
        .get(object)
        .map(|object| object.noun.clone());
    let text = noun.and_then(|noun| state.draft.text_in(&noun));
    text.unwrap_or_else(|| "object".to_string())
}

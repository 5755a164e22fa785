//! What is asked of single objects as sentences: "■ dog × 2, big, in a rectangle",
//! in which everything can be changed.

use egui::{DragValue, Ui};

use super::relation_sentences::{noun_text, object_word_ui};
use crate::app::canvases::handles::Drawing;
use crate::app::canvases::wanted::{wanted, width_to_height};
use crate::app::draft::DraftContent;
use crate::app::draft::assigning;
use crate::app::draft::targets::{self, Tool};
use crate::app::look::buttons::{icon_button, toggle};
use crate::app::look::icons;
use crate::app::look::theme::small;
use crate::app::state::State;
use crate::film::looks::Look;
use crate::storm::object_target::{EXTENTS, MOST_COPIES, ObjectTarget};
use crate::storm::{Shape, Size};

/// One sentence for each object of which something is asked.
pub fn target_sentences_ui(ui: &mut Ui, state: &mut State, looks: &[Look]) {
    let all = state.draft.assignment.targets.clone();
    let mut changed = all.clone();
    for target in all.iter() {
        let object = target.object;
        object_word_ui(ui, state, looks, object);
        match target.point() {
            Some(place) => {
                ui.label("goes to");
                let place = place_ui(ui, place);
                changed.edit(object, |it| it.shape = Shape::Points(vec![place]));
            }
            None => changed.edit(object, |it| wishes_ui(ui, it)),
        }
        if let Some(warning) = targets::warning(target, width_to_height(state)) {
            ui.label(small(warning).weak());
        }
        let lock = match target.is_locked {
            true => (icons::LOCK_SIMPLE, "Unlock the place"),
            false => (icons::LOCK_SIMPLE_OPEN, "Lock the place"),
        };
        if toggle(ui, lock.0, lock.1, target.is_locked).clicked() {
            lock_it(state, target, &mut changed);
        }
        if icon_button(ui, icons::X, "Forget this place", "Forget this place").clicked() {
            changed.clear(object);
        }
    }
    if changed != all {
        let assign = |content: &mut DraftContent| content.assignment.targets = changed;
        state.draft.assign(assign);
    }
}

/// Two percentages.
fn place_ui(ui: &mut Ui, mut place: [f64; 2]) -> [f64; 2] {
    let [x, y] = &mut place;
    let edits = [
        (x, "from the left", "Place from the left"),
        (y, "from the top", "Place from the top"),
    ];
    for (part, text, name) in edits {
        let shown = 100.0 * *part;
        let mut percent = shown;
        let edit = DragValue::new(&mut percent)
            .range(0.0..=100.0)
            .max_decimals(0)
            .suffix(" %");
        let response = ui.add(edit).accessible_name(name);
        // Leaving the field alone reads the rounded number again.
        if response.changed() && percent != shown.round() {
            *part = percent / 100.0;
        }
        ui.label(small(text).weak());
    }
    place
}

fn wishes_ui(ui: &mut Ui, target: &mut ObjectTarget) {
    let mut copies = target.copies;
    let edit = DragValue::new(&mut copies)
        .range(1..=MOST_COPIES)
        .prefix("× ")
        .speed(0.05);
    let response = ui.add(edit).accessible_name("Copies");
    if response.on_hover_text("How many there are to be").changed() {
        target.copies = copies;
        if let Shape::Points(places) = &mut target.shape {
            places.truncate(copies);
        }
    }
    size_ui(ui, target);
    match &target.shape {
        Shape::Anywhere => {}
        Shape::Points(_) => {
            ui.label("in given places");
        }
        shape => {
            ui.label(format!("in the {}", shape.word()));
            // One of the two is always wanted.
            ui.add_enabled_ui(target.fill, |ui| {
                ui.checkbox(&mut target.keep_inside, "keep inside")
                    .on_hover_text("Nothing of it lies outside");
            });
            ui.add_enabled_ui(target.keep_inside, |ui| {
                ui.checkbox(&mut target.fill, "fill")
                    .on_hover_text("It takes all of the region");
            });
        }
    }
}

fn size_ui(ui: &mut Ui, target: &mut ObjectTarget) {
    let text = target.size.map_or("as it comes".to_owned(), Size::words);
    let combo = egui::ComboBox::from_id_salt(("size", target.object))
        .width(84.0)
        .selected_text(text);
    let opened = combo.show_ui(ui, |ui| {
        for (text, size) in [
            ("as it comes", None),
            ("small", Some(Size::Small)),
            ("big", Some(Size::Big)),
        ] {
            ui.selectable_value(&mut target.size, size, text);
        }
        let (low, high) = (*EXTENTS.start(), *EXTENTS.end());
        let mut percent = match target.size {
            Some(Size::Extent(extent)) => 100.0 * extent,
            _ => 35.0,
        };
        let edit = DragValue::new(&mut percent)
            .range(100.0 * low..=100.0 * high)
            .max_decimals(0)
            .suffix(" % of the shorter side");
        if ui.add(edit).accessible_name("Extent").changed() {
            target.size = Some(Size::Extent((percent / 100.0).clamp(low, high)));
        }
    });
    opened.response.accessible_name("Size");
}

/// Keeps an object where the shown picture has it, or else where it is wanted.
fn lock_it(state: &State, target: &ObjectTarget, changed: &mut crate::storm::Targets) {
    let object = target.object;
    if target.is_locked {
        return changed.edit(object, |it| it.is_locked = false);
    }
    let places: Vec<[f64; 2]> = wanted(state)
        .get(object)
        .map(|copies| copies.iter().map(|copy| copy.centre).collect())
        .unwrap_or_default();
    changed.edit(object, |it| {
        if it.shape == Shape::Anywhere && !places.is_empty() {
            it.shape = Shape::Points(places);
        }
        it.is_locked = true;
    });
}

/// What can be asked of an object, as items of the menu that adds things.
pub fn add_target_ui(ui: &mut Ui, state: &mut State, object: usize) {
    let noun = noun_text(state, object);
    let target = state.draft.assignment.targets.of(object).cloned();
    if target.is_none() && ui.button(format!("A place for the {noun}")).clicked() {
        state
            .draft
            .edit(|content| assigning::place(content, object, [0.5, 0.5]));
    }
    ui.menu_button(format!("More of the {noun}"), |ui| {
        for tool in Tool::ALL {
            let text = format!("{} on the canvas", tool.label());
            if ui.button(text).clicked() {
                let ratio = width_to_height(state);
                state
                    .draft
                    .edit(|content| targets::begin_region(content, object, tool, ratio));
                state.drawing = Some(Drawing {
                    object,
                    tool,
                    from: None,
                });
                ui.close();
            }
        }
        let copies = target.as_ref().map_or(1, |target| target.copies);
        if copies < MOST_COPIES && ui.button(format!("{} of it", copies + 1)).clicked() {
            state
                .draft
                .edit(|content| targets::set_copies(content, object, copies + 1));
            ui.close();
        }
        for (text, size) in [("Make it small", Size::Small), ("Make it big", Size::Big)] {
            if ui.button(text).clicked() {
                state
                    .draft
                    .edit(|content| targets::edit(content, object, |it| it.size = Some(size)));
                ui.close();
            }
        }
        if let Some((places, extent)) = shown_place(state, object)
            && ui.button("Lock it where it is").clicked()
        {
            state
                .draft
                .edit(|content| targets::lock(content, object, vec![places], extent));
            ui.close();
        }
    });
}

/// Where the shown picture has an object of the draft, and how large it is there.
fn shown_place(state: &State, object: usize) -> Option<([f64; 2], Option<f64>)> {
    let noun = noun_text(state, object);
    let shown = state.shown_objects();
    let index = shown.iter().position(|it| it.label == noun)?;
    let method = state.attention_method();
    let step = state.shown_step(method)?;
    let reading = state.shown_run()?.trace(method).reading(step)?;
    let found = reading.objects.get(index).filter(|it| !it.absent)?;
    Some((found.centroid, found.extent))
}

//! Where finished pictures are kept, how many, and the choice of it.

use egui::Ui;

use crate::app::look::theme::{Palette, small};
use crate::app::state::State;
use crate::app::state::action::{Action, KeptAction};
use crate::app::state::kept::{GalleryPreferences, Keeping};

/// Says where, and opens the choice.
pub fn keeping_ui(ui: &mut Ui, state: &mut State) {
    let mut preferences = state.kept.preferences().clone();
    let before = preferences.clone();
    let folder = state
        .kept
        .folder()
        .map(|folder| folder.display().to_string());
    let title = match &folder {
        Some(folder) => format!("Kept in {folder}"),
        None => "Nothing is kept".to_owned(),
    };
    let text = small(shortened(&title)).color(Palette::of(ui).weak_text);
    let menu = egui::containers::menu::MenuButton::new(text).ui(ui, |ui| {
        ui.label("Finished pictures are kept");
        for (keeping, name) in Keeping::ALL {
            ui.radio_value(&mut preferences.keeping, keeping, name);
        }
        if preferences.keeping == Keeping::Gallery {
            ui.horizontal(|ui| {
                ui.label("At most");
                let range = GalleryPreferences::MEGABYTES;
                let drag = egui::DragValue::new(&mut preferences.megabytes).range(range);
                ui.add(drag.speed(10.0).suffix(" MB"))
                    .accessible_name("At most, in megabytes");
            });
            let text = "The oldest are removed first, never a saved or starred one.";
            ui.label(small(text).color(Palette::of(ui).weak_text));
        }
    });
    menu.0
        .on_hover_text(&title)
        .accessible_name("Where finished pictures are kept");
    if preferences != before {
        let action = KeptAction::Prefer(preferences);
        state.actions.push(Action::Kept(action));
    }
}

/// The end of a path says most.
fn shortened(text: &str) -> String {
    const LONGEST: usize = 48;
    let count = text.chars().count();
    if count <= LONGEST {
        return text.to_owned();
    }
    let head: String = text.chars().take(10).collect();
    let tail: String = text.chars().skip(count - (LONGEST - 11)).collect();
    format!("{head}…{tail}")
}

//! LoRAs: those that are chosen, each with a slider, and a list to choose from.

use egui::{Align, Button, Layout, Slider, TextEdit, Ui};

use crate::app::look::buttons::icon_button;
use crate::app::look::icons;
use crate::app::look::theme::{Palette, small};
use crate::app::state::State;
use crate::app::state::action::Action;
use crate::engine::{LoraChoice, NetworkFile, NetworkLibrary};

/// Rows of the list.
const MOST_LISTED: usize = 8;
/// Weights that the slider offers; a prompt may say any.
const WEIGHTS: std::ops::RangeInclusive<f64> = -2.0..=2.0;

/// The group's rows.
pub fn lora_ui(ui: &mut Ui, state: &mut State) {
    chosen_ui(ui, state);
    let library = std::sync::Arc::clone(state.networks.library());
    if !library.loras.is_empty() {
        list_ui(ui, state, &library);
    }
    ui.horizontal_wrapped(|ui| {
        ui.add_enabled_ui(!state.files.is_dialog_open(), |ui| {
            let folder = match state.networks.remembered().lora_folder {
                Some(_) => "Another folder…",
                None => "List a folder of LoRAs…",
            };
            let tip = "Every LoRA in it can be chosen here, or named in the prompt as \
                       <lora:name:0.8>";
            if ui.button(folder).on_hover_text(tip).clicked() {
                state.actions.push(Action::ChooseLoraFolderDialog);
            }
            if ui.button("Add a file…").clicked() {
                state.actions.push(Action::OpenLoraDialog);
            }
        });
        let found = library
            .inversions
            .iter()
            .filter(|file| file.problem.is_none());
        let tip = format!(
            "Textual inversions in it are words of prompts, by their files' names; {} are known",
            found.count()
        );
        let is_free = !state.files.is_dialog_open();
        let embeddings = ui.add_enabled(is_free, Button::new("Folder of embeddings…"));
        if embeddings.on_hover_text(tip).clicked() {
            state.actions.push(Action::ChooseEmbeddingFolderDialog);
        }
        let has_folder = state.networks.remembered().lora_folder.is_some();
        if has_folder && ui.button("Look again").clicked() {
            state.actions.push(Action::FindLoras);
        }
    });
}

fn chosen_ui(ui: &mut Ui, state: &mut State) {
    let palette = Palette::of(ui);
    let library = std::sync::Arc::clone(state.networks.library());
    let mut removed = None;
    let mut followed = None;
    let settings = state.draft.settings_mut();
    for (index, lora) in settings.loras.iter_mut().enumerate() {
        let file = library.lora(&lora.name);
        ui.horizontal(|ui| {
            let label = ui.add(egui::Label::new(lora.name.as_str()).truncate());
            let path = file.map(|file| file.path.display().to_string());
            label.on_hover_text(path.unwrap_or_default());
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let name = format!("Take off {}", lora.name);
                if icon_button(ui, icons::X, &name, &name).clicked() {
                    removed = Some(index);
                }
            });
        });
        let slider = Slider::new(&mut lora.weight, WEIGHTS)
            .step_by(0.05)
            .clamping(egui::SliderClamping::Never);
        ui.add(slider)
            .accessible_name(format!("Weight of {}", lora.name));
        text_encoder_ui(ui, lora);
        match file {
            None => {
                let text =
                    "No file of this name is known; add it, or choose the folder that holds it.";
                ui.label(small(text).color(palette.error));
            }
            Some(NetworkFile {
                problem: Some(problem),
                ..
            }) => {
                ui.label(small(problem).color(palette.error));
            }
            Some(NetworkFile { walk, .. }) => {
                followed = followed.or(*walk);
            }
        }
    }
    if let Some(index) = removed {
        settings.loras.remove(index);
    }
    if let Some(walk) = followed.filter(|walk| !walk.is_followed(settings)) {
        ui.label(small(format!("Made for {walk}.")).color(palette.weak_text));
        if ui.add(Button::new("Use these").small()).clicked() {
            walk.apply(settings);
        }
    }
}

/// A weight of its own for the text encoder, where the person or a picture set one.
fn text_encoder_ui(ui: &mut Ui, lora: &mut LoraChoice) {
    let mut is_apart = lora.text_encoder_weight.is_some();
    let tip = "The slider above acts in the UNet alone then";
    let switch = ui.checkbox(&mut is_apart, small("Another weight in the text encoder"));
    if switch.on_hover_text(tip).changed() {
        lora.text_encoder_weight = is_apart.then_some(lora.weight);
    }
    if let Some(weight) = &mut lora.text_encoder_weight {
        let slider = Slider::new(weight, WEIGHTS)
            .step_by(0.05)
            .clamping(egui::SliderClamping::Never);
        ui.add(slider)
            .accessible_name(format!("Text encoder's weight of {}", lora.name));
    }
}

/// The LoRAs that fit what is searched for.
fn list_ui(ui: &mut Ui, state: &mut State, library: &NetworkLibrary) {
    let search = TextEdit::singleline(&mut state.networks.search)
        .hint_text("Search LoRAs")
        .desired_width(ui.available_width());
    ui.add(search).accessible_name("Search LoRAs");
    let wanted = state.networks.search.to_lowercase();
    let family = state.session.model().map(|model| model.family.to_string());
    let settings = state.draft.settings_mut();
    let is_chosen = |file: &NetworkFile| settings.loras.iter().any(|lora| lora.name == file.name);
    let fits =
        |file: &&NetworkFile| !is_chosen(file) && file.name.to_lowercase().contains(wanted.trim());
    let found: Vec<&NetworkFile> = library.loras.iter().filter(fits).collect();
    let mut chosen = None;
    for file in found.iter().take(MOST_LISTED) {
        let refusal = refusal(file, family.as_deref());
        let button = Button::new(file.name.as_str()).truncate();
        let response = ui.add_enabled(refusal.is_none(), button);
        let response = match refusal {
            Some(why) => response.on_disabled_hover_text(why),
            None => response.on_hover_text(file.path.display().to_string()),
        };
        if response.clicked() {
            chosen = Some(file.name.clone());
        }
    }
    match found.len().saturating_sub(MOST_LISTED) {
        0 if found.is_empty() => {
            ui.label(small("None of that name").weak());
        }
        0 => {}
        more => {
            ui.label(small(format!("{more} more; search for them")).weak());
        }
    }
    if let Some(name) = chosen {
        settings.loras.push(LoraChoice::new(name, 1.0));
    }
}

/// Why a LoRA cannot be added to a model of that family.
fn refusal(file: &NetworkFile, family: Option<&str>) -> Option<String> {
    if let Some(problem) = &file.problem {
        return Some(problem.clone());
    }
    let made_for = file.made_for.as_ref()?;
    let family = family.filter(|family| *family != made_for)?;
    let is_known = made_for.starts_with("Stable Diffusion");
    is_known.then(|| format!("Made for {made_for}, and the model is {family}"))
}

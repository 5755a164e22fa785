//! LoRAs: those that are chosen, each with a slider, and a list to choose from.

use egui::{Align, Button, Layout, Slider, TextEdit, Ui, vec2};

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

/// Room for the words before a slider, and for the number behind it.
const LABEL_WIDTH: f32 = 72.0;
const NUMBER_WIDTH: f32 = 56.0;

/// The group's rows.
pub fn lora_ui(ui: &mut Ui, state: &mut State) {
    chosen_ui(ui, state);
    let library = std::sync::Arc::clone(state.networks.library());
    if !library.loras.is_empty() {
        list_ui(ui, state, &library);
        ui.add_space(4.0);
    } else if let Some(folder) = &state.networks.remembered().lora_folder {
        ui.label(small(format!("No LoRA lies in {}", folder.display())).weak());
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
    let family = state.session.model().map(|model| model.family.to_string());
    let settings = state.draft.settings_mut();
    for (index, lora) in settings.loras.iter_mut().enumerate() {
        let file = library.lora(&lora.name);
        if one_ui(ui, lora, file) {
            removed = Some(index);
        }
        match file {
            None => {
                let text =
                    "No file of this name is known; add it, or choose the folder that holds it.";
                ui.label(small(text).color(palette.error));
            }
            Some(file) => match refusal(file, family.as_deref()) {
                Some(why) => {
                    ui.label(small(why).color(palette.error));
                }
                None => {
                    let walk = file.walk.map(|walk| (lora.name.clone(), walk));
                    followed = followed.or(walk);
                }
            },
        }
        ui.add_space(4.0);
    }
    if let Some(index) = removed {
        settings.loras.remove(index);
    }
    let followed = followed.filter(|(_, walk)| !walk.is_followed(settings));
    if let Some((name, walk)) = followed {
        let text = format!("{name} is made for {walk}.");
        ui.label(small(text).color(palette.weak_text));
        if ui.add(Button::new("Use these").small()).clicked() {
            walk.apply(settings);
        }
        ui.add_space(4.0);
    }
}

/// One LoRA's name, sliders and buttons; whether it is to be taken off.
fn one_ui(ui: &mut Ui, lora: &mut LoraChoice, file: Option<&NetworkFile>) -> bool {
    let mut is_removed = false;
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 2.0;
            let name = format!("Take off {}", lora.name);
            is_removed = icon_button(ui, icons::X, &name, &name).clicked();
            let name = format!("Weights of {} apart", lora.name);
            let tip = match lora.text_encoder_weight {
                None => "Another weight in the text encoder than in the UNet",
                Some(_) => "The same weight in text encoder and UNet",
            };
            if icon_button(ui, icons::SPLIT_HORIZONTAL, &name, tip).clicked() {
                lora.text_encoder_weight = match lora.text_encoder_weight {
                    None => Some(lora.weight),
                    Some(_) => None,
                };
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let label = ui.add(egui::Label::new(lora.name.as_str()).truncate());
                if let Some(file) = file {
                    label.on_hover_text(file.path.display().to_string());
                }
            });
        });
    });
    let name = lora.name.clone();
    let is_apart = lora.text_encoder_weight.is_some();
    let unet = is_apart.then_some("UNet");
    slider_ui(ui, &mut lora.weight, unet, &format!("Weight of {name}"));
    if let Some(weight) = &mut lora.text_encoder_weight {
        let name = format!("Text encoder's weight of {name}");
        slider_ui(ui, weight, Some("Text encoder"), &name);
    }
    is_removed
}

/// A slider as wide as the panel, behind a short text where there is one.
fn slider_ui(ui: &mut Ui, weight: &mut f64, text: Option<&str>, name: &str) {
    ui.horizontal(|ui| {
        if let Some(text) = text {
            let size = vec2(LABEL_WIDTH, ui.spacing().interact_size.y);
            let layout = Layout::left_to_right(Align::Center);
            ui.allocate_ui_with_layout(size, layout, |ui| {
                ui.set_min_width(LABEL_WIDTH);
                ui.label(small(text).weak());
            });
        }
        let width = ui.available_width() - NUMBER_WIDTH;
        ui.spacing_mut().slider_width = width.max(NUMBER_WIDTH);
        let slider = Slider::new(weight, WEIGHTS)
            .step_by(0.05)
            .clamping(egui::SliderClamping::Never);
        ui.add(slider).accessible_name(name);
    });
}

/// What is chosen, in one line, for a group that is folded.
pub fn lora_summary(state: &State) -> Option<String> {
    let chosen = state.draft.settings.loras.iter();
    let chosen: Vec<String> = chosen
        .map(|lora| match lora.weights() {
            [text_encoder, unet] if text_encoder != unet => {
                format!("{} {text_encoder}:{unet}", lora.name)
            }
            [_, weight] => format!("{} {weight}", lora.name),
        })
        .collect();
    (!chosen.is_empty()).then(|| chosen.join(", "))
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
    ui.with_layout(Layout::top_down_justified(Align::LEFT), |ui| {
        for file in found.iter().take(MOST_LISTED) {
            let refusal = refusal(file, family.as_deref());
            let button = Button::new(file.name.as_str());
            let button = button.truncate().frame_when_inactive(false);
            let response = ui.add_enabled(refusal.is_none(), button);
            let response = match refusal {
                Some(why) => response.on_disabled_hover_text(why),
                None => response.on_hover_text(file.path.display().to_string()),
            };
            if response.clicked() {
                chosen = Some(file.name.clone());
            }
        }
    });
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

//! Which model is used, and the menu that opens another one.

use egui::{Align, Button, Label, Layout, ProgressBar, ScrollArea, Ui};

use crate::app::files::can_drop;
use crate::app::look::buttons::icon_button;
use crate::app::look::icons;
use crate::app::look::theme::{Palette, small};
use crate::app::state::State;
use crate::app::state::action::{Action, ModelPlace};
use crate::app::state::session::{ModelState, WORTH_A_SENTENCE};
use crate::checkpoint::{CheckpointSource, FoundModels, SingleFile};

/// Room for the button beside the name.
const OPEN_WIDTH: f32 = 64.0;
/// Where a long menu begins to scroll.
const MENU_HEIGHT: f32 = 420.0;
const MENU_WIDTH: f32 = 280.0;

/// The model's name, the menu, and what the model is.
pub fn model_ui(ui: &mut Ui, state: &mut State) {
    let palette = Palette::of(ui);
    let (name, loading) = match &state.session.model {
        ModelState::Loading {
            name,
            source,
            fraction,
        } => (
            format!("{name} is loading"),
            Some((*source == CheckpointSource::Embedded, *fraction)),
        ),
        ModelState::Ready(info) => (info.name.clone(), None),
        ModelState::Failed { name, .. } => (format!("{name} did not load"), None),
    };
    ui.horizontal(|ui| {
        let room = (ui.available_width() - OPEN_WIDTH).max(0.0);
        ui.scope(|ui| {
            ui.set_max_width(room);
            ui.add(Label::new(name).truncate());
        });
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add_enabled_ui(!state.files.is_dialog_open(), |ui| {
                ui.menu_button("Open…", |ui| menu_ui(ui, state))
                    .response
                    .on_hover_text(open_explanation());
            });
        });
    });
    if let Some((is_embedded, fraction)) = loading {
        if !is_embedded {
            loading_ui(ui, state, fraction);
        }
        return;
    }
    let Some(info) = state.session.model().cloned() else {
        return;
    };
    let [width, height] = info.native_size;
    ui.label(small(format!("Trained on {width} × {height} pixels")).color(palette.weak_text));
    let needs = &info.needs;
    if needs.weights >= WORTH_A_SENTENCE {
        let weights = needs.weights as f64 / 1e9;
        let text = format!("{weights:.2} GB of weights ({})", needs.weight_type);
        ui.label(small(text).color(palette.weak_text));
    }
    if let CheckpointSource::File(file) = &info.source {
        autoencoder_ui(ui, state, file);
    }
    if !info.is_embedded()
        && ui
            .add(Button::new("Use the embedded model").small())
            .clicked()
    {
        let action = Action::LoadModel(CheckpointSource::Embedded);
        state.actions.push(action);
    }
}

/// Whose autoencoder a model in one file is used with.
fn autoencoder_ui(ui: &mut Ui, state: &mut State, file: &SingleFile) {
    let name = file.vae.as_ref().and_then(|path| path.file_name());
    let text = name.map_or("its own".into(), |name| name.to_string_lossy());
    ui.horizontal(|ui| {
        ui.label(small(format!("Autoencoder (VAE): {text}")).color(Palette::of(ui).weak_text));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let is_free = !state.files.is_dialog_open();
            if ui
                .add_enabled(is_free, Button::new("Another…").small())
                .clicked()
            {
                state.actions.push(Action::ChooseAutoencoderDialog);
            }
            if file.vae.is_some() && ui.add(Button::new("Its own").small()).clicked() {
                state.actions.push(Action::OwnAutoencoder);
            }
        });
    });
}

fn open_explanation() -> String {
    let mut text = "Open a Stable Diffusion 1.x or 2.x model: a folder in diffusers' layout or a \
                    .safetensors file."
        .to_string();
    if can_drop() {
        text += " Dropping one on the window does the same.";
    }
    text
}

fn loading_ui(ui: &mut Ui, state: &mut State, fraction: f32) {
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let explanation = "Stop loading";
            if icon_button(ui, icons::X, "Cancel loading", explanation).clicked() {
                state.actions.push(Action::CancelLoading);
            }
            ui.add(ProgressBar::new(fraction).desired_height(8.0));
        });
    });
}

fn menu_ui(ui: &mut Ui, state: &mut State) {
    ui.set_width(MENU_WIDTH);
    let mut asked = None;
    for (label, place) in [
        ("Open a folder…", ModelPlace::Folder),
        ("Open a file…", ModelPlace::File),
    ] {
        if ui.button(label).clicked() {
            asked = Some(Action::OpenModelDialog(place));
        }
    }
    ScrollArea::vertical()
        .max_height(MENU_HEIGHT)
        .show(ui, |ui| {
            recent_ui(ui, &state.models.remembered().recent, &mut asked);
            folder_ui(ui, state, &mut asked);
        });
    if let Some(action) = asked {
        // Looking again shows in the menu what it finds.
        if action != Action::FindModels {
            ui.close();
        }
        state.actions.push(action);
    }
}

fn recent_ui(ui: &mut Ui, recent: &[CheckpointSource], asked: &mut Option<Action>) {
    if recent.is_empty() {
        return;
    }
    ui.separator();
    ui.label(small("Opened before").weak());
    for source in recent {
        if source_button(ui, source, &source.name()) {
            *asked = Some(Action::LoadModel(source.clone()));
        }
    }
}

/// The models in the folder that the person chose.
fn folder_ui(ui: &mut Ui, state: &State, asked: &mut Option<Action>) {
    ui.separator();
    let Some(folder) = &state.models.remembered().folder else {
        let choose = ui.button("List a folder of models…");
        if choose
            .on_hover_text("Every model in it that can be opened is listed here")
            .clicked()
        {
            *asked = Some(Action::ChooseModelsFolderDialog);
        }
        return;
    };
    let path = folder.display().to_string();
    ui.add(Label::new(small(path).weak()).truncate());
    match state.models.found() {
        Some(found) => found_ui(ui, found, asked),
        None if state.files.is_busy() => {
            ui.label(small("Looking…").weak());
        }
        None => {}
    }
    ui.horizontal(|ui| {
        if ui.button("Look again").clicked() {
            *asked = Some(Action::FindModels);
        }
        if ui.button("Another folder…").clicked() {
            *asked = Some(Action::ChooseModelsFolderDialog);
        }
    });
}

fn found_ui(ui: &mut Ui, found: &FoundModels, asked: &mut Option<Action>) {
    if found.models.is_empty() {
        ui.label(small("No model that can be opened").weak());
    }
    for model in &found.models {
        let text = format!("{} ({})", model.name, model.family);
        if source_button(ui, &model.source, &text) {
            *asked = Some(Action::LoadModel(model.source.clone()));
        }
    }
    if !found.others.is_empty() {
        let reasons: Vec<String> = found
            .others
            .iter()
            .map(|(path, reason)| format!("{}: {reason}", path.display()))
            .collect();
        let text = format!("{} more cannot be opened", reasons.len());
        ui.label(small(text).weak())
            .on_hover_text(reasons.join("\n"));
    }
    if found.is_cut_short {
        ui.label(small("The folder holds more than is listed").weak());
    }
}

/// A button for a model, with its path as its explanation.
fn source_button(ui: &mut Ui, source: &CheckpointSource, text: &str) -> bool {
    let button = ui.add(Button::new(text).truncate());
    let path = source.path().map(|path| path.display().to_string());
    button.on_hover_text(path.unwrap_or_default()).clicked()
}

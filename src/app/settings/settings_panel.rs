//! The settings on the left: every parameter with its explanation, its range
//! and a way back to its default.

use egui::{Align, CollapsingHeader, Layout, ScrollArea, Ui, UiBuilder, vec2};
use strum::VariantArray;

use super::lora_settings::{lora_summary, lora_ui};
use super::model_panel::model_ui;
use super::sampler_settings::{more_sampling_ui, sampler_ui};
use super::setting_row::{VALUE_WIDTH, group_rows, row};
use super::size_settings::{aspect_ui, size_ui, told_sizes_ui};
use super::storm_settings::{more_ui, storm_ui};
use super::sweep_settings::sweep_ui;
use crate::app::look::buttons::icon_button;
use crate::app::look::icons;
use crate::app::look::theme::{Palette, bold, small};
use crate::app::state::State;
use crate::app::state::session::WORTH_A_SENTENCE;
use crate::diffusion::{Methods, PredictionType};
use crate::engine::{ModelInfo, SeedList, Settings};
use crate::storm::ParameterGroup;

/// The panel has no state of its own: it edits the draft.
#[derive(Debug, Default)]
pub struct SettingsPanel;

/// Room of the scroll bar in the pane's margin.
const SCROLL_BAR: f32 = 10.0;

impl SettingsPanel {
    pub fn ui(&mut self, ui: &mut Ui, state: &mut State) {
        // The scroll bar stands in the pane's margin, beside the fields.
        let fields = ui.available_rect_before_wrap();
        let wider = fields.with_max_x(fields.right() + SCROLL_BAR);
        let mut outer = ui.new_child(UiBuilder::new().max_rect(wider));
        let scrolled = ScrollArea::vertical().auto_shrink(false);
        scrolled.show(&mut outer, |ui| {
            ui.set_max_width(fields.width());
            group(ui, "Model", true, |ui| model_ui(ui, state));
            group(ui, "Picture", true, |ui| picture_ui(ui, state));
            group(ui, "More of sampling", false, |ui| {
                let model = state.session.model().cloned();
                let settings = state.draft.settings_mut();
                more_sampling_ui(ui, settings, model.as_deref());
                if let Some(model) = &model {
                    told_sizes_ui(ui, settings, model);
                }
            });
            let is_open = group(ui, "LoRA", false, |ui| lora_ui(ui, state));
            if let Some(summary) = lora_summary(state).filter(|_| !is_open) {
                ui.add(egui::Label::new(small(summary).weak()).truncate());
            }
            group(ui, "STORM", true, |ui| {
                let objective = state.draft.settings.optimisation.objective;
                storm_ui(ui, state.draft.settings_mut());
                state.follow_objective(objective);
            });
            group(ui, "More of STORM", false, |ui| {
                let defaults = state.defaults();
                more_ui(ui, state.draft.settings_mut(), &defaults);
            });
            group(ui, "Sweep", false, |ui| sweep_ui(ui, state));
            ui.add_space(8.0);
            let defaults = state.defaults();
            let changed = state.draft.settings != defaults;
            let reset = ui.add_enabled(changed, egui::Button::new("Reset all settings").small());
            if reset.clicked() {
                *state.draft.settings_mut() = defaults;
            }
        });
    }
}

/// Whether it is unfolded.
fn group(ui: &mut Ui, title: &str, open: bool, content: impl FnOnce(&mut Ui)) -> bool {
    let shown = CollapsingHeader::new(bold(title))
        .default_open(open)
        .show_unindented(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            content(ui);
            ui.add_space(8.0);
        });
    !shown.fully_closed()
}

fn picture_ui(ui: &mut Ui, state: &mut State) {
    let model = state.session.model().cloned();
    let defaults = state.defaults();
    methods_ui(ui, &mut state.draft.settings_mut().methods);
    ui.add_space(2.0);
    seeds_ui(ui, state);
    let settings = state.draft.settings_mut();
    let objective = settings.optimisation.objective;
    group_rows(ui, settings, &defaults.values(), objective, true);
    sampler_ui(ui, settings, &defaults, model.as_deref());
    if let Some(model) = &model {
        prediction_ui(ui, &mut settings.prediction_type, model);
        aspect_ui(ui, &mut settings.size, model);
        size_ui(ui, &mut settings.size, model);
        memory_ui(ui, settings, model);
    }
}

fn methods_ui(ui: &mut Ui, methods: &mut Methods) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        let width = (ui.available_width() - 4.0) / 3.0;
        for &choice in Methods::VARIANTS {
            let button = egui::Button::selectable(*methods == choice, choice.label());
            let explanation = match choice {
                Methods::Both => "Both methods from the same noise, side by side",
                Methods::Standard => "Stable Diffusion as it is",
                Methods::Storm => "With Spatial Transport Optimization",
            };
            let response = ui.add_sized(vec2(width, 24.0), button);
            if response.on_hover_text(explanation).clicked() {
                *methods = choice;
            }
        }
    });
}

fn seeds_ui(ui: &mut Ui, state: &mut State) {
    let palette = Palette::of(ui);
    let field = state.draft.seeds_mut();
    let problem = field.seeds().err();
    ui.horizontal(|ui| {
        let label = ui.label("Seeds").on_hover_text(format!(
            "The noise that pictures start from: {}. Every seed gives one picture a method.",
            SeedList::SPELLING
        ));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 2.0;
            let (icon, explanation) = if field.locked {
                (
                    icons::LOCK_SIMPLE,
                    "The seeds stay for the next picture; click to draw new ones each time",
                )
            } else {
                (
                    icons::LOCK_SIMPLE_OPEN,
                    "New seeds are drawn each time; click to keep these",
                )
            };
            if icon_button(ui, icon, "Lock the seeds", explanation).clicked() {
                field.locked = !field.locked;
            }
            let draw = icon_button(ui, icons::DICE_FIVE, "Draw new seeds", "Draw new seeds now");
            if draw.clicked() {
                field.draw();
            }
            let width = ui.available_width();
            let edit = egui::TextEdit::singleline(&mut field.text)
                .desired_width(width)
                .hint_text("0, 1, 2-5");
            ui.add(edit).labelled_by(label.id);
        });
    });
    if let Some(problem) = problem {
        let text = crate::app::state::message::sentence(&problem.to_string());
        ui.label(small(text).color(palette.error));
    }
}

/// What the UNet predicts: a choice for models that were opened, since a file
/// need not say it.
fn prediction_ui(ui: &mut Ui, prediction: &mut Option<PredictionType>, model: &ModelInfo) {
    if model.is_embedded() && prediction.is_none() {
        return;
    }
    let name = |kind| match kind {
        None => "the model's own",
        Some(kind) => PredictionType::label(kind),
    };
    let changed = prediction.is_some();
    let tip = "What the model predicts at each step. A folder says it; a single file of Stable \
               Diffusion 2.x need not, and it is tried out then. Change it if every picture is noise.";
    let reset = row(ui, "Predicts", tip, changed, |ui| {
        let combo = egui::ComboBox::from_id_salt("prediction type")
            .width(VALUE_WIDTH)
            .selected_text(name(*prediction));
        let opened = combo.show_ui(ui, |ui| {
            let kinds = PredictionType::VARIANTS.iter().copied().map(Some);
            for kind in std::iter::once(None).chain(kinds) {
                ui.selectable_value(prediction, kind, name(kind));
            }
        });
        opened.response.accessible_name("Predicts");
    });
    if reset {
        *prediction = None;
    }
}

/// What a picture of these settings needs besides the model, where that is much.
fn memory_ui(ui: &mut Ui, settings: &Settings, model: &ModelInfo) {
    if model.needs.weights < WORTH_A_SENTENCE {
        return;
    }
    let size = settings.size.unwrap_or(model.native_size);
    let bytes = model.needs.picture(size, settings);
    let text = format!("About {:.2} GB of memory for a picture", bytes as f64 / 1e9);
    let palette = Palette::of(ui);
    ui.label(small(text).color(palette.weak_text))
        .on_hover_text(
            "With less, the methods take turns and the picture is decoded in tiles; what does not \
             fit even then is refused.",
        );
}

//! The settings on the left: every parameter with its explanation, its range
//! and a way back to its default.

use std::ops::RangeInclusive;

use egui::{Align, CollapsingHeader, DragValue, Layout, Response, ScrollArea, Ui, vec2};

use super::action::Action;
use super::icons;
use super::settings::{Methods, Settings};
use super::state::State;
use super::theme::{Palette, bold, small};
use crate::diffusion::SchedulerKind;
use crate::engine::ModelInfo;
use crate::storm::ObjectiveKind;

/// Width of the column of values.
const VALUE_WIDTH: f32 = 72.0;

/// The panel has no state of its own: it edits the draft.
#[derive(Debug, Default)]
pub struct SettingsPanel;

impl SettingsPanel {
    pub fn ui(&mut self, ui: &mut Ui, state: &mut State) {
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            group(ui, "Model", true, |ui| model_ui(ui, state));
            group(ui, "Picture", true, |ui| picture_ui(ui, state));
            group(ui, "STORM", true, |ui| storm_ui(ui, state));
            group(ui, "More of STORM", false, |ui| {
                more_ui(ui, &mut state.draft.settings)
            });
            ui.add_space(8.0);
            let defaults = Settings::default();
            let changed = state.draft.settings != defaults;
            let reset = ui.add_enabled(changed, egui::Button::new("Reset all settings").small());
            if reset.clicked() {
                state.draft.settings = defaults;
            }
        });
    }
}

fn group(ui: &mut Ui, title: &str, open: bool, content: impl FnOnce(&mut Ui)) {
    CollapsingHeader::new(bold(title))
        .default_open(open)
        .show_unindented(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            content(ui);
            ui.add_space(8.0);
        });
}

fn model_ui(ui: &mut Ui, state: &mut State) {
    let palette = Palette::of(ui);
    let name = match &state.session.model {
        super::session::ModelState::Loading { name } => format!("{name} is loading"),
        super::session::ModelState::Ready(info) => info.name.clone(),
        super::session::ModelState::Failed { name, .. } => format!("{name} did not load"),
    };
    ui.horizontal(|ui| {
        ui.label(name);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let open = ui
                .add_enabled(!state.files.is_dialog_open(), egui::Button::new("Open…"))
                .on_hover_text("Choose a Stable Diffusion 1.x or 2.x folder in diffusers' layout");
            if open.clicked() {
                state.actions.push(Action::OpenModelDialog);
            }
        });
    });
    if let Some(info) = state.session.model() {
        let [width, height] = info.native_size;
        ui.label(small(format!("Trained on {width} × {height} pixels")).color(palette.weak_text));
        if info.name != crate::checkpoint::embedded::NAME {
            let back = ui.add(egui::Button::new("Use the embedded model").small());
            if back.clicked() {
                state.actions.push(Action::UseEmbeddedModel);
            }
        }
    }
}

fn picture_ui(ui: &mut Ui, state: &mut State) {
    let model = state.session.model().cloned();
    let defaults = Settings::default();
    methods_ui(ui, &mut state.draft.settings.methods);
    ui.add_space(2.0);
    seeds_ui(ui, state);
    let settings = &mut state.draft.settings;
    integer_row(
        ui,
        "Steps",
        "Denoising steps: more steps give finer pictures and take longer.",
        &mut settings.steps,
        defaults.steps,
        1..=1000,
    );
    number_row(
        ui,
        "Guidance scale",
        "How closely the picture follows the words; at 1 or below the negative prompt is ignored.",
        &mut settings.guidance_scale,
        Number::new(defaults.guidance_scale, 0.0..=30.0, 0.1),
    );
    scheduler_ui(ui, &mut settings.scheduler, model.as_deref());
    if let Some(model) = &model {
        size_ui(ui, &mut settings.size, model);
    }
}

fn methods_ui(ui: &mut Ui, methods: &mut Methods) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        let width = (ui.available_width() - 4.0) / 3.0;
        for choice in Methods::ALL {
            let button = egui::Button::selectable(*methods == choice, choice.name());
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
    let field = &mut state.draft.seeds;
    let problem = field.seeds().err();
    ui.horizontal(|ui| {
        let label = ui.label("Seeds").on_hover_text(
            "The noise that pictures start from: one seed, a list such as 0, 1, 2 or a range such \
             as 0-3. Every seed gives one picture a method.",
        );
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
        let text = super::session::sentence(&problem.to_string());
        ui.label(small(text).color(palette.error));
    }
}

fn scheduler_ui(ui: &mut Ui, scheduler: &mut Option<SchedulerKind>, model: Option<&ModelInfo>) {
    let own = model
        .map(|model| model.scheduler.to_string())
        .unwrap_or_default();
    let changed = scheduler.is_some();
    let tip = "The rule that walks from noise to picture.";
    let reset = row(ui, "Scheduler", tip, changed, |ui| {
        let shown = scheduler.map_or_else(|| own.clone(), |kind| kind.to_string());
        let combo = egui::ComboBox::from_id_salt("scheduler")
            .width(VALUE_WIDTH)
            .selected_text(shown);
        let opened = combo.show_ui(ui, |ui| {
            ui.selectable_value(scheduler, None, format!("{own} (the model's own)"));
            for kind in SchedulerKind::ALL {
                ui.selectable_value(scheduler, Some(kind), kind.to_string());
            }
        });
        opened.response.accessible_name("Scheduler");
    });
    if reset {
        *scheduler = None;
    }
}

fn size_ui(ui: &mut Ui, size: &mut Option<[usize; 2]>, model: &ModelInfo) {
    let changed = size.is_some_and(|size| size != model.native_size);
    let tip = "Width and height in pixels; sides far from what the model was trained on give poorer \
               pictures.";
    let reset = row(ui, "Size", tip, changed, |ui| {
        let multiple = model.size_multiple;
        let [mut width, mut height] = size.unwrap_or(model.native_size);
        // Laid out from the right.
        let high = ui
            .add(side(&mut height, multiple))
            .accessible_name("Height");
        ui.label("×");
        let wide = ui.add(side(&mut width, multiple)).accessible_name("Width");
        if high.changed() || wide.changed() {
            *size = Some([width, height]);
        }
    });
    if reset {
        *size = None;
    }
}

fn side(value: &mut usize, multiple: usize) -> DragValue<'_> {
    DragValue::new(value)
        .range(multiple..=2048)
        .speed(multiple as f64 / 8.0)
}

fn storm_ui(ui: &mut Ui, state: &mut State) {
    let settings = &mut state.draft.settings;
    let defaults = Settings::default();
    objective_kind_ui(ui, &mut settings.objective);
    let (storm, update) = (
        &mut settings.objective_parameters.storm,
        &mut settings.update,
    );
    let (storm_default, update_default) = (&defaults.objective_parameters.storm, &defaults.update);
    number_row(
        ui,
        "Margin",
        "Distance that left, right, above and below ask for between the centres of two objects, \
         as a fraction of the picture's side.",
        &mut storm.margin,
        Number::new(storm_default.margin, 0.0..=0.9, 0.01),
    );
    number_row(
        ui,
        "Step size",
        "Length of one update as a fraction of the length of the initial noise; too large breaks \
         the picture.",
        &mut update.step_size,
        Number::new(update_default.step_size, 0.0..=1.0, 0.001),
    );
    number_row(
        ui,
        "Window",
        "The updates happen in this first fraction of the steps.",
        &mut update.window,
        Number::new(update_default.window, 0.0..=1.0, 0.01),
    );
    integer_row(
        ui,
        "Updates per picture",
        "At most so many updates in one picture.",
        &mut update.updates_per_picture,
        update_default.updates_per_picture,
        0..=500,
    );
}

fn objective_kind_ui(ui: &mut Ui, objective: &mut ObjectiveKind) {
    let tip = "What pulls the objects to their places: our optimal transport, or another method to \
               compare it with.";
    let reset = row(
        ui,
        "Objective",
        tip,
        *objective != ObjectiveKind::default(),
        |ui| {
            let combo = egui::ComboBox::from_id_salt("objective")
                .width(VALUE_WIDTH)
                .selected_text(objective_name(*objective).0);
            let opened = combo.show_ui(ui, |ui| {
                for kind in ObjectiveKind::ALL {
                    let (name, explanation) = objective_name(kind);
                    ui.selectable_value(objective, kind, name)
                        .on_hover_text(explanation);
                }
            });
            opened.response.accessible_name("Objective");
        },
    );
    if reset {
        *objective = ObjectiveKind::default();
    }
}

/// Name and explanation of an objective.
fn objective_name(kind: ObjectiveKind) -> (&'static str, &'static str) {
    match kind {
        ObjectiveKind::Storm => ("Transport", "Optimal transport, with every direction right"),
        ObjectiveKind::Centroid => ("Centroid", "A pull on the distance of the objects' centres"),
        ObjectiveKind::AttendAndExcite => (
            "Attend & Excite",
            "Keeps every object in the picture; knows no places",
        ),
        ObjectiveKind::Reference => ("Released code", "The released STORM code with its quirks"),
    }
}

fn more_ui(ui: &mut Ui, settings: &mut Settings) {
    let defaults = Settings::default();
    let update = &mut settings.update;
    integer_row(
        ui,
        "Updates per step",
        "At most so many updates in one step.",
        &mut update.updates_per_step,
        defaults.update.updates_per_step,
        0..=50,
    );
    number_row(
        ui,
        "Final step scale",
        "What is left of the step size at the end of the window; it falls linearly.",
        &mut update.final_step_scale,
        Number::new(defaults.update.final_step_scale, 0.0..=1.0, 0.01),
    );
    integer_row(
        ui,
        "Attention grid",
        "Side of the attention grid that is read, in cells; the level of the model nearest to it \
         is taken.",
        &mut update.attention_res,
        defaults.update.attention_res,
        1..=128,
    );
    objective_ui(ui, settings, &defaults);
    flag_row(
        ui,
        "Both in one batch",
        "Predict both methods in one batch; costs memory, saves time.",
        &mut settings.batch_methods,
        defaults.batch_methods,
    );
}

fn objective_ui(ui: &mut Ui, settings: &mut Settings, defaults: &Settings) {
    let storm = &mut settings.objective_parameters.storm;
    let default = &defaults.objective_parameters.storm;
    let weight = |default: f64| Number::new(default, 0.0..=100.0, 0.01);
    let fraction = |default: f64| Number::new(default, 0.0..=1.0, 0.01);
    let mut rows: Vec<(&str, &str, &mut f64, Number)> = vec![
        (
            "Transport weight",
            "Strength of moving the objects to their places.",
            &mut storm.transport_weight,
            weight(default.transport_weight),
        ),
        (
            "Presence weight",
            "Strength of keeping every object in the picture.",
            &mut storm.presence_weight,
            weight(default.presence_weight),
        ),
        (
            "Non-overlap weight",
            "Strength of keeping related objects from covering each other.",
            &mut storm.non_overlap_weight,
            weight(default.non_overlap_weight),
        ),
        (
            "Attribute weight",
            "Strength of binding an attribute, such as a colour, to its object.",
            &mut storm.attribute_weight,
            weight(default.attribute_weight),
        ),
        (
            "Blob",
            "Half-width of the blob that an object is moved towards, as a fraction of the shorter \
             side.",
            &mut storm.blob,
            Number::new(default.blob, 0.01..=0.4, 0.005),
        ),
        (
            "Epsilon",
            "Smoothness of the optimal transport: small values follow the exact transport and take \
             longer.",
            &mut storm.epsilon,
            Number::new(default.epsilon, 0.0001..=10.0, 0.001),
        ),
        (
            "Nearest “next to”",
            "Smallest distance of “next to” between the centres of two objects, as a fraction of \
             the shorter side.",
            &mut storm.next_to_near,
            Number::new(default.next_to_near, 0.0..=0.9, 0.01),
        ),
        (
            "Farthest “next to”",
            "Largest distance of “next to” between the centres of two objects, as a fraction of \
             the shorter side.",
            &mut storm.next_to_far,
            Number::new(default.next_to_far, 0.0..=1.5, 0.01),
        ),
        (
            "Place tolerance",
            "Distance from its given place at which an object counts as arrived, as a fraction of \
             the shorter side.",
            &mut storm.free_target_tolerance,
            Number::new(default.free_target_tolerance, 0.001..=1.0, 0.01),
        ),
        (
            "Presence threshold",
            "Strongest response, from 0 to 1, from which an object counts as present.",
            &mut storm.presence_threshold,
            fraction(default.presence_threshold),
        ),
        (
            "Smoothing",
            "Width of the smoothing of the attention maps, in cells.",
            &mut storm.smoothing_sigma,
            Number::new(default.smoothing_sigma, 0.05..=10.0, 0.05),
        ),
    ];
    for (label, explanation, value, number) in rows.drain(..) {
        number_row(ui, label, explanation, value, number);
    }
    flag_row(
        ui,
        "Padding competes",
        "Whether the padding after the prompt competes for the background, which keeps the words' \
         maps clean.",
        &mut storm.include_padding,
        default.include_padding,
    );
}

/// Default, range and step of a number.
struct Number {
    default: f64,
    range: RangeInclusive<f64>,
    speed: f64,
}

impl Number {
    fn new(default: f64, range: RangeInclusive<f64>, speed: f64) -> Self {
        Self {
            default,
            range,
            speed,
        }
    }
}

fn number_row(ui: &mut Ui, label: &str, explanation: &str, value: &mut f64, number: Number) {
    let changed = *value != number.default;
    let reset = row(ui, label, explanation, changed, |ui| {
        let edit = DragValue::new(value)
            .range(number.range)
            .speed(number.speed)
            .max_decimals(4);
        ui.add_sized(vec2(VALUE_WIDTH, 22.0), edit)
            .accessible_name(label);
    });
    if reset {
        *value = number.default;
    }
}

fn integer_row(
    ui: &mut Ui,
    label: &str,
    explanation: &str,
    value: &mut usize,
    default: usize,
    range: RangeInclusive<usize>,
) {
    let changed = *value != default;
    let reset = row(ui, label, explanation, changed, |ui| {
        let edit = DragValue::new(value).range(range).speed(0.25);
        ui.add_sized(vec2(VALUE_WIDTH, 22.0), edit)
            .accessible_name(label);
    });
    if reset {
        *value = default;
    }
}

fn flag_row(ui: &mut Ui, label: &str, explanation: &str, value: &mut bool, default: bool) {
    let changed = *value != default;
    let reset = row(ui, label, explanation, changed, |ui| {
        ui.checkbox(value, "").accessible_name(label);
    });
    if reset {
        *value = default;
    }
}

/// A label with its explanation on the left, the control on the right and,
/// where the value was changed, a button before it that resets it. Says whether
/// that was clicked.
fn row(
    ui: &mut Ui,
    label: &str,
    explanation: &str,
    changed: bool,
    control: impl FnOnce(&mut Ui),
) -> bool {
    let row = ui.horizontal(|ui| {
        ui.label(label).on_hover_text(explanation);
        let right = ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            control(ui);
            if !changed {
                return false;
            }
            let name = format!("Reset {}", label.to_lowercase());
            let icon = icons::ARROW_COUNTER_CLOCKWISE;
            icon_button(ui, icon, &name, "Back to the default").clicked()
        });
        right.inner
    });
    row.inner
}

/// A frameless button with an icon, a tooltip and a name for screen readers.
pub fn icon_button(ui: &mut Ui, icon: &str, name: &str, explanation: &str) -> Response {
    let button = egui::Button::new(icon)
        .frame_when_inactive(false)
        .min_size(vec2(22.0, 22.0));
    ui.add(button)
        .on_hover_text(explanation)
        .accessible_name(name)
}

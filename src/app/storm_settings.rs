//! STORM's own settings: what is asked of the objects and how hard they are pulled.

use egui::Ui;

use super::setting_row::{Number, VALUE_WIDTH, flag_row, integer_row, number_row, row};
use super::settings::Settings;
use crate::storm::ObjectiveKind;

pub fn storm_ui(ui: &mut Ui, settings: &mut Settings) {
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

pub fn more_ui(ui: &mut Ui, settings: &mut Settings) {
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

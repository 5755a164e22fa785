//! STORM's own settings: what is asked of the objects and how hard they are pulled.

use egui::Ui;

use super::objective_settings::{objective_ui, reference_ui};
use super::setting_row::{Number, VALUE_WIDTH, flag_row, integer_row, number_row, row};
use crate::diffusion::Optimisation;
use crate::engine::Settings;
use crate::storm::ObjectiveKind;

pub fn storm_ui(ui: &mut Ui, settings: &mut Settings) {
    let defaults = Optimisation::default();
    let Optimisation {
        objective,
        parameters,
        update,
    } = &mut settings.optimisation;
    objective_kind_ui(ui, objective);
    if *objective == ObjectiveKind::Reference {
        reference_ui(ui, &mut parameters.reference);
        return;
    }
    let storm = &mut parameters.storm;
    let (storm_default, update_default) = (&defaults.parameters.storm, &defaults.update);
    if *objective != ObjectiveKind::AttendAndExcite {
        number_row(
            ui,
            "Margin",
            "Distance that left, right, above and below ask for between the centres of two \
             objects, as a fraction of the picture's side.",
            &mut storm.margin,
            Number::new(storm_default.margin, 0.0..=0.9, 0.01),
        );
    }
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
                .selected_text(objective.label());
            let opened = combo.show_ui(ui, |ui| {
                for &kind in ObjectiveKind::ALL {
                    ui.selectable_value(objective, kind, kind.label())
                        .on_hover_text(kind.explanation());
                }
            });
            opened.response.accessible_name("Objective");
        },
    );
    if reset {
        *objective = ObjectiveKind::default();
    }
}

pub fn more_ui(ui: &mut Ui, settings: &mut Settings) {
    let defaults = Settings::default();
    let update_default = &defaults.optimisation.update;
    let Optimisation {
        objective,
        parameters,
        update,
    } = &mut settings.optimisation;
    if *objective != ObjectiveKind::Reference {
        integer_row(
            ui,
            "Updates per step",
            "At most so many updates in one step.",
            &mut update.updates_per_step,
            update_default.updates_per_step,
            0..=50,
        );
        number_row(
            ui,
            "Final step scale",
            "What is left of the step size at the end of the window; it falls linearly.",
            &mut update.final_step_scale,
            Number::new(update_default.final_step_scale, 0.0..=1.0, 0.01),
        );
        flag_row(
            ui,
            "Keep the tone",
            "Whether an update leaves the mean of every latent channel as it is, so that it moves \
             things and tints nothing.",
            &mut update.keep_mean,
            update_default.keep_mean,
        );
    }
    integer_row(
        ui,
        "Attention grid",
        "Side of the attention grid that is read, in cells; the level of the model nearest to it \
         is taken.",
        &mut update.attention_res,
        update_default.attention_res,
        1..=128,
    );
    objective_ui(ui, *objective, parameters);
    flag_row(
        ui,
        "Both in one batch",
        "Predict both methods in one batch; costs memory, saves time.",
        &mut settings.batch_methods,
        defaults.batch_methods,
    );
}

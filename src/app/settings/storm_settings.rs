//! STORM's own settings: what is asked of the objects and how hard they are pulled.

use egui::Ui;

use super::setting_row::{VALUE_WIDTH, group_rows, row};
use crate::diffusion::Optimisation;
use crate::engine::Settings;
use crate::storm::{ObjectiveKind, ParameterGroup};

/// The objective and what is asked of it.
pub fn storm_ui(ui: &mut Ui, settings: &mut Settings) {
    objective_kind_ui(ui, &mut settings.optimisation.objective);
    rows_ui(ui, &mut settings.optimisation, true);
}

/// All the rest.
pub fn more_ui(ui: &mut Ui, settings: &mut Settings, defaults: &Settings) {
    rows_ui(ui, &mut settings.optimisation, false);
    let objective = settings.optimisation.objective;
    group_rows(ui, settings, &defaults.values(), objective, false);
}

/// The parameters that the chosen objective reads.
fn rows_ui(ui: &mut Ui, optimisation: &mut Optimisation, is_prominent: bool) {
    let objective = optimisation.objective;
    let mut groups = optimisation.groups();
    if is_prominent {
        // Here what is asked for comes first, then the way there.
        groups.reverse();
    }
    for group in groups {
        let defaults = group.defaults();
        group_rows(ui, group, &defaults, objective, is_prominent);
    }
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

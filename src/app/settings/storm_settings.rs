//! STORM's own settings: what is asked of the objects and how hard they are pulled.

use egui::Ui;

use super::setting_row::{VALUE_WIDTH, parameter_row, row};
use crate::diffusion::Optimisation;
use crate::engine::{BATCH_METHODS, Settings};
use crate::parameters::Field;
use crate::storm::ObjectiveKind;

/// The objective and what is asked of it.
pub fn storm_ui(ui: &mut Ui, settings: &mut Settings) {
    objective_kind_ui(ui, &mut settings.optimisation.objective);
    rows_ui(ui, &mut settings.optimisation, true);
}

/// All the rest.
pub fn more_ui(ui: &mut Ui, settings: &mut Settings) {
    rows_ui(ui, &mut settings.optimisation, false);
    let default = Settings::default().batch_methods.into();
    let field = Field::from(&mut settings.batch_methods);
    parameter_row(ui, &BATCH_METHODS, field, &default);
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
        let (table, defaults) = (group.parameters(), group.defaults());
        for ((parameter, field), default) in table.iter().zip(group.fields()).zip(&defaults) {
            let description = &parameter.description;
            if description.is_prominent == is_prominent && parameter.is_read_by(objective) {
                parameter_row(ui, description, field, default);
            }
        }
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

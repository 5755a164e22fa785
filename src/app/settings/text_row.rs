//! A value that is written as text in a row of the settings: places and thresholds,
//! names of layers.

use egui::{Ui, vec2};

use super::setting_row::{VALUE_WIDTH, row};
use crate::app::look::theme::{Palette, small};
use crate::parameters::{Description, Field, Kind, Value};

/// What can't be read stays in the field, is marked, and changes nothing.
pub fn text_row(ui: &mut Ui, description: &Description, field: &mut Field<'_>, default: &Value) {
    let label = description.label;
    // The same name may be of another kind in another objective.
    let example = description.kind.example();
    let id = ui.scope_id().with(example);
    let kept = ui.data(|data| data.get_temp::<String>(id));
    let mut text = kept.unwrap_or_else(|| field.value().to_string());
    let read = |text: &str, field: &mut Field<'_>| description.read(text, field).is_ok();
    let is_wrong = !read(&text, field);
    let colour = is_wrong.then(|| Palette::of(ui).error);
    let changed = field.value() != *default;
    let explanation = description.text();
    let reset = row(ui, label, &explanation, changed || is_wrong, |ui| {
        let edit = egui::TextEdit::singleline(&mut text).text_color_opt(colour);
        let response = ui
            .add_sized(vec2(VALUE_WIDTH, 22.0), edit)
            .accessible_name(label);
        let stays = !read(&text, field) || response.has_focus();
        ui.data_mut(|data| match stays {
            true => {
                data.insert_temp(id, text.clone());
            }
            false => data.remove::<String>(id),
        });
    });
    if reset {
        field.set(default.clone());
        ui.data_mut(|data| data.remove::<String>(id));
    }
    if is_wrong {
        let words = match description.kind {
            Kind::Layers => format!("Write {example}"),
            _ => format!("Write {example}, from 0 to 1"),
        };
        ui.label(small(words).color(Palette::of(ui).error));
    }
}

//! One setting in a row: its name with an explanation, its control, and a way
//! back to its default.

use std::ops::RangeInclusive;

use egui::{Align, DragValue, Layout, Ui, emath, vec2};

use super::text_row::text_row;
use crate::app::look::buttons::icon_button;
use crate::app::look::icons;
use crate::parameters::{Description, Field, Kind, Value};
use crate::storm::{ObjectiveKind, ParameterGroup};

/// Width of the column of values.
pub const VALUE_WIDTH: f32 = 72.0;

/// The rows of a group's parameters that `objective` reads, with the way back to
/// `defaults`, one per parameter.
pub fn group_rows(
    ui: &mut Ui,
    group: &mut dyn ParameterGroup,
    defaults: &[Value],
    objective: ObjectiveKind,
    is_prominent: bool,
) {
    let table = group.parameters();
    for ((parameter, field), default) in table.iter().zip(group.fields()).zip(defaults) {
        let description = &parameter.description;
        if description.is_prominent == is_prominent && parameter.is_read_by(objective) {
            parameter_row(ui, description, field, default);
        }
    }
}

/// The row of a described parameter, whatever its kind. What lies outside its
/// range, from a file, stays as it is until it is changed.
fn parameter_row(ui: &mut Ui, description: &Description, mut field: Field<'_>, default: &Value) {
    let (label, text) = (description.label, &description.text());
    match (description.kind, &mut field, default) {
        (Kind::Number { low, high, step }, Field::Number(value), Value::Number(default)) => {
            number_row(ui, label, text, value, *default, (low..=high, step));
        }
        (Kind::Count { low, high }, Field::Count(value), Value::Count(default)) => {
            let range = low.min(**value)..=high.max(**value);
            drag_row(ui, label, text, *value, *default, |value| {
                DragValue::new(value).range(range).speed(0.25)
            });
        }
        (Kind::Switch, Field::Switch(value), Value::Switch(default)) => {
            let reset = row(ui, label, text, **value != *default, |ui| {
                ui.checkbox(value, "").accessible_name(label);
            });
            if reset {
                **value = *default;
            }
        }
        (
            Kind::Pair {
                low,
                high,
                step,
                labels,
            },
            Field::Pair(value),
            Value::Pair(default),
        ) => {
            let number = (low..=high, step);
            number_row(ui, labels[0], text, &mut value.0, default.0, number.clone());
            number_row(ui, labels[1], text, &mut value.1, default.1, number);
        }
        (_, field, default) => text_row(ui, description, field, default),
    }
}

/// `number`: range, and how much dragging by a point changes it by.
fn number_row(
    ui: &mut Ui,
    label: &str,
    text: &str,
    value: &mut f64,
    default: f64,
    number: (RangeInclusive<f64>, f64),
) {
    let (range, speed) = number;
    let range = range.start().min(*value)..=range.end().max(*value);
    drag_row(ui, label, text, value, default, |value| {
        DragValue::new(value)
            .range(range)
            .speed(speed)
            .max_decimals(4)
            .custom_formatter(written)
    });
}

fn drag_row<Number: Copy + PartialEq>(
    ui: &mut Ui,
    label: &str,
    text: &str,
    value: &mut Number,
    default: Number,
    edit: impl FnOnce(&mut Number) -> DragValue<'_>,
) {
    let reset = row(ui, label, text, *value != default, |ui| {
        let edit = edit(value).clamp_existing_to_range(false);
        ui.add_sized(vec2(VALUE_WIDTH, 22.0), edit)
            .accessible_name(label);
    });
    if reset {
        *value = default;
    }
}

/// Rounded only where nothing is lost: leaving the field reads this text again.
fn written(value: f64, decimals: RangeInclusive<usize>) -> String {
    let rounded = emath::format_with_decimals_in_range(value, decimals);
    if rounded.parse() == Ok(value) {
        rounded
    } else {
        Value::Number(value).to_string()
    }
}

/// A label with its explanation on the left, the control on the right and,
/// where the value was changed, a button before it that resets it. Says whether
/// that was clicked.
pub fn row(
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

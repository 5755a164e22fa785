//! One setting in a row: its name with an explanation, its control, and a way
//! back to its default.

use std::ops::RangeInclusive;

use egui::{Align, DragValue, Layout, Ui, vec2};

use crate::app::look::buttons::icon_button;
use crate::app::look::icons;

/// Width of the column of values.
pub const VALUE_WIDTH: f32 = 72.0;

/// Default, range and step of a number.
pub struct Number {
    default: f64,
    range: RangeInclusive<f64>,
    speed: f64,
}

impl Number {
    pub fn new(default: f64, range: RangeInclusive<f64>, speed: f64) -> Self {
        Self {
            default,
            range,
            speed,
        }
    }
}

pub fn number_row(ui: &mut Ui, label: &str, explanation: &str, value: &mut f64, number: Number) {
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

pub fn integer_row(
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

pub fn flag_row(ui: &mut Ui, label: &str, explanation: &str, value: &mut bool, default: bool) {
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

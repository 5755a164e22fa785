//! Sizes: of the picture, and those that Stable Diffusion XL is told besides.

use egui::{DragValue, Ui};

use super::setting_row::{VALUE_WIDTH, row};
use crate::engine::{LARGEST_SIDE, ModelInfo, Settings};

/// The sizes that a model's family was trained on, where it was on several.
pub fn aspect_ui(ui: &mut Ui, size: &mut Option<[usize; 2]>, model: &ModelInfo) {
    let sizes = model.family.sizes();
    if sizes.is_empty() {
        return;
    }
    let name = |[width, height]: [usize; 2]| format!("{width} × {height}");
    let shown = size.unwrap_or(model.native_size);
    let selected = match sizes.contains(&shown) {
        true => name(shown),
        false => "another".to_string(),
    };
    let tip =
        "The sizes that the model was trained on most; others may give cut or doubled things.";
    row(ui, "Aspect", tip, false, |ui| {
        let combo = egui::ComboBox::from_id_salt("aspect")
            .width(1.3 * VALUE_WIDTH)
            .selected_text(selected);
        let opened = combo.show_ui(ui, |ui| {
            for &offered in sizes {
                if ui
                    .selectable_label(offered == shown, name(offered))
                    .clicked()
                {
                    *size = (offered != model.native_size).then_some(offered);
                }
            }
        });
        opened.response.accessible_name("Aspect");
    });
}

/// Width and height of the picture.
pub fn size_ui(ui: &mut Ui, size: &mut Option<[usize; 2]>, model: &ModelInfo) {
    let tip = "Width and height in pixels; sides far from what the model was trained on give poorer \
               pictures.";
    let multiple = model.size_multiple;
    let native = model.native_size;
    pair_ui(ui, &PIXELS, tip, size, native, |value| {
        let range = multiple.min(*value)..=LARGEST_SIDE.max(*value);
        DragValue::new(value)
            .range(range)
            .speed(multiple as f64 / 8.0)
    });
}

/// What only models that are told sizes read.
pub fn told_sizes_ui(ui: &mut Ui, settings: &mut Settings, model: &ModelInfo) {
    if !model.is_told_sizes {
        return;
    }
    let picture = settings.size.unwrap_or(model.native_size);
    let tip = "The size before scaling that the picture is to look like, in pixels; a small one makes \
               it look blurred.";
    let original = &mut settings.original_size;
    pair_ui(ui, &ORIGINAL, tip, original, picture, any_size);
    let tip =
        "How much is to look cut off at the left and at the top, in pixels; 0 keeps things whole.";
    pair_ui(ui, &CROP, tip, &mut settings.crop, [0, 0], |value| {
        DragValue::new(value).range(0..=LARGEST_SIDE).speed(4.0)
    });
    let tip = "The size that the picture is to look made for, in pixels.";
    let target = &mut settings.target_size;
    pair_ui(ui, &TARGET, tip, target, picture, any_size);
}

/// A row of two numbers and what they are called.
struct Pair {
    label: &'static str,
    first: &'static str,
    second: &'static str,
    between: &'static str,
}

const PIXELS: Pair = Pair {
    label: "Size",
    first: "Width",
    second: "Height",
    between: "×",
};
const ORIGINAL: Pair = Pair {
    label: "Original size",
    first: "Original width",
    second: "Original height",
    between: "×",
};
const CROP: Pair = Pair {
    label: "Crop",
    first: "Crop at the left",
    second: "Crop at the top",
    between: ",",
};
const TARGET: Pair = Pair {
    label: "Target size",
    first: "Target width",
    second: "Target height",
    between: "×",
};

fn any_size(value: &mut usize) -> DragValue<'_> {
    let largest = LARGEST_SIDE.max(*value);
    DragValue::new(value).range(1..=largest).speed(8.0)
}

/// Two numbers that are `own` where nothing is chosen.
fn pair_ui(
    ui: &mut Ui,
    pair: &Pair,
    tip: &str,
    value: &mut Option<[usize; 2]>,
    own: [usize; 2],
    edit: impl Fn(&mut usize) -> DragValue<'_>,
) {
    let changed = value.is_some_and(|value| value != own);
    let reset = row(ui, pair.label, tip, changed, |ui| {
        let [mut first, mut second] = value.unwrap_or(own);
        let control = |number: &mut usize, ui: &mut Ui, name: &str| {
            let edit = edit(number).clamp_existing_to_range(false);
            ui.add(edit).accessible_name(name).changed()
        };
        // Laid out from the right.
        let changed_second = control(&mut second, ui, pair.second);
        ui.label(pair.between);
        let changed_first = control(&mut first, ui, pair.first);
        if changed_first || changed_second {
            *value = Some([first, second]);
        }
    });
    if reset {
        *value = None;
    }
}

//! The parameters of the chosen objective: its own, and those that all read the
//! maps with.

use egui::{Ui, vec2};

use super::setting_row::{Number, VALUE_WIDTH, flag_row, integer_row, number_row, row};
use crate::app::draft::thresholds::{parse, written};
use crate::app::look::theme::{Palette, small};
use crate::storm::ObjectiveKind;
use crate::storm::parameters::{
    AttendAndExciteParameters, CentroidParameters, ObjectiveParameters, ReferenceParameters,
    StormParameters,
};

/// Label, explanation, value and its bounds.
type Row<'a> = (&'static str, &'static str, &'a mut f64, Number);

/// All parameters of the objective that the first rows do not show; the released
/// code reads the maps in its own way, which has none.
pub fn objective_ui(ui: &mut Ui, kind: ObjectiveKind, parameters: &mut ObjectiveParameters) {
    match kind {
        ObjectiveKind::Storm => transport_ui(ui, &mut parameters.storm),
        ObjectiveKind::Centroid => centroid_ui(ui, &mut parameters.centroid),
        ObjectiveKind::AttendAndExcite => {
            attend_and_excite_ui(ui, &mut parameters.attend_and_excite);
        }
        ObjectiveKind::Reference => return,
    }
    reading_ui(ui, &mut parameters.storm);
}

fn weight(default: f64) -> Number {
    Number::new(default, 0.0..=100.0, 0.01)
}

fn fraction(default: f64) -> Number {
    Number::new(default, 0.0..=1.0, 0.01)
}

fn rows_ui<const N: usize>(ui: &mut Ui, rows: [Row<'_>; N]) {
    for (label, explanation, value, number) in rows {
        number_row(ui, label, explanation, value, number);
    }
}

fn transport_ui(ui: &mut Ui, storm: &mut StormParameters) {
    let default = StormParameters::default();
    rows_ui(
        ui,
        [
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
                "Overshoot",
                "How far beyond the margin the targets lie, as a fraction of the picture's side, so \
             that the pull does not fade before the relation holds.",
                &mut storm.overshoot,
                Number::new(default.overshoot, 0.0..=0.5, 0.01),
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
                "Marginal tolerance",
                "Error of the transport plan's marginal at which the iteration stops.",
                &mut storm.marginal_tolerance,
                Number::new(default.marginal_tolerance, 1e-12..=0.1, 1e-4),
            ),
        ],
    );
}

fn centroid_ui(ui: &mut Ui, centroid: &mut CentroidParameters) {
    let default = CentroidParameters::default();
    rows_ui(
        ui,
        [
            (
                "Relation weight",
                "Strength of moving the objects' centres to the distance asked for.",
                &mut centroid.relation_weight,
                weight(default.relation_weight),
            ),
            (
                "Presence weight",
                "Strength of keeping every object's attention compact.",
                &mut centroid.presence_weight,
                weight(default.presence_weight),
            ),
            (
                "Balance weight",
                "Strength of keeping related objects' attention equally compact.",
                &mut centroid.balance_weight,
                weight(default.balance_weight),
            ),
        ],
    );
}

fn attend_and_excite_ui(ui: &mut Ui, parameters: &mut AttendAndExciteParameters) {
    let default = AttendAndExciteParameters::default();
    thresholds_row(
        ui,
        "Fractions of the sampling at which the updates are repeated, with the response that the \
         weakest object must reach, as 0: 0.05, 0.2: 0.5.",
        &mut parameters.thresholds,
        &default.thresholds,
    );
    integer_row(
        ui,
        "Refinements",
        "Largest number of updates at such a step.",
        &mut parameters.refinement_limit,
        default.refinement_limit,
        0..=200,
    );
}

/// The released code's own parameters, which replace ours.
pub fn reference_ui(ui: &mut Ui, reference: &mut ReferenceParameters) {
    let default = ReferenceParameters::default();
    rows_ui(
        ui,
        [
            (
                "Scale factor",
                "Length of an update at scale 1, in units of the latents.",
                &mut reference.scale_factor,
                Number::new(default.scale_factor, 0.0..=1e4, 0.1),
            ),
            (
                "First scale",
                "Scale of the update at the first step; its square root counts.",
                &mut reference.scale_range.0,
                Number::new(default.scale_range.0, 0.0..=100.0, 0.01),
            ),
            (
                "Last scale",
                "Scale of the update at the last step; its square root counts.",
                &mut reference.scale_range.1,
                Number::new(default.scale_range.1, 0.0..=100.0, 0.01),
            ),
        ],
    );
    integer_row(
        ui,
        "First update",
        "First step that updates the latents.",
        &mut reference.first_update,
        default.first_update,
        0..=1000,
    );
    integer_row(
        ui,
        "End of updates",
        "First step that no longer updates the latents.",
        &mut reference.end_of_updates,
        default.end_of_updates,
        0..=1000,
    );
    thresholds_row(
        ui,
        "Steps at which the updates are repeated until the loss is below 1 − threshold, with \
         their thresholds, as 0: 0.9, 5: 0.95.",
        &mut reference.thresholds,
        &default.thresholds,
    );
    integer_row(
        ui,
        "Refinements",
        "Largest number of updates at such a step.",
        &mut reference.refinement_limit,
        default.refinement_limit,
        0..=200,
    );
}

/// How all of our objectives read the maps.
fn reading_ui(ui: &mut Ui, storm: &mut StormParameters) {
    let default = StormParameters::default();
    rows_ui(
        ui,
        [
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
                "Largest spread",
                "Largest spread of an object's attention, as a fraction of the shorter side, at which \
             it can be a single object; 1 accepts twins.",
                &mut storm.largest_spread,
                fraction(default.largest_spread),
            ),
            (
                "Smoothing",
                "Width of the smoothing of the attention maps, in cells.",
                &mut storm.smoothing_sigma,
                Number::new(default.smoothing_sigma, 0.05..=10.0, 0.05),
            ),
            (
                "Absent below",
                "Mean response, from 0 to 1, below which an object counts as absent and has no place \
             to move from.",
                &mut storm.absent_below,
                Number::new(default.absent_below, 1e-9..=1.0, 1e-5),
            ),
        ],
    );
    flag_row(
        ui,
        "Padding competes",
        "Whether the padding after the prompt competes for the background, which keeps the words' \
         maps clean.",
        &mut storm.include_padding,
        default.include_padding,
    );
}

/// A list of places and thresholds as text; what can't be read stays in the
/// field, is marked, and changes nothing.
fn thresholds_row<Place>(
    ui: &mut Ui,
    explanation: &str,
    thresholds: &mut Vec<(Place, f64)>,
    default: &[(Place, f64)],
) where
    Place: std::str::FromStr + std::fmt::Display + Clone + PartialEq,
{
    let id = ui.scope_id().with(std::any::type_name::<Place>());
    let kept = ui.data(|data| data.get_temp::<String>(id));
    let mut text = kept.unwrap_or_else(|| written(thresholds));
    let is_wrong = parse::<Place>(&text).is_none();
    let colour = is_wrong.then(|| Palette::of(ui).error);
    let changed = thresholds != default;
    let reset = row(ui, "Thresholds", explanation, changed || is_wrong, |ui| {
        let edit = egui::TextEdit::singleline(&mut text).text_color_opt(colour);
        let response = ui
            .add_sized(vec2(VALUE_WIDTH, 22.0), edit)
            .accessible_name("Thresholds");
        if let Some(read) = parse(&text) {
            *thresholds = read;
        }
        let stays = response.has_focus() || parse::<Place>(&text).is_none();
        ui.data_mut(|data| match stays {
            true => {
                data.insert_temp(id, text.clone());
            }
            false => data.remove::<String>(id),
        });
    });
    if reset {
        *thresholds = default.to_vec();
        ui.data_mut(|data| data.remove::<String>(id));
    }
    if is_wrong {
        let words = "Write places and thresholds as 0: 0.9, 5: 0.95";
        ui.label(small(words).color(Palette::of(ui).error));
    }
}

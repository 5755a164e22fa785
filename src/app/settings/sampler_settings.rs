//! How a picture is walked: sampler, noise schedule, and what few people change.
//!
//! Names, sentences and what goes with what come from the table of samplers.

use egui::Ui;
use strum::VariantArray;

use super::setting_row::row;
use crate::app::look::theme::{Palette, small};
use crate::app::state::message::sentence;
use crate::diffusion::scheduler::NO_SCHEDULE;
use crate::diffusion::{NoiseKind, OwnWalk, SchedulerKind, SigmaSchedule, TimestepSpacing};
use crate::engine::{ModelInfo, Settings};
use crate::prompt::PromptWeights;

/// Width of names that are longer than numbers.
const NAME_WIDTH: f32 = 120.0;

/// What can be chosen in a row.
struct Choice<T> {
    value: T,
    label: &'static str,
    explanation: &'static str,
    /// Why it cannot be chosen now.
    refusal: Option<String>,
}

/// Sampler and schedule, with the way back to those of `defaults`.
pub fn sampler_ui(
    ui: &mut Ui,
    settings: &mut Settings,
    defaults: &Settings,
    model: Option<&ModelInfo>,
) {
    let own = model.map(|model| &model.own_walk);
    let kinds = SchedulerKind::ALL.iter().map(|&value| Choice {
        value,
        label: value.sampler().label,
        explanation: value.sampler().explanation,
        refusal: None,
    });
    let own_name = own.map_or("", |own| own.scheduler.sampler().label);
    let tip = "The rule that walks from noise to picture.";
    let sampler = (&mut settings.scheduler, defaults.scheduler);
    choice_row(ui, "Sampler", tip, sampler, own_name, kinds);
    let kind = settings.scheduler.or(own.map(|own| own.scheduler));
    let offers = |schedule| {
        kind.is_none_or(|kind: SchedulerKind| kind.sampler().schedules.contains(&schedule))
    };
    // Another sampler may not offer what was chosen for the last one.
    settings.schedule = settings.schedule.filter(|schedule| offers(*schedule));
    let schedules = SigmaSchedule::ALL.iter().map(|&value| Choice {
        value,
        label: value.facts().label,
        explanation: value.facts().explanation,
        refusal: (!offers(value)).then(|| refusal(kind)),
    });
    let own_name = own
        .filter(|own| kind == Some(own.scheduler))
        .map_or(SigmaSchedule::Model, |own| own.schedule);
    let tip = "The noise levels that the sampler visits on its way.";
    let own_name = own_name.facts().label;
    choice_row(
        ui,
        "Schedule",
        tip,
        (&mut settings.schedule, defaults.schedule),
        own_name,
        schedules,
    );
    if let Some(own) = own.filter(|_| settings.scheduler.is_none()) {
        own_ui(ui, own);
    }
}

fn refusal(kind: Option<SchedulerKind>) -> String {
    let name = kind.map_or("This sampler", |kind| kind.sampler().label);
    format!("{name} does not offer it: {NO_SCHEDULE}.")
}

/// What the model was made for, where that is not what most are.
fn own_ui(ui: &mut Ui, own: &OwnWalk) {
    let weak = Palette::of(ui).weak_text;
    if own.steps.is_some() || own.guidance_scale.is_some() {
        ui.label(small(format!("This model was made for {own}.")).color(weak));
    }
    for what in &own.instead {
        ui.label(small(sentence(what)).color(weak));
    }
}

/// What few people change.
pub fn more_sampling_ui(ui: &mut Ui, settings: &mut Settings, model: Option<&ModelInfo>) {
    let own = model.map(|model| model.own_walk.scheduler);
    let kind = settings.scheduler.or(own);
    let spaces = kind.is_none_or(|kind| kind.sampler().spaces_timesteps);
    let spacings = TimestepSpacing::VARIANTS.iter().map(|&value| Choice {
        value,
        label: value.into(),
        explanation: value.explanation(),
        refusal: (!spaces).then(|| {
            let name = kind.map_or("This sampler", |kind| kind.sampler().label);
            format!("{name} visits the timesteps that its model was distilled on.")
        }),
    });
    let tip = "Which of the timesteps of the training are visited.";
    let spacing = (&mut settings.timestep_spacing, None);
    choice_row(ui, "Spacing", tip, spacing, "the model's own", spacings);
    let kinds = NoiseKind::ALL.into_iter().map(|value| Choice {
        value,
        label: value.infotext_name(),
        explanation: value.explanation(),
        refusal: None,
    });
    let tip = "Whose random numbers a seed stands for.";
    let mut chosen = Some(settings.rng).filter(|kind| *kind != NoiseKind::default());
    choice_row(ui, "Noise", tip, (&mut chosen, None), "CPU", kinds.skip(1));
    settings.rng = chosen.unwrap_or_default();
    weights_ui(ui, settings);
}

/// How brackets in the prompts are read.
fn weights_ui(ui: &mut Ui, settings: &mut Settings) {
    let is_literal = settings.reading() == PromptWeights::Literal;
    let is_forced = is_literal && settings.prompt_weights != PromptWeights::Literal;
    let rules = PromptWeights::VARIANTS.iter().map(|&value| Choice {
        value,
        label: value.label(),
        explanation: value.explanation(),
        refusal: (is_forced && value != PromptWeights::Literal)
            .then(|| "The released code takes every character as it is.".to_string()),
    });
    let own = PromptWeights::default();
    let mut chosen = Some(settings.prompt_weights).filter(|rule| *rule != own);
    let tip = "How brackets in the prompts are read: (cat:1.3) for more of a word, [cat] or \
               (cat:0.8) for less, BREAK for a new chunk.";
    let name = match is_forced {
        true => PromptWeights::Literal.label(),
        false => own.label(),
    };
    let others = rules.filter(|rule| rule.value != own);
    choice_row(ui, "Weights", tip, (&mut chosen, None), name, others);
    settings.prompt_weights = chosen.unwrap_or(own);
}

/// A menu whose first entry is what holds where nothing is chosen; a value comes
/// with its default.
fn choice_row<T: Copy + PartialEq>(
    ui: &mut Ui,
    label: &str,
    tip: &str,
    (value, default): (&mut Option<T>, Option<T>),
    own: &str,
    choices: impl Iterator<Item = Choice<T>>,
) {
    let choices: Vec<Choice<T>> = choices.collect();
    let changed = *value != default;
    let reset = row(ui, label, tip, changed, |ui| {
        let shown = choices.iter().find(|choice| Some(choice.value) == *value);
        let combo = egui::ComboBox::from_id_salt(label)
            .width(NAME_WIDTH)
            .selected_text(shown.map_or(own, |choice| choice.label));
        let opened = combo.show_ui(ui, |ui| {
            ui.selectable_value(value, None, format!("{own} (where nothing is chosen)"));
            for choice in choices {
                let is_chosen = *value == Some(choice.value);
                let button = egui::Button::selectable(is_chosen, choice.label);
                let response = ui.add_enabled(choice.refusal.is_none(), button);
                let response = response.on_hover_text(choice.explanation);
                let response = match choice.refusal {
                    Some(why) => response.on_disabled_hover_text(why),
                    None => response,
                };
                if response.clicked() {
                    *value = Some(choice.value);
                }
            }
        });
        opened.response.accessible_name(label);
    });
    if reset {
        *value = default;
    }
}

//! The line at the bottom: device, model, memory, progress, and what was saved.

use egui::{Align, CornerRadius, Layout, Rect, Sense, Ui, vec2};

use super::frame_meter::{FrameMeter, MemoryMeter};
use super::panes::PaneSizes;
use crate::app::look::buttons::icon_button;
use crate::app::look::icons;
use crate::app::look::names::method_name;
use crate::app::look::theme::{Palette, small};
use crate::app::state::State;
use crate::app::state::action::Action;
use crate::app::state::session::{ModelState, Run, RunState};

#[derive(Debug, Default)]
pub struct StatusBar {
    memory: MemoryMeter,
}

impl StatusBar {
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        state: &mut State,
        meter: &FrameMeter,
        panes: &mut PaneSizes,
    ) {
        self.memory.refresh();
        ui.horizontal_centered(|ui| {
            ui.spacing_mut().item_spacing.x = 12.0;
            model_ui(ui, state);
            memory_ui(ui, &self.memory, state);
            progress_ui(ui, state, meter);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                theme_ui(ui, state);
                panes_ui(ui, panes);
                saved_ui(ui, state);
            });
        });
    }
}

fn model_ui(ui: &mut Ui, state: &State) {
    let palette = Palette::of(ui);
    let weak = |text: String| small(text).color(palette.weak_text);
    match &state.session.model {
        ModelState::Loading { name, fraction, .. } => {
            ui.add(egui::Spinner::new().size(12.0));
            ui.label(weak(format!(
                "{name} is loading, {:.0} %",
                100.0 * fraction
            )));
        }
        ModelState::Ready(info) => {
            let device = ui.label(weak(format!("{} {}", icons::CPU, info.device)));
            if let Some(note) = &info.device_note {
                device.on_hover_text(crate::app::state::message::sentence(note));
            }
            ui.label(weak(info.name.clone()));
        }
        ModelState::Failed { name, .. } => {
            ui.label(small(format!("{name} did not load")).color(palette.error));
        }
    }
}

fn memory_ui(ui: &mut Ui, memory: &MemoryMeter, state: &State) {
    let palette = Palette::of(ui);
    let kept = state.store.bytes() as f64 / 1e6;
    let text = match memory.resident_bytes() {
        Some(bytes) => format!("{} {:.2} GB", icons::MEMORY, bytes as f64 / 1e9),
        None => format!("{} {kept:.0} MB of steps", icons::MEMORY),
    };
    ui.label(small(text).color(palette.weak_text))
        .on_hover_text(format!(
            "Memory of this program; past steps kept for the timeline take {kept:.0} MB of it"
        ));
}

fn progress_ui(ui: &mut Ui, state: &State, meter: &FrameMeter) {
    let palette = Palette::of(ui);
    let weak = |text: String| small(text).color(palette.weak_text);
    let Some(running) = &state.session.running else {
        if let Some(run) = state.session.newest_run()
            && run.state == RunState::Done
        {
            let text = format!("{} {:.1} s", icons::CHECK_CIRCLE, run.seconds);
            ui.label(weak(text)).on_hover_text(meter.summary());
        }
        return;
    };
    let run = state
        .session
        .newest_run()
        .filter(|run| run.key.request == running.id);
    let (made, count) = run.map_or((0, 1), Run::progress);
    let (rect, _) = ui.allocate_exact_size(vec2(120.0, 4.0), Sense::hover());
    let painter = ui.painter();
    painter.rect_filled(rect, CornerRadius::same(2), palette.raised);
    let done = Rect::from_min_size(
        rect.min,
        vec2(
            rect.width() * made as f32 / count.max(1) as f32,
            rect.height(),
        ),
    );
    painter.rect_filled(done, CornerRadius::same(2), palette.accent);
    let text = match run {
        None => "preparing".to_string(),
        Some(_) if state.session.is_cancelling => "stopping".to_string(),
        Some(run) => {
            let seeds = &running.request.seeds;
            let seed = seeds
                .iter()
                .position(|seed| *seed == run.key.seed)
                .unwrap_or(0)
                + 1;
            let of_seeds = if seeds.len() > 1 {
                format!(" · seed {seed}/{}", seeds.len())
            } else {
                String::new()
            };
            let left = match run.seconds_left() {
                Some(seconds) if seconds > 0.0 => format!(" · {seconds:.0} s left"),
                _ => String::new(),
            };
            let step = match run.current_step() {
                (step, Some(method)) => format!("{} step {step}", method_name(method)),
                (step, None) => format!("step {step}"),
            };
            format!("{step}/{}{of_seeds}{left}", run.step_count)
        }
    };
    let per_step = run
        .filter(|_| made > 0)
        .map(|run| run.seconds / made as f64);
    let explanation = match per_step {
        Some(seconds) => format!("{seconds:.2} s per step. {}", meter.summary()),
        None => meter.summary(),
    };
    ui.label(weak(text)).on_hover_text(explanation);
}

/// What was last saved, and the way to it.
fn saved_ui(ui: &mut Ui, state: &mut State) {
    let palette = Palette::of(ui);
    let Some(saved) = state.files.last_saved().map(std::path::Path::to_path_buf) else {
        return;
    };
    let show = icon_button(
        ui,
        icons::FOLDER_OPEN,
        "Show in folder",
        "Show it in the file manager",
    );
    if show.clicked() {
        state.actions.push(Action::ShowInFolder(saved.clone()));
    }
    let text = format!("Saved {}", saved.display());
    ui.add(egui::Label::new(small(text).color(palette.weak_text)).truncate());
}

/// Which panes are open.
fn panes_ui(ui: &mut Ui, panes: &mut PaneSizes) {
    ui.spacing_mut().item_spacing.x = 2.0;
    for (icon, name, shown) in [
        (icons::EYE, "Attention", &mut panes.shows_attention),
        (
            icons::CHART_LINE,
            "Timeline and gallery",
            &mut panes.shows_bottom,
        ),
        (
            icons::SLIDERS_HORIZONTAL,
            "Settings",
            &mut panes.shows_settings,
        ),
    ] {
        let button = egui::Button::selectable(*shown, icon).min_size(vec2(22.0, 20.0));
        let name = format!("Show {}", name.to_lowercase());
        if ui
            .add(button)
            .on_hover_text(&name)
            .accessible_name(&name)
            .clicked()
        {
            *shown = !*shown;
        }
    }
}

fn theme_ui(ui: &mut Ui, state: &mut State) {
    let icon = if ui.visuals().dark_mode {
        icons::SUN
    } else {
        icons::MOON
    };
    if icon_button(ui, icon, "Change the theme", "Light or dark").clicked() {
        state.actions.push(Action::ToggleTheme);
    }
}

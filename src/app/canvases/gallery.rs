//! The session's results: a strip to choose from, and a grid of all seeds.

use std::sync::Arc;

use egui::{CornerRadius, Rect, ScrollArea, Sense, Stroke, StrokeKind, TextureHandle, Ui, vec2};
use image::RgbImage;

use crate::app::look::names::method_name;
use crate::app::look::theme::{CORNER, Palette, small};
use crate::app::paint::drawing::{Content, Place, WHOLE};
use crate::app::paint::images;
use crate::app::paint::textures::Textures;
use crate::app::state::State;
use crate::app::state::action::Action;
use crate::app::state::session::{Run, RunKey, RunState};
use crate::diffusion::Method;
use crate::engine::RequestId;

const THUMBNAIL: f32 = 64.0;

#[derive(Debug, Default)]
pub struct GalleryPanel;

impl GalleryPanel {
    pub fn ui(&mut self, ui: &mut Ui, state: &mut State, textures: &mut Textures) {
        let palette = Palette::of(ui);
        if state.session.runs.is_empty() {
            ui.centered_and_justified(|ui| {
                ui.label(
                    small("Every picture of this session will be here.").color(palette.weak_text),
                );
            });
            return;
        }
        let keys: Vec<RunKey> = state.session.runs.iter().rev().map(|run| run.key).collect();
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            ui.horizontal_wrapped(|ui| {
                ui.spacing_mut().item_spacing = vec2(12.0, 8.0);
                for key in keys {
                    entry_ui(ui, key, state, textures, THUMBNAIL);
                }
            });
        });
    }
}

/// All seeds of the shown request, each with its methods.
pub fn grid_ui(ui: &mut Ui, state: &mut State, textures: &mut Textures) {
    let palette = Palette::of(ui);
    let Some(request) = state.shown_run().map(|run| run.key.request) else {
        ui.centered_and_justified(|ui| {
            ui.label(
                small("Write several seeds, such as 0-7, and generate: they will be here.")
                    .color(palette.weak_text),
            );
        });
        return;
    };
    let keys = keys_of(state, request);
    let area = ui.available_size();
    let side = grid_side(keys.len(), [area.x, area.y]);
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = vec2(12.0, 8.0);
            for key in keys {
                entry_ui(ui, key, state, textures, side);
            }
        });
    });
}

fn keys_of(state: &State, request: RequestId) -> Vec<RunKey> {
    let runs = state.session.runs.iter();
    runs.map(|run| run.key)
        .filter(|key| key.request == request)
        .collect()
}

/// The largest side at which all pairs fit, down to that of the strip.
fn grid_side(pairs: usize, [width, height]: [f32; 2]) -> f32 {
    let fits = |side: f32| {
        let columns = ((width + 12.0) / (2.0 * side + 2.0 + 12.0))
            .floor()
            .max(1.0);
        let rows = (pairs as f32 / columns).ceil();
        2.0 * side + 2.0 <= width && rows * (side + 28.0) <= height
    };
    let sides = (THUMBNAIL as usize..=320)
        .rev()
        .step_by(4)
        .map(|side| side as f32);
    sides
        .into_iter()
        .find(|&side| fits(side))
        .unwrap_or(THUMBNAIL)
}

/// The pictures of one seed, side by side; a click shows them, a double click
/// takes their settings back.
fn entry_ui(ui: &mut Ui, key: RunKey, state: &mut State, textures: &mut Textures, side: f32) {
    let palette = Palette::of(ui);
    let Some(run) = state.session.run(key) else {
        return;
    };
    let methods = run.request.settings.methods.list();
    let aspect = run.size[1] as f32 / run.size[0].max(1) as f32;
    let size = vec2(side, side * aspect.min(1.5));
    let label = entry_label(run);
    let explanation = entry_explanation(run);
    let is_shown = state.shown_run().is_some_and(|shown| shown.key == key);
    let total = vec2(methods.len() as f32 * (side + 2.0) - 2.0, size.y + 18.0);
    let (rect, response) = ui.allocate_exact_size(total, Sense::click());
    for (index, &method) in methods.iter().enumerate() {
        let min = rect.min + vec2(index as f32 * (side + 2.0), 0.0);
        let picture = picture_of(run, method);
        let texture = picture.map(|image| thumbnail_texture(ui, textures, (key, method), &image));
        thumbnail_ui(ui, Rect::from_min_size(min, size), method, texture);
    }
    let outline = match (is_shown, response.has_focus(), response.hovered()) {
        (_, true, _) | (true, _, _) => Stroke::new(2.0, palette.accent),
        (_, _, true) => Stroke::new(1.0, palette.text),
        _ => Stroke::NONE,
    };
    let pictures = Rect::from_min_size(rect.min, vec2(total.x, size.y));
    ui.painter().rect_stroke(
        pictures,
        CornerRadius::same(CORNER),
        outline,
        StrokeKind::Outside,
    );
    let font = egui::FontId::proportional(crate::app::look::theme::SMALL_SIZE);
    ui.painter().text(
        pictures.left_bottom() + vec2(0.0, 3.0),
        egui::Align2::LEFT_TOP,
        &label,
        font,
        palette.weak_text,
    );
    response.widget_info(|| {
        egui::WidgetInfo::selected(egui::accesskit::Role::Button, true, is_shown, &label)
    });
    if response.clicked() {
        state.view.run = Some(key);
        state.view.step = None;
    }
    if response.double_clicked() {
        state.actions.push(Action::Restore(key));
    }
    let response = response.on_hover_text(explanation);
    response.context_menu(|ui| {
        if ui.button("Take these settings back").clicked() {
            state.actions.push(Action::Restore(key));
        }
    });
}

fn thumbnail_ui(ui: &Ui, rect: Rect, method: Method, texture: Option<TextureHandle>) {
    let palette = Palette::of(ui);
    let corner = CornerRadius::same(CORNER);
    match texture {
        Some(texture) => {
            let shape = egui::epaint::RectShape::filled(rect, corner, egui::Color32::WHITE)
                .with_texture(texture.id(), WHOLE);
            ui.painter().add(shape);
        }
        None => {
            ui.painter().rect_filled(rect, corner, palette.ground);
            let font = egui::FontId::proportional(crate::app::look::theme::SMALL_SIZE);
            let text = method_name(method);
            let align = egui::Align2::CENTER_CENTER;
            ui.painter()
                .text(rect.center(), align, text, font, palette.weak_text);
        }
    }
}

fn entry_label(run: &Run) -> String {
    let state = match run.state {
        RunState::Running => " · running",
        RunState::Done => "",
        RunState::Cancelled => " · cancelled",
        RunState::Failed => " · failed",
    };
    format!("seed {}{state}", run.key.seed)
}

fn entry_explanation(run: &Run) -> String {
    let request = &run.request;
    format!(
        "{}\n{} steps, guidance scale {}, seed {}\nClick to look, double click to take the settings back",
        request.prompt, request.settings.steps, request.settings.guidance_scale, run.key.seed
    )
}

/// A finished picture for small places.
fn thumbnail_texture(
    ui: &Ui,
    textures: &mut Textures,
    (run, method): (RunKey, Method),
    image: &RgbImage,
) -> TextureHandle {
    let content = Content {
        run,
        method,
        step: None,
        variant: 0,
    };
    let place = Place::Gallery(run, method);
    let linear = egui::TextureOptions::LINEAR;
    let texture = textures.get(ui.ctx(), place, content, linear, || {
        Some(images::exact_picture(image))
    });
    texture.expect("a finished picture has something to show")
}

fn picture_of(run: &Run, method: Method) -> Option<Arc<RgbImage>> {
    run.trace(method)
        .picture
        .as_ref()
        .map(|picture| picture.image.clone())
}

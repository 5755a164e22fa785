//! Results: this session's and those kept earlier, to choose from, and a grid of all
//! seeds of a request.

use std::sync::Arc;

use egui::text::{LayoutJob, TextWrapping};
use egui::{
    CornerRadius, Rect, ScrollArea, Sense, Stroke, StrokeKind, TextEdit, TextureHandle, Ui, Vec2,
    vec2,
};
use image::RgbImage;

use super::keeping::keeping_ui;
use super::kept::{Thumbnails, kept_buttons_ui, kept_menu_ui, kept_ui};
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
use crate::gallery::EntryId;

/// Side of a thumbnail in points.
pub const THUMBNAIL: f32 = 64.0;
/// Room of an entry: two thumbnails and a line of text.
pub const CELL: Vec2 = vec2(2.0 * THUMBNAIL + 2.0, THUMBNAIL + 18.0);
/// Between two entries.
const SPACING: Vec2 = vec2(12.0, 8.0);

/// This session's pictures and those kept earlier.
#[derive(Default)]
pub struct GalleryPanel {
    search: String,
    only_starred: bool,
    thumbnails: Thumbnails,
}

/// One place of the gallery.
enum Item {
    Run(RunKey),
    /// By its place among those that the search leaves.
    Kept(EntryId),
}

impl GalleryPanel {
    pub fn ui(&mut self, ui: &mut Ui, state: &mut State, textures: &mut Textures) {
        let palette = Palette::of(ui);
        self.thumbnails.begin(ui, &mut state.kept);
        let has_any = !state.session.runs.is_empty() || !state.kept.catalogue.entries().is_empty();
        if !has_any {
            let text = match state.kept.folder() {
                Some(_) => "Every finished picture is kept and will be here, also next time.",
                None => "Every picture of this session will be here.",
            };
            ui.centered_and_justified(|ui| {
                ui.label(small(text).color(palette.weak_text));
            });
            return;
        }
        let items = self.items(state);
        let columns = ((ui.available_width() + SPACING.x) / (CELL.x + SPACING.x)).floor();
        let columns = (columns as usize).max(1);
        let rows = items.len().div_ceil(columns);
        let mut on_screen = Vec::new();
        ui.spacing_mut().item_spacing = SPACING;
        ScrollArea::vertical()
            .auto_shrink(false)
            .show_rows(ui, CELL.y, rows, |ui, range| {
                for row in range {
                    ui.horizontal(|ui| {
                        for item in items.iter().skip(row * columns).take(columns) {
                            match item {
                                Item::Run(key) => entry_ui(ui, *key, state, textures, None),
                                Item::Kept(id) => {
                                    let Some(entry) = state.kept.catalogue.entry(id).cloned()
                                    else {
                                        continue;
                                    };
                                    on_screen.push(id.clone());
                                    kept_ui(ui, &entry, state, &mut self.thumbnails);
                                }
                            }
                        }
                    });
                }
            });
        self.thumbnails.wish(&state.kept, &on_screen);
    }

    /// Search, star, how much is kept and where, in the line of the tabs.
    pub fn search_ui(&mut self, ui: &mut Ui, state: &mut State) {
        if !state.kept.is_started() {
            return;
        }
        let palette = Palette::of(ui);
        ui.spacing_mut().item_spacing.x = 8.0;
        // Fields have the colour of the ground elsewhere, on which this one stands.
        ui.visuals_mut().extreme_bg_color = palette.raised;
        let edit = TextEdit::singleline(&mut self.search)
            .hint_text("Search the prompts")
            .desired_width(220.0);
        ui.add(edit).accessible_name("Search the prompts");
        ui.checkbox(&mut self.only_starred, "Starred");
        let count = state.kept.catalogue.entries().len();
        let bytes = state.kept.catalogue.bytes() as f64;
        let amount = match bytes < 1e6 {
            true => format!("{:.0} kB", bytes / 1e3),
            false => format!("{:.1} MB", bytes / 1e6),
        };
        if count > 0 {
            let unread = state.kept.catalogue.unread();
            let reading = match unread {
                0 => String::new(),
                _ => format!(" · {unread} still to be read"),
            };
            let text = format!("{count} kept, {amount}{reading}");
            ui.label(small(text).color(palette.weak_text));
        }
        let layout = egui::Layout::right_to_left(egui::Align::Center);
        ui.with_layout(layout, |ui| {
            ui.add_space(12.0);
            keeping_ui(ui, state);
        });
    }

    /// This session's runs, then what was kept earlier; the newest first.
    fn items(&mut self, state: &mut State) -> Vec<Item> {
        let search = self.search.trim().to_lowercase();
        let words: Vec<&str> = search.split_whitespace().collect();
        let kept = &mut state.kept;
        kept.catalogue.search(&search, self.only_starred);
        let is_starred = |key: RunKey| {
            let id = kept.entry_of(key);
            let entry = id.and_then(|id| kept.catalogue.entry(&id));
            entry.is_some_and(|entry| entry.marks.starred)
        };
        let runs = state.session.runs.iter().rev().filter(|run| {
            let prompt = run.request.prompt.to_lowercase();
            let is_found = words.iter().all(|word| prompt.contains(word));
            is_found && (!self.only_starred || is_starred(run.key))
        });
        let mut items: Vec<Item> = runs.map(|run| Item::Run(run.key)).collect();
        let count = kept.catalogue.shown_count();
        let of_runs = kept.entries_of_runs();
        let entries = (0..count).filter_map(|place| kept.catalogue.shown(place));
        let earlier = entries.filter(|entry| !of_runs.contains(&entry.id));
        items.extend(earlier.map(|entry| Item::Kept(entry.id.clone())));
        items
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
                entry_ui(ui, key, state, textures, Some(side));
            }
        });
    });
}

fn keys_of(state: &State, request: RequestId) -> Vec<RunKey> {
    let runs = state.session.runs.iter();
    if let Some(made) = state.sweeps.of(request) {
        let runs = runs.map(|run| run.key);
        return runs
            .filter(|key| made.cell(key.request).is_some())
            .collect();
    }
    let runs = runs.map(|run| run.key);
    let keys: Vec<RunKey> = runs.filter(|key| key.request == request).collect();
    match (keys.is_empty(), state.shown_run()) {
        // One that was kept earlier stands alone.
        (true, Some(shown)) => vec![shown.key],
        _ => keys,
    }
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

/// The pictures of one seed, side by side, each of a side or in the gallery's room; a
/// click shows them, a double click takes their settings back.
fn entry_ui(
    ui: &mut Ui,
    key: RunKey,
    state: &mut State,
    textures: &mut Textures,
    side: Option<f32>,
) {
    let palette = Palette::of(ui);
    let Some(run) = state.session.run(key) else {
        return;
    };
    let methods = run.request.settings.methods.list();
    let is_in_grid = side.is_some();
    let aspect = run.size[1] as f32 / run.size[0].max(1) as f32;
    let (side, size) = match side {
        Some(side) => (side, vec2(side, side * aspect.min(1.5))),
        None => (THUMBNAIL, vec2(THUMBNAIL, THUMBNAIL)),
    };
    let sweep = state.sweeps.of(key.request).filter(|_| is_in_grid);
    let cell = sweep.and_then(|made| made.cell(key.request));
    let label = match cell {
        Some(cell) => format!("{cell} · {}", entry_label(run)),
        None => entry_label(run),
    };
    let explanation = entry_explanation(run);
    let prompt = run.request.prompt.clone();
    let is_shown = state.shown_run().is_some_and(|shown| shown.key == key);
    let total = match size == vec2(THUMBNAIL, THUMBNAIL) {
        true => CELL,
        false => vec2(methods.len() as f32 * (side + 2.0) - 2.0, size.y + 18.0),
    };
    let (rect, response) = ui.allocate_exact_size(total, Sense::click());
    for (index, &method) in methods.iter().enumerate() {
        let min = rect.min + vec2(index as f32 * (side + 2.0), 0.0);
        let picture = picture_of(run, method);
        let texture = picture.map(|image| thumbnail_texture(ui, textures, (key, method), &image));
        let place = Rect::from_min_size(min, size);
        thumbnail_ui(ui, place, method_name(method), texture);
    }
    let outline = match (is_shown, response.has_focus(), response.hovered()) {
        (_, true, _) | (true, _, _) => Stroke::new(2.0, palette.accent),
        (_, _, true) => Stroke::new(1.0, palette.text),
        _ => Stroke::NONE,
    };
    let width = methods.len() as f32 * (side + 2.0) - 2.0;
    let pictures = Rect::from_min_size(rect.min, vec2(width, size.y));
    ui.painter().rect_stroke(
        pictures,
        CornerRadius::same(CORNER),
        outline,
        StrokeKind::Outside,
    );
    let prompt = if is_in_grid { "" } else { &prompt };
    let line = Rect::from_min_size(rect.min, vec2(total.x, size.y));
    label_ui(ui, line, &label, prompt);
    let entry = state.kept.entry_of(key);
    let entry = entry
        .and_then(|id| state.kept.catalogue.entry(&id))
        .cloned();
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
        if let Some(entry) = &entry {
            kept_menu_ui(ui, entry, state);
        }
    });
    if let Some(entry) = &entry {
        kept_buttons_ui(ui, pictures, entry, state);
    }
}

/// A line under the pictures of an entry: what it is called, and as much of its prompt as
/// there is room for.
pub fn label_ui(ui: &Ui, pictures: Rect, label: &str, prompt: &str) {
    let font = egui::FontId::proportional(crate::app::look::theme::SMALL_SIZE);
    let text = match prompt.is_empty() {
        true => label.to_owned(),
        false => format!("{label} · {prompt}"),
    };
    let colour = Palette::of(ui).weak_text;
    let mut line = LayoutJob::simple_singleline(text, font, colour);
    line.wrap = TextWrapping::truncate_at_width(pictures.width());
    let galley = ui.painter().layout_job(line);
    let place = pictures.left_bottom() + vec2(0.0, 3.0);
    ui.painter().galley(place, galley, colour);
}

/// A picture in its whole form, or a word in its place.
pub fn thumbnail_ui(ui: &Ui, rect: Rect, word: &str, texture: Option<TextureHandle>) {
    let palette = Palette::of(ui);
    let corner = CornerRadius::same(CORNER);
    match texture {
        Some(texture) => {
            let size = texture.size_vec2();
            let fits = size * (rect.size() / size).min_elem();
            let rect = Rect::from_center_size(rect.center(), fits);
            let shape = egui::epaint::RectShape::filled(rect, corner, egui::Color32::WHITE)
                .with_texture(texture.id(), WHOLE);
            ui.painter().add(shape);
        }
        None => {
            ui.painter().rect_filled(rect, corner, palette.ground);
            let font = egui::FontId::proportional(crate::app::look::theme::SMALL_SIZE);
            let align = egui::Align2::CENTER_CENTER;
            ui.painter()
                .text(rect.center(), align, word, font, palette.weak_text);
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

/// What can be done with an entry, for its tooltip.
pub const GESTURES: &str =
    "Click to look, double click to take the settings back, right button for more";

fn entry_explanation(run: &Run) -> String {
    let request = &run.request;
    format!(
        "{}\n{} steps, guidance scale {}, seed {}\n{GESTURES}",
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

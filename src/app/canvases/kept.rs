//! Kept pictures in the gallery: only what is on the screen is laid out and read,
//! however many there are.

use std::collections::{HashMap, HashSet};

use egui::{
    Color32, CornerRadius, Id, Rect, Response, Sense, Stroke, StrokeKind, TextureHandle,
    TextureOptions, Ui, vec2,
};

use super::gallery::{CELL, GESTURES, THUMBNAIL, label_ui, thumbnail_ui};
use crate::app::look::icons;
use crate::app::look::theme::{CORNER, Palette};
use crate::app::paint::images;
use crate::app::state::State;
use crate::app::state::action::{Action, KeptAction};
use crate::app::state::kept::{Kept, Then};
use crate::diffusion::Method;
use crate::gallery::{Brief, Entry, EntryId};

/// Textures that are held at most; those longest unseen go first.
const MOST_TEXTURES: usize = 600;

/// What is known of a thumbnail.
enum Thumbnail {
    /// Wished for.
    Wished,
    There(TextureHandle),
    /// Why there is none.
    Missing(String),
}

/// The thumbnails of kept pictures.
#[derive(Default)]
pub struct Thumbnails {
    held: HashMap<(EntryId, Method), (Thumbnail, u64)>,
    frame: u64,
}

impl Thumbnails {
    /// Takes in what came, once a frame.
    pub fn begin(&mut self, ui: &Ui, kept: &mut Kept) {
        self.frame += 1;
        for (id, method, image) in kept.arrived.drain(..) {
            let thumbnail = match image {
                Ok(image) => Thumbnail::There(ui.ctx().load_texture(
                    format!("kept {id:?}"),
                    images::exact_picture(&image),
                    TextureOptions::LINEAR,
                )),
                Err(reason) => Thumbnail::Missing(reason),
            };
            self.held.insert((id, method), (thumbnail, self.frame));
        }
        if self.held.len() > MOST_TEXTURES {
            let mut ages: Vec<u64> = self.held.values().map(|(_, seen)| *seen).collect();
            ages.sort_unstable();
            let oldest = ages[ages.len() - MOST_TEXTURES / 2];
            self.held.retain(|_, (_, seen)| *seen >= oldest);
        }
    }

    /// Wishes for what is on the screen and takes back older wishes.
    pub fn wish(&mut self, kept: &Kept, on_screen: &[EntryId]) {
        let lacks = |id: &EntryId| {
            let entry = kept.catalogue.entry(id);
            let files = entry.into_iter().flat_map(|entry| &entry.files);
            let lacking =
                files.filter(|(method, _)| !self.held.contains_key(&(id.clone(), *method)));
            lacking.count() > 0
        };
        let new: Vec<&EntryId> = on_screen.iter().filter(|id| lacks(id)).collect();
        if new.is_empty() {
            return;
        }
        let seen: HashSet<&EntryId> = on_screen.iter().collect();
        for wish in kept.forget_wishes() {
            self.held.remove(&wish);
        }
        // The last wish is fulfilled first.
        for id in on_screen.iter().rev().filter(|id| seen.contains(id)) {
            let Some(entry) = kept.catalogue.entry(id) else {
                continue;
            };
            for (method, _) in entry.files.iter().rev() {
                let place = (id.clone(), *method);
                if !self.held.contains_key(&place) {
                    kept.wish(entry, *method);
                    self.held.insert(place, (Thumbnail::Wished, self.frame));
                }
            }
        }
    }

    fn of(&mut self, id: &EntryId, method: Method) -> Option<&Thumbnail> {
        let (thumbnail, seen) = self.held.get_mut(&(id.clone(), method))?;
        *seen = self.frame;
        Some(thumbnail)
    }
}

/// One kept entry; a click shows it, a double click takes its settings back.
pub fn kept_ui(ui: &mut Ui, entry: &Entry, state: &mut State, thumbnails: &mut Thumbnails) {
    let label = label(entry);
    let is_shown = state
        .view
        .run
        .is_some_and(|key| state.kept.opened.get(&entry.id) == Some(&key));
    let (rect, _) = ui.allocate_exact_size(CELL, Sense::hover());
    let id = Id::unique(("kept", entry.id.as_str()));
    let response = ui.interact(rect, id, Sense::click());
    let mut problem = match &entry.brief {
        Brief::Unreadable(reason) => Some(reason.to_string()),
        _ => None,
    };
    for (index, (method, _)) in entry.files.iter().enumerate() {
        let min = rect.min + vec2(index as f32 * (THUMBNAIL + 2.0), 0.0);
        let place = Rect::from_min_size(min, vec2(THUMBNAIL, THUMBNAIL));
        match thumbnails.of(&entry.id, *method) {
            Some(Thumbnail::There(texture)) => {
                thumbnail_ui(ui, place, "", Some(texture.clone()));
            }
            Some(Thumbnail::Missing(reason)) => {
                problem.get_or_insert_with(|| reason.clone());
                thumbnail_ui(ui, place, "unreadable", None);
            }
            _ => thumbnail_ui(ui, place, "", None),
        }
    }
    outline_ui(ui, rect, entry.files.len(), &response, is_shown);
    let prompt = entry.brief.facts().map_or("", |facts| &facts.prompt);
    label_ui(ui, rect.with_max_y(rect.top() + THUMBNAIL), &label, prompt);
    response.widget_info(|| {
        egui::WidgetInfo::selected(egui::accesskit::Role::Button, true, is_shown, &label)
    });
    let open = |then| Action::Kept(KeptAction::Open(entry.id.clone(), then));
    if response.clicked() {
        state.actions.push(open(Then::Show));
    }
    if response.double_clicked() {
        state.actions.push(open(Then::Restore));
    }
    let response = response.on_hover_ui(|ui| {
        ui.label(explanation(entry, problem.as_deref()));
    });
    response.context_menu(|ui| {
        if ui.button("Take these settings back").clicked() {
            state.actions.push(open(Then::Restore));
        }
        kept_menu_ui(ui, entry, state);
    });
    let width = entry.files.len().max(1) as f32 * (THUMBNAIL + 2.0) - 2.0;
    let pictures = Rect::from_min_size(rect.min, vec2(width, THUMBNAIL));
    kept_buttons_ui(ui, pictures, entry, state);
}

/// The star in one corner of the pictures, and while the pointer is there the way to the
/// trash in the other.
pub fn kept_buttons_ui(ui: &mut Ui, pictures: Rect, entry: &Entry, state: &mut State) {
    let palette = Palette::of(ui);
    let is_pointed_at = ui.rect_contains_pointer(pictures);
    let starred = entry.marks.starred;
    if !starred && !is_pointed_at {
        return;
    }
    let star = pictures.min + vec2(11.0, 11.0);
    let colour = match starred {
        true => palette.objects[0],
        false => palette.weak_text,
    };
    star_ui(ui, star, colour);
    if !is_pointed_at {
        return;
    }
    let button = |centre, name: &str, explanation: &str| {
        let rect = Rect::from_center_size(centre, vec2(20.0, 20.0));
        let id = Id::unique((name, entry.id.as_str()));
        let response = ui.interact(rect, id, Sense::click());
        response
            .on_hover_cursor(egui::CursorIcon::PointingHand)
            .on_hover_text(explanation)
            .clicked()
    };
    if button(star, "star", star_text(starred)) {
        let action = KeptAction::Star(entry.id.clone(), !starred);
        state.actions.push(Action::Kept(action));
    }
    let corner = pictures.right_top() + vec2(-11.0, 11.0);
    if button(corner, "trash", "Move to the trash") {
        let action = KeptAction::Trash(entry.id.clone());
        state.actions.push(Action::Kept(action));
    }
    let painter = ui.painter();
    painter.circle_filled(corner, 9.0, palette.ground.gamma_multiply(0.75));
    let font = egui::FontId::proportional(12.0);
    let align = egui::Align2::CENTER_CENTER;
    painter.text(corner, align, icons::X, font, palette.text);
}

fn star_text(is_starred: bool) -> &'static str {
    match is_starred {
        true => "Take the star away",
        false => "Star",
    }
}

/// What can be done with an entry, whichever session made it.
pub fn kept_menu_ui(ui: &mut Ui, entry: &Entry, state: &mut State) {
    let id = &entry.id;
    if ui
        .button(star_text(entry.marks.starred))
        .on_hover_text("Starred pictures are never removed to make room")
        .clicked()
    {
        let is_set = !entry.marks.starred;
        let action = KeptAction::Star(id.clone(), is_set);
        state.actions.push(Action::Kept(action));
    }
    if let Some((_, path)) = entry.files.last()
        && ui.button("Show in the file manager").clicked()
    {
        state.actions.push(Action::ShowInFolder(path.clone()));
    }
    if ui.button("Move to the trash").clicked() {
        let action = KeptAction::Trash(id.clone());
        state.actions.push(Action::Kept(action));
    }
}

/// The frame around the pictures of an entry that is shown, focused or pointed at.
pub fn outline_ui(ui: &Ui, cell: Rect, pictures: usize, response: &Response, is_shown: bool) {
    let palette = Palette::of(ui);
    let outline = match (is_shown, response.has_focus(), response.hovered()) {
        (_, true, _) | (true, _, _) => Stroke::new(2.0, palette.accent),
        (_, _, true) => Stroke::new(1.0, palette.text),
        _ => Stroke::NONE,
    };
    let width = pictures.max(1) as f32 * (THUMBNAIL + 2.0) - 2.0;
    ui.painter().rect_stroke(
        Rect::from_min_size(cell.min, vec2(width, THUMBNAIL)),
        CornerRadius::same(CORNER),
        outline,
        StrokeKind::Outside,
    );
}

/// A star, of five corners and what lies between them.
fn star_ui(ui: &Ui, centre: egui::Pos2, colour: Color32) {
    let palette = Palette::of(ui);
    let corner = |index: usize, radius: f32| {
        let angle = std::f32::consts::TAU * (index as f32 / 10.0 - 0.25);
        centre + radius * egui::Vec2::angled(angle)
    };
    let (outer, inner) = (7.0, 3.0);
    let painter = ui.painter();
    painter.circle_filled(centre, 9.0, palette.ground.gamma_multiply(0.75));
    let polygon = |points: Vec<egui::Pos2>| {
        painter.add(egui::Shape::convex_polygon(points, colour, Stroke::NONE));
    };
    polygon((0..5).map(|index| corner(2 * index + 1, inner)).collect());
    for index in 0..5 {
        let tip = 2 * index;
        polygon(vec![
            corner(tip + 9, inner),
            corner(tip, outer),
            corner(tip + 1, inner),
        ]);
    }
}

fn label(entry: &Entry) -> String {
    match entry.brief.facts().and_then(|facts| facts.seed) {
        Some(seed) => format!("seed {seed}"),
        None => {
            let name = entry.id.as_str().rsplit('/').next().unwrap_or_default();
            name.chars().take(20).collect()
        }
    }
}

fn explanation(entry: &Entry, problem: Option<&str>) -> String {
    let file = entry.files.last().map(|(_, path)| path.display());
    let file = file.map_or_else(String::new, |file| file.to_string());
    match (problem, entry.brief.facts()) {
        (Some(problem), _) => format!("It can't be read: {problem}\n{file}"),
        (None, Some(facts)) => format!("{}\n{}\n{file}\n{GESTURES}", facts.prompt, facts.settings),
        (None, None) => file,
    }
}

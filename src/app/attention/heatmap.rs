//! One word's heatmap: drawn where its maps lie, or as a texture, with its frame
//! and what a screen reader says of it.

use egui::{
    Color32, ColorImage, CornerRadius, Sense, Stroke, StrokeKind, TextureHandle, TextureOptions,
    Ui, vec2,
};

use crate::app::canvases::frame::Frame;
use crate::app::canvases::wanted::outlines_ui;
use crate::app::look::theme::Palette;
use crate::app::paint::drawing::{Content, Drawing, Place, WHOLE, hash_of};
use crate::app::paint::images;
use crate::app::paint::textures::Textures;
use crate::app::state::State;
use crate::app::state::view::Zoom;
use crate::device::Slot;
use crate::draw::{ColourMap, Heatmap};
use crate::film::word_attention::{known_tokens, mean_map, own_brightest};
use crate::storm::attention::AttentionMaps;

/// One map to draw.
pub struct Entry {
    pub title: String,
    pub tokens: Vec<usize>,
    /// Index of its word; none for start, end and padding.
    pub word: Option<usize>,
    pub colour: Color32,
    pub is_chosen: bool,
}

/// How and where a map is drawn.
#[derive(Debug, Clone, Copy)]
pub struct MapFrame {
    pub place: Place,
    /// Width on the screen, in points.
    pub side: f32,
    /// The value of the brightest colour; `None`: the map's own strongest.
    pub brightest: Option<f32>,
}

/// One heatmap of maps on the host and where they are drawn from.
pub fn map_ui(
    ui: &mut Ui,
    state: &mut State,
    textures: &mut Textures,
    entry: &Entry,
    (maps, drawn): (&AttentionMaps, &Slot),
    MapFrame {
        place,
        side,
        brightest,
    }: MapFrame,
) {
    let palette = Palette::of(ui);
    let aspect = maps.rows as f32 / maps.columns.max(1) as f32;
    let size = vec2(side, side * aspect);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    let name = format!("Heatmap of {}", entry.title);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::accesskit::Role::Image, true, &name));
    light(&response, state, entry);
    let Some(map) = mean_map(maps, &entry.tokens) else {
        return;
    };
    let brightest = brightest.unwrap_or_else(|| own_brightest(&map));
    let drawing = heatmap_of(maps, entry, brightest, state);
    let part = (rect, WHOLE);
    let is_painted = textures.paint(ui.painter(), part, place, drawn, drawing);
    if !is_painted {
        let map = (&map[..], maps.columns);
        let Some(texture) = heatmap_texture(ui, state, textures, (entry, place), map, brightest)
        else {
            return;
        };
        ui.painter()
            .image(texture.id(), rect, WHOLE, Color32::WHITE);
    }
    if entry.is_chosen {
        let label = entry.title.split_once(' ').map_or("", |(_, label)| label);
        if let Some(object) = state.draft_object(label) {
            let frame = Frame::new(rect, Zoom::default());
            outlines_ui(ui, &ui.painter_at(rect), frame, state, Some(object));
        }
    }
    let is_lit = entry.word.is_some() && state.view.lit_word.get() == entry.word;
    let (colour, width) = match (is_lit, entry.is_chosen) {
        (true, _) => (palette.accent, 2.0),
        (false, true) => (entry.colour, 1.5),
        (false, false) => (palette.line, 1.0),
    };
    let stroke = Stroke::new(width, colour);
    ui.painter()
        .rect_stroke(rect, CornerRadius::ZERO, stroke, StrokeKind::Outside);
    if let Some([x, y]) = state.view.pointed.get() {
        let centre = rect.min + vec2(x, y) * rect.size();
        ui.painter().circle_stroke(
            centre,
            3.5,
            Stroke::new(2.5, Color32::from_black_alpha(160)),
        );
        ui.painter()
            .circle_stroke(centre, 3.5, Stroke::new(1.0, Color32::WHITE));
    }
}

/// A map under the pointer lights its word, and points at the canvas.
pub fn light(response: &egui::Response, state: &mut State, entry: &Entry) {
    if !response.contains_pointer() {
        return;
    }
    if let Some(word) = entry.word {
        state.view.lit_word.set(word);
    }
}

/// How an entry's map is drawn on the window's device.
fn heatmap_of(maps: &AttentionMaps, entry: &Entry, brightest: f32, state: &State) -> Drawing {
    let tokens = known_tokens(maps, &entry.tokens).into_iter();
    let heatmap = Heatmap {
        rows: maps.rows as u32,
        columns: maps.columns as u32,
        tokens: maps.tokens as u32,
        word: tokens.map(|token| token as u32).collect(),
        low: 0.0,
        high: brightest,
        is_smooth: state.view.smooth_maps,
    };
    Drawing::Heatmap(heatmap, state.view.colour_map)
}

/// From a map, its columns and its brightest value to pixels.
type Drawer = fn(&[f32], usize, f32, ColourMap) -> ColorImage;

/// An entry's map [rows, columns] as a texture, for windows that cannot draw it.
fn heatmap_texture(
    ui: &Ui,
    state: &State,
    textures: &mut Textures,
    (entry, place): (&Entry, Place),
    (map, columns): (&[f32], usize),
    brightest: f32,
) -> Option<TextureHandle> {
    let method = state.attention_method();
    let (colours, is_smooth) = (state.view.colour_map, state.view.smooth_maps);
    let scale = brightest.to_bits();
    let content = Content {
        run: state.shown_run()?.key,
        method,
        step: state.shown_step(method),
        variant: hash_of(&(&entry.tokens, colours, scale, is_smooth)),
    };
    let (options, draw) = if is_smooth {
        (TextureOptions::LINEAR, images::smooth_heatmap as Drawer)
    } else {
        (TextureOptions::NEAREST, images::heatmap as Drawer)
    };
    textures.get(ui.ctx(), place, content, options, || {
        Some(draw(map, columns, brightest, colours))
    })
}

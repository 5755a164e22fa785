//! Attention, both ways: where each word looks, and which words look at a place.

use std::ops::Range;

use egui::{
    Align2, Color32, CornerRadius, FontId, Rect, ScrollArea, Ui, UiBuilder, Vec2, pos2, vec2,
};

use super::heatmap::{Entry, MapFrame, light, map_ui};
use crate::app::look::names::method_name;
use crate::app::look::theme::{Palette, SMALL_SIZE, bold, small};
use crate::app::paint::drawing::Place;
use crate::app::paint::textures::Textures;
use crate::app::state::State;
use crate::app::state::session::RunState;
use crate::app::state::view::Normalisation;
use crate::diffusion::Method;
use crate::draw::ColourMap;
use crate::engine::StepRecord;
use crate::film::word_attention::{mean_map, ranked_words};

/// Side of the maps of words that are not chosen.
const SMALL_SIDE: f32 = 58.0;
/// Of those that are, and how many of them stand beside each other at most.
const LARGEST_SIDE: f32 = 200.0;
const MOST_COLUMNS: usize = 4;
const LARGE_SPACING: Vec2 = vec2(8.0, 6.0);
/// Height of the words over a large map and under a small one.
const CAPTION: f32 = 22.0;
/// Narrowest large map that the whole caption of its other map fits under.
const WIDE_ENOUGH: f32 = 100.0;
const SMALL_CAPTION: f32 = 18.0;
/// Words listed for a place.
const RANKED_WORDS: usize = 4;
const LINE_HEIGHT: f32 = 16.0;
/// Between the maps and the ranking.
const RANKING_GAP: f32 = 6.0;

#[derive(Debug, Default)]
pub struct AttentionPanel;

impl AttentionPanel {
    pub fn ui(&mut self, ui: &mut Ui, state: &mut State, textures: &mut Textures) {
        header_ui(ui, state);
        let method = state.attention_method();
        let Some(record) = state.shown_record(method) else {
            empty_ui(ui, state);
            return;
        };
        scale_ui(ui, &mut state.view.normalisation);
        let entries = entries(ui, state);
        let brightest = shared_brightest(state, &record, &entries);
        // The ranking has its own place at the bottom, so that nothing moves
        // when the pointer comes and goes.
        let area = ui.available_rect_before_wrap();
        let height = LINE_HEIGHT * (RANKED_WORDS as f32 + 1.0);
        let below = area.with_min_y(area.bottom() - height);
        let above = area.with_max_y(below.top() - RANKING_GAP);
        ui.scope_builder(UiBuilder::new().max_rect(above), |ui| {
            ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
                maps_ui(
                    ui,
                    state,
                    textures,
                    &record,
                    (&entries, brightest),
                    above.height(),
                );
            });
        });
        ui.scope_builder(UiBuilder::new().max_rect(below), |ui| {
            ranking_ui(ui, state, &record)
        });
    }
}

/// Side of the maps of `chosen` words in `width`: in as many columns as give the
/// largest that leave a row of other words in sight within the height `room`.
fn large_side(width: f32, room: f32, chosen: usize, record: &StepRecord) -> f32 {
    let aspect = record.maps.rows as f32 / record.maps.columns.max(1) as f32;
    let maps = if record.update.is_some() { 2.0 } else { 1.0 };
    let others = SMALL_SIDE * aspect + LARGE_SPACING.y + 8.0;
    let side = |columns: usize| {
        let gaps = LARGE_SPACING.x * (columns - 1) as f32;
        let across = (width - gaps) / columns as f32;
        let rows = chosen.div_ceil(columns) as f32;
        let row = (room - others) / rows.max(1.0) - LARGE_SPACING.y;
        let down = (row / maps - CAPTION) / aspect;
        across.min(down).min(LARGEST_SIDE).floor()
    };
    let sides = (2..=MOST_COLUMNS).map(side);
    sides.fold(SMALL_SIDE, f32::max)
}

/// Chosen words large and in columns, all others as small maps.
fn maps_ui(
    ui: &mut Ui,
    state: &mut State,
    textures: &mut Textures,
    record: &StepRecord,
    (entries, brightest): (&[Entry], Option<f32>),
    room: f32,
) {
    let indexed = || entries.iter().enumerate();
    let rows = || egui::Layout::left_to_right(egui::Align::TOP).with_main_wrap(true);
    let chosen = entries.iter().filter(|entry| entry.is_chosen).count();
    let side = large_side(ui.available_width(), room, chosen, record);
    ui.with_layout(rows(), |ui| {
        ui.spacing_mut().item_spacing = LARGE_SPACING;
        for entry in indexed().filter(|(_, entry)| entry.is_chosen) {
            large_ui(ui, state, textures, record, entry, (brightest, side));
        }
    });
    ui.add_space(2.0);
    ui.with_layout(rows(), |ui| {
        ui.spacing_mut().item_spacing = vec2(8.0, 6.0);
        for entry in indexed().filter(|(_, entry)| !entry.is_chosen) {
            small_ui(ui, state, textures, record, entry, brightest);
        }
    });
}

fn header_ui(ui: &mut Ui, state: &mut State) {
    ui.horizontal(|ui| {
        ui.label(bold("Attention"));
        let layout = egui::Layout::right_to_left(egui::Align::Center);
        ui.with_layout(layout, |ui| {
            options_ui(ui, state);
            let both = state
                .shown_run()
                .is_some_and(|run| run.request.settings.methods.list().len() > 1);
            if both {
                ui.spacing_mut().item_spacing.x = 2.0;
                for method in [Method::Storm, Method::Standard] {
                    let chosen = state.view.method == method;
                    let button = egui::Button::selectable(chosen, small(method_name(method)));
                    if ui.add(button).clicked() {
                        state.view.method = method;
                    }
                }
            }
        });
    });
}

/// Which scale the maps' colours are on; a click takes the other.
fn scale_ui(ui: &mut Ui, normalisation: &mut Normalisation) {
    let (text, explanation, other) = match normalisation {
        Normalisation::PerMap => (
            "Each map on a scale of its own",
            "The brightest colour is each map's own strongest cell: the colours show where a word \
             looks, and not how much. Click for one scale for all maps.",
            Normalisation::Shared,
        ),
        Normalisation::Shared => (
            "All maps on one scale",
            "The brightest colour is the strongest cell of all words: the colours can be compared \
             from map to map. Click to give each map a scale of its own.",
            Normalisation::PerMap,
        ),
    };
    let palette = Palette::of(ui);
    let label = egui::Label::new(small(text).color(palette.weak_text));
    let response = ui
        .add(label.sense(egui::Sense::click()).selectable(false))
        .on_hover_cursor(egui::CursorIcon::PointingHand)
        .on_hover_text(explanation);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::accesskit::Role::Button, true, text));
    if response.clicked() {
        *normalisation = other;
    }
}

fn options_ui(ui: &mut Ui, state: &mut State) {
    let button =
        egui::containers::menu::MenuButton::new(crate::app::look::icons::SLIDERS_HORIZONTAL);
    let menu = button.ui(ui, |ui| {
        ui.set_min_width(190.0);
        ui.label(small("Colours"));
        for map in ColourMap::ALL {
            ui.radio_value(&mut state.view.colour_map, map, map.name());
        }
        ui.separator();
        ui.label(small("Brightest colour"));
        let normalisation = &mut state.view.normalisation;
        ui.radio_value(
            normalisation,
            Normalisation::PerMap,
            "Each map's own strongest",
        )
        .on_hover_text("Shows where a word looks");
        ui.radio_value(normalisation, Normalisation::Shared, "The strongest of all")
            .on_hover_text("Shows which word looks harder");
        ui.separator();
        ui.checkbox(&mut state.view.smooth_maps, "Smooth between cells");
        ui.checkbox(&mut state.view.show_all_tokens, "All tokens, padding too");
    });
    menu.0
        .on_hover_text("Colours, scale, all tokens")
        .accessible_name("Attention options");
}

fn empty_ui(ui: &mut Ui, state: &State) {
    let palette = Palette::of(ui);
    let text = match state.shown_run() {
        None => "While a picture is made, every word's attention is shown here, step by step.",
        Some(run) if run.steps_made() == 0 && run.state == RunState::Running => {
            "The first step is being computed."
        }
        Some(_) => "The maps of this picture are no longer kept; make it again to see them.",
    };
    ui.add_space(8.0);
    ui.label(small(text).color(palette.weak_text));
}

/// What is drawn, chosen words first and in the order of their objects.
fn entries(ui: &Ui, state: &State) -> Vec<Entry> {
    let palette = Palette::of(ui);
    let Some(prompt) = state.shown_run().and_then(|run| run.prompt.clone()) else {
        return Vec::new();
    };
    let mut entries: Vec<Entry> = state
        .shown_objects()
        .into_iter()
        .map(|object| Entry {
            title: format!("{} {}", object.look.mark.text(), object.label),
            word: prompt.words.iter().position(|word| {
                object
                    .tokens
                    .iter()
                    .any(|token| word.tokens.contains(token))
            }),
            tokens: object.tokens,
            colour: object.look.colour(palette),
            is_chosen: true,
        })
        .collect();
    let chosen: Vec<usize> = entries
        .iter()
        .flat_map(|entry| entry.tokens.clone())
        .collect();
    let rest = |tokens: &[usize]| !tokens.iter().any(|token| chosen.contains(token));
    if state.view.show_all_tokens {
        let tokens = prompt.tokens.iter().filter(|token| rest(&[token.position]));
        entries.extend(tokens.map(|token| Entry {
            title: format!("{} {}", token.position, token.text),
            tokens: vec![token.position],
            word: token.word,
            colour: palette.line,
            is_chosen: false,
        }));
    } else {
        let words = prompt.words.iter().enumerate();
        entries.extend(words.filter_map(|(index, word)| {
            let tokens: Vec<usize> = word.tokens.clone().collect();
            (!tokens.is_empty() && rest(&tokens)).then(|| Entry {
                title: word.text.clone(),
                tokens,
                word: Some(index),
                colour: palette.line,
                is_chosen: false,
            })
        }));
    }
    entries
}

/// The value of the brightest colour if the maps share it.
fn shared_brightest(state: &State, record: &StepRecord, entries: &[Entry]) -> Option<f32> {
    if state.view.normalisation == Normalisation::PerMap {
        return None;
    }
    // The start token takes most of the attention and is no word: it would
    // leave all the others dark.
    let maps = entries.iter().filter(|entry| entry.tokens != [0]);
    let maps = maps.filter_map(|entry| mean_map(&record.maps, &entry.tokens));
    Some(maps.flatten().fold(0.0, f32::max))
}

/// Which words look at the place under the pointer.
fn ranking_ui(ui: &mut Ui, state: &mut State, record: &StepRecord) {
    let palette = Palette::of(ui);
    let Some(place) = state.view.pointed.get() else {
        let text = "Point at a place in a picture to see which words look there.";
        ui.add_space(4.0);
        ui.label(small(text).color(palette.weak_text));
        return;
    };
    let words = state.shown_words();
    let spans: Vec<Range<usize>> = words.iter().map(|word| word.tokens.clone()).collect();
    let ranked = ranked_words(&record.maps, &spans, place);
    let rect = ui.available_rect_before_wrap();
    let painter = ui.painter_at(rect);
    let font = FontId::proportional(SMALL_SIZE);
    let strongest = ranked.first().map_or(1.0, |(_, value)| value.max(1e-6));
    let text = |x: f32, y: f32, align: Align2, text: &str, colour: Color32| {
        painter.text(pos2(x, y), align, text, font.clone(), colour);
    };
    text(
        rect.left(),
        rect.top(),
        Align2::LEFT_TOP,
        "At the pointer",
        palette.weak_text,
    );
    for (line, (word, value)) in ranked.iter().take(RANKED_WORDS).enumerate() {
        let top = rect.top() + LINE_HEIGHT * (line as f32 + 1.0);
        let length = (rect.width() - 140.0).max(0.0) * value / strongest;
        let bar = Rect::from_min_size(pos2(rect.left() + 92.0, top + 4.0), vec2(length, 8.0));
        painter.rect_filled(bar, CornerRadius::same(2), palette.accent);
        text(
            rect.left(),
            top,
            Align2::LEFT_TOP,
            &words[*word].text,
            palette.text,
        );
        let percent = format!("{:.1} %", 100.0 * value);
        text(
            rect.right(),
            top,
            Align2::RIGHT_TOP,
            &percent,
            palette.weak_text,
        );
    }
}

/// A chosen word: its map, and under it the map before the step's update.
fn large_ui(
    ui: &mut Ui,
    state: &mut State,
    textures: &mut Textures,
    record: &StepRecord,
    (index, entry): (usize, &Entry),
    (brightest, side): (Option<f32>, f32),
) {
    let palette = Palette::of(ui);
    let before = record.update.as_ref();
    let rows = if before.is_some() { 2.0 } else { 1.0 };
    let aspect = record.maps.rows as f32 / record.maps.columns.max(1) as f32;
    let size = vec2(side, rows * (side * aspect + CAPTION));
    ui.allocate_ui_with_layout(size, egui::Layout::top_down(egui::Align::Min), |ui| {
        ui.spacing_mut().item_spacing.y = 3.0;
        let title = bold(&entry.title).color(entry.colour);
        let response = ui.add(egui::Label::new(title).truncate());
        light(&response, state, entry);
        map_ui(
            ui,
            state,
            textures,
            entry,
            (&record.maps, &record.drawn_maps),
            MapFrame {
                place: Place::Heatmap(index),
                side,
                brightest,
            },
        );
        if let Some(before) = before {
            let text = match side < WIDE_ENOUGH {
                true => "before",
                false => "before the update",
            };
            let text = small(text).color(palette.weak_text);
            ui.add(egui::Label::new(text).truncate())
                .on_hover_text("The same map before this step's update");
            map_ui(
                ui,
                state,
                textures,
                entry,
                (&before.maps, &before.drawn_maps),
                MapFrame {
                    place: Place::HeatmapBefore(index),
                    side,
                    brightest,
                },
            );
        }
    });
}

fn small_ui(
    ui: &mut Ui,
    state: &mut State,
    textures: &mut Textures,
    record: &StepRecord,
    (index, entry): (usize, &Entry),
    brightest: Option<f32>,
) {
    let palette = Palette::of(ui);
    let size = vec2(SMALL_SIDE, SMALL_SIDE + SMALL_CAPTION);
    ui.allocate_ui_with_layout(size, egui::Layout::top_down(egui::Align::Min), |ui| {
        ui.spacing_mut().item_spacing.y = 1.0;
        map_ui(
            ui,
            state,
            textures,
            entry,
            (&record.maps, &record.drawn_maps),
            MapFrame {
                place: Place::Heatmap(index),
                side: SMALL_SIDE,
                brightest,
            },
        );
        let text = small(&entry.title).color(palette.weak_text);
        ui.add(egui::Label::new(text).truncate());
    });
}

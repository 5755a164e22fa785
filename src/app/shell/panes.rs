//! The panes in the middle of the window: settings, canvases, attention, and
//! the timeline or gallery under them; their sizes are kept in points, so that
//! a larger window gives all of its room to the canvases.

use std::ops::RangeInclusive;

use egui::containers::panel::PanelState;
use egui::{
    Align2, CentralPanel, Frame, Margin, Panel, Response, Sense, Ui, UiBuilder, WidgetInfo, vec2,
};
use serde::{Deserialize, Serialize};

use crate::app::attention::attention_panel::AttentionPanel;
use crate::app::canvases::canvases_panel::CanvasesPanel;
use crate::app::canvases::gallery::GalleryPanel;
use crate::app::look::theme::{Palette, SMALL_SIZE};
use crate::app::paint::textures::Textures;
use crate::app::settings::settings_panel::SettingsPanel;
use crate::app::state::State;
use crate::app::timeline::timeline_panel::TimelinePanel;

/// Between two panes, in points.
const GAP: i8 = 4;
const TAB_HEIGHT: f32 = 24.0;
/// How far the person can drag each pane's edge.
const SETTINGS_WIDTH: RangeInclusive<f32> = 180.0..=420.0;
const ATTENTION_WIDTH: RangeInclusive<f32> = 160.0..=560.0;
const BOTTOM_HEIGHT: RangeInclusive<f32> = 120.0..=420.0;
/// What the canvases need with a square picture of 343 points, as they have it beside
/// the other panes at 1280 × 800.
const CANVASES_HEIGHT: f32 = 462.0;

/// Which panes are open and how large they are, in points; kept between sessions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PaneSizes {
    pub settings: f32,
    pub attention: f32,
    pub bottom: f32,
    pub shows_settings: bool,
    pub shows_attention: bool,
    pub shows_bottom: bool,
}

impl Default for PaneSizes {
    fn default() -> Self {
        Self {
            settings: 244.0,
            attention: 280.0,
            bottom: 190.0,
            shows_settings: true,
            shows_attention: true,
            shows_bottom: true,
        }
    }
}

/// The panes with their panels.
#[derive(Default)]
pub struct Panes {
    sizes: PaneSizes,
    bottom: BottomPane,
    settings: SettingsPanel,
    canvases: CanvasesPanel,
    attention: AttentionPanel,
    timeline: TimelinePanel,
    gallery: GalleryPanel,
}

/// What the bottom shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum BottomPane {
    #[default]
    Timeline,
    Gallery,
}

impl Panes {
    pub fn new(sizes: PaneSizes) -> Self {
        Self {
            sizes,
            ..Self::default()
        }
    }

    /// What to keep for the next session.
    pub fn sizes(&self) -> PaneSizes {
        self.sizes
    }

    pub fn sizes_mut(&mut self) -> &mut PaneSizes {
        &mut self.sizes
    }

    pub fn ui(&mut self, ui: &mut Ui, state: &mut State, textures: &mut Textures) {
        let mut sizes = self.sizes;
        if sizes.shows_bottom {
            // A long prompt takes its lines from here before it takes them from the canvases.
            let room = (ui.available_height() - CANVASES_HEIGHT - f32::from(GAP))
                .max(*BOTTOM_HEIGHT.start());
            let pane = Pane {
                size: sizes.bottom.min(room),
                range: BOTTOM_HEIGHT,
                frame: gap(Margin {
                    top: GAP,
                    ..Margin::ZERO
                }),
            };
            let dragged = pane.show(ui, (Panel::bottom, "bottom pane"), |ui| {
                self.bottom_ui(ui, state, textures)
            });
            sizes.bottom = dragged.unwrap_or(sizes.bottom);
        }
        if sizes.shows_settings {
            let right = Margin {
                right: GAP,
                ..Margin::ZERO
            };
            let pane = Pane {
                size: sizes.settings,
                range: SETTINGS_WIDTH,
                frame: pane_frame(ui, right),
            };
            let dragged = pane.show(ui, (Panel::left, "settings pane"), |ui| {
                inside(ui, |ui| self.settings.ui(ui, state));
            });
            sizes.settings = dragged.unwrap_or(sizes.settings);
        }
        if sizes.shows_attention {
            let left = Margin {
                left: GAP,
                ..Margin::ZERO
            };
            let pane = Pane {
                size: sizes.attention,
                range: ATTENTION_WIDTH,
                frame: pane_frame(ui, left),
            };
            let dragged = pane.show(ui, (Panel::right, "attention pane"), |ui| {
                inside(ui, |ui| self.attention.ui(ui, state, textures));
            });
            sizes.attention = dragged.unwrap_or(sizes.attention);
        }
        let frame = pane_frame(ui, Margin::ZERO);
        CentralPanel::no_frame().frame(frame).show(ui, |ui| {
            inside(ui, |ui| self.canvases.ui(ui, state, textures));
        });
        self.sizes = sizes;
    }

    fn bottom_ui(&mut self, ui: &mut Ui, state: &mut State, textures: &mut Textures) {
        inside(ui, |ui| {
            let spacing = std::mem::take(&mut ui.spacing_mut().item_spacing);
            ui.horizontal(|ui| {
                for (pane, name) in [
                    (BottomPane::Timeline, "Timeline"),
                    (BottomPane::Gallery, "Gallery"),
                ] {
                    if tab_ui(ui, name, self.bottom == pane).clicked() {
                        self.bottom = pane;
                    }
                }
                if self.bottom == BottomPane::Gallery {
                    ui.add_space(12.0);
                    self.gallery.search_ui(ui, state);
                }
            });
            pane_frame(ui, Margin::ZERO).show(ui, |ui| {
                ui.set_min_size(ui.available_size());
                ui.spacing_mut().item_spacing = spacing;
                inside(ui, |ui| match self.bottom {
                    BottomPane::Timeline => self.timeline.ui(ui, state, textures),
                    BottomPane::Gallery => self.gallery.ui(ui, state, textures),
                });
            });
        });
    }
}

/// A pane of a size that can be dragged.
struct Pane {
    size: f32,
    range: RangeInclusive<f32>,
    frame: Frame,
}

impl Pane {
    /// Lays it out at one `side` → its new size, if the person drags its edge.
    fn show(
        self,
        ui: &mut Ui,
        (side, name): (fn(&'static str) -> Panel, &'static str),
        content: impl FnOnce(&mut Ui),
    ) -> Option<f32> {
        let gaps = self.frame.outer_margin.sum();
        let gap = gaps.x + gaps.y;
        let [least, most] = [*self.range.start(), *self.range.end()].map(|size| size + gap);
        let size = (self.size + gap).clamp(least, most);
        // egui would go on with the size that it remembers; the one home of sizes
        // is [`PaneSizes`].
        let id = ui.scope_id().with(name);
        ui.data_mut(|data| data.remove::<PanelState>(id));
        let panel = side(name)
            .resizable(true)
            .frame(self.frame)
            .show_separator_line(false)
            .default_size(size)
            .size_range(least..=most);
        let shown = panel.show(ui, content).response.rect.size();
        let shown = if gaps.y > 0.0 { shown.y } else { shown.x };
        ((shown - size).abs() > 1.0).then_some(shown - gap)
    }
}

/// Room beside a pane, through which the window's ground is seen.
fn gap(outside: Margin) -> Frame {
    Frame::new().outer_margin(outside)
}

fn pane_frame(ui: &Ui, outside: Margin) -> Frame {
    gap(outside)
        .fill(Palette::of(ui).surface)
        .inner_margin(Margin::same(12))
}

/// Lays `content` out in all of the room that is left, and in no more: what
/// needs more is cut off, and does not push the pane's edge away.
fn inside(ui: &mut Ui, content: impl FnOnce(&mut Ui)) {
    let rect = ui.available_rect_before_wrap();
    let mut child = ui.new_child(UiBuilder::new().max_rect(rect));
    child.shrink_clip_rect(rect.expand(12.0));
    content(&mut child);
    ui.advance_cursor_after_rect(rect);
}

/// The title of a pane at the bottom, which a click brings to the front.
fn tab_ui(ui: &mut Ui, name: &str, is_active: bool) -> Response {
    let palette = Palette::of(ui);
    let (fill, colour) = if is_active {
        (palette.surface, palette.text)
    } else {
        (palette.ground, palette.weak_text)
    };
    let font = egui::FontId::proportional(SMALL_SIZE);
    let galley = ui.painter().layout_no_wrap(name.to_string(), font, colour);
    let size = vec2(galley.size().x + 16.0, TAB_HEIGHT);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    response
        .widget_info(|| WidgetInfo::selected(egui::accesskit::Role::Button, true, is_active, name));
    ui.painter().rect_filled(rect, 0.0, fill);
    if response.has_focus() {
        let stroke = egui::Stroke::new(1.0, palette.accent);
        ui.painter()
            .rect_stroke(rect, 0.0, stroke, egui::StrokeKind::Inside);
    }
    let place = Align2::LEFT_CENTER.align_size_within_rect(galley.size(), rect.shrink(8.0));
    ui.painter().galley(place.min, galley, colour);
    response
}

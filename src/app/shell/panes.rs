//! The panes in the middle of the window: settings, canvases, attention, and
//! the timeline or gallery under them; their sizes are kept in points, so that
//! a larger window gives all of its room to the canvases.

use egui::{Frame, Margin, Ui, WidgetText};
use egui_tiles::{
    Behavior, Container, Linear, LinearDir, SimplificationOptions, Tile, TileId, Tiles, Tree,
    UiResponse,
};
use serde::{Deserialize, Serialize};

use crate::app::attention::attention_panel::AttentionPanel;
use crate::app::canvases::canvases_panel::CanvasesPanel;
use crate::app::canvases::gallery::GalleryPanel;
use crate::app::look::theme::{Palette, small};
use crate::app::paint::textures::Textures;
use crate::app::settings::settings_panel::SettingsPanel;
use crate::app::state::State;
use crate::app::timeline::timeline_panel::TimelinePanel;

const GAP: f32 = 4.0;

/// One pane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pane {
    Settings,
    Canvases,
    Attention,
    Timeline,
    Gallery,
}

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
pub struct Panes {
    tree: Tree<Pane>,
    tiles: PaneTiles,
    sizes: PaneSizes,
    panels: Panels,
}

/// The tile of each pane.
#[derive(Debug, Clone, Copy)]
struct PaneTiles {
    upper: TileId,
    settings: TileId,
    canvases: TileId,
    attention: TileId,
    bottom: TileId,
}

#[derive(Default)]
struct Panels {
    settings: SettingsPanel,
    canvases: CanvasesPanel,
    attention: AttentionPanel,
    timeline: TimelinePanel,
    gallery: GalleryPanel,
}

impl Panes {
    pub fn new(sizes: PaneSizes) -> Self {
        let mut tiles = Tiles::default();
        let settings = tiles.insert_pane(Pane::Settings);
        let canvases = tiles.insert_pane(Pane::Canvases);
        let attention = tiles.insert_pane(Pane::Attention);
        let row = Linear::new(LinearDir::Horizontal, vec![settings, canvases, attention]);
        let upper = tiles.insert_container(Container::Linear(row));
        let timeline = tiles.insert_pane(Pane::Timeline);
        let gallery = tiles.insert_pane(Pane::Gallery);
        let bottom = tiles.insert_tab_tile(vec![timeline, gallery]);
        let column = Linear::new(LinearDir::Vertical, vec![upper, bottom]);
        let root = tiles.insert_container(Container::Linear(column));
        Self {
            tree: Tree::new(egui::Id::unique("panes"), root, tiles),
            tiles: PaneTiles {
                upper,
                settings,
                canvases,
                attention,
                bottom,
            },
            sizes,
            panels: Panels::default(),
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
        self.lay_out(ui.available_size());
        let mut behavior = PaneBehavior {
            panels: &mut self.panels,
            state,
            textures,
        };
        self.tree.ui(&mut behavior, ui);
        self.read_back();
    }

    /// Shares that give the side panes their points and the canvases the rest.
    fn lay_out(&mut self, available: egui::Vec2) {
        let PaneTiles {
            upper,
            settings,
            canvases,
            attention,
            bottom,
        } = self.tiles;
        let tiles = &mut self.tree.tiles;
        tiles.set_visible(settings, self.sizes.shows_settings);
        tiles.set_visible(attention, self.sizes.shows_attention);
        tiles.set_visible(bottom, self.sizes.shows_bottom);
        let shown = |is_shown: bool, size: f32| if is_shown { size } else { 0.0 };
        let sides = shown(self.sizes.shows_settings, self.sizes.settings)
            + shown(self.sizes.shows_attention, self.sizes.attention);
        let gaps =
            GAP * (f32::from(self.sizes.shows_settings) + f32::from(self.sizes.shows_attention));
        let middle = (available.x - sides - gaps).max(1.0);
        if let Some(Tile::Container(Container::Linear(row))) = tiles.get_mut(upper) {
            row.shares.set_share(settings, self.sizes.settings);
            row.shares.set_share(attention, self.sizes.attention);
            row.shares.set_share(canvases, middle);
        }
        let root = self.tree.root();
        if let Some(Tile::Container(Container::Linear(column))) =
            root.and_then(|root| self.tree.tiles.get_mut(root))
        {
            let gap = shown(self.sizes.shows_bottom, GAP);
            let height =
                (available.y - shown(self.sizes.shows_bottom, self.sizes.bottom) - gap).max(1.0);
            column.shares.set_share(bottom, self.sizes.bottom);
            column.shares.set_share(upper, height);
        }
    }

    /// Takes over what the person dragged.
    fn read_back(&mut self) {
        let tiles = &self.tree.tiles;
        let share = |container: TileId, child: TileId| match tiles.get(container) {
            Some(Tile::Container(Container::Linear(linear))) => Some(linear.shares[child]),
            _ => None,
        };
        if let Some(width) = share(self.tiles.upper, self.tiles.settings) {
            self.sizes.settings = width.clamp(180.0, 420.0);
        }
        if let Some(width) = share(self.tiles.upper, self.tiles.attention) {
            self.sizes.attention = width.clamp(160.0, 560.0);
        }
        if let Some(height) = self
            .tree
            .root()
            .and_then(|root| share(root, self.tiles.bottom))
        {
            self.sizes.bottom = height.clamp(110.0, 420.0);
        }
    }
}

struct PaneBehavior<'a> {
    panels: &'a mut Panels,
    state: &'a mut State,
    textures: &'a mut Textures,
}

impl Behavior<Pane> for PaneBehavior<'_> {
    fn pane_ui(&mut self, ui: &mut Ui, _tile: TileId, pane: &mut Pane) -> UiResponse {
        let palette = Palette::of(ui);
        let frame = Frame::new()
            .fill(palette.surface)
            .inner_margin(Margin::same(12));
        frame.show(ui, |ui| {
            ui.set_min_size(ui.available_size());
            match pane {
                Pane::Settings => self.panels.settings.ui(ui, self.state),
                Pane::Canvases => self.panels.canvases.ui(ui, self.state, self.textures),
                Pane::Attention => self.panels.attention.ui(ui, self.state, self.textures),
                Pane::Timeline => self.panels.timeline.ui(ui, self.state, self.textures),
                Pane::Gallery => self.panels.gallery.ui(ui, self.state, self.textures),
            }
        });
        UiResponse::None
    }

    fn tab_title_for_pane(&mut self, pane: &Pane) -> WidgetText {
        let title = match pane {
            Pane::Settings => "Settings",
            Pane::Canvases => "Canvases",
            Pane::Attention => "Attention",
            Pane::Timeline => "Timeline",
            Pane::Gallery => "Gallery",
        };
        small(title).into()
    }

    fn is_tile_draggable(&self, _tiles: &Tiles<Pane>, _tile: TileId) -> bool {
        false
    }

    fn simplification_options(&self) -> SimplificationOptions {
        SimplificationOptions::OFF
    }

    fn gap_width(&self, _style: &egui::Style) -> f32 {
        GAP
    }

    fn min_size(&self) -> f32 {
        110.0
    }

    fn tab_bar_color(&self, visuals: &egui::Visuals) -> egui::Color32 {
        Palette::by_mode(visuals.dark_mode).ground
    }

    fn tab_bg_color(
        &self,
        visuals: &egui::Visuals,
        _tiles: &Tiles<Pane>,
        _tile: TileId,
        tab: &egui_tiles::TabState,
    ) -> egui::Color32 {
        let palette = Palette::by_mode(visuals.dark_mode);
        if tab.active {
            palette.surface
        } else {
            palette.ground
        }
    }

    fn tab_outline_stroke(
        &self,
        _visuals: &egui::Visuals,
        _tiles: &Tiles<Pane>,
        _tile: TileId,
        _tab: &egui_tiles::TabState,
    ) -> egui::Stroke {
        egui::Stroke::NONE
    }

    fn tab_bar_hline_stroke(&self, _visuals: &egui::Visuals) -> egui::Stroke {
        egui::Stroke::NONE
    }

    fn tab_text_color(
        &self,
        visuals: &egui::Visuals,
        _tiles: &Tiles<Pane>,
        _tile: TileId,
        tab: &egui_tiles::TabState,
    ) -> egui::Color32 {
        let palette = Palette::by_mode(visuals.dark_mode);
        if tab.active {
            palette.text
        } else {
            palette.weak_text
        }
    }

    fn resize_stroke(&self, style: &egui::Style, state: egui_tiles::ResizeState) -> egui::Stroke {
        let palette = Palette::by_mode(style.visuals.dark_mode);
        match state {
            egui_tiles::ResizeState::Idle => egui::Stroke::NONE,
            _ => egui::Stroke::new(2.0, palette.accent),
        }
    }
}

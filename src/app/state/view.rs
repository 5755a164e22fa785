//! How the person looks at what was made: which run, which step, which overlays.

use serde::{Deserialize, Serialize};

use super::session::RunKey;
use crate::diffusion::Method;
use crate::draw::ColourMap;
use crate::export::PictureFormat;

/// How the two canvases share their room.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CanvasMode {
    #[default]
    SideBySide,
    /// One over the other, with a line to drag.
    Wipe,
    /// One at a time.
    Single,
    /// All seeds of the request.
    Grid,
}

/// To what the brightest colour of a heatmap belongs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Normalisation {
    /// The map's own strongest cell: shows where.
    #[default]
    PerMap,
    /// The strongest cell of all maps shown: shows how much.
    Shared,
}

/// What is shown; kept between sessions where it is a habit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct View {
    /// `None` follows the newest run.
    #[serde(skip)]
    pub run: Option<RunKey>,
    /// `None` follows the newest step and ends with the finished picture.
    #[serde(skip)]
    pub step: Option<usize>,
    pub mode: CanvasMode,
    /// The canvas of the single mode, and the one whose maps are shown.
    pub method: Method,
    /// Of the wipe's line, 0..=1 from the left.
    pub wipe: f32,
    #[serde(skip)]
    pub zoom: Zoom,
    /// Heatmaps of the chosen words over the canvases.
    pub show_maps: bool,
    /// Centroids, targets and the arrows between them.
    pub show_transport: bool,
    pub colour_map: ColourMap,
    pub normalisation: Normalisation,
    /// Heatmaps smooth between the cells' centres, instead of one square a cell.
    pub smooth_maps: bool,
    pub show_all_tokens: bool,
    /// Whether saved pictures carry the settings that made them.
    pub saves_settings: bool,
    /// How good JPEG files are, from 1 to 100.
    pub jpeg_quality: u8,
    /// Whether animations show each object's attention and place.
    pub overlays_in_animations: bool,
    /// A setting and its values, over the columns and over the rows.
    pub sweep: [String; 2],
    /// An input method composes in a field, or did a moment ago.
    #[serde(skip)]
    pub is_composing: bool,
    /// When it ended, in egui's seconds; infinite while it composes.
    #[serde(skip)]
    pub composed_until: f64,
    /// The word under the pointer on a chip or heatmap, by its index.
    #[serde(skip)]
    pub lit_word: Linked<usize>,
    /// The place under the pointer on a canvas, as fractions of the picture.
    #[serde(skip)]
    pub pointed: Linked<[f32; 2]>,
}

impl Default for View {
    fn default() -> Self {
        Self {
            run: None,
            step: None,
            mode: CanvasMode::default(),
            method: Method::Storm,
            wipe: 0.5,
            zoom: Zoom::default(),
            show_maps: false,
            show_transport: true,
            colour_map: ColourMap::default(),
            normalisation: Normalisation::default(),
            smooth_maps: false,
            show_all_tokens: false,
            saves_settings: true,
            jpeg_quality: PictureFormat::QUALITY,
            overlays_in_animations: true,
            sweep: Default::default(),
            is_composing: false,
            composed_until: f64::NEG_INFINITY,
            lit_word: Linked::default(),
            pointed: Linked::default(),
        }
    }
}

/// A hover that several panels show: set by whichever is under the pointer in
/// one frame, seen by all in the next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Linked<T> {
    now: Option<T>,
    next: Option<T>,
}

impl<T> Default for Linked<T> {
    fn default() -> Self {
        Self {
            now: None,
            next: None,
        }
    }
}

impl<T: Copy + PartialEq> Linked<T> {
    pub fn get(&self) -> Option<T> {
        self.now
    }

    pub fn set(&mut self, value: T) {
        self.next = Some(value);
    }

    /// To be called once a frame; says whether what is shown changed.
    pub fn turn(&mut self) -> bool {
        let changed = self.now != self.next;
        self.now = self.next.take();
        changed
    }
}

/// The part of the picture that both canvases show.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Zoom {
    /// 1 shows all of the picture.
    pub factor: f32,
    /// In the middle of the canvas, as fractions of the picture.
    pub centre: [f32; 2],
}

impl Default for Zoom {
    fn default() -> Self {
        Self {
            factor: 1.0,
            centre: [0.5, 0.5],
        }
    }
}

impl Zoom {
    /// Largest factor.
    const MOST: f32 = 32.0;

    /// Zooms by `by` around a place (fractions of the picture) that stays where it is.
    pub fn around(&mut self, by: f32, place: [f32; 2]) {
        let before = self.factor;
        self.factor = (self.factor * by).clamp(1.0, Self::MOST);
        let kept = before / self.factor;
        for (centre, place) in self.centre.iter_mut().zip(place) {
            *centre = place + (*centre - place) * kept;
        }
        self.keep_inside();
    }

    /// Moves the picture by a distance in fractions of the canvas.
    pub fn pan(&mut self, by: [f32; 2]) {
        for (centre, by) in self.centre.iter_mut().zip(by) {
            *centre -= by / self.factor;
        }
        self.keep_inside();
    }

    /// The visible part: smallest and largest (x, y), as fractions of the picture.
    pub fn visible(&self) -> [[f32; 2]; 2] {
        let half = 0.5 / self.factor;
        [
            self.centre.map(|place| place - half),
            self.centre.map(|place| place + half),
        ]
    }

    fn keep_inside(&mut self) {
        let half = 0.5 / self.factor;
        self.centre = self.centre.map(|place| place.clamp(half, 1.0 - half));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_under_the_pointer_stays_while_zooming() {
        let mut zoom = Zoom::default();
        let place = [0.3, 0.6];
        let on_canvas = |zoom: &Zoom| {
            let [low, high] = zoom.visible();
            [0, 1].map(|axis| (place[axis] - low[axis]) / (high[axis] - low[axis]))
        };
        let before = on_canvas(&zoom);
        zoom.around(2.5, place);
        zoom.around(1.4, place);
        let after = on_canvas(&zoom);
        for axis in 0..2 {
            assert!((before[axis] - after[axis]).abs() < 1e-5);
        }
    }

    #[test]
    fn the_picture_never_leaves_the_canvas() {
        let mut zoom = Zoom::default();
        zoom.pan([5.0, -5.0]);
        assert_eq!(zoom, Zoom::default());
        zoom.around(4.0, [0.0, 0.0]);
        zoom.pan([-9.0, 9.0]);
        assert_eq!(zoom.visible(), [[0.75, 0.0], [1.0, 0.25]]);
        zoom.around(0.01, [0.5, 0.5]);
        assert_eq!(zoom, Zoom::default());
    }

    #[test]
    fn a_hover_is_seen_in_the_next_frame_and_gone_after_it() {
        let mut hover = Linked::default();
        hover.set(3);
        assert_eq!(hover.get(), None);
        assert!(hover.turn());
        assert_eq!(hover.get(), Some(3));
        hover.set(3);
        assert!(!hover.turn());
        assert!(hover.turn());
        assert_eq!(hover.get(), None);
    }
}

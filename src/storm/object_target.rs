//! What is asked of one object beside its relations: where, how large, how often.
//!
//! One type for all of it, in fractions of the picture, so that the window draws
//! it, files keep it and [`placement`](super::placement) rasterises it on whatever
//! frame the maps have.

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString};

use super::frame::Frame;
use super::mask::Mask;

/// Most copies of one object.
pub const MOST_COPIES: usize = 9;
/// Extents that can be asked for, as fractions of the shorter side.
pub const EXTENTS: std::ops::RangeInclusive<f64> = 0.05..=1.0;
/// How many times along each side of a cell its coverage is sampled.
const SAMPLES: usize = 8;

/// The wishes for one object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ObjectTarget {
    /// Index into the objects of the layout.
    pub object: usize,
    /// Where it may lie.
    pub shape: Shape,
    /// `None`: as large as it comes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// How many of it there are to be, from 1.
    pub copies: usize,
    /// Of a region: nothing of the object lies outside.
    pub keep_inside: bool,
    /// Of a region: the object takes all of it.
    pub fill: bool,
    /// The hand on the canvas does not move it.
    #[serde(rename = "locked")]
    pub is_locked: bool,
}

/// Where an object may lie.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// Wherever its relations allow.
    #[default]
    Anywhere,
    /// A place (x, y) for each copy, as fractions of width and height; copies beyond
    /// these are placed beside them.
    Points(Vec<[f64; 2]>),
    /// Within the ellipse that touches the sides of this area.
    Ellipse(Area),
    Rectangle(Area),
    Mask(Mask),
}

/// An upright rectangle, in fractions of width and height.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Area {
    /// Of its left side.
    pub x: f64,
    /// Of its upper side.
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

/// How large an object is to be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Display, EnumString)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Size {
    /// [`Size::SMALL`] times its usual extent.
    Small,
    /// [`Size::BIG`] times its usual extent.
    Big,
    /// The diameter of the disc that it fills, as a fraction of the shorter side.
    #[strum(disabled)]
    Extent(f64),
}

impl Size {
    pub const SMALL: f64 = 0.65;
    pub const BIG: f64 = 1.5;

    /// The extent, where the object usually has `usual`; both as fractions of the
    /// shorter side.
    pub fn extent(self, usual: f64) -> f64 {
        let extent = match self {
            Self::Small => Self::SMALL * usual,
            Self::Big => Self::BIG * usual,
            Self::Extent(extent) => extent,
        };
        extent.clamp(*EXTENTS.start(), *EXTENTS.end())
    }

    /// In words: `big`, `40 %`.
    pub fn words(self) -> String {
        match self {
            Self::Small | Self::Big => self.to_string(),
            Self::Extent(extent) => format!("{:.0} %", 100.0 * extent),
        }
    }
}

/// How large a model's own small and big objects are, as fractions of the shorter
/// side.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct SizeExtents {
    pub small: f64,
    pub big: f64,
}

impl Default for ObjectTarget {
    fn default() -> Self {
        Self {
            object: 0,
            shape: Shape::Anywhere,
            size: None,
            copies: 1,
            keep_inside: true,
            fill: true,
            is_locked: false,
        }
    }
}

impl ObjectTarget {
    /// One object at one place.
    pub fn at(object: usize, place: [f64; 2]) -> Self {
        Self {
            object,
            shape: Shape::Points(vec![place]),
            ..Self::default()
        }
    }

    /// The place, if this asks for no more than one object at one place.
    pub fn point(&self) -> Option<[f64; 2]> {
        match &self.shape {
            Shape::Points(places) if !self.is_distribution() => places.first().copied(),
            _ => None,
        }
    }

    /// Whether it asks for more than one object at one place.
    pub fn is_distribution(&self) -> bool {
        self.copies > 1 || self.size.is_some() || self.shape.is_region()
    }

    /// Whether it asks for anything.
    pub fn asks(&self) -> bool {
        self.is_distribution() || self.shape != Shape::Anywhere
    }
}

impl Shape {
    /// Whether it is a part of the picture rather than a place in it.
    pub fn is_region(&self) -> bool {
        matches!(self, Self::Ellipse(_) | Self::Rectangle(_) | Self::Mask(_))
    }

    /// Whether a place, fractions of width and height, is in the region.
    pub fn has(&self, [x, y]: [f64; 2]) -> bool {
        match self {
            Self::Anywhere | Self::Points(_) => true,
            Self::Rectangle(area) => {
                (area.x..=area.x + area.width).contains(&x)
                    && (area.y..=area.y + area.height).contains(&y)
            }
            Self::Ellipse(area) => {
                let across = (x - area.x) / area.width - 0.5;
                let down = (y - area.y) / area.height - 0.5;
                across * across + down * down <= 0.25
            }
            Self::Mask(mask) => mask.has([x, y]),
        }
    }

    /// The smallest and largest (x, y) of the region; `None` if it is none, or empty.
    pub fn bounds(&self) -> Option<[[f64; 2]; 2]> {
        match self {
            Self::Anywhere | Self::Points(_) => None,
            Self::Rectangle(area) | Self::Ellipse(area) => Some([
                [area.x, area.y],
                [area.x + area.width, area.y + area.height],
            ]),
            Self::Mask(mask) => mask.bounds(),
        }
    }

    /// The share of every cell `[rows, columns]` that is in the region, 0 to 1.
    pub fn coverage(&self, frame: Frame) -> Vec<f64> {
        let samples = SAMPLES * SAMPLES;
        (0..frame.cells())
            .map(|cell| {
                let (row, column) = (cell / frame.columns, cell % frame.columns);
                let inside = (0..samples).filter(|sample| {
                    let part = |index: usize| (index as f64 + 0.5) / SAMPLES as f64;
                    self.has([
                        (column as f64 + part(sample % SAMPLES)) / frame.columns as f64,
                        (row as f64 + part(sample / SAMPLES)) / frame.rows as f64,
                    ])
                });
                inside.count() as f64 / samples as f64
            })
            .collect()
    }

    /// What it is, in a word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Anywhere => "anywhere",
            Self::Points(_) => "place",
            Self::Ellipse(_) => "ellipse",
            Self::Rectangle(_) => "rectangle",
            Self::Mask(_) => "painted region",
        }
    }
}

impl Area {
    /// The area between two corners, in whatever order.
    pub fn between([ax, ay]: [f64; 2], [bx, by]: [f64; 2]) -> Self {
        Self {
            x: ax.min(bx),
            y: ay.min(by),
            width: (ax - bx).abs(),
            height: (ay - by).abs(),
        }
    }

    pub fn centre(&self) -> [f64; 2] {
        [self.x + 0.5 * self.width, self.y + 0.5 * self.height]
    }
}

/// The targets of a layout, at most one for an object.
///
/// In files the plain places stand under `free_targets`, where older programs
/// look for them, and the rest under `targets`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct Targets(pub Vec<ObjectTarget>);

impl std::ops::Deref for Targets {
    type Target = Vec<ObjectTarget>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl From<Vec<ObjectTarget>> for Targets {
    fn from(targets: Vec<ObjectTarget>) -> Self {
        Self(targets)
    }
}

impl Targets {
    /// What is asked of an object, if anything.
    pub fn of(&self, object: usize) -> Option<&ObjectTarget> {
        self.iter().find(|target| target.object == object)
    }

    /// What is said of an object: `are` of one that is asked for more than once.
    pub fn verb(&self, object: usize) -> &'static str {
        let copies = self.of(object).map_or(1, |target| target.copies);
        if copies > 1 { "are" } else { "is" }
    }

    /// Changes what is asked of an object; a target that then asks for nothing
    /// goes.
    pub fn edit(&mut self, object: usize, change: impl FnOnce(&mut ObjectTarget)) {
        let position = self.iter().position(|target| target.object == object);
        let position = position.unwrap_or_else(|| {
            self.0.push(ObjectTarget {
                object,
                ..ObjectTarget::default()
            });
            self.len() - 1
        });
        change(&mut self.0[position]);
        if !self.0[position].asks() {
            self.0.remove(position);
        }
    }

    /// Asks nothing of an object any more.
    pub fn clear(&mut self, object: usize) {
        self.0.retain(|target| target.object != object);
    }

    /// An object goes, and those after it move up.
    pub fn remove_object(&mut self, index: usize) {
        self.clear(index);
        for target in &mut self.0 {
            target.object -= usize::from(target.object > index);
        }
    }
}

#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Stored {
    free_targets: Vec<FreeTarget>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    targets: Vec<ObjectTarget>,
}

/// A plain place, as files have it.
#[derive(Clone, Serialize, Deserialize)]
struct FreeTarget {
    object: usize,
    x: f64,
    y: f64,
}

impl From<Stored> for Targets {
    fn from(stored: Stored) -> Self {
        let places = stored.free_targets.into_iter();
        let places = places.map(|it| ObjectTarget::at(it.object, [it.x, it.y]));
        Self(places.chain(stored.targets).collect())
    }
}

impl From<Targets> for Stored {
    fn from(targets: Targets) -> Self {
        let mut stored = Self::default();
        for target in targets.0 {
            match target.point() {
                Some([x, y]) if !target.is_locked => stored.free_targets.push(FreeTarget {
                    object: target.object,
                    x,
                    y,
                }),
                _ => stored.targets.push(target),
            }
        }
        stored
    }
}

#[cfg(test)]
mod tests;
